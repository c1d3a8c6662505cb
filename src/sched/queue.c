/* SPDX-License-Identifier: MIT */
/*
 * Run queues: a slot and a ring for each processor, one global queue, and one of hogs.
 *
 * The ring is of 256 places, single producer (the holder), many takers. tail is written by the holder alone; head moves
 * by compare-and-swap, by the holder for one, by a thief for half. A taker reads the places first and owns them only if
 * its swap succeeds; the holder overwrites a place only when head has passed it. Numbers run on and wrap at 2^32; a swap
 * that meets a head that has wrapped round exactly would need 2^32 pops in between.
 *
 * The slot holds what was made ready last, so that a task and the one it waits for take turns on warm caches. A thief takes
 * it only where it finds the same task in it, and no pick made, a while later: else the holder is about to run it.
 *
 * Hogs: a task that kept its processor so long that it was taken waits in a queue of its own until the others have had their turn
 * (it is looked at last, and once each 64 picks). Else several such tasks would stand before everybody else in turn, and promise 5
 * would hold for one of them only.
 *
 * Order for wake-ups: a push to a ring or the global queue ends with a sequentially consistent store, then looks at idle_count;
 * a worker that goes idle adds itself to idle_count, then looks at every ring and the global queue. One of the two sees the
 * other (see idle.c). A slot is filled by a plain store: sleepers do not look at those of others, and the monitor, which does
 * before it sleeps, passes a barrier in all threads first. A yield wakes nobody, and so needs no more either.
 */
#include "sched/sched_priv.h"

#include "config.h"
#include UG_CPU_H

/* Both kinds of runnable link through their first word. */
static runnable *link_of(runnable r)
{
	return (runnable *)(r & ~(runnable)1);
}

static void append(struct shared_queue *q, runnable head, runnable tail, uint32_t n)
{
	ug__lock(&q->lock);
	*link_of(tail) = 0;
	if (q->tail)
		*link_of(q->tail) = head;
	else
		q->head = head;
	q->tail = tail;
	store_seq(&q->count, q->count + n);
	ug__unlock(&q->lock);
}

/* Takes up to n; the lock is held, and they are there. Linked, the last one's link is whatever follows. */
static runnable take(struct shared_queue *q, uint32_t n)
{
	runnable first = q->head, r = first;
	for (uint32_t i = 0; i < n; i++)
		r = *link_of(r);
	q->head = r;
	if (!r)
		q->tail = 0;
	store_seq(&q->count, q->count - n);
	return first;
}

void ug__global_push(runnable r)
{
	append(&S->global, r, r, 1);
}

/* Takes this processor's share of the global queue: the first is answered, the others go to its ring. */
runnable ug__global_pop(struct proc *p)
{
	struct shared_queue *q = &S->global;
	if (load_relaxed(&q->count) == 0)
		return 0;
	ug__lock(&q->lock);
	uint32_t n = q->count / S->procs_count + 1;
	uint32_t room = RING - (p->tail - load_acquire(&p->head));
	if (n > q->count)
		n = q->count;
	if (n > RING / 2)
		n = RING / 2;
	if (n > room + 1)
		n = room + 1;
	runnable first = n ? take(q, n) : 0, r = first;
	uint32_t tail = p->tail;
	for (uint32_t i = 1; i < n; i++) {
		r = *link_of(r);
		store_relaxed(&p->ring[tail++ % RING], r);
	}
	ug__unlock(&q->lock);
	store_seq(&p->tail, tail);
	return first;
}

void ug__hog_push(struct ug__task *t)
{
	append(&S->hogs, (runnable)t, (runnable)t, 1);
}

runnable ug__hog_pop(void)
{
	if (load_relaxed(&S->hogs.count) == 0)
		return 0;
	ug__lock(&S->hogs.lock);
	runnable r = S->hogs.count ? take(&S->hogs, 1) : 0;
	ug__unlock(&S->hogs.lock);
	return r;
}

/* The ring is full: half of it and r go to the global queue. false: thieves were quicker, and there is room. */
static bool overflow(struct proc *p, runnable r, uint32_t head)
{
	runnable batch[RING / 2];
	uint32_t n = RING / 2;
	for (uint32_t i = 0; i < n; i++)
		batch[i] = load_relaxed(&p->ring[(head + i) % RING]);
	if (!cas_acq_rel(&p->head, &head, head + n))
		return false;
	for (uint32_t i = 0; i + 1 < n; i++)
		*link_of(batch[i]) = batch[i + 1];
	*link_of(batch[n - 1]) = r;
	append(&S->global, batch[0], r, n + 1);
	return true;
}

/* Puts r at the ring's end, whose tail the caller moves; false: it went to the global queue. */
static inline __attribute__((always_inline)) bool put(struct proc *p, runnable r)
{
	for (;;) {
		uint32_t head = load_acquire(&p->head);
		if (p->tail - head < RING) {
			store_relaxed(&p->ring[p->tail % RING], r);
			return true;
		}
		if (overflow(p, r, head))
			return false;
	}
}

void ug__queue_push(struct proc *p, runnable r)
{
	if (put(p, r))
		store_seq(&p->tail, p->tail + 1);
}

void ug__queue_push_quiet(struct proc *p, runnable r)
{
	if (put(p, r))
		store_release(&p->tail, p->tail + 1);
}

bool ug__queue_push_slot(struct proc *p, runnable r)
{
	if (load_relaxed(&p->slot) == 0 && !S->taken_none) {
		store_release(&p->slot, r);
		return false;
	}
	runnable old = swap_seq(&p->slot, r);
	if (old)
		ug__queue_push(p, old);
	return old != 0;
}

static runnable ring_pop(struct proc *p)
{
	uint32_t head = load_acquire(&p->head);
	while (head != p->tail) {
		runnable r = load_relaxed(&p->ring[head % RING]);
		if (cas_acq_rel(&p->head, &head, head + 1))
			return r;
	}
	return 0;
}

/* Looks at a slot before it is stolen, each with a pause of the processor's (ug__relax). */
#define SLOT_PATIENCE 100

/* How often in a row the slot may go before the ring while both have work: it must not starve the others. */
#define SLOT_USES 32

runnable ug__queue_pop(struct proc *p)
{
	if (load_relaxed(&p->slot)) {
		if (p->slot_uses++ < SLOT_USES) {
			runnable r = swap_acq_rel(&p->slot, (runnable)0);
			if (r)
				return r;
		} else {
			p->slot_uses = 0;
			runnable r = ring_pop(p);
			return r ? r : swap_acq_rel(&p->slot, (runnable)0);
		}
	}
	p->slot_uses = 0;
	return ring_pop(p);
}

runnable ug__queue_steal(struct proc *thief, struct proc *victim)
{
	uint32_t head = load_acquire(&victim->head);
	for (;;) {
		uint32_t n = load_acquire(&victim->tail) - head;
		if (n > RING) { /* head is older than tail */
			head = load_acquire(&victim->head);
			continue;
		}
		n -= n / 2;
		if (n == 0)
			return 0;
		runnable first = load_relaxed(&victim->ring[head % RING]);
		/* The thief's ring is empty: it looked there first, and nobody else pushes to it. */
		for (uint32_t i = 1; i < n; i++)
			store_relaxed(&thief->ring[(thief->tail + i - 1) % RING],
				load_relaxed(&victim->ring[(head + i) % RING]));
		if (cas_acq_rel(&victim->head, &head, head + n)) {
			store_seq(&thief->tail, thief->tail + n - 1);
			return first;
		}
	}
}

runnable ug__queue_steal_slot(struct proc *victim)
{
	uint32_t tick = load_relaxed(&victim->tick);
	runnable r = load_relaxed(&victim->slot);
	for (int i = 0; r && i < SLOT_PATIENCE; i++) {
		ug__relax();
		if (load_relaxed(&victim->slot) != r || load_relaxed(&victim->tick) != tick)
			return 0;
	}
	return r && cas_acq_rel(&victim->slot, &r, (runnable)0) ? r : 0;
}

bool ug__ring_empty(const struct proc *p)
{
	return load_seq(&p->tail) == load_seq(&p->head);
}

bool ug__queue_empty(const struct proc *p)
{
	return ug__ring_empty(p) && !load_seq(&p->slot);
}
