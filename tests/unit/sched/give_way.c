/* SPDX-License-Identifier: MIT */
/* Tasks that compute, and call what may wait but need not: no more of them run at a time than there are processors. And
 * tasks that start others: no more than some wait for their turn. */
#include "sched_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <undergo/sync.h>
#include <unistd.h>

static void run_on_one(ug_fn *fn)
{
	static const struct ug_opts one = {.procs = 1};
	unsetenv("UG_PROCS"); /* it would go before the option */
	assert_int_equal(ug_run(fn, NULL, &one), 0);
}

/* Defines the cmocka test NAME whose body runs as the first task of a runtime with one processor. */
#define ON_ONE(name)                                                                                                   \
	static int name##_body(void *arg);                                                                             \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		run_on_one(name##_body);                                                                               \
	}                                                                                                              \
	static int name##_body(void *arg __attribute__((unused)))

#define FOR (200 * UG_MS)
#define STUCK (6 * UG_MS) /* the shortest time after which a processor is taken */

static uint64_t turns[2], beside;

/* In each turn it looks whether the other made two turns meanwhile. One whose processor was taken sees that, once: at
 * its next call it gives way. */
static int take_turns(void *arg)
{
	ug_mutex own = UG_ZERO;
	size_t me = (size_t)(uintptr_t)arg;
	int64_t begin = ug_now();
	while (ug_now() - begin < FOR) {
		UG_TRY(ug_mutex_lock(&own));
		uint64_t before = load_relaxed(&turns[!me]);
		for (int i = 0; i < 2000; i++)
			compiler_barrier();
		if (load_relaxed(&turns[!me]) - before >= 2)
			add_relaxed(&beside, 1);
		ug_mutex_unlock(&own);
		store_relaxed(&turns[me], turns[me] + 1);
	}
	return 0;
}

ON_ONE(two_tasks_on_one_processor_take_turns)
{
	ug_group g;
	int64_t begin = ug_now();
	UG_GROUP(&g) {
		for (uintptr_t i = 0; i < 2; i++)
			UG_TRY(ug_group_go(&g, take_turns, (void *)i));
	}
	CHECK(turns[0] > 0 && turns[1] > 0);
	CHECK(beside <= 2 + (uint64_t)((ug_now() - begin) / STUCK));
	return 0;
}

static int note_run(void *runs)
{
	add_seq((uint32_t *)runs, 1u);
	return 0;
}

#define STARTS 5000
#define CROWD 256 /* more than are let wait */

ON_ONE(who_starts_many_in_a_group_lets_them_run)
{
	uint32_t runs = 0, most = 0;
	ug_group g;
	UG_GROUP(&g)
		for (uint32_t i = 1; i <= STARTS; i++) {
			UG_TRY(ug_group_go(&g, note_run, &runs));
			if (i - load_seq(&runs) > most)
				most = i - load_seq(&runs);
		}
	CHECK_IS(runs, STARTS);
	CHECK(most < CROWD);
	return 0;
}

/* A tree whose nodes have more children than a crowd: walked in depth, with few alive at a time. */
enum { DEPTH = 4, WIDE = 150, NARROW = 4 }; /* and one leaf for each of the last */

static uint32_t alive, most_alive, leaves;

static int grow(void *depth)
{
	uintptr_t d = (uintptr_t)depth;
	int fan = d > 2 ? WIDE : d > 1 ? NARROW : 1;
	ug_group g;
	if (d == 0)
		return (int)(add_relaxed(&leaves, 1u) & 0);
	uint32_t n = add_relaxed(&alive, 1u) + 1;
	if (n > load_relaxed(&most_alive)) /* who lost the processor runs beside */
		store_relaxed(&most_alive, n);
	UG_GROUP(&g)
		for (int i = 0; i < fan; i++)
			UG_TRY(ug_group_go(&g, grow, (void *)(d - 1)));
	add_relaxed(&alive, -1u);
	return ug_group_result(&g);
}

ON_ONE(a_wide_tree_is_walked_in_depth)
{
	CHECK_IS(grow((void *)(uintptr_t)DEPTH), 0);
	CHECK_IS(leaves, WIDE * WIDE * NARROW);
	CHECK(most_alive < WIDE * WIDE / 8);
	return 0;
}

/* Who starts one task does not wait for a crowd that others have started. A processor that is taken meanwhile lets them
 * run. */
ON_ONE(who_starts_one_in_a_group_waits_for_no_crowd)
{
	uint32_t runs = 0, least = UINT32_MAX;
	for (int round = 0; round < 20; round++) {
		ug_group g;
		UNTIL(load_seq(&runs) % CROWD == 0);
		uint32_t before = load_seq(&runs), one = 0;
		for (int i = 0; i < CROWD; i++)
			UG_TRY(ug_go(note_run, &runs));
		UG_GROUP(&g) {
			UG_TRY(ug_group_go(&g, note_run, &one));
			uint32_t ran = load_seq(&runs) - before;
			least = ran < least ? ran : least;
		}
	}
	CHECK_IS(least, 0);
	UNTIL(load_seq(&runs) % CROWD == 0);
	return 0;
}

/* One that starts a task now and then, each time with a crowd of strangers beside it, has started many in all. */
ON_ONE(who_starts_one_now_and_then_waits_for_no_crowd)
{
	uint32_t runs = 0, one = 0, kept_waiting = 0;
	ug_group g;
	UG_GROUP(&g)
		for (int round = 0; round < 8 * CROWD; round++) {
			UG_TRY(ug_sleep(50 * UG_US)); /* a wait */
			uint32_t before = load_seq(&runs);
			for (int i = 0; i < CROWD; i++)
				UG_TRY(ug_go(note_run, &runs));
			UG_TRY(ug_group_go(&g, note_run, &one));
			kept_waiting += load_seq(&runs) - before > CROWD / 4;
			UNTIL(load_seq(&runs) - before == CROWD);
		}
	CHECK(kept_waiting < 4); /* each time that its processor is taken just then */
	return 0;
}

#define ROUNDS 16

/* Each time its processor is given to another worker, as is seen by that worker's first task; and it goes on after the
 * second. The second may have been the quicker one without that, but not always. */
ON_ONE(who_starts_one_in_a_group_without_a_processor_waits_for_one)
{
	uint32_t after = 0;
	ug_group g;
	UG_GROUP(&g)
		for (int i = 0; i < ROUNDS; i++) {
			uint32_t first = 0, second = 0;
			int64_t give_up = ug_now() + 20 * UG_SECOND;
			UG_TRY(ug_go(note_run, &first));
			while (!load_seq(&first))
				CHECK(ug_now() < give_up);
			UG_TRY(ug_group_go(&g, note_run, &second));
			after += load_seq(&second);
			UNTIL(load_seq(&second));
		}
	CHECK(after > ROUNDS / 2);
	return 0;
}

/* Three tasks give way to each other, a descriptor is watched, so that the monitor asks for a look at each tick: who
 * comes from outside, by the global queue, has its turn all the same. */
#define VISITS 20

static uint32_t visits, visits_over;

static int compute_and_yield(void *arg)
{
	(void)arg;
	while (!is_set(&visits_over)) {
		UG_TRY(work_for(100 * UG_US));
		ug_yield();
	}
	return 0;
}

static int note_visit(void *arg)
{
	(void)arg;
	add_seq(&visits, 1u);
	return 0;
}

static void *visit_often(void *arg)
{
	int64_t give_up = ug_now() + 10 * UG_SECOND;
	for (uint32_t i = 0; i < VISITS && ug_now() < give_up; i++) {
		CHECK_IS(ug_go(note_visit, NULL), 0);
		while (load_seq(&visits) == i && ug_now() < give_up)
			sched_yield();
	}
	set(&visits_over);
	return arg;
}

static int wait_readable(void *arg)
{
	CHECK_IS(ug_fd_wait_readable(arg), -ECANCELED);
	return 0;
}

ON_ONE(a_watched_descriptor_puts_nobody_off)
{
	int ends[2];
	UG_CLEAN(ug_fd_clean) ug_fd *f = NULL;
	pthread_t outside;
	ug_group g;
	CHECK_IS(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	CHECK_IS(ug_fd_adopt(ends[0], 0, &f), 0);
	CHECK_IS(pthread_create(&outside, NULL, visit_often, NULL), 0);
	UG_GROUP(&g) {
		ug_group_go(&g, wait_readable, f);
		for (int i = 0; i < 3; i++)
			ug_group_go(&g, compute_and_yield, NULL);
		while (!is_set(&visits_over))
			ug_yield();
		ug_group_cancel(&g, -ECANCELED);
	}
	CHECK_IS(pthread_join(outside, NULL), 0);
	CHECK_IS(load_seq(&visits), VISITS);
	close(ends[1]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_tasks_on_one_processor_take_turns),
		cmocka_unit_test(who_starts_many_in_a_group_lets_them_run),
		cmocka_unit_test(a_wide_tree_is_walked_in_depth),
		cmocka_unit_test(who_starts_one_in_a_group_waits_for_no_crowd),
		cmocka_unit_test(who_starts_one_now_and_then_waits_for_no_crowd),
		cmocka_unit_test(who_starts_one_in_a_group_without_a_processor_waits_for_one),
		cmocka_unit_test(a_watched_descriptor_puts_nobody_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
