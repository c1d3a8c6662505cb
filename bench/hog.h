/* SPDX-License-Identifier: MIT */
/*
 * How late 1 ms timers are while tasks hold every processor for 40 ms: the worst lateness after each of 20 starts, a
 * line each. bench/run takes the 99th percentile of those of all rounds: 100 starts of hog-spin in five rounds, and 200
 * of hog-block, of which single ones are made late by the host.
 */
#ifndef BENCH_HOG_H
#define BENCH_HOG_H

#include "bench.h"
#include <stdatomic.h>

#define HOG_TIME (40 * UG_MS)

static atomic_llong hog_worst;

static inline int hog_clock(void *arg)
{
	(void)arg;
	for (;;) {
		int64_t start = bench_now();
		bench_must(ug_sleep(UG_MS));
		int64_t late = bench_now() - start - UG_MS;
		if (late > hog_worst) /* the only writer but for the reset between starts */
			hog_worst = late;
	}
	return 0;
}

static inline int hog(ug_fn *stuck)
{
	enum { STARTS = 20 };
	double seen[STARTS];
	size_t starts = bench_size(STARTS);
	bench_must(ug_go(hog_clock, NULL));
	for (size_t i = 0; i < starts; i++) {
		ug_group g;
		bench_must(ug_sleep(5 * UG_MS));
		hog_worst = 0;
		UG_GROUP(&g)
			for (int p = ug_procs(); p > 0; p--)
				bench_must(ug_group_go(&g, stuck, NULL));
		bench_must(ug_sleep(5 * UG_MS)); /* the timer that the hog made late has fired */
		seen[i] = (double)hog_worst / (double)UG_MS;
	}
	for (size_t i = 0; i < starts; i++)
		bench_report(seen[i], "ms");
	return 0;
}

#endif
