/* SPDX-License-Identifier: MIT */
/* A runtime on a virtual clock: when all wait, it is the next timer's time at once. */
#include "sched_test.h"

#include "base/clock.h"
#include "sched/sched_priv.h"
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#include <undergo/sync.h>

static int in_virtual_time(ug_fn *fn)
{
	static const struct ug_opts opts = {.virtual_clock = 1};
	int64_t real = ug_now();
	int e = ug_run(fn, NULL, &opts);
	CHECK(ug_now() - real < 60 * UG_SECOND);
	return e;
}

static uint32_t next;

static int sleeper(void *arg)
{
	int64_t hours = (int64_t)(uintptr_t)arg, until = ug_now() + hours * UG_HOUR;
	CHECK_IS(ug_sleep(hours * UG_HOUR), 0);
	CHECK_IS(ug_now(), until);
	CHECK_IS(add_seq(&next, 1u), hours);
	return 0;
}

static int hours_pass(void *arg)
{
	static const uint8_t order[] = {3, 1, 5, 2, 4};
	ug_group g;
	(void)arg;
	int64_t begin = ug_now();
	next = 1;
	UG_GROUP(&g)
		for (size_t i = 0; i < sizeof order; i++)
			CHECK_IS(ug_group_go(&g, sleeper, (void *)(uintptr_t)order[i]), 0);
	CHECK_IS(next, 6);
	CHECK_IS(ug_now() - begin, 5 * UG_HOUR);
	UG_WITH_TIMEOUT(UG_HOUR)
		CHECK_IS(ug_sleep(2 * UG_HOUR), -ETIMEDOUT);
	CHECK_IS(ug_now() - begin, 6 * UG_HOUR);
	return 0;
}

static void sleepers_wake_in_their_order_at_once(void **state)
{
	(void)state;
	assert_int_equal(in_virtual_time(hours_pass), 0);
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* The pool's thread may count the call as over only after its caller has gone to sleep: time goes on nevertheless. */
static int calls_and_sleeps(void *arg)
{
	(void)arg;
	int64_t begin = ug_now();
	for (int i = 0; i < 3000; i++) {
		CHECK_IS(ug_blocking(nothing, NULL), 0);
		CHECK_IS(ug_sleep(UG_SECOND), 0);
	}
	CHECK_IS(ug_now() - begin, 3000 * UG_SECOND);
	return 0;
}

static void time_passes_after_a_blocking_call(void **state)
{
	(void)state;
	assert_int_equal(in_virtual_time(calls_and_sleeps), 0);
}

/* The call is over, and its caller ready, when a worker that has seen no work asks whether one is under way. */
static uint32_t hold_call, finish_call;

uint32_t __real_ug__blocking_busy(void);
uint32_t __wrap_ug__blocking_busy(void);

uint32_t __wrap_ug__blocking_busy(void)
{
	if (is_set(&hold_call)) {
		set(&finish_call);
		while (__real_ug__blocking_busy())
			sched_yield();
	}
	return __real_ug__blocking_busy();
}

static int wait_for_sleeper(void *unused)
{
	(void)unused;
	while (!is_set(&finish_call))
		sched_yield();
	return 0;
}

static int sleep_hour(void *arg)
{
	(void)arg;
	return ug_sleep(UG_HOUR);
}

static int calls_beside_a_sleeper(void *arg)
{
	(void)arg;
	int64_t begin = ug_now();
	CHECK_IS(ug_go(sleep_hour, NULL), 0);
	set(&hold_call);
	CHECK_IS(ug_blocking(wait_for_sleeper, NULL), 0);
	store_release(&hold_call, 0u);
	CHECK_IS(ug_now(), begin);
	return 0;
}

static void time_does_not_pass_before_who_was_just_woken(void **state)
{
	(void)state;
	assert_int_equal(in_virtual_time(calls_beside_a_sleeper), 0);
}

/* A plain thread that begins to sleep when all tasks wait already. */
static ug_waitgroup woke;

static void *sleep_last(void *arg)
{
	while (load_seq(&S->idle_count) < 1)
		sched_yield();
	CHECK_IS(ug_sleep(UG_HOUR), 0);
	CHECK_IS(ug_waitgroup_done(&woke), 0);
	return arg;
}

static int thread_sleeps(void *arg)
{
	pthread_t t;
	(void)arg;
	int64_t begin = ug_now();
	CHECK_IS(ug_waitgroup_add(&woke, 1), 0);
	CHECK_IS(pthread_create(&t, NULL, sleep_last, NULL), 0);
	CHECK_IS(ug_waitgroup_wait(&woke), 0);
	CHECK_IS(ug_now() - begin, UG_HOUR);
	CHECK_IS(pthread_join(t, NULL), 0);
	return 0;
}

static void a_thread_that_sleeps_last_is_woken(void **state)
{
	(void)state;
	assert_int_equal(in_virtual_time(thread_sleeps), 0);
}

/* A task that computes for so long that its processor goes to another is at work all the same, and time stands still;
 * when it waits, time goes on. */
static int computes_and_sleeps(void *arg)
{
	ug_group g;
	(void)arg;
	UG_GROUP(&g) {
		for (int i = 0; i < 10; i++) {
			CHECK_IS(ug_group_go(&g, sleep_hour, NULL), 0); /* it waits for the processor */
			int64_t begin = ug_now();
			for (int64_t until = ug__clock_real() + 20 * UG_MS; ug__clock_real() < until;)
				;
			CHECK_IS(ug_now(), begin);
			CHECK_IS(ug_sleep(UG_MINUTE), 0);
			CHECK_IS(ug_now() - begin, UG_MINUTE);
		}
	}
	return 0;
}

static void time_stands_still_while_a_task_computes(void **state)
{
	(void)state;
	assert_int_equal(in_virtual_time(computes_and_sleeps), 0);
}

static int computes_pinned(void *arg)
{
	CHECK_IS(ug_pin(), 0);
	CHECK_IS(computes_and_sleeps(arg), 0);
	ug_unpin();
	return 0;
}

static void time_stands_still_while_a_pinned_task_computes(void **state)
{
	(void)state;
	assert_int_equal(in_virtual_time(computes_pinned), 0);
}

/* It is at work from its wake on, not only once its thread has a core. */
static int send_and_sleep(void *arg)
{
	int value = 0;
	CHECK_IS(ug_chan_send(*(ug_chan **)arg, &value), 0);
	return ug_sleep(UG_HOUR);
}

static int is_woken_pinned(void *arg)
{
	ug_chan *c;
	int value;
	(void)arg;
	CHECK_IS(ug_chan_make(&c, sizeof value, 0, NULL), 0);
	CHECK_IS(ug_pin(), 0);
	for (int i = 0; i < 1000; i++) {
		int64_t begin = ug_now();
		ug_task *sender = start(send_and_sleep, &c);
		CHECK_IS(ug_chan_recv(c, &value), 0);
		CHECK_IS(ug_now(), begin);
		CHECK_IS(finish(sender), 0);
		CHECK_IS(ug_now() - begin, UG_HOUR);
	}
	ug_unpin();
	ug_chan_unref(&c);
	return 0;
}

static void time_does_not_pass_before_a_pinned_task_that_was_woken(void **state)
{
	(void)state;
	assert_int_equal(in_virtual_time(is_woken_pinned), 0);
}

/* At work is also one that blocks in a call that nobody announced. */
static int read_until_fed(void *arg)
{
	const int *pipe = arg;
	char c;
	int64_t begin = ug_now();
	CHECK_IS(ug_go(sleep_hour, NULL), 0); /* it waits for the processor */
	CHECK_IS(read(pipe[0], &c, 1), 1);
	CHECK_IS(ug_now(), begin);
	return 0;
}

static void *feed(void *arg)
{
	const int *pipe = arg;
	while (load_seq(&S->displaced) == 0 || load_seq(&S->idle_count) == 0) /* all others wait */
		sched_yield();
	CHECK_IS(write(pipe[1], "", 1), 1);
	return NULL;
}

static int blocks_and_sleeps(void *arg)
{
	int64_t begin = ug_now();
	ug_group g;
	UG_GROUP(&g) {
		CHECK_IS(ug_group_go(&g, read_until_fed, arg), 0);
		CHECK_IS(ug_sleep(UG_HOUR), 0);
		CHECK_IS(ug_now() - begin, UG_HOUR);
	}
	return ug_group_result(&g);
}

static int blocks_often(void *arg)
{
	for (int i = 0; i < 10; i++) {
		pthread_t thread;
		CHECK_IS(pthread_create(&thread, NULL, feed, arg), 0);
		CHECK_IS(blocks_and_sleeps(arg), 0);
		CHECK_IS(pthread_join(thread, NULL), 0);
	}
	return 0;
}

static int blocks_in_a_pipe(void *unused)
{
	(void)unused;
	int ends[2];
	CHECK_IS(pipe(ends), 0);
	CHECK_IS(blocks_often(ends), 0);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static void time_stands_still_while_a_task_blocks(void **state)
{
	(void)state;
	assert_int_equal(in_virtual_time(blocks_in_a_pipe), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sleepers_wake_in_their_order_at_once),
		cmocka_unit_test(time_passes_after_a_blocking_call),
		cmocka_unit_test(time_does_not_pass_before_who_was_just_woken),
		cmocka_unit_test(a_thread_that_sleeps_last_is_woken),
		cmocka_unit_test(time_stands_still_while_a_task_computes),
		cmocka_unit_test(time_stands_still_while_a_pinned_task_computes),
		cmocka_unit_test(time_does_not_pass_before_a_pinned_task_that_was_woken),
		cmocka_unit_test(time_stands_still_while_a_task_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
