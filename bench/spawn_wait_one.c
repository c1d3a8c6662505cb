/* SPDX-License-Identifier: MIT */
/* A task is started and waited for, one after the other. */
#include "bench.h"

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int spawn_wait_one(void)
{
	size_t n = bench_size(2000000);
	int64_t start = bench_now();
	for (size_t i = 0; i < n; i++) {
		ug_task *t;
		bench_must(ug_go_task(nothing, NULL, NULL, &t));
		bench_must(ug_task_wait(t, NULL));
		ug_task_unref(t);
	}
	bench_report_per(start, n, "ns/task");
	return 0;
}

BENCH("spawn-wait-one", spawn_wait_one)
