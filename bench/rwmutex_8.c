/* SPDX-License-Identifier: MIT */
/* Eight tasks on one readers-writer lock, one lock of a hundred for writing: what one costs. */
#include "bench.h"

enum { TASKS = 8 };
static ug_rwmutex lock;
static size_t each;
static long count;
static bool negative;

static int locker(void *arg)
{
	(void)arg;
	bool bad = false;
	for (size_t i = 0; i < each; i++) {
		if (i % 100 == 99) {
			bench_must(ug_rwmutex_lock(&lock));
			count++;
			bench_must(ug_rwmutex_unlock(&lock));
		} else {
			bench_must(ug_rwmutex_rlock(&lock));
			bad = bad || count < 0;
			bench_must(ug_rwmutex_runlock(&lock));
		}
	}
	bench_must(ug_rwmutex_lock(&lock));
	negative = negative || bad;
	return ug_rwmutex_unlock(&lock);
}

static int rwmutex_8(void)
{
	ug_group g;
	each = bench_size(2500000);
	int64_t start = bench_now();
	UG_GROUP(&g)
		for (int i = 0; i < TASKS; i++)
			bench_must(ug_group_go(&g, locker, NULL));
	bench_report_per(start, TASKS * each, "ns/lock");
	bench_check(count == (long)(TASKS * (each / 100)) && !negative, "counts lost");
	return 0;
}

BENCH("rwmutex-8", rwmutex_8)
