/* SPDX-License-Identifier: MIT */
/* What a processor remembers of who ran, by itself: these tasks have no stacks. What is asked for cannot be seen. */
#include "sched_test.h"

#include "sched/past.h"

enum { MANY = UG__PAST_LEAST + 1000 };

static struct ug__task *tasks;
static struct proc p, other;

static int set_up(void **state)
{
	(void)state;
	tasks = aligned_alloc(16, MANY * sizeof *tasks);
	memset(tasks, 0, MANY * sizeof *tasks);
	for (uintptr_t i = 0; i < MANY; i++) {
		tasks[i].regs.sp = (void *)(i + 1);
		tasks[i].wait_object = (void *)(i + 2);
	}
	p = (struct proc){.past = calloc(UG__PAST_MOST, sizeof *p.past),
		.past_mask = UG__PAST_LEAST - 1,
		.noted = UG__PAST_MOST,
		.foreseen = UG__PAST_MOST};
	other = p;
	other.index = 1;
	other.past = calloc(UG__PAST_MOST, sizeof *other.past);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(tasks);
	free(p.past);
	free(other.past);
	return 0;
}

static void take_turns(uint32_t n, int rounds)
{
	for (int i = 0; i < rounds; i++)
		for (uint32_t k = 0; k < n; k++)
			ug__foresee(&p, &tasks[k]);
}

static void few_that_take_turns_are_noted_once(void **state)
{
	(void)state;
	take_turns(WARM, 3);
	assert_int_equal(p.noted, UG__PAST_MOST + WARM);
}

static void each_is_noted_with_where_it_stands(void **state)
{
	(void)state;
	take_turns(WARM + 100, 3);
	assert_int_equal(p.noted, UG__PAST_MOST + 3 * (WARM + 100));
	assert_int_equal(p.past_mask, UG__PAST_LEAST - 1);
	for (uint32_t k = 0; k < WARM + 100; k++) {
		const struct note *note = &p.past[tasks[k].noted & p.past_mask];
		assert_int_equal(note->sp, k + 1);
		assert_int_equal(note->object, k + 2);
	}
}

static void more_is_remembered_where_turns_repeat_later(void **state)
{
	(void)state;
	take_turns(MANY, 1);
	assert_int_equal(p.past_mask, UG__PAST_LEAST - 1); /* nothing was repeated yet */
	take_turns(MANY, 2);
	assert_int_equal(p.past_mask, 2 * UG__PAST_LEAST - 1);
	for (uint32_t k = 0; k < MANY; k++)
		assert_int_equal(p.past[tasks[k].noted & p.past_mask].sp, k + 1);
}

/* As if each of a million had run in between. */
static void not_more_than_there_is_room_for(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) {
		p.noted += 1000000;
		take_turns(WARM, 1);
	}
	assert_int_equal(p.past_mask, UG__PAST_MOST - 1);
}

/* Where a task was noted by another processor says nothing, whether that has noted more or as many. */
static void who_comes_from_elsewhere_is_new(void **state)
{
	(void)state;
	take_turns(WARM, 1);
	for (uint32_t k = 0; k < WARM; k++)
		ug__foresee(&other, &tasks[k]);
	assert_int_equal(other.noted, UG__PAST_MOST + WARM);
	other.foreseen = p.noted += 3000000;
	take_turns(WARM, 1);
	other.noted += WARM;
	for (uint32_t k = 0; k < WARM; k++)
		ug__foresee(&other, &tasks[k]);
	assert_int_equal(other.past_mask, UG__PAST_LEAST - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(few_that_take_turns_are_noted_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_is_noted_with_where_it_stands, set_up, tear_down),
		cmocka_unit_test_setup_teardown(more_is_remembered_where_turns_repeat_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_more_than_there_is_room_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_comes_from_elsewhere_is_new, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
