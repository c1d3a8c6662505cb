/* SPDX-License-Identifier: MIT */
/* Test bodies that run as tasks; they check with what check.h has. */
#ifndef TASK_TEST_H
#define TASK_TEST_H

#include "unit/check.h"

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
