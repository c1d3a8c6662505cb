/* SPDX-License-Identifier: MIT */
/* Nothing to do, until bench/run, which counts from outside, ends it. */
#include "parked.h"

static int idle(void)
{
	park_tasks(100);
	puts("ready");
	fflush(stdout);
	return ug_sleep(UG_HOUR);
}

BENCH("idle-wakeups", idle)
