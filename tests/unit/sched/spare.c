/* SPDX-License-Identifier: MIT */
/* How many threads are made for tasks that keep their processors, where new ones come late. */
#include "sched_test.h"

#include "sched/sched_priv.h"
#include <pthread.h>
#include <undergo/sync.h>

static uint32_t held, made; /* threads stand still at their beginning; so many have been made meanwhile */

struct thread {
	void *(*fn)(void *);
	void *arg;
};

static void *thread_main(void *arg)
{
	struct thread t = *(struct thread *)arg;
	free(arg);
	while (load_seq(&held))
		ug__futex_wait(&held, 1, UG_FOREVER);
	return t.fn(t.arg);
}

int __real_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);

/* Stands before the C library's. */
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	struct thread *t = malloc(sizeof *t);
	CHECK(t != NULL);
	*t = (struct thread){fn, arg};
	add_seq(&made, load_seq(&held));
	return __real_pthread_create(id, attr, thread_main, t);
}

static uint32_t hogs, enough;

/* Blocks its worker's thread. */
static int hog(void *unused)
{
	(void)unused;
	add_seq(&hogs, 1u);
	while (!is_set(&enough))
		ug__futex_wait(&enough, 0, UG_FOREVER);
	return 0;
}

/* Of the monitor. */
static void watch_ticks(int n)
{
	for (int64_t tick, seen = load_relaxed(&S->coarse); n; n -= tick != seen, seen = tick)
		tick = load_relaxed(&S->coarse);
}

static int spare_waits(void)
{
	ug__lock(&S->spare_lock);
	int waits = S->spares != NULL;
	ug__unlock(&S->spare_lock);
	return waits;
}

static int start_hogs(void *unused)
{
	ug_group g;
	(void)unused;
	uint32_t procs = S->procs_count, all = procs + 10, all_made = 0;
	watch_ticks(1); /* the monitor is there */
	UNTIL(spare_waits()); /* and the first spare's thread */
	store_seq(&made, 0u);
	store_seq(&held, 1u);
	UG_GROUP(&g) {
		for (uint32_t i = 0; i < all; i++)
			CHECK_IS(ug_group_go(&g, hog, NULL), 0);
		int64_t give_up = ug_now() + 20 * UG_SECOND;
		while (load_seq(&made) == 0)
			CHECK(ug_now() < give_up);
		watch_ticks(20);
		all_made = load_seq(&made);
		store_seq(&held, 0u);
		ug__futex_wake(&held, INT32_MAX);
		while (load_seq(&hogs) < all) /* each gets a thread in the end */
			CHECK(ug_now() < give_up);
		set(&enough);
		ug__futex_wake(&enough, INT32_MAX);
	}
	CHECK(all_made <= procs);
	return ug_group_result(&g);
}

/* No more at a time than processors wait for one; and each task runs in the end. */
static void one_thread_is_made_for_one_need(void **state)
{
	(void)state;
	assert_int_equal(ug_run(start_hogs, NULL, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thread_is_made_for_one_need),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
