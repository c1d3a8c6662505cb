/* SPDX-License-Identifier: MIT */
/* The lock of short sections, with more threads than cores, and with holders that keep it past the spinning. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "base/lock.h"
#include "base/sys.h"
#include <undergo/base.h>

#define THREADS 8

static uint32_t lock;
static long count; /* plain: the lock alone keeps it whole */
static uint32_t inside, overlaps;

static void hold(int i, int keep_each)
{
	ug__lock(&lock);
	if (add_relaxed(&inside, 1u) != 0)
		add_relaxed(&overlaps, 1u);
	count++;
	if (i % keep_each == 0) /* the waiters spin out and sleep */
		nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
	add_relaxed(&inside, -1u);
	ug__unlock(&lock);
}

static void *short_holds(void *arg)
{
	(void)arg;
	for (int i = 1; i <= 100000; i++)
		hold(i, 1 << 30);
	return NULL;
}

static void *long_holds(void *arg)
{
	(void)arg;
	for (int i = 1; i <= 300; i++)
		hold(i, 3);
	return NULL;
}

static void run_threads(void *(*fn)(void *), long expected)
{
	pthread_t t[THREADS];
	count = 0;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, fn, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_int_equal(count, expected);
	assert_int_equal(overlaps, 0);
	assert_int_equal(lock, 0);
}

static void short_sections_exclude_each_other(void **state)
{
	(void)state;
	run_threads(short_holds, THREADS * 100000);
}

static void sleepers_are_woken(void **state)
{
	(void)state;
	run_threads(long_holds, THREADS * 300);
}

static void try_lock_answers_at_once(void **state)
{
	(void)state;
	uint32_t l = 0;
	assert_true(ug__try_lock(&l));
	assert_false(ug__try_lock(&l));
	ug__unlock(&l);
	assert_true(ug__try_lock(&l));
	ug__unlock(&l);
	assert_int_equal(l, 0);
}

static void a_futex_wait_ends_by_change_or_by_time(void **state)
{
	(void)state;
	uint32_t word = 3;
	assert_int_equal(ug__futex_wait(&word, 4, UG_FOREVER), 0);
	assert_int_equal(ug__futex_wait(&word, 3, 0), -ETIMEDOUT);
	int64_t until = ug_now() + 2 * UG_MS;
	assert_int_equal(ug__futex_wait(&word, 3, until), -ETIMEDOUT);
	assert_true(ug_now() >= until);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_sections_exclude_each_other),
		cmocka_unit_test(sleepers_are_woken),
		cmocka_unit_test(try_lock_answers_at_once),
		cmocka_unit_test(a_futex_wait_ends_by_change_or_by_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
