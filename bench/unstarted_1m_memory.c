/* SPDX-License-Identifier: MIT */
/*
 * What a task holds that was started and has not run yet. The one that starts them keeps its processor for longer
 * than a task may, so some are run meanwhile by another worker: they are replaced until a million wait. With more
 * than one processor they would be run as fast as they come, so that the row is for one.
 */
#include "parked.h"

static atomic_size_t ran;

static int run(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&ran, 1, memory_order_relaxed);
	return 0;
}

static int unstarted(void)
{
	size_t n = bench_size(1000000), started = 0;
	double before = held_memory();
	while (started - atomic_load_explicit(&ran, memory_order_relaxed) < n) {
		bench_check(started < 20 * n, "tasks run as fast as they are started");
		bench_must(ug_go(run, NULL));
		started++;
	}
	bench_report((held_memory() - before) / (double)n, "B/task");
	return 0;
}

BENCH("unstarted-1M-memory", unstarted)
