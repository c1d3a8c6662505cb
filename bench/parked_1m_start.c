/* SPDX-License-Identifier: MIT */
/* What it costs to start a task that parks, a million of them. */
#include "parked.h"

static int parked_start(void)
{
	size_t n = bench_size(1000000);
	int64_t start = bench_now();
	park_tasks(n);
	bench_report_per(start, n, "ns/task");
	return 0;
}

BENCH("parked-1M-start", parked_start)
