/* SPDX-License-Identifier: MIT */
/*
 * What the tests of sched share. A body that runs as a task, or on a thread, checks with CHECK, which prints and aborts:
 * cmocka's own assertions jump, and may do that on the stack of the program's main function only.
 */
#ifndef SCHED_TEST_H
#define SCHED_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/atomic.h"
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

/* Yields until the condition holds; 20 s without it is a failure. */
#define UNTIL(cond)                                                                                                    \
	do {                                                                                                           \
		int64_t give_up_ = ug_now() + 20 * UG_SECOND;                                                          \
		while (!(cond)) {                                                                                      \
			CHECK(ug_now() < give_up_);                                                                    \
			ug_yield();                                                                                    \
		}                                                                                                      \
	} while (0)

/* Defines the cmocka test NAME whose body runs as the first task of a runtime of its own. */
#define IN_TASK(name)                                                                                                  \
	static int name##_body(void *arg);                                                                             \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		assert_int_equal(ug_run(name##_body, NULL, NULL), 0);                                                  \
	}                                                                                                              \
	static int name##_body(void *arg __attribute__((unused)))

/* A thing that happens once, for those who wait by UNTIL. */
static inline void set(uint32_t *flag)
{
	store_release(flag, 1u);
}

static inline uint32_t is_set(const uint32_t *flag)
{
	return load_acquire(flag);
}

#endif
