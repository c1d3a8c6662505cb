/* SPDX-License-Identifier: MIT */
/* setjmp and longjmp within a task, which may have gone to another thread in between. */
#include "sched_test.h"

#include <setjmp.h>

#define TASKS 64
#define JUMPS 20

struct jumper {
	jmp_buf back;
	int jumps;
};

static __attribute__((noinline)) void wait_and_jump(struct jumper *j)
{
	if (j->jumps % 3 == 0)
		CHECK_IS(ug_sleep(100 * UG_US), 0);
	else
		ug_yield();
	longjmp(j->back, ++j->jumps);
}

static int jumper(void *arg)
{
	struct jumper j = {.jumps = 0};
	volatile int seen = 0;
	int *count = arg;
	int jumped = setjmp(j.back);
	CHECK_IS(jumped, seen);
	seen++;
	if (j.jumps < JUMPS)
		wait_and_jump(&j);
	__atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
	return 0;
}

static int many_jump(void *arg)
{
	int *count = arg;
	for (int i = 0; i < TASKS; i++)
		CHECK_IS(ug_go(jumper, count), 0);
	UNTIL(__atomic_load_n(count, __ATOMIC_RELAXED) == TASKS);
	return 0;
}

static void jumps_within_a_task(void **state)
{
	(void)state;
	int count = 0;
	assert_int_equal(ug_run(many_jump, &count, NULL), 0);
	assert_int_equal(count, TASKS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jumps_within_a_task),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
