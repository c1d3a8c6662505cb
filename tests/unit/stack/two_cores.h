/* SPDX-License-Identifier: MIT */
/* A test that stands now on one core, now on another. */
#ifndef TESTS_UNIT_STACK_TWO_CORES_H
#define TESTS_UNIT_STACK_TWO_CORES_H

#include <sched.h>

static inline int stand_on(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof set, &set);
}

/* Two cores that may be used, and take from different slabs. */
static inline int two_cores(int cpu[2])
{
	cpu_set_t all;
	if (sched_getaffinity(0, sizeof all, &all) < 0)
		return 0;
	int n = 0;
	for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &all) && (n == 0 || i % 8 != cpu[0] % 8))
			cpu[n++] = i;
	return n == 2;
}

#endif
