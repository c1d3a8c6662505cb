/* SPDX-License-Identifier: MIT */
/* Tasks that do nothing, started and waited for in one group: what one costs. */
#include "bench.h"

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int spawn_join(void)
{
	size_t n = bench_size(3000000);
	ug_group g;
	int64_t start = bench_now();
	UG_GROUP(&g)
		for (size_t i = 0; i < n; i++)
			bench_must(ug_group_go(&g, nothing, NULL));
	bench_report_per(start, n, "ns/task");
	return ug_group_result(&g);
}

BENCH("spawn-join", spawn_join)
