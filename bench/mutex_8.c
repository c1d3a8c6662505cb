/* SPDX-License-Identifier: MIT */
/* Eight tasks take turns on one mutex: what one lock and unlock costs. */
#include "bench.h"

enum { TASKS = 8 };
static ug_mutex mutex;
static size_t each, count;

static int locker(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < each; i++) {
		bench_must(ug_mutex_lock(&mutex));
		count++;
		bench_must(ug_mutex_unlock(&mutex));
	}
	return 0;
}

static int mutex_8(void)
{
	ug_group g;
	each = bench_size(2500000);
	int64_t start = bench_now();
	UG_GROUP(&g)
		for (int i = 0; i < TASKS; i++)
			bench_must(ug_group_go(&g, locker, NULL));
	bench_report_per(start, TASKS * each, "ns/lock");
	bench_check(count == TASKS * each, "counts lost");
	return 0;
}

BENCH("mutex-8", mutex_8)
