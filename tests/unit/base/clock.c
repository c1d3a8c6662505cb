/* SPDX-License-Identifier: MIT */
/* The clock, and sums of times that do not overflow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "base/clock.h"
#include <undergo/base.h>

static void now_is_the_monotonic_clock_and_never_goes_back(void **state)
{
	(void)state;
	struct timespec ts;
	int64_t last = ug_now();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	int64_t kernel = ts.tv_sec * UG_SECOND + ts.tv_nsec;
	assert_true(last <= kernel);
	assert_true(kernel <= ug_now());
	for (int i = 0; i < 100000; i++) {
		int64_t t = ug_now();
		assert_true(t >= last);
		last = t;
	}
}

static void sums_are_clamped(void **state)
{
	(void)state;
	assert_int_equal(ug_time_add(5, 7), 12);
	assert_int_equal(ug_time_add(5, -5), 0);
	assert_int_equal(ug_time_add(5, -6), 0);
	assert_int_equal(ug_time_add(0, INT64_MIN), 0);
	assert_int_equal(ug_time_add(1, UG_FOREVER), UG_FOREVER);
	assert_int_equal(ug_time_add(UG_FOREVER, 1), UG_FOREVER);
	assert_int_equal(ug_time_add(UG_FOREVER, UG_FOREVER), UG_FOREVER);
	assert_int_equal(ug_time_add(0, UG_FOREVER), UG_FOREVER);
}

static void a_virtual_clock_stands_until_it_is_moved(void **state)
{
	(void)state;
	int64_t real = ug__clock_real(), time = 42;
	ug__clock_virtual(&time);
	assert_int_equal(ug_now(), 42);
	assert_int_equal(ug_now(), 42);
	time = 43 * UG_HOUR;
	assert_int_equal(ug_now(), 43 * UG_HOUR);
	assert_true(ug__clock_real() >= real);
	ug__clock_virtual(NULL);
	assert_true(ug_now() >= real);
	assert_true(ug_now() - real < UG_HOUR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(now_is_the_monotonic_clock_and_never_goes_back),
		cmocka_unit_test(sums_are_clamped),
		cmocka_unit_test(a_virtual_clock_stands_until_it_is_moved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
