/* SPDX-License-Identifier: MIT */
/* What the tests of sched share. */
#ifndef SCHED_TEST_H
#define SCHED_TEST_H

#include "unit/task_test.h"

#include "base/atomic.h"

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

static inline int work_for(int64_t time)
{
	for (int64_t end = ug_now() + time; ug_now() < end;)
		;
	return 0;
}

#endif
