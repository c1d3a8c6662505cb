/* SPDX-License-Identifier: MIT */
/* Names and texts of codes, and the accessor behind errno. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <undergo/base.h>

static const int own[] = {
	UG_ETOOLONG, UG_EPROTO_HTTP, UG_ESHORT, UG_ENOPROGRESS, UG_ENOHOST, UG_EHOSTAGAIN, UG_EHOSTFAIL};

static void system_codes_have_the_systems_text(void **state)
{
	(void)state;
	assert_string_equal(ug_strerror(-ENOENT), "No such file or directory");
	assert_string_equal(ug_strerror(ENOENT), "No such file or directory");
	assert_string_equal(ug_errname(-ENOENT), "ENOENT");
	assert_string_equal(ug_errname(ETIMEDOUT), "ETIMEDOUT");
	assert_string_equal(ug_errname(-ECANCELED), "ECANCELED");
	for (int e = 1; e <= 40; e++)
		assert_int_equal(ug_errname(-e)[0], 'E');
}

static void own_codes_lie_below_the_systems_and_are_all_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < UG_COUNT_OF(own); i++) {
		assert_true(own[i] < -4095);
		assert_memory_equal(ug_errname(own[i]), "UG_E", 4);
		assert_string_equal(ug_errname(-own[i]), ug_errname(own[i]));
		assert_string_not_equal(ug_strerror(own[i]), "Unknown error");
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(own[i], own[j]);
			assert_string_not_equal(ug_errname(own[i]), ug_errname(own[j]));
			assert_string_not_equal(ug_strerror(own[i]), ug_strerror(own[j]));
		}
	}
}

static void unknown_codes_are_answered_too(void **state)
{
	(void)state;
	static const int unknown[] = {-4000, 4000, -5000, INT_MIN, INT_MAX, -4095};
	for (size_t i = 0; i < UG_COUNT_OF(unknown); i++) {
		assert_string_equal(ug_strerror(unknown[i]), "Unknown error");
		assert_string_equal(ug_errname(unknown[i]), "?");
	}
}

static void errno_is_the_threads_own_and_can_be_set(void **state)
{
	(void)state;
	errno = EXDEV;
	assert_int_equal(errno, EXDEV);
	assert_ptr_equal(&errno, ug_errno_location());
	assert_ptr_equal(&errno, __errno_location());
	ug_strerror(-ENOENT);
	ug_errname(-4000);
	assert_int_equal(errno, EXDEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(system_codes_have_the_systems_text),
		cmocka_unit_test(own_codes_lie_below_the_systems_and_are_all_named),
		cmocka_unit_test(unknown_codes_are_answered_too),
		cmocka_unit_test(errno_is_the_threads_own_and_can_be_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
