/* SPDX-License-Identifier: MIT */
/* Tasks that keep to their thread. */
#include "sched_test.h"

#include "sched/sched_priv.h"
#include <pthread.h>
#include <unistd.h>

static __thread int mark; /* what pinning is for: a thread-local that must stay the same one */

IN_TASK(an_unpinned_task_finds_a_processor_that_sleeps)
{
	for (int i = 0; i < 20; i++) {
		CHECK_IS(ug_pin(), 0);
		/* All processors are with workers that have nothing to do, and sleep soon. */
		UNTIL(load_seq(&S->idle_count) == S->procs_count);
		ug_unpin();
	}
	return 0;
}

IN_TASK(pins_nest_and_waits_come_back_to_the_same_thread)
{
	for (int i = 0; i < 50; i++) {
		CHECK_IS(ug_pin(), 0);
		pthread_t me = pthread_self();
		mark = i + 1;
		CHECK_IS(ug_pin(), 0);
		CHECK_IS(ug_sleep(UG_MS / 10), 0);
		ug_yield();
		ug_unpin();
		CHECK_IS(ug_sleep(UG_MS / 10), 0);
		CHECK(pthread_equal(me, pthread_self()));
		CHECK_IS(mark, i + 1);
		ug_unpin();
	}
	ug_unpin(); /* one too many is ignored */
	return 0;
}

#define MANY 40
static uint32_t pinned, released;

static int pinned_task(void *unused)
{
	(void)unused;
	CHECK_IS(ug_pin(), 0);
	pthread_t me = pthread_self();
	add_seq(&pinned, 1u);
	UNTIL(is_set(&released));
	for (int i = 0; i < 10; i++)
		CHECK_IS(ug_sleep(UG_MS), 0);
	CHECK(pthread_equal(me, pthread_self()));
	if ((uintptr_t)&me & 16)
		ug_unpin(); /* else its end does it */
	return 0;
}

IN_TASK(many_can_be_pinned_at_once)
{
	ug_task *t[MANY];
	pinned = released = 0;
	for (int i = 0; i < MANY; i++)
		CHECK_IS(ug_go_task(pinned_task, NULL, NULL, &t[i]), 0);
	UNTIL(load_seq(&pinned) == MANY);
	set(&released);
	for (int i = 0; i < MANY; i++) {
		CHECK_IS(ug_task_wait(t[i], NULL), 0);
		ug_task_unref(t[i]);
	}
	return 0;
}

static uint32_t spun;

static int spin(void *unused)
{
	(void)unused;
	UNTIL(is_set(&released));
	set(&spun);
	return 0;
}

IN_TASK(others_run_while_a_pinned_task_holds_its_thread)
{
	CHECK_IS(ug_pin(), 0);
	released = spun = 0;
	CHECK_IS(ug_go(spin, NULL), 0);
	set(&released);
	int64_t give_up = ug_now() + 20 * UG_SECOND;
	while (!is_set(&spun)) /* never lets go of the thread */
		CHECK(ug_now() < give_up);
	ug_unpin();
	return 0;
}

static int ends_pinned(void *unused)
{
	(void)unused;
	CHECK_IS(ug_pin(), 0);
	CHECK_IS(ug_pin(), 0);
	return 7;
}

IN_TASK(a_task_may_end_pinned)
{
	for (int i = 0; i < 20; i++) {
		ug_task *t;
		int result = 0;
		CHECK_IS(ug_go_task(ends_pinned, NULL, NULL, &t), 0);
		CHECK_IS(ug_task_wait(t, &result), 0);
		CHECK_IS(result, 7);
		ug_task_unref(t);
	}
	return 0;
}

static int waits_pinned(void *unused)
{
	(void)unused;
	CHECK_IS(ug_pin(), 0);
	add_seq(&pinned, 1u);
	ug_sleep(UG_FOREVER);
	CHECK(!"an abandoned task went on");
	return 0;
}

static int leave_pinned_behind(void *unused)
{
	(void)unused;
	pinned = 0;
	for (int i = 0; i < 3; i++)
		CHECK_IS(ug_go(waits_pinned, NULL), 0);
	UNTIL(load_seq(&pinned) == 3);
	return 0;
}

static void a_pinned_task_that_waits_does_not_hold_up_the_end(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(ug_run(leave_pinned_behind, NULL, NULL), 0);
}

static void a_plain_thread_is_always_pinned(void **state)
{
	(void)state;
	assert_int_equal(ug_pin(), 0);
	ug_unpin();
	ug_unpin();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unpinned_task_finds_a_processor_that_sleeps),
		cmocka_unit_test(pins_nest_and_waits_come_back_to_the_same_thread),
		cmocka_unit_test(many_can_be_pinned_at_once),
		cmocka_unit_test(others_run_while_a_pinned_task_holds_its_thread),
		cmocka_unit_test(a_task_may_end_pinned),
		cmocka_unit_test(a_pinned_task_that_waits_does_not_hold_up_the_end),
		cmocka_unit_test(a_plain_thread_is_always_pinned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
