/* SPDX-License-Identifier: MIT */
/*
 * A 4-ary heap of timers, ordered by time, in which a timer that is stopped is only marked: most timers are stopped,
 * long before their time, and to take one out of its place costs a walk down the heap.
 *
 * An entry of the heap holds a time and the number of a slot; the slot holds the timer's address, and the timer its
 * slot. So what moves in the heap touches neither slots nor timers, which lie on cold stacks, and a stop clears one
 * slot: the timer's storage is its owner's again, the entry is dead. 4-ary: half the depth of a binary heap, and the
 * four children of a node lie together. Equal times fire in no promised order.
 *
 * Dead entries go when they come to the heap's top, which is never dead (`next` is the time of a timer that will fire),
 * when they are its last (a deadline that is set for one call and not reached mostly is, still, when it is stopped),
 * and all at once when they are more than the living: a sweep, which the stops since the last one have paid for.
 *	Rejected: taking a timer out at once. With 100,000 others, each stop wrote to eight timers on as many cold
 *	stacks, to tell them their new places. Rejected: a wheel. Its lists link timers to each other, so each arm and
 *	each stop touches cold neighbours.
 *
 * The heap is a permutation of the slots: entries past `count` hold those that are free.
 *
 * To arm a timer cannot fail: one for which the heap finds no memory to grow stands on a list, through its slot_, which
 * is walked until it is gone.
 *
 * A timer's heap_ field is the truth about whether it is armed, written under that heap's lock; it is read without it
 * to learn which lock to take, then looked at again. While a timer fires, and after, the field is the heap's address
 * with its low bit set: one who would stop it then waits for the lock, so that fire is over when stop answers. Nothing
 * of the timer is touched after fire, whose effect may be that its storage goes.
 *
 * Timers are mostly armed and stopped by the worker that has the heap's processor: the lock becomes its own
 * (base/biased.h).
 */
#include "poll/poll.h"

#include <stdbool.h>
#include <stdlib.h>

#define WAYS 4
#define TOGETHER 8 /* fire after each other */
#define FEW 64 /* dead entries that are not worth a sweep */

static void sift_up(struct ug__timers *h, size_t i, struct ug__timer_entry e)
{
	for (; i > 0; i = (i - 1) / WAYS) {
		struct ug__timer_entry parent = h->heap[(i - 1) / WAYS];
		if (parent.when <= e.when)
			break;
		h->heap[i] = parent;
	}
	h->heap[i] = e;
}

static void sift_down(struct ug__timers *h, size_t i, struct ug__timer_entry e)
{
	for (;;) {
		size_t first = i * WAYS + 1, end = first + WAYS, least = first;
		if (first >= h->count)
			break;
		if (end > h->count)
			end = h->count;
		for (size_t c = first + 1; c < end; c++)
			if (h->heap[c].when < h->heap[least].when)
				least = c;
		if (e.when <= h->heap[least].when)
			break;
		h->heap[i] = h->heap[least];
		i = least;
	}
	h->heap[i] = e;
}

static bool grow(struct ug__timers *h)
{
	size_t room = h->room ? h->room * 2 : 64;
	struct ug__timer **slots = realloc(h->slots, room * sizeof(struct ug__timer *));
	if (!slots)
		return false;
	h->slots = slots;
	struct ug__timer_entry *heap = realloc(h->heap, room * sizeof *heap);
	if (!heap)
		return false;
	h->heap = heap;
	for (size_t i = h->room; i < room; i++)
		heap[i].slot = i;
	h->room = room;
	return true;
}

/* NULL: that one is dead. */
static struct ug__timer *timer_at(const struct ug__timers *h, size_t i)
{
	return h->slots[h->heap[i].slot];
}

static struct ug__timer *take_top(struct ug__timers *h)
{
	struct ug__timer_entry top = h->heap[0], last = h->heap[--h->count];
	sift_down(h, 0, last);
	h->heap[h->count] = top;
	return h->slots[top.slot];
}

static void sweep(struct ug__timers *h)
{
	size_t live = 0;
	for (size_t i = 0; i < h->count; i++)
		if (timer_at(h, i)) {
			struct ug__timer_entry e = h->heap[i];
			h->heap[i] = h->heap[live];
			h->heap[live++] = e;
		}
	h->count = live;
	h->dead = 0;
	for (size_t i = live / WAYS + 1; i-- > 0;)
		if (i < live)
			sift_down(h, i, h->heap[i]);
}

/* Timers without room ---------------------------------------------------------------------------------------------- */

static struct ug__timer *after(const struct ug__timer *t)
{
	return (struct ug__timer *)t->slot_;
}

static void spill(struct ug__timers *h, struct ug__timer *t)
{
	t->slot_ = (size_t)h->spilled;
	h->spilled = t;
}

/* false: it is not one of them. */
static bool unspill(struct ug__timers *h, const struct ug__timer *t)
{
	struct ug__timer *before = NULL, *s = h->spilled;
	for (; s && s != t; s = after(s))
		before = s;
	if (!s)
		return false;
	if (before)
		before->slot_ = t->slot_;
	else
		h->spilled = after(t);
	return true;
}

/* All of them ------------------------------------------------------------------------------------------------------ */

/* After entries have died or gone: the top is alive again, and `next` says when it is due. */
static void settle(struct ug__timers *h)
{
	for (;;) {
		for (; h->count && !timer_at(h, h->count - 1); h->count--)
			h->dead--;
		if (!h->count || timer_at(h, 0))
			break;
		take_top(h);
		h->dead--;
	}
	if (h->dead > FEW && h->dead > h->count / 2)
		sweep(h);
	int64_t next = h->count ? h->heap[0].when : UG_FOREVER;
	for (struct ug__timer *t = h->spilled; t; t = after(t))
		if (t->when_ < next)
			next = t->when_;
	if (next != load_relaxed(&h->next))
		store_seq(&h->next, next);
}

int ug__timers_add(struct ug__timers *h, struct ug__timer *t)
{
	struct ug__owner *owned = ug__biased_lock(&h->lock, &h->bias);
	if (likely(h->count < h->room || grow(h))) {
		size_t slot = h->heap[h->count].slot;
		h->slots[slot] = t;
		t->slot_ = slot;
		sift_up(h, h->count++, (struct ug__timer_entry){t->when_, slot});
	} else {
		spill(h, t);
	}
	store_release(&t->heap_, h);
	int first = t->when_ < load_relaxed(&h->next);
	if (first)
		store_seq(&h->next, t->when_);
	ug__biased_unlock(&h->lock, owned);
	return first;
}

/* Leaves its entry dead; the lock is held. */
static void kill(struct ug__timers *h, struct ug__timer *t)
{
	if (likely(!h->spilled) || !unspill(h, t)) {
		h->slots[t->slot_] = NULL;
		h->dead++;
	}
	store_release(&t->heap_, NULL);
}

int ug__timers_remove(struct ug__timer *t)
{
	struct ug__timers *h = load_acquire(&t->heap_);
	if (!h)
		return 0;
	h = (struct ug__timers *)((uintptr_t)h & ~(uintptr_t)1);
	struct ug__owner *owned = ug__biased_lock(&h->lock, &h->bias);
	int armed = load_relaxed(&t->heap_) == h;
	if (armed) {
		kill(h, t);
		settle(h);
	}
	ug__biased_unlock(&h->lock, owned);
	return armed;
}

static void fire(struct ug__timers *h, struct ug__timer *t)
{
	store_release(&t->heap_, (struct ug__timers *)((uintptr_t)h | 1));
	t->fire_(t);
}

/* Takes the next of those that are due, and asks for their lines, which are on as many cold stacks: while one comes
 * the others do. Answers how many. */
static size_t take_due(struct ug__timers *h, int64_t now, struct ug__timer *due[TOGETHER])
{
	size_t n = 0;
	while (n < TOGETHER && h->count && h->heap[0].when <= now) {
		struct ug__timer *t = take_top(h);
		if (!t) {
			h->dead--;
			continue;
		}
		__builtin_prefetch(t, 1);
		__builtin_prefetch(t + 1, 1);
		due[n++] = t;
	}
	return n;
}

size_t ug__timers_run(struct ug__timers *h, int64_t now)
{
	size_t n = 0;
	if (load_relaxed(&h->next) > now)
		return 0;
	struct ug__owner *owned = ug__biased_lock(&h->lock, &h->bias);
	struct ug__timer *due[TOGETHER];
	for (size_t some; (some = take_due(h, now, due)); n += some)
		for (size_t i = 0; i < some; i++)
			fire(h, due[i]);
	for (struct ug__timer *t = h->spilled, *next; t; t = next) {
		next = after(t);
		if (t->when_ <= now) {
			unspill(h, t);
			fire(h, t);
			n++;
		}
	}
	settle(h);
	ug__biased_unlock(&h->lock, owned);
	return n;
}

void ug__timers_drop(struct ug__timers *h, int (*which)(const struct ug__timer *t))
{
	struct ug__owner *owned = ug__biased_lock(&h->lock, &h->bias);
	for (size_t i = 0; i < h->count; i++)
		if (timer_at(h, i) && which(timer_at(h, i)))
			kill(h, timer_at(h, i));
	for (struct ug__timer *t = h->spilled, *next; t; t = next) {
		next = after(t);
		if (which(t))
			kill(h, t);
	}
	settle(h);
	ug__biased_unlock(&h->lock, owned);
}

void ug__timers_end(struct ug__timers *h)
{
	free(h->heap);
	free(h->slots);
	*h = (struct ug__timers){.next = UG_FOREVER};
}
