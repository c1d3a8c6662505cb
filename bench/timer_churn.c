/* SPDX-License-Identifier: MIT */
/*
 * With 100,000 timers live, one is armed and stopped, over and over: a deadline that is set for a call and not reached.
 * The live ones are tasks asleep for an hour or more; as many tasks as processors open and close a context with a
 * deadline among theirs.
 */
#include "bench.h"

enum { LIVE = 100000 };
static ug_waitgroup asleep;
static size_t each;

static int sleeper(void *arg)
{
	bench_must(ug_waitgroup_done(&asleep));
	return ug_sleep(UG_HOUR + (int64_t)(uintptr_t)arg * 36 * UG_MS);
}

static int churn(void *arg)
{
	uint32_t r = (uint32_t)(uintptr_t)arg;
	for (size_t i = 0; i < each; i++) {
		r ^= r << 13;
		r ^= r >> 17;
		r ^= r << 5;
		ug_ctx c;
		ug_ctx_push_timeout(&c, UG_HOUR + (int64_t)(r % 3600000) * UG_MS);
		ug_ctx_pop(&c);
	}
	return 0;
}

static int timer_churn(void)
{
	ug_group g;
	uintptr_t procs = (uintptr_t)ug_procs();
	each = bench_size(5000000) / procs;
	bench_must(ug_waitgroup_add(&asleep, LIVE));
	for (uintptr_t i = 0; i < LIVE; i++)
		bench_must(ug_go(sleeper, (void *)i));
	bench_must(ug_waitgroup_wait(&asleep));
	bench_must(ug_sleep(50 * UG_MS)); /* the last few arm their timers */
	int64_t start = bench_now();
	UG_GROUP(&g)
		for (uintptr_t p = 1; p <= procs; p++)
			bench_must(ug_group_go(&g, churn, (void *)p));
	bench_report_per(start, each * procs, "ns/arm+stop");
	return 0;
}

BENCH("timer-churn", timer_churn)
