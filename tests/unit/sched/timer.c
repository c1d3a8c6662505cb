/* SPDX-License-Identifier: MIT */
/* Timers and sleep: from tasks, from plain threads, from a timer's own fire. */
#include "sched_test.h"

#include "sched/sched_priv.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

IN_TASK(a_sleep_lasts_as_long_as_asked)
{
	for (int i = 0; i < 20; i++) {
		int64_t from = ug_now();
		CHECK_IS(ug_sleep(i * UG_MS / 4), 0);
		CHECK(ug_now() - from >= i * UG_MS / 4);
	}
	CHECK_IS(ug_sleep(0), 0);
	CHECK_IS(ug_sleep(-1), 0);
	CHECK_IS(ug_sleep_until(0), 0);
	CHECK_IS(ug_sleep_until(-5), 0);
	return 0;
}

struct nap {
	int64_t d;
	uint32_t *left;
};

static int nap(void *arg)
{
	struct nap *n = arg;
	int64_t until = ug_now() + n->d;
	CHECK_IS(ug_sleep_until(until), 0);
	CHECK(ug_now() >= until);
	add_seq(n->left, -1u);
	return 0;
}

IN_TASK(thousands_sleep_at_once)
{
	enum { N = 5000 };
	uint32_t left = N;
	for (int i = 0; i < N; i++) {
		struct nap n = {.d = (i * 7919 % 100) * UG_MS / 2, .left = &left};
		CHECK_IS(ug_go_copy(nap, &n, sizeof n), 0);
	}
	UNTIL(load_seq(&left) == 0);
	return 0;
}

static void *thread_naps(void *arg)
{
	for (int i = 0; i < 20; i++) {
		int64_t until = ug_now() + UG_MS;
		CHECK_IS(ug_sleep_until(until), 0);
		CHECK(ug_now() >= until);
		UG_WITH_TIMEOUT(UG_MS)
			CHECK_IS(ug_sleep(20 * UG_SECOND), -ETIMEDOUT);
	}
	add_seq((uint32_t *)arg, -1u);
	return NULL;
}

IN_TASK(plain_threads_sleep_and_time_out)
{
	enum { N = 6 };
	pthread_t t[N];
	uint32_t left = N;
	for (int i = 0; i < N; i++)
		CHECK_IS(pthread_create(&t[i], NULL, thread_naps, &left), 0);
	UNTIL(load_seq(&left) == 0);
	for (int i = 0; i < N; i++)
		CHECK_IS(pthread_join(t[i], NULL), 0);
	return 0;
}

/* What fires while a worker is inside sched must leave it inside: else its processor can be taken from under it. */
struct probe {
	struct ug__timer timer;
	uint32_t before, after, fired, spawned;
};

static int probe_spawned(void *arg)
{
	set(&((struct probe *)arg)->spawned);
	return 0;
}

static void probe_fire(struct ug__timer *timer)
{
	struct probe *p = (struct probe *)(void *)timer;
	struct worker *w = ug__worker();
	p->before = w ? load_relaxed(&w->in) : 1;
	CHECK_IS(ug_go(probe_spawned, p), 0);
	p->after = w ? load_relaxed(&w->in) : 1;
	set(&p->fired);
}

IN_TASK(a_fire_that_starts_a_task_stays_inside)
{
	for (int i = 0; i < 10; i++) {
		struct probe p = {.fired = 0};
		ug__timer_arm(&p.timer, ug_now() + UG_MS, probe_fire);
		UNTIL(is_set(&p.fired) && is_set(&p.spawned));
		ug__timer_stop(&p.timer);
		CHECK_IS(p.before, 1);
		CHECK_IS(p.after, 1);
	}
	return 0;
}

static void count_fire(struct ug__timer *timer)
{
	struct probe *p = (struct probe *)(void *)timer;
	add_seq(&p->fired, 1u);
}

/* One that was stopped never fires, one that was not fires once, whoever stops it on whatever worker. */
static int arm_and_stop(void *left)
{
	for (int i = 0; i < 300; i++) {
		struct probe p = {.fired = 0};
		ug__timer_arm(&p.timer, ug_now() + (i % 4) * 50 * UG_US, count_fire);
		if (i % 3)
			ug_yield();
		int stopped = ug__timer_stop(&p.timer);
		CHECK_IS(load_seq(&p.fired), stopped ? 0 : 1);
		CHECK_IS(ug__timer_stop(&p.timer), 0);
	}
	add_seq((uint32_t *)left, -1u);
	return 0;
}

IN_TASK(a_timer_is_either_stopped_or_fires_once)
{
	uint32_t left = 20;
	for (int i = 0; i < 20; i++)
		CHECK_IS(ug_go(arm_and_stop, &left), 0);
	UNTIL(load_seq(&left) == 0);
	return 0;
}

static int long_scopes(void *left)
{
	for (int i = 0; i < 200; i++)
		UG_WITH_TIMEOUT(UG_HOUR)
			ug_yield();
	add_seq((uint32_t *)left, -1u);
	return 0;
}

IN_TASK(timers_that_never_fire_leave_nothing_behind)
{
	uint32_t left = 20;
	for (int i = 0; i < 20; i++)
		CHECK_IS(ug_go(long_scopes, &left), 0);
	UNTIL(load_seq(&left) == 0);
	for (uint32_t i = 0; i < S->procs_count; i++)
		CHECK_IS(load_seq(&S->procs[i].timers.next), UG_FOREVER);
	return 0;
}

static int block(void *unused)
{
	(void)unused;
	usleep(30000);
	return 0;
}

/* A task's lateness, and that of a thread which the same machine wakes at the same time. */
struct both {
	int64_t due, task, thread;
};

static int be_late(void *arg)
{
	struct both *b = arg;
	UG_TRY(ug_sleep_until(b->due));
	b->task = ug_now() - b->due;
	return 0;
}

static void *thread_is_late(void *arg)
{
	struct both *b = arg;
	struct timespec due = {.tv_sec = b->due / UG_SECOND, .tv_nsec = b->due % UG_SECOND};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0)
		;
	b->thread = ug_now() - b->due;
	return NULL;
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int64_t median_lateness(void)
{
	int64_t late[31];
	for (int i = 0; i < 31; i++) {
		struct both b = {.due = ug_now() + 20 * UG_MS};
		pthread_t thread;
		CHECK_IS(pthread_create(&thread, NULL, thread_is_late, &b), 0);
		ug_task *timer = start(be_late, &b);
		ug_yield();
		for (int p = ug_procs(); p > 1; p--)
			CHECK_IS(ug_go(block, NULL), 0);
		ug_task *blocked = start(block, NULL);
		CHECK_IS(finish(timer), 0);
		CHECK_IS(finish(blocked), 0);
		CHECK_IS(pthread_join(thread, NULL), 0);
		late[i] = b.task - b.thread;
	}
	qsort(late, 31, sizeof late[0], ascending);
	return late[15];
}

/* Not only at the next tick, 1 ms later in the middle. The machine may be somebody else's for a while. */
static int all_block(void *unused)
{
	(void)unused;
	int64_t late = UG_SECOND;
	for (int i = 0; i < 3 && late > 500 * UG_US; i++)
		late = median_lateness();
	CHECK(late <= 500 * UG_US);
	return 0;
}

static void a_timer_beside_workers_that_have_long_been_blocked_fires_soon(void **state)
{
	(void)state;
	assert_int_equal(ug_run(all_block, NULL, &(struct ug_opts){.procs = 1}), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sleep_lasts_as_long_as_asked),
		cmocka_unit_test(thousands_sleep_at_once),
		cmocka_unit_test(plain_threads_sleep_and_time_out),
		cmocka_unit_test(a_fire_that_starts_a_task_stays_inside),
		cmocka_unit_test(a_timer_is_either_stopped_or_fires_once),
		cmocka_unit_test(timers_that_never_fire_leave_nothing_behind),
		cmocka_unit_test(a_timer_beside_workers_that_have_long_been_blocked_fires_soon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
