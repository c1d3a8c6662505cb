/* SPDX-License-Identifier: MIT */
/* Two tasks yield to each other: what one switch costs. */
#include "bench.h"

static int yielder(void *arg)
{
	for (size_t n = *(size_t *)arg; n > 0; n--)
		ug_yield();
	return 0;
}

static int yield(void)
{
	size_t n = bench_size(5000000);
	ug_group g;
	int64_t start = bench_now();
	UG_GROUP(&g)
		for (int i = 0; i < 2; i++)
			bench_must(ug_group_go(&g, yielder, &n));
	bench_report_per(start, 2 * n, "ns/switch");
	return ug_group_result(&g);
}

BENCH("yield", yield)
