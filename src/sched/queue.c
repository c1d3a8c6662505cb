/* SPDX-License-Identifier: MIT */
/*
 * Run queues: a slot, a ring and a ring of young ones for each processor, one global queue, one of the surplus of young
 * ones, and one of hogs.
 *
 * The ring is of 256 places, single producer (the holder), many takers. tail is written by the holder alone; head moves
 * by compare-and-swap, by the holder for one, by a thief for half. A taker reads the places first and owns them only if
 * its swap succeeds; the holder overwrites a place only when head has passed it. Numbers run on and wrap at 2^32; a
 * swap that meets a head that has wrapped round exactly would need 2^32 pops in between.
 *
 * Where there is one processor nobody steals, and the holder takes from the ring and the slot by plain stores.
 *
 * The slot holds what was made ready last, so that a task and the one it waits for take turns on warm caches. A thief
 * takes it only where it finds the same task in it, and no pick made, a while later: else the holder is about to run
 * it.
 *
 * The young are the records of tasks that have not run yet, where a task started them and another has taken the slot
 * since, or such a record stood there already: it stays, which saves a swap of the slot for each start. They are run
 * after that one, newest first: a tree of tasks is then walked in depth, with as many stacks and records alive as it is
 * deep, all of them warm; in breadth (first in, first out) the same tree had most of its tasks alive at once, and each
 * step missed the cache. The order is only the holder's, for its own: thieves take the older half, which are the larger
 * branches; of a full ring the older half goes to a queue of the surplus, from which those who have no young get some.
 * Who gives way to those that it has started (park.c) lies among them, below these. Nobody starves: while the ring of
 * tasks has work too, each YOUNG_TURN-th pick takes the oldest, and after a yield as many picks as there are young
 * ones; a task that gives way again and again lets some of the oldest go first; and in any case one pick in some
 * thousands does (worker.c; one in two hundred made the tree grow in breadth again).
 *
 * Their ring is popped at both ends, so its state is one word that all change by compare-and-swap: head and length, of
 * 16 bits each, and a count of the pushes, 32 bits. A taker reads the places, then swaps: if there was no push in
 * between, the same head and length mean the same places, for pops only make less of them.
 *
 * Hogs: a task that kept its processor so long that it was taken waits in a queue of its own until the others have had
 * their turn (it is looked at last, and once each 64 picks). Else several such tasks would stand before everybody else
 * in turn, and promise 5 would hold for one of them only.
 *
 * Order for wake-ups: a push to a ring or the global queue ends with a sequentially consistent store, then looks at
 * idle_count; a worker that goes idle adds itself to idle_count, then looks at all rings and the global queue. One of
 * the two sees the other (see idle.c). A slot is filled by a plain store: sleepers do not look at those of others, and
 * the monitor, which does before it sleeps, passes a barrier in all threads first. A yield wakes nobody, and so needs
 * no more either.
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

/* Records that were started one after the other mostly lie so, too; many are in no cache any more when their turn
 * comes. */
#define AHEAD (2048 / sizeof(runnable))

/* Takes up to n; the lock is held, and they are there. Linked, the last one's link is whatever follows. */
static runnable take(struct shared_queue *q, uint32_t n)
{
	runnable first = q->head, r = first;
	for (uint32_t i = 0; i < n; i++) {
		if (r & 1)
			__builtin_prefetch(link_of(r) + AHEAD);
		r = *link_of(r);
	}
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

#define HALF (RING / 2)

/* Takes a processor's share of a queue, `most` at the most: the first is answered, the others go to `ring` from *tail
 * on, which moves. */
static runnable take_share(struct shared_queue *q, uint32_t most, runnable *ring, uint32_t *tail)
{
	ug__lock(&q->lock);
	uint32_t n = q->count / S->procs_count + 1;
	if (n > q->count)
		n = q->count;
	if (n > most)
		n = most;
	runnable first = n ? take(q, n) : 0, r = first;
	for (uint32_t i = 1; i < n; i++) {
		r = *link_of(r);
		store_relaxed(&ring[(*tail)++ % RING], r);
	}
	ug__unlock(&q->lock);
	return first;
}

runnable ug__global_pop(struct proc *p)
{
	if (load_relaxed(&S->global.count) == 0)
		return 0;
	uint32_t tail = p->tail, room = RING - (tail - load_acquire(&p->head));
	runnable r = take_share(&S->global, room < HALF ? room + 1 : HALF, p->ring, &tail);
	store_seq(&p->tail, tail);
	return r;
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

static void copy_out(runnable *batch, const runnable *ring, uint32_t head, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		batch[i] = load_relaxed(&ring[(head + i) % RING]);
}

/* Half a ring, in order, and r after it. */
static void append_half(struct shared_queue *q, const runnable *batch, runnable r)
{
	for (uint32_t i = 0; i + 1 < HALF; i++)
		*link_of(batch[i]) = batch[i + 1];
	*link_of(batch[HALF - 1]) = r;
	append(q, batch[0], r, HALF + 1);
}

/* The ring is full: half of it and r go to the global queue. false: thieves were quicker, and there is room. */
static bool overflow(struct proc *p, runnable r, uint32_t head)
{
	runnable batch[HALF];
	copy_out(batch, p->ring, head, HALF);
	if (!cas_acq_rel(&p->head, &head, head + HALF))
		return false;
	append_half(&S->global, batch, r);
	return true;
}

static UG__NOINLINE void push_full(struct proc *p, runnable r)
{
	uint32_t head = load_acquire(&p->head);
	if (p->tail - head < RING || !overflow(p, r, head))
		ug__queue_push(p, r);
}

/* Puts r at the ring's end, whose tail the caller moves; false: there is no room. */
static inline __attribute__((always_inline)) bool put(struct proc *p, runnable r, uint32_t tail)
{
	if (unlikely(tail - load_acquire(&p->head) >= RING))
		return false;
	store_relaxed(&p->ring[tail % RING], r);
	return true;
}

void ug__queue_push(struct proc *p, runnable r)
{
	uint32_t tail = p->tail;
	if (likely(put(p, r, tail)))
		store_seq(&p->tail, tail + 1);
	else
		push_full(p, r);
}

/* The young -------------------------------------------------------------------------------------------------------- */

static inline uint32_t young_head(uint64_t state)
{
	return (uint16_t)state;
}

static inline uint32_t young_count(uint64_t state)
{
	return (uint16_t)(state >> 16);
}

#define YOUNG_ONE (UINT64_C(1) << 16)
#define YOUNG_PUSH (YOUNG_ONE + (UINT64_C(1) << 32))

/* The state without the n oldest: only the head wraps, and must not carry into the rest. */
static inline uint64_t young_without(uint64_t state, uint32_t n)
{
	return ((state - n * YOUNG_ONE) & ~UINT64_C(0xffff)) | (uint16_t)(young_head(state) + n);
}

static UG__NOINLINE void young_push_full(struct proc *p, uint64_t state, runnable r);

static inline __attribute__((always_inline)) void young_push(struct proc *p, runnable r)
{
	uint64_t state = load_acquire(&p->young_state);
	for (;;) {
		if (unlikely(young_count(state) == RING)) {
			young_push_full(p, state, r);
			return;
		}
		store_relaxed(&p->young[(young_head(state) + young_count(state)) % RING], r);
		if (likely(cas_seq(&p->young_state, &state, state + YOUNG_PUSH)))
			return;
	}
}

/* Half goes to the surplus, and r. */
static UG__NOINLINE void young_push_full(struct proc *p, uint64_t state, runnable r)
{
	runnable batch[HALF];
	copy_out(batch, p->young, young_head(state), HALF);
	if (cas_acq_rel(&p->young_state, &state, young_without(state, HALF)))
		append_half(&S->surplus, batch, r);
	else
		young_push(p, r); /* thieves were quicker, and there is room */
}

/* state: as it was seen, not empty. */
static inline __attribute__((always_inline)) runnable young_pop(struct proc *p, uint64_t state)
{
	do {
		runnable r = load_relaxed(&p->young[(young_head(state) + young_count(state) - 1) % RING]);
		if (likely(cas_acq_rel(&p->young_state, &state, state - YOUNG_ONE)))
			return r;
	} while (young_count(state));
	return 0;
}

static runnable young_pop_oldest(struct proc *p)
{
	uint64_t state = load_acquire(&p->young_state);
	while (young_count(state)) {
		runnable r = load_relaxed(&p->young[young_head(state) % RING]);
		if (cas_acq_rel(&p->young_state, &state, young_without(state, 1)))
			return r;
	}
	return 0;
}

uint32_t ug__young_push_below(struct proc *p, runnable r, uint32_t n)
{
	runnable batch[HALF];
	uint64_t state = load_acquire(&p->young_state);
	do {
		n = n < young_count(state) ? n : young_count(state);
		n = n < HALF ? n : HALF;
		copy_out(batch, p->young, young_head(state) + young_count(state) - n, n);
	} while (!cas_acq_rel(&p->young_state, &state, state - n * YOUNG_ONE));
	state -= n * YOUNG_ONE;
	if (young_count(state) + n == RING) { /* its half goes to the surplus */
		young_push(p, r);
		for (uint32_t i = 0; i < n; i++)
			young_push(p, batch[i]);
		return 0;
	}
	/* Thieves move the head and the count, and so not the end. */
	uint32_t end = young_head(state) + young_count(state);
	store_relaxed(&p->young[end % RING], r);
	for (uint32_t i = 0; i < n; i++)
		store_relaxed(&p->young[(end + 1 + i) % RING], batch[i]);
	while (!cas_seq(&p->young_state, &state, state + (n + 1) * YOUNG_PUSH))
		;
	return young_count(state);
}

bool ug__young_empty(const struct proc *p)
{
	return young_count(load_relaxed(&p->young_state)) == 0;
}

runnable ug__queue_pop_oldest(struct proc *p)
{
	if (load_relaxed(&S->surplus.count) == 0)
		return young_pop_oldest(p);
	uint64_t state = load_acquire(&p->young_state);
	uint32_t from = young_head(state) + young_count(state), tail = from;
	runnable r = take_share(&S->surplus, young_count(state) ? 1 : HALF, p->young, &tail);
	if (tail != from) /* without others' swaps: a ring without young ones is its holder's alone */
		store_seq(&p->young_state, state + (tail - from) * YOUNG_PUSH);
	return r;
}

/* The oldest of the half taken is answered; the others are the thief's young, which had none. */
static runnable young_steal(struct proc *thief, struct proc *victim)
{
	uint64_t state = load_acquire(&victim->young_state);
	for (;;) {
		uint32_t n = young_count(state), head = young_head(state);
		n -= n / 2;
		if (n == 0)
			return 0;
		uint64_t mine = load_relaxed(&thief->young_state);
		runnable first = load_relaxed(&victim->young[head % RING]);
		for (uint32_t i = 1; i < n; i++)
			store_relaxed(&thief->young[(young_head(mine) + i - 1) % RING],
				load_relaxed(&victim->young[(head + i) % RING]));
		if (!cas_acq_rel(&victim->young_state, &state, young_without(state, n)))
			continue;
		store_seq(&thief->young_state, mine + (n - 1) * YOUNG_PUSH);
		return first;
	}
}

void ug__queue_push_quiet(struct proc *p, runnable r)
{
	uint64_t young = load_relaxed(&p->young_state);
	if (unlikely(young_count(young)))
		p->young_due = young_count(young);
	uint32_t tail = p->tail;
	if (likely(put(p, r, tail)))
		store_release(&p->tail, tail + 1);
	else
		push_full(p, r);
}

/* The slot, and what runs next
 * --------------------------------------------------------------------------------------- */

bool ug__queue_push_slot_full(struct proc *p, runnable r)
{
	if (load_relaxed(&p->slot) & r & 1) { /* both are young */
		young_push(p, r);
		return true;
	}
	runnable old = swap_seq(&p->slot, r);
	if (!old)
		return false;
	if (old & 1)
		young_push(p, old);
	else
		ug__queue_push(p, old);
	return true;
}

static inline __attribute__((always_inline)) runnable ring_pop(struct proc *p)
{
	uint32_t head = load_acquire(&p->head);
	while (head != p->tail) {
		runnable r = load_relaxed(&p->ring[head % RING]);
		if (S->procs_count == 1) { /* nobody steals */
			store_release(&p->head, head + 1);
			return r;
		}
		if (cas_acq_rel(&p->head, &head, head + 1))
			return r;
	}
	return 0;
}

/* How often in a row the ring may go before the oldest of the young. */
#define YOUNG_TURN 8

/* The same, of the newest, or the oldest for a while. */
static inline runnable pop_young(struct proc *p, uint64_t state)
{
	if (likely(p->young_oldest == 0))
		return young_pop(p, state);
	p->young_oldest--;
	runnable r = ug__queue_pop_oldest(p);
	return r ? r : young_pop_oldest(p);
}

static UG__NOINLINE runnable pop_young_or_ring(struct proc *p, uint64_t state)
{
	if (load_acquire(&p->head) == p->tail)
		return pop_young(p, state);
	runnable r = 0;
	if (p->young_due || ++p->young_turn % YOUNG_TURN == 0)
		r = young_pop_oldest(p);
	p->young_due -= p->young_due > 0;
	if (!r)
		r = ring_pop(p);
	if (r)
		return r;
	state = load_acquire(&p->young_state);
	return young_count(state) ? young_pop(p, state) : 0;
}

static inline runnable pop_rings(struct proc *p)
{
	uint64_t state = load_acquire(&p->young_state);
	return unlikely(young_count(state)) ? pop_young_or_ring(p, state) : ring_pop(p);
}

runnable ug__queue_pop_rings(struct proc *p)
{
	p->slot_uses = 0;
	runnable r = pop_rings(p);
	return r || !load_relaxed(&p->slot) ? r : ug__slot_take(p);
}

/* Looks at a slot before it is stolen, each with a pause of the processor's (ug__relax). */
#define SLOT_PATIENCE 100

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
			return young_steal(thief, victim);
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
	if (!r || !cas_acq_rel(&victim->slot, &r, (runnable)0))
		return 0;
	store_relaxed(&victim->robbed, 1u);
	return r;
}

bool ug__rings_empty(const struct proc *p)
{
	return load_seq(&p->tail) == load_seq(&p->head) && young_count(load_seq(&p->young_state)) == 0;
}

bool ug__queue_empty(const struct proc *p)
{
	return ug__rings_empty(p) && !load_seq(&p->slot);
}
