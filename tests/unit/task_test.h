/* SPDX-License-Identifier: MIT */
/*
 * Test bodies that run as tasks. They check with CHECK, which prints and aborts: cmocka's own assertions jump, and may do
 * that on the stack of the test program's main function only.
 */
#ifndef TASK_TEST_H
#define TASK_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <undergo/sched.h>

#define CHECK(cond)                                                                                                    \
	do {                                                                                                           \
		if (!(cond)) {                                                                                         \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                                     \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)
#define CHECK_IS(expr, value)                                                                                          \
	do {                                                                                                           \
		long long is_ = (long long)(expr), want_ = (long long)(value);                                         \
		if (is_ != want_) {                                                                                    \
			fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #expr, is_, want_);       \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)
#define CHECK_TEXT(expr, value)                                                                                        \
	do {                                                                                                           \
		const char *is_ = (expr), *want_ = (value);                                                            \
		if (strcmp(is_, want_) != 0) {                                                                         \
			fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #expr, is_, want_);   \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* Yields until the condition holds; 20 s without it is a failure. */
#define UNTIL(cond)                                                                                                    \
	do {                                                                                                           \
		int64_t give_up_ = ug_now() + 20 * UG_SECOND;                                                          \
		while (!(cond)) {                                                                                      \
			CHECK(ug_now() < give_up_);                                                                    \
			ug_yield();                                                                                    \
		}                                                                                                      \
	} while (0)

static inline ug_task *start(ug_fn *fn, void *arg)
{
	ug_task *t;
	CHECK_IS(ug_go_task(fn, arg, NULL, &t), 0);
	return t;
}

/* Waits for a task's end and answers its result. */
static inline int finish(ug_task *t)
{
	int result;
	CHECK_IS(ug_task_wait(t, &result), 0);
	ug_task_unref(t);
	return result;
}

/* Defines the cmocka test test_NAME, whose body runs as a task. */
#define TEST(name)                                                                                                     \
	static int body_##name(void *unused);                                                                          \
	static void test_##name(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		assert_int_equal(ug_run(body_##name, NULL, NULL), 0);                                                  \
	}                                                                                                              \
	static int body_##name(void *unused __attribute__((unused)))

/* The same, and once more on a plain thread where no runtime runs. */
#define TEST_ANYWHERE(name)                                                                                            \
	static int body_##name(void *unused);                                                                          \
	static void test_##name(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		assert_int_equal(ug_run(body_##name, NULL, NULL), 0);                                                  \
		assert_int_equal(body_##name(NULL), 0);                                                                \
	}                                                                                                              \
	static int body_##name(void *unused __attribute__((unused)))

#endif
