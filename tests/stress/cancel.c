/* SPDX-License-Identifier: MIT */
/*
 * Many tasks asleep on timers, ended by one cancellation: how long until the last of them is gone.
 *
 * usage: cancel [COUNT [MS]]    MS: the most that it may take; 100,000 tasks are to take 100 ms
 *
 * Twice: tasks that sleep in the group's own context, and tasks that each sleep in a scope with a deadline of their
 * own.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <undergo/base.h>
#include <undergo/sched.h>
#include <undergo/sync.h>

static atomic_long asleep, wrong;
static long count = 10000, most = 1000;

static int sleep_long(void *arg)
{
	(void)arg;
	atomic_fetch_add(&asleep, 1);
	if (ug_sleep(UG_HOUR) != -ECANCELED)
		atomic_fetch_add(&wrong, 1);
	return 0;
}

static int sleep_long_in_a_scope(void *arg)
{
	int e = 0;
	(void)arg;
	UG_WITH_TIMEOUT(2 * UG_HOUR) {
		atomic_fetch_add(&asleep, 1);
		e = ug_sleep(UG_HOUR);
	}
	if (e != -ECANCELED)
		atomic_fetch_add(&wrong, 1);
	return 0;
}

/* What all threads together have computed, in ms. */
static double computed(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int one_round(const char *name, ug_fn *fn)
{
	ug_group g;
	atomic_store(&asleep, 0);
	ug_group_open(&g, NULL);
	for (long i = 0; i < count; i++)
		UG_TRY(ug_group_go(&g, fn, NULL));
	while (atomic_load(&asleep) < count)
		UG_TRY(ug_sleep(UG_MS));
	UG_TRY(ug_sleep(20 * UG_MS)); /* the last ones are on their way to sleep */
	double before = computed();
	int64_t begin = ug_now();
	ug_group_cancel(&g, 0);
	int64_t told = ug_now();
	int result = ug_group_close(&g);
	int64_t end = ug_now();
	double ms = (double)(end - begin) / (double)UG_MS;
	printf("%ld tasks %s: %.1f ms from the cancellation to the last end, %.1f of it in the call; %.1f ms of processor time\n",
		count, name, ms, (double)(told - begin) / (double)UG_MS, computed() - before);
	if (atomic_load(&wrong))
		printf("%ld sleeps ended otherwise\n", atomic_load(&wrong));
	if (ms > (double)most)
		printf("that is more than %ld ms\n", most);
	return result < 0 ? result : ms > (double)most || atomic_load(&wrong);
}

static int app(void *arg)
{
	(void)arg;
	int a = one_round("in the group's context", sleep_long);
	int b = one_round("in scopes of their own", sleep_long_in_a_scope);
	return a ? a : b;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		count = strtol(argv[1], NULL, 10);
	if (argc > 2)
		most = strtol(argv[2], NULL, 10);
	if (count <= 0)
		return 64;
	int e = ug_run(app, NULL, NULL);
	if (e < 0)
		printf("%s\n", ug_strerror(e));
	return e != 0;
}
