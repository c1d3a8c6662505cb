/* SPDX-License-Identifier: MIT */
/* A million tasks sleep for 1 s: until all are done. */
#include "bench.h"

static int sleeper(void *arg)
{
	(void)arg;
	return ug_sleep(UG_SECOND);
}

static int sleep_1m(void)
{
	size_t n = bench_size(1000000);
	ug_group g;
	int64_t start = bench_now();
	UG_GROUP(&g)
		for (size_t i = 0; i < n; i++)
			bench_must(ug_group_go(&g, sleeper, NULL));
	bench_report_per(start, UG_SECOND, "s");
	return ug_group_result(&g);
}

BENCH("sleep-1M", sleep_1m)
