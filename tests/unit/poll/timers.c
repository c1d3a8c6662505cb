/* SPDX-License-Identifier: MIT */
/* The heap of timers against a model, and its ends that race: a timer fires or is removed, never both, never twice. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/lock.h"
#include "poll/poll.h"
#include "unit/poor.h"

struct model {
	struct ug__timer timer;
	int armed, fired;
};

#define N 2000
static struct model all[N];
static int64_t last_when, run_now;
static int out_of_order, early;

static void fire(struct ug__timer *t)
{
	struct model *m = (struct model *)(void *)t;
	m->fired++;
	out_of_order += t->when_ < last_when;
	early += t->when_ > run_now;
	last_when = t->when_;
}

static uint64_t x = 88172645463325252;

static uint32_t draw(uint32_t n)
{
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 32) % n;
}

static int64_t earliest(void)
{
	int64_t first = UG_FOREVER;
	for (int i = 0; i < N; i++)
		if (all[i].armed && all[i].timer.when_ < first)
			first = all[i].timer.when_;
	return first;
}

static void heap_is_a_heap(const struct ug__timers *h)
{
	size_t dead = 0;
	static char seen[4096];
	assert_true(h->room <= sizeof seen);
	memset(seen, 0, sizeof seen);
	for (size_t i = 0; i < h->room; i++)
		assert_int_equal(seen[h->heap[i].slot]++, 0); /* a permutation */
	for (size_t i = 0; i < h->count; i++) {
		const struct ug__timer *t = h->slots[h->heap[i].slot];
		dead += !t;
		if (t) {
			assert_int_equal(t->slot_, h->heap[i].slot);
			assert_ptr_equal(t->heap_, h);
			assert_int_equal(t->when_, h->heap[i].when);
		}
		if (i)
			assert_true(h->heap[(i - 1) / 4].when <= h->heap[i].when);
	}
	assert_int_equal(h->dead, dead);
	if (h->count)
		assert_non_null(h->slots[h->heap[0].slot]);
	assert_true(dead <= 64 || dead <= h->count / 2);
}

static void run_model(struct ug__timers *h, int64_t now)
{
	size_t due = 0;
	for (int i = 0; i < N; i++)
		due += (size_t)(all[i].armed && all[i].timer.when_ <= now);
	last_when = 0;
	run_now = now;
	assert_int_equal(ug__timers_run(h, now), due);
	for (int i = 0; i < N; i++)
		if (all[i].armed && all[i].timer.when_ <= now) {
			assert_int_equal(all[i].fired, 1);
			all[i].armed = 0;
		} else {
			assert_int_equal(all[i].fired, 0);
		}
	for (int i = 0; i < N; i++)
		all[i].fired = 0;
}

static void the_heap_does_as_the_model(void **state)
{
	(void)state;
	struct ug__timers h = {.next = UG_FOREVER};
	memset(all, 0, sizeof all);
	size_t count = 0;
	for (int step = 0; step < 60000; step++) {
		struct model *m = &all[draw(N)];
		uint32_t what = draw(100);
		if (what < 50 && !m->armed) {
			/* many equal times, some in the past, some that never come */
			m->timer.when_ = draw(20) ? (int64_t)draw(1000) : UG_FOREVER;
			m->timer.fire_ = fire;
			int64_t first = earliest();
			int e = ug__timers_add(&h, &m->timer);
			m->armed = 1;
			count++;
			if (m->timer.when_ < first)
				assert_int_equal(e, 1);
			else if (m->timer.when_ > first)
				assert_int_equal(e, 0);
		} else if (what < 99) {
			assert_int_equal(ug__timers_remove(&m->timer), m->armed);
			count -= (size_t)m->armed;
			m->armed = 0;
		} else {
			run_model(&h, draw(3) ? (int64_t)draw(1000) : (int64_t)draw(50));
			count = h.count - h.dead;
		}
		assert_int_equal(h.count - h.dead, count);
		if (step % 64 == 0) {
			assert_int_equal(h.next, earliest());
			heap_is_a_heap(&h);
		}
	}
	assert_int_equal(out_of_order, 0);
	assert_int_equal(early, 0);
	ug__timers_end(&h);
	assert_int_equal(h.next, UG_FOREVER);
	assert_int_equal(h.count, 0);
}

static int is_odd(const struct ug__timer *t)
{
	return ((const struct model *)(const void *)t - all) % 2;
}

static void those_that_are_dropped_do_not_fire(void **state)
{
	(void)state;
	struct ug__timers h = {.next = UG_FOREVER};
	memset(all, 0, sizeof all);
	for (int i = 0; i < N; i++) {
		all[i].timer = (struct ug__timer){.when_ = draw(100), .fire_ = fire};
		ug__timers_add(&h, &all[i].timer);
		all[i].armed = i % 2 == 0;
	}
	ug__timers_drop(&h, is_odd);
	assert_int_equal(h.count - h.dead, N / 2);
	assert_int_equal(h.next, earliest());
	heap_is_a_heap(&h);
	assert_int_equal(ug__timers_remove(&all[1].timer), 0);
	run_model(&h, 100);
	assert_int_equal(h.count, 0);
	ug__timers_end(&h);
}

#if UG_POOR
/* Room for 64 was to be had, then none, then some again. */
static void without_memory_they_fire_too(void **state)
{
	(void)state;
	struct ug__timers h = {.next = UG_FOREVER};
	memset(all, 0, sizeof all);
	for (int i = 0; i < 200; i++) {
		if (i == 10)
			be_poor(150);
		all[i].timer = (struct ug__timer){.when_ = (int64_t)draw(100), .fire_ = fire};
		int first = all[i].timer.when_ < earliest();
		assert_int_equal(ug__timers_add(&h, &all[i].timer), first);
		all[i].armed = 1;
		if (i % 3 == 0) {
			struct model *m = &all[draw((uint32_t)i + 1)];
			assert_int_equal(ug__timers_remove(&m->timer), m->armed);
			m->armed = 0;
		}
		assert_int_equal(h.next, earliest());
	}
	assert_non_null(h.spilled);
	ug__timers_drop(&h, is_odd);
	for (int i = 1; i < 200; i += 2)
		all[i].armed = 0;
	for (int64_t t = 10; t <= 100; t += 10) {
		run_model(&h, t);
		assert_int_equal(h.next, earliest());
	}
	assert_null(h.spilled);
	be_poor(0);
	ug__timers_end(&h);
}
#endif

static void nothing_is_due_before_its_time(void **state)
{
	(void)state;
	struct ug__timers h = {.next = UG_FOREVER};
	struct model m = {.timer = {.when_ = 10, .fire_ = fire}};
	assert_int_equal(ug__timers_run(&h, 100), 0);
	assert_int_equal(ug__timers_remove(&m.timer), 0); /* never armed */
	assert_int_equal(ug__timers_add(&h, &m.timer), 1);
	assert_int_equal(ug__timers_run(&h, 9), 0);
	run_now = 10;
	assert_int_equal(ug__timers_run(&h, 10), 1);
	assert_int_equal(m.fired, 1);
	assert_int_equal(ug__timers_run(&h, 10), 0);
	assert_int_equal(h.next, UG_FOREVER);
	assert_int_equal(ug__timers_remove(&m.timer), 0);
	assert_int_equal(ug__timers_add(&h, &m.timer), 1); /* and again */
	assert_int_equal(ug__timers_remove(&m.timer), 1);
	ug__timers_end(&h);
}

/* One thread fires all the time, others add and remove what stands on their own stacks. */
static struct ug__timers shared;
static uint32_t going;
static int64_t now;

struct racer {
	struct ug__timer timer;
	uint32_t fired;
	char storage[64]; /* the owner's, from the moment that remove has answered */
};

static void fire_racer(struct ug__timer *t)
{
	struct racer *r = (struct racer *)(void *)t;
	for (size_t i = 0; i < sizeof r->storage; i++)
		r->storage[i]++;
	store_relaxed(&r->fired, load_relaxed(&r->fired) + 1);
}

static void *race(void *bad)
{
	uint32_t state = (uint32_t)(uintptr_t)bad | 1, wrong = 0;
	for (int i = 0; i < 100000; i++) {
		struct racer r = {.fired = 0};
		state = state * 1664525 + 1013904223;
		r.timer.when_ = load_relaxed(&now) + (state >> 8) % 3;
		r.timer.fire_ = fire_racer;
		ug__timers_add(&shared, &r.timer);
		for (uint32_t k = i % 8 ? (state >> 16) % 64 : 100000; k && !load_relaxed(&r.fired); k--)
			compiler_barrier();
		int removed = ug__timers_remove(&r.timer);
		wrong += r.fired != (uint32_t)!removed || ug__timers_remove(&r.timer);
		memset(r.storage, 0,
			sizeof r.storage); /* a fire that were still under way would be seen by the race detector */
	}
	*(uint32_t *)bad = wrong;
	add_seq(&going, -1u);
	return NULL;
}

static void removal_waits_for_a_fire_that_is_under_way(void **state)
{
	(void)state;
	pthread_t t[3];
	uint32_t wrong[3] = {0};
	shared = (struct ug__timers){.next = UG_FOREVER};
	going = 3;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL, race, &wrong[i]), 0);
	size_t fired = 0;
	for (int i = 0; load_seq(&going); i++) {
		fired += ug__timers_run(&shared, add_relaxed(&now, 1));
		if (i % 64 == 0)
			sched_yield();
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(t[i], NULL), 0);
		assert_int_equal(wrong[i], 0);
	}
	assert_true(fired > 0);
	assert_int_equal(shared.count, 0);
	ug__timers_end(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_heap_does_as_the_model),
		cmocka_unit_test(those_that_are_dropped_do_not_fire),
#if UG_POOR
		cmocka_unit_test(without_memory_they_fire_too),
#endif
		cmocka_unit_test(nothing_is_due_before_its_time),
		cmocka_unit_test(removal_waits_for_a_fire_that_is_under_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
