/* SPDX-License-Identifier: MIT */
/*
 * The run queues by themselves: what stands in them is made of bare words here, and the "workers" are plain threads.
 */
#include "sched_test.h"

#include "sched/sched_priv.h"
#include <pthread.h>
#include <string.h>

/* Both kinds of runnable begin with the link. */
struct item {
	uintptr_t link;
	uint32_t number, taken;
};

static struct proc *procs;

static int set_up(void **state)
{
	(void)state;
	S->procs_count = 4;
	S->global = S->surplus = S->hogs = (struct shared_queue){.count = 0};
	procs = aligned_alloc(64, 4 * sizeof *procs);
	for (uint32_t i = 0; i < 4; i++)
		procs[i] = (struct proc){.index = i, .timers = {.next = UG_FOREVER}};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(procs);
	S->global = S->surplus = S->hogs = (struct shared_queue){.count = 0};
	return 0;
}

static struct item *items(uint32_t n)
{
	struct item *it = calloc(n, sizeof *it);
	for (uint32_t i = 0; i < n; i++)
		it[i].number = i;
	return it;
}

static uint32_t number(runnable r)
{
	return ((struct item *)(r & ~(runnable)1))->number;
}

static void a_ring_is_first_in_first_out(void **state)
{
	(void)state;
	struct item *it = items(RING);
	struct proc *p = &procs[0];
	p->head = p->tail = UINT32_MAX - 100; /* across the wrap of its counters */
	for (int round = 0; round < 3; round++) {
		assert_true(ug__queue_empty(p));
		for (uint32_t i = 0; i < RING; i++)
			ug__queue_push(p, (runnable)&it[i] | (i & 1)); /* the low bit is kept */
		assert_int_equal(S->global.count, 0);
		assert_false(ug__rings_empty(p));
		for (uint32_t i = 0; i < RING; i++) {
			runnable r = ug__queue_pop(p);
			assert_int_equal(number(r), i);
			assert_int_equal(r & 1, i & 1);
		}
		assert_int_equal(ug__queue_pop(p), 0);
	}
	free(it);
}

static void a_full_ring_sends_its_older_half_to_the_global_queue_in_order(void **state)
{
	(void)state;
	struct item *it = items(RING + 1);
	struct proc *p = &procs[0];
	p->head = p->tail = UINT32_MAX - 7;
	for (uint32_t i = 0; i <= RING; i++)
		ug__queue_push(p, (runnable)&it[i] | 1);
	assert_int_equal(S->global.count, RING / 2 + 1);
	for (uint32_t i = RING / 2; i < RING; i++)
		assert_int_equal(number(ug__queue_pop(p)), i);
	assert_true(ug__queue_empty(p));
	/* The older half, then the one that did not fit, in as many turns as it takes. */
	uint32_t next = 0;
	for (runnable r; (r = ug__global_pop(p));)
		do {
			assert_int_equal(number(r), next == RING / 2 ? RING : next);
			assert_int_equal(r & 1, 1);
			next++;
		} while ((r = ug__queue_pop(p)));
	assert_int_equal(next, RING / 2 + 1);
	assert_int_equal(S->global.count, 0);
	assert_int_equal(S->global.head, 0);
	assert_int_equal(S->global.tail, 0);
	free(it);
}

static void the_slot_goes_first_but_not_for_ever(void **state)
{
	(void)state;
	struct item *it = items(3);
	struct proc *p = &procs[0];
	ug__queue_push(p, (runnable)&it[0]);
	assert_false(ug__queue_push_slot(p, (runnable)&it[1]));
	assert_true(ug__queue_push_slot(p, (runnable)&it[2])); /* the one before moves to the ring's end */
	assert_int_equal(number(ug__queue_pop(p)), 2);
	assert_int_equal(number(ug__queue_pop(p)), 0);
	assert_int_equal(number(ug__queue_pop(p)), 1);
	ug__queue_push(p, (runnable)&it[0]);
	int turns = 0;
	do
		ug__queue_push_slot(p, (runnable)&it[1]);
	while (number(ug__queue_pop(p)) == 1 && ++turns < 1000);
	assert_in_range(turns, 1, 64);
	assert_int_equal(number(ug__queue_pop(p)), 1);
	assert_true(ug__queue_empty(p));
	free(it);
}

static void a_thief_takes_the_older_half(void **state)
{
	(void)state;
	struct item *it = items(RING);
	for (uint32_t n = 0; n <= RING; n = n < 8 ? n + 1 : n * 2) {
		struct proc *thief = &procs[1], *victim = &procs[0];
		victim->head = victim->tail = n * 1000;
		thief->head = thief->tail = UINT32_MAX - n / 4;
		for (uint32_t i = 0; i < n; i++)
			ug__queue_push(victim, (runnable)&it[i]);
		runnable r = ug__queue_steal(thief, victim);
		assert_int_equal(r != 0, n > 0);
		for (uint32_t i = 0; i < n; i++) {
			assert_int_equal(number(r), i);
			r = ug__queue_pop(i + 1 < n - n / 2 ? thief : victim);
		}
		assert_int_equal(r, 0);
		assert_true(ug__queue_empty(thief));
		assert_true(ug__queue_empty(victim));
	}
	free(it);
}

/* Pushes n new ones, oldest first, behind one that has the slot, and is then taken from it. */
static void push_young(struct proc *p, struct item *it, uint32_t n)
{
	struct item first = {.number = 2000};
	assert_false(ug__queue_push_slot(p, (runnable)&first | 1));
	for (uint32_t i = 0; i < n; i++)
		assert_true(ug__queue_push_slot(p, (runnable)&it[i] | 1));
	assert_int_equal(number(ug__queue_steal_slot(p)), 2000);
}

static void of_young_ones_the_first_has_the_slot_until_one_is_woken(void **state)
{
	(void)state;
	struct item *it = items(4);
	struct proc *p = &procs[0];
	for (uint32_t i = 0; i < 3; i++)
		ug__queue_push_slot(p, (runnable)&it[i] | 1);
	assert_int_equal(number(ug__queue_pop(p)), 0);
	assert_int_equal(number(ug__queue_pop(p)), 2);
	ug__queue_push_slot(p, (runnable)&it[0] | 1);
	assert_true(ug__queue_push_slot(p, (runnable)&it[3]));
	assert_int_equal(number(ug__queue_pop(p)), 3);
	assert_int_equal(number(ug__queue_pop(p)), 0);
	assert_int_equal(number(ug__queue_pop(p)), 1);
	assert_true(ug__queue_empty(p));
	free(it);
}

static void the_newest_of_the_young_runs_first(void **state)
{
	(void)state;
	struct item *it = items(RING);
	struct proc *p = &procs[0];
	p->young_state = UINT64_C(0xfffffff00000ffb0); /* across the wraps of its counters */
	for (int round = 0; round < 3; round++) {
		push_young(p, it, RING);
		assert_int_equal(S->surplus.count, 0);
		assert_false(ug__rings_empty(p));
		for (uint32_t i = RING; i-- > 0;) {
			runnable r = ug__queue_pop(p);
			assert_int_equal(number(r), i);
			assert_int_equal(r & 1, 1);
		}
		assert_int_equal(ug__queue_pop(p), 0);
		assert_true(ug__queue_empty(p));
	}
	free(it);
}

static void while_others_are_ready_the_oldest_of_the_young_has_its_turns(void **state)
{
	(void)state;
	struct item *it = items(99), ready = {.number = 1000};
	struct proc *p = &procs[0];
	push_young(p, it, 99);
	uint32_t next = 0, between = 0;
	while (next < 99) {
		ug__queue_push(p, (runnable)&ready); /* never runs out */
		uint32_t n = number(ug__queue_pop(p));
		if (n == 1000) {
			assert_true(++between < 100);
			continue;
		}
		assert_int_equal(n, next++);
		assert_true(between > 0);
		between = 0;
	}
	while (ug__queue_pop(p))
		;
	free(it);
}

static void too_many_young_go_to_the_surplus_and_come_back_in_order(void **state)
{
	(void)state;
	struct item *it = items(RING + 1);
	struct proc *p = &procs[0], *other = &procs[1];
	push_young(p, it, RING + 1);
	assert_int_equal(S->surplus.count, RING / 2 + 1);
	assert_int_equal(S->global.count, 0);
	/* One of them is the oldest there is; who has young ones takes no more at a time. */
	assert_int_equal(number(ug__queue_pop_oldest(p)), 0);
	assert_int_equal(S->surplus.count, RING / 2);
	/* Who has none takes a share; the last of the surplus is the one that did not fit. */
	assert_true(ug__young_empty(other));
	S->procs_count = 1;
	assert_int_equal(number(ug__queue_pop_oldest(other)), 1);
	assert_int_equal(S->surplus.count, 0);
	assert_false(ug__young_empty(other));
	assert_int_equal(number(ug__queue_pop(other)), RING);
	for (uint32_t i = RING / 2; i-- > 2;)
		assert_int_equal(number(ug__queue_pop(other)), i);
	assert_true(ug__queue_empty(other));
	/* Without a surplus the oldest is p's own. */
	assert_int_equal(number(ug__queue_pop_oldest(p)), RING / 2);
	for (uint32_t i = RING; i-- > RING / 2 + 1;)
		assert_int_equal(number(ug__queue_pop(p)), i);
	assert_int_equal(ug__queue_pop_oldest(p), 0);
	free(it);
}

static void a_thief_takes_the_older_half_of_the_young(void **state)
{
	(void)state;
	struct item *it = items(RING);
	for (uint32_t n = 0; n <= RING; n = n < 8 ? n + 1 : n * 2) {
		struct proc *thief = &procs[1], *victim = &procs[0];
		push_young(victim, it, n);
		runnable r = ug__queue_steal(thief, victim);
		assert_int_equal(r != 0, n > 0);
		uint32_t taken = n - n / 2;
		if (n)
			assert_int_equal(number(r), 0);
		for (uint32_t i = taken; i-- > 1;)
			assert_int_equal(number(ug__queue_pop(thief)), i);
		for (uint32_t i = n; i-- > taken;)
			assert_int_equal(number(ug__queue_pop(victim)), i);
		assert_true(ug__queue_empty(thief));
		assert_true(ug__queue_empty(victim));
	}
	free(it);
}

static void a_slot_can_be_stolen_where_nobody_uses_it(void **state)
{
	(void)state;
	struct item it = {.number = 7};
	assert_int_equal(ug__queue_steal_slot(&procs[0]), 0);
	ug__queue_push_slot(&procs[0], (runnable)&it);
	assert_int_equal(ug__queue_steal(&procs[1], &procs[0]), 0);
	assert_int_equal(number(ug__queue_steal_slot(&procs[0])), 7);
	assert_true(ug__queue_empty(&procs[0]));
}

static void the_global_queue_is_shared_out(void **state)
{
	(void)state;
	struct item *it = items(1000);
	for (uint32_t i = 0; i < 1000; i++)
		ug__global_push((runnable)&it[i]);
	assert_int_equal(S->global.count, 1000);
	/* A share is a part of it and no more than half a ring, the rest stays for the others. */
	assert_int_equal(number(ug__global_pop(&procs[0])), 0);
	assert_int_equal(S->global.count, 1000 - RING / 2);
	uint32_t next = 1;
	for (runnable r; (r = ug__queue_pop(&procs[0])); next++)
		assert_int_equal(number(r), next);
	assert_int_equal(next, RING / 2);
	assert_int_equal(number(ug__global_pop(&procs[1])), next);
	/* No more than there is room for. */
	while (procs[1].tail - procs[1].head < RING)
		ug__queue_push(&procs[1], (runnable)&it[0]);
	uint32_t count = S->global.count;
	assert_non_null((void *)ug__global_pop(&procs[1]));
	assert_int_equal(S->global.count, count - 1);
	assert_int_equal(procs[1].tail - procs[1].head, RING);
	while (ug__global_pop(&procs[2]))
		while (ug__queue_pop(&procs[2]))
			;
	assert_int_equal(S->global.count, 0);
	free(it);
}

static void hogs_come_one_by_one(void **state)
{
	(void)state;
	struct ug__task *t[3];
	for (int i = 0; i < 3; i++) {
		t[i] = aligned_alloc(64, (sizeof *t[i] + 63) / 64 * 64);
		memset(t[i], 0, sizeof *t[i]);
		ug__hog_push(t[i]);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(S->hogs.count, 3 - i);
		assert_int_equal(ug__hog_pop(), (uintptr_t)t[i]);
		free(t[i]);
	}
	assert_int_equal(ug__hog_pop(), 0);
}

/* Several threads
 * --------------------------------------------------------------------------------------------------- */

#define EACH 200000u
#define HOLDERS 2u
#define INJECTED 50000u
#define ALL (HOLDERS * EACH + INJECTED)

static struct item *all;
static uint32_t taken_count, twice;

static void take(runnable r)
{
	struct item *it = (struct item *)(r & ~(runnable)1);
	if (add_relaxed(&it->taken, 1u) != 0)
		add_relaxed(&twice, 1u);
	add_relaxed(&taken_count, 1u);
}

/* A worker's life: pushes its own in bursts, takes from wherever there is something. */
static void *hold(void *arg)
{
	struct proc *p = arg, *other = &procs[1 - p->index];
	uint32_t at = p->index * EACH, end = at + EACH, x = p->index + 1;
	while (load_relaxed(&taken_count) < ALL) {
		x = x * 1664525 + 1013904223;
		for (uint32_t burst = (x >> 8) % 400; burst && at < end; burst--, at++) {
			if (x & 64)
				ug__queue_push_slot(p, (runnable)&all[at] | (at & 1));
			else
				ug__queue_push(p, (runnable)&all[at] | (at & 1));
		}
		for (uint32_t n = (x >> 20) % 400; n; n--) {
			runnable r = n % 61 ? ug__queue_pop(p) : n & 1 ? ug__global_pop(p) : ug__queue_pop_oldest(p);
			if (!r && ug__rings_empty(p))
				r = ug__queue_steal(p, other);
			if (!r && n == 1)
				r = ug__queue_steal_slot(other);
			if (r)
				take(r);
		}
	}
	return NULL;
}

/* A thief without anything of its own. */
static void *thieve(void *arg)
{
	struct proc *p = arg;
	while (load_relaxed(&taken_count) < ALL) {
		for (uint32_t i = 0; i < HOLDERS; i++) {
			runnable r = ug__queue_steal(p, &procs[i]);
			for (; r; r = ug__queue_pop(p))
				take(r);
		}
	}
	return NULL;
}

static void *inject(void *unused)
{
	(void)unused;
	for (uint32_t i = 0; i < INJECTED; i++)
		ug__global_push((runnable)&all[HOLDERS * EACH + i]);
	return NULL;
}

static void each_is_taken_exactly_once(void **state)
{
	(void)state;
	pthread_t t[4];
	all = items(ALL);
	taken_count = twice = 0;
	assert_int_equal(pthread_create(&t[0], NULL, hold, &procs[0]), 0);
	assert_int_equal(pthread_create(&t[1], NULL, hold, &procs[1]), 0);
	assert_int_equal(pthread_create(&t[2], NULL, thieve, &procs[2]), 0);
	assert_int_equal(pthread_create(&t[3], NULL, inject, NULL), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_int_equal(twice, 0);
	assert_int_equal(taken_count, ALL);
	for (uint32_t i = 0; i < ALL; i++)
		assert_int_equal(all[i].taken, 1);
	for (int i = 0; i < 3; i++)
		assert_true(ug__queue_empty(&procs[i]));
	free(all);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_ring_is_first_in_first_out),
		CASE(a_full_ring_sends_its_older_half_to_the_global_queue_in_order),
		CASE(the_slot_goes_first_but_not_for_ever),
		CASE(a_thief_takes_the_older_half),
		CASE(of_young_ones_the_first_has_the_slot_until_one_is_woken),
		CASE(the_newest_of_the_young_runs_first),
		CASE(while_others_are_ready_the_oldest_of_the_young_has_its_turns),
		CASE(too_many_young_go_to_the_surplus_and_come_back_in_order),
		CASE(a_thief_takes_the_older_half_of_the_young),
		CASE(a_slot_can_be_stolen_where_nobody_uses_it),
		CASE(the_global_queue_is_shared_out),
		CASE(hogs_come_one_by_one),
		CASE(each_is_taken_exactly_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
