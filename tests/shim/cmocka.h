/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for cmocka where the target has none (a cross build): the same names for what the tests here use, the same
 * TAP lines on standard output. No mocks, no checks of memory.
 */
#ifndef SHIM_CMOCKA_H
#define SHIM_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*test_func)(void **state);
	int (*setup_func)(void **state);
	int (*teardown_func)(void **state);
	void *initial_state;
};

#define SHIM_INLINE static inline __attribute__((unused))

/* One of each in a program, whichever of its files include this one. */
__attribute__((weak)) jmp_buf shim_out;
__attribute__((weak)) char shim_why[2048];

#define cmocka_unit_test(f)                                                                                            \
	{                                                                                                              \
#f, f, NULL, NULL, NULL                                                                                \
	}
#define cmocka_unit_test_setup(f, up)                                                                                  \
	{                                                                                                              \
#f, f, up, NULL, NULL                                                                                  \
	}
#define cmocka_unit_test_teardown(f, down)                                                                             \
	{                                                                                                              \
#f, f, NULL, down, NULL                                                                                \
	}
#define cmocka_unit_test_setup_teardown(f, up, down)                                                                   \
	{                                                                                                              \
#f, f, up, down, NULL                                                                                  \
	}
#define cmocka_unit_test_prestate(f, state)                                                                            \
	{                                                                                                              \
#f, f, NULL, NULL, state                                                                               \
	}
#define cmocka_unit_test_prestate_setup_teardown(f, up, down, state)                                                   \
	{                                                                                                              \
#f, f, up, down, state                                                                                 \
	}
#define cmocka_run_group_tests(tests, up, down) shim_run(tests, sizeof(tests) / sizeof((tests)[0]), up, down)
#define cmocka_run_group_tests_name(name, tests, up, down) cmocka_run_group_tests(tests, up, down)
#define cmocka_set_message_output(how) ((void)0)
#define cmocka_set_test_filter(pattern) ((void)0)

SHIM_INLINE __attribute__((format(printf, 1, 2))) void print_message(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

SHIM_INLINE __attribute__((format(printf, 1, 2))) void print_error(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
}

SHIM_INLINE __attribute__((noreturn, format(printf, 3, 4))) void shim_fail(
	const char *file, int line, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	snprintf(shim_why, sizeof shim_why, "# %s\n# %s:%d: error: Failure!\n", text, file, line);
	const char *stop = getenv("CMOCKA_TEST_ABORT");
	if (stop && stop[0] == '1') {
		fputs(shim_why, stderr);
		abort();
	}
	longjmp(shim_out, 1);
}

SHIM_INLINE void shim_text(const char *a, const char *b, int same, const char *file, int line)
{
	if ((strcmp(a, b) == 0) != same)
		shim_fail(file, line, "\"%s\" %s \"%s\"", a, same ? "!=" : "==", b);
}

SHIM_INLINE void shim_bytes(const void *a, const void *b, size_t n, int same, const char *file, int line)
{
	if ((memcmp(a, b, n) == 0) != same)
		shim_fail(file, line, "%zu bytes %s", n, same ? "differ" : "are the same");
}

#define SHIM_WORD(x) ((unsigned long long)(x))
#define SHIM_THAT(what, ok)                                                                                            \
	do {                                                                                                           \
		if (!(ok))                                                                                             \
			shim_fail(__FILE__, __LINE__, "%s", what);                                                     \
	} while (0)
#define SHIM_PAIR(a, op, b)                                                                                            \
	do {                                                                                                           \
		unsigned long long shim_a = SHIM_WORD(a), shim_b = SHIM_WORD(b);                                       \
		if (!(shim_a op shim_b))                                                                               \
			shim_fail(__FILE__, __LINE__, "not: %#llx %s %#llx", shim_a, #op, shim_b);                     \
	} while (0)

#define assert_true(c) SHIM_THAT(#c, c)
#define assert_false(c) SHIM_THAT("not: " #c, !(c))
#define assert_null(p) SHIM_THAT(#p " is NULL", (p) == NULL)
#define assert_non_null(p) SHIM_THAT(#p " is not NULL", (p) != NULL)
#define assert_ptr_equal(a, b) SHIM_THAT(#a " is " #b, (const void *)(a) == (const void *)(b))
#define assert_ptr_not_equal(a, b) SHIM_THAT(#a " is not " #b, (const void *)(a) != (const void *)(b))
#define assert_int_equal(a, b) SHIM_PAIR(a, ==, b)
#define assert_int_not_equal(a, b) SHIM_PAIR(a, !=, b)
#define assert_in_range(v, low, high)                                                                                  \
	SHIM_THAT(#v " in range", SHIM_WORD(v) >= SHIM_WORD(low) && SHIM_WORD(v) <= SHIM_WORD(high))
#define assert_return_code(rc, error) SHIM_THAT(#rc " >= 0", (long long)(rc) >= 0)
#define assert_string_equal(a, b) shim_text((a), (b), 1, __FILE__, __LINE__)
#define assert_string_not_equal(a, b) shim_text((a), (b), 0, __FILE__, __LINE__)
#define assert_memory_equal(a, b, n) shim_bytes((a), (b), (n), 1, __FILE__, __LINE__)
#define assert_memory_not_equal(a, b, n) shim_bytes((a), (b), (n), 0, __FILE__, __LINE__)
#define fail() shim_fail(__FILE__, __LINE__, "fail()")
#define fail_msg(...) shim_fail(__FILE__, __LINE__, __VA_ARGS__)
#define skip() longjmp(shim_out, 2)

/* 0: passed, 1: failed, 2: skipped. */
SHIM_INLINE int shim_one(const struct CMUnitTest *test, void **state)
{
	shim_why[0] = 0;
	volatile int how = setjmp(shim_out);
	if (how == 0) {
		if (test->setup_func && test->setup_func(state) != 0)
			how = 1;
		else
			test->test_func(state);
	}
	int outcome = how;
	if (test->teardown_func && test->teardown_func(state) != 0)
		outcome = 1;
	return outcome;
}

SHIM_INLINE int shim_run(const struct CMUnitTest *tests, size_t n, int (*up)(void **), int (*down)(void **))
{
	void *shared = NULL;
	int failed = 0;
	printf("1..%zu\n", n);
	if (up && up(&shared) != 0)
		return 1;
	for (size_t i = 0; i < n; i++) {
		void *state = tests[i].initial_state ? tests[i].initial_state : shared;
		int outcome = shim_one(&tests[i], &state);
		if (outcome == 2)
			printf("not ok %zu # SKIP %s\n", i + 1, tests[i].name);
		else
			printf("%s %zu - %s\n%s", outcome ? "not ok" : "ok", i + 1, tests[i].name, shim_why);
		failed += outcome == 1;
		fflush(stdout);
	}
	if (down && down(&shared) != 0)
		failed++;
	return failed;
}

#endif
