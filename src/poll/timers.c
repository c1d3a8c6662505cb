/* SPDX-License-Identifier: MIT */
/*
 * A 4-ary heap of timers, ordered by time. Each timer knows its index, so that one that is stopped leaves at once: most timers
 * are stopped, and one that stayed would keep its storage (a waiter's stack) alive.
 *
 * 4-ary: half the depth of a binary heap, and the four children of a node lie in one cache line. The times stand in the heap, beside the
 * timers' addresses: to compare them touches no timer, which lies on some task's cold stack. Equal times fire in no promised
 * order.
 *
 * A timer's heap_ field is the truth about whether it is armed, written under that heap's lock; it is read without it to
 * learn which lock to take, then looked at again. While a timer fires, and after, the field is the heap's address with its low bit
 * set: one who would stop it then waits for the lock, so that fire is over when stop answers. Nothing of the timer is
 * touched after fire, whose effect may be that its storage goes.
 */
#include "poll/poll.h"

#include "base/lock.h"
#include <errno.h>
#include <stdlib.h>

#define WAYS 4

static void place(struct ug__timers *h, size_t i, struct ug__timer_entry e)
{
	h->heap[i] = e;
	e.timer->index_ = i;
}

static void sift_up(struct ug__timers *h, size_t i, struct ug__timer_entry e)
{
	for (; i > 0; i = (i - 1) / WAYS) {
		struct ug__timer_entry parent = h->heap[(i - 1) / WAYS];
		if (parent.when <= e.when)
			break;
		place(h, i, parent);
	}
	place(h, i, e);
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
		place(h, i, h->heap[least]);
		i = least;
	}
	place(h, i, e);
}

static struct ug__timers *fired(struct ug__timers *h)
{
	return (struct ug__timers *)((uintptr_t)h | 1);
}

static void publish_next(struct ug__timers *h)
{
	store_seq(&h->next, h->count ? h->heap[0].when : UG_FOREVER);
}

static int grow(struct ug__timers *h)
{
	size_t room = h->room ? h->room * 2 : 64;
	struct ug__timer_entry *heap = realloc(h->heap, room * sizeof *heap);
	if (!heap)
		return -ENOMEM;
	h->heap = heap;
	h->room = room;
	return 0;
}

int ug__timers_add(struct ug__timers *h, struct ug__timer *t)
{
	ug__lock(&h->lock);
	if (h->count == h->room && grow(h) < 0) {
		ug__unlock(&h->lock);
		return -ENOMEM;
	}
	store_release(&t->heap_, h);
	sift_up(h, h->count++, (struct ug__timer_entry){t->when_, t});
	int first = t->index_ == 0;
	if (first)
		publish_next(h);
	ug__unlock(&h->lock);
	return first;
}

/* Takes out the timer at an index and leaves `mark` as its heap; the lock is held. */
static void take(struct ug__timers *h, size_t i, struct ug__timers *mark)
{
	struct ug__timer *t = h->heap[i].timer;
	struct ug__timer_entry last = h->heap[--h->count];
	if (last.timer != t) {
		if (i > 0 && last.when < h->heap[(i - 1) / WAYS].when)
			sift_up(h, i, last);
		else
			sift_down(h, i, last);
	}
	store_release(&t->heap_, mark);
	if (i == 0)
		publish_next(h);
}

int ug__timers_remove(struct ug__timer *t)
{
	struct ug__timers *h = load_acquire(&t->heap_);
	if (!h)
		return 0;
	h = (struct ug__timers *)((uintptr_t)h & ~(uintptr_t)1);
	ug__lock(&h->lock);
	int armed = load_relaxed(&t->heap_) == h;
	if (armed)
		take(h, t->index_, NULL);
	ug__unlock(&h->lock);
	return armed;
}

size_t ug__timers_run(struct ug__timers *h, int64_t now)
{
	size_t n = 0;
	if (load_relaxed(&h->next) > now)
		return 0;
	ug__lock(&h->lock);
	for (; h->count && h->heap[0].when <= now; n++) {
		struct ug__timer *t = h->heap[0].timer;
		take(h, 0, fired(h));
		t->fire_(t);
	}
	ug__unlock(&h->lock);
	return n;
}

void ug__timers_drop(struct ug__timers *h, int (*which)(const struct ug__timer *t))
{
	ug__lock(&h->lock);
	for (size_t i = 0; i < h->count;) {
		if (which(h->heap[i].timer)) {
			take(h, i, NULL);
			i = 0; /* the last one has moved to some place before or behind */
		} else {
			i++;
		}
	}
	ug__unlock(&h->lock);
}

void ug__timers_end(struct ug__timers *h)
{
	free(h->heap);
	*h = (struct ug__timers){.next = UG_FOREVER};
}
