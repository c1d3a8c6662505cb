/* SPDX-License-Identifier: MIT */
/* Tasks that wait on a channel for ever, and the memory that they hold. */
#ifndef BENCH_PARKED_H
#define BENCH_PARKED_H

#include "bench.h"
#include <stdatomic.h>

static UG_CHAN(int) parked_never;
static ug_waitgroup parked_all;

static inline int parked_task(void *arg)
{
	(void)arg;
	int v;
	bench_must(ug_waitgroup_done(&parked_all));
	return ug_recv(parked_never, &v);
}

/* Starts n tasks that park and returns once all of them run up to it. */
static inline void park_tasks(size_t n)
{
	bench_must(ug_chan_new(&parked_never, 0));
	bench_must(ug_waitgroup_add(&parked_all, (int64_t)n));
	for (size_t i = 0; i < n; i++)
		bench_must(ug_go(parked_task, NULL));
	bench_must(ug_waitgroup_wait(&parked_all));
}

/* What the process holds, page tables included, in bytes. */
static inline double held_memory(void)
{
	char line[256];
	long kb, sum = 0;
	FILE *status = fopen("/proc/self/status", "r");
	bench_check(status, "no /proc/self/status");
	while (fgets(line, sizeof line, status))
		if (sscanf(line, "VmRSS: %ld", &kb) == 1 || sscanf(line, "VmPTE: %ld", &kb) == 1)
			sum += kb;
	fclose(status);
	return (double)sum * 1024;
}

static inline int parked_memory(void)
{
	size_t n = bench_size(1000000);
	double before = held_memory();
	park_tasks(n);
	bench_must(ug_sleep(100 * UG_MS)); /* the last few reach the channel */
	bench_report((held_memory() - before) / (double)n, "B/task");
	return 0;
}

#endif
