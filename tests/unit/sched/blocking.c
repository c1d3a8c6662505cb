/* SPDX-License-Identifier: MIT */
/* The pool for calls that block: many at once, more than it has threads, taken back, and none in another's way. */
#include "sched_test.h"

#include "sched/sched_priv.h"
#include <pthread.h>
#include <unistd.h>

static uint32_t running, most, done;

/* Where calls block; a lock and a condition of the system's, so that those who wait cost nothing. */
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_opened = PTHREAD_COND_INITIALIZER;
static bool gate_open;

static void set_gate(bool open)
{
	pthread_mutex_lock(&gate_lock);
	gate_open = open;
	pthread_cond_broadcast(&gate_opened);
	pthread_mutex_unlock(&gate_lock);
}

static int answer(void *arg)
{
	return *(int *)arg;
}

IN_TASK(the_calls_result_is_answered)
{
	static int values[] = {0, 1, -ENOENT, -ECANCELED, INT32_MAX, INT32_MIN};
	for (int round = 0; round < 200; round++)
		for (size_t i = 0; i < UG_COUNT_OF(values); i++)
			CHECK_IS(ug_blocking(answer, &values[i]), values[i]);
	UNTIL(ug__blocking_busy() == 0);
	return 0;
}

static int on_another_thread(void *arg)
{
	pthread_t *caller = arg;
	CHECK(!pthread_equal(*caller, pthread_self()));
	CHECK_IS(ug_task_id(), 0);
	*caller = pthread_self();
	return 0;
}

IN_TASK(it_runs_off_the_workers)
{
	pthread_t t = pthread_self();
	CHECK_IS(ug_blocking(on_another_thread, &t), 0);
	return 0;
}

static void a_plain_thread_just_calls(void **state)
{
	(void)state;
	int value = 42;
	assert_int_equal(ug_blocking(answer, &value), 42);
}

static int wait_at_gate(void *unused)
{
	(void)unused;
	uint32_t now = add_seq(&running, 1u) + 1;
	for (uint32_t was = load_seq(&most); was < now && !cas_seq(&most, &was, now);)
		;
	pthread_mutex_lock(&gate_lock);
	while (!gate_open)
		pthread_cond_wait(&gate_opened, &gate_lock);
	pthread_mutex_unlock(&gate_lock);
	add_seq(&running, -1u);
	return 0;
}

static int call_gate(void *unused)
{
	(void)unused;
	CHECK_IS(ug_blocking(wait_at_gate, NULL), 0);
	add_seq(&done, 1u);
	return 0;
}

/* Calls that hang do not hold up others, be they many. */
IN_TASK(calls_that_hang_delay_nobody)
{
	running = most = done = 0;
	set_gate(false);
	for (int i = 0; i < 100; i++)
		CHECK_IS(ug_go(call_gate, NULL), 0);
	UNTIL(load_seq(&running) == 100);
	CHECK_IS(ug__blocking_busy(), 100);
	for (int i = 0; i < 100; i++)
		CHECK_IS(ug_blocking(answer, &i), i);
	set_gate(true);
	UNTIL(load_seq(&done) == 100);
	UNTIL(ug__blocking_busy() == 0);
	return 0;
}

IN_TASK(more_calls_than_threads_wait_their_turn)
{
	running = most = done = 0;
	set_gate(false);
	for (int i = 0; i < 1500; i++)
		CHECK_IS(ug_go(call_gate, NULL), 0);
	int64_t give_up = ug_now() + 20 * UG_SECOND;
	while (load_seq(&running) < 512) {
		CHECK(ug_now() < give_up);
		CHECK_IS(ug_sleep(UG_MS), 0);
	}
	CHECK_IS(ug_sleep(10 * UG_MS), 0);
	CHECK_IS(load_seq(&most), 512);
	set_gate(true);
	UNTIL(load_seq(&done) == 1500);
	CHECK_IS(load_seq(&most), 512);
	return 0;
}

static uint32_t calls_made;

static int count_call(void *unused)
{
	(void)unused;
	add_seq(&calls_made, 1u);
	return 5;
}

/* With all threads taken a call waits in the queue; there its caller's end takes it back, and it is never made. */
IN_TASK(a_call_not_begun_is_taken_back)
{
	running = most = done = calls_made = 0;
	set_gate(false);
	for (int i = 0; i < 512; i++)
		CHECK_IS(ug_go(call_gate, NULL), 0);
	int64_t give_up = ug_now() + 20 * UG_SECOND;
	while (load_seq(&running) < 512) {
		CHECK(ug_now() < give_up);
		CHECK_IS(ug_sleep(UG_MS), 0);
	}
	for (int i = 0; i < 20; i++)
		UG_WITH_TIMEOUT(UG_MS)
			CHECK_IS(ug_blocking(count_call, NULL), -ETIMEDOUT);
	set_gate(true);
	UNTIL(load_seq(&done) == 512);
	CHECK_IS(ug_blocking(count_call, NULL), 5);
	CHECK_IS(load_seq(&calls_made), 1);
	return 0;
}

static int short_nap(void *unused)
{
	(void)unused;
	usleep(3000);
	return 6;
}

/* One that has begun is not cut short: its result comes, not the end of the context. */
IN_TASK(a_call_that_runs_is_waited_for)
{
	for (int i = 0; i < 20; i++) {
		UG_WITH_TIMEOUT(UG_MS) {
			int r = ug_blocking(short_nap, NULL);
			CHECK(r == 6 || r == -ETIMEDOUT); /* the latter only where no thread had come in 1 ms */
			UNTIL(ug_ctx_err(NULL));
			CHECK_IS(ug_blocking(short_nap, NULL), -ETIMEDOUT);
		}
	}
	return 0;
}

static int cancel_race(void *arg)
{
	uint32_t *left = arg;
	for (int i = 0; i < 200; i++) {
		ug_ctx c;
		ug_ctx_push_timeout(&c, ug__random() % 60 * UG_US);
		int r = ug_blocking(count_call, NULL);
		CHECK(r == 5 || r == -ETIMEDOUT);
		if (r == 5)
			add_seq(&done, 1u);
		ug_ctx_pop(&c);
	}
	add_seq(left, -1u);
	return 0;
}

IN_TASK(each_call_is_made_or_refused_never_both)
{
	uint32_t left = 20;
	calls_made = done = 0;
	for (int i = 0; i < 20; i++)
		CHECK_IS(ug_go(cancel_race, &left), 0);
	UNTIL(load_seq(&left) == 0);
	CHECK_IS(load_seq(&calls_made), load_seq(&done));
	return 0;
}

static int wakes_a_task(void *arg)
{
	/* A call may use the library as any plain thread may. */
	CHECK_IS(ug_go(call_gate, arg), 0);
	CHECK_IS(ug_sleep(UG_MS / 4), 0);
	return 0;
}

IN_TASK(a_call_may_use_the_library)
{
	done = running = 0;
	set_gate(true);
	for (int i = 0; i < 50; i++)
		CHECK_IS(ug_blocking(wakes_a_task, NULL), 0);
	UNTIL(load_seq(&done) == 50);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_calls_result_is_answered),
		cmocka_unit_test(it_runs_off_the_workers),
		cmocka_unit_test(a_plain_thread_just_calls),
		cmocka_unit_test(calls_that_hang_delay_nobody),
		cmocka_unit_test(more_calls_than_threads_wait_their_turn),
		cmocka_unit_test(a_call_not_begun_is_taken_back),
		cmocka_unit_test(a_call_that_runs_is_waited_for),
		cmocka_unit_test(each_call_is_made_or_refused_never_both),
		cmocka_unit_test(a_call_may_use_the_library),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
