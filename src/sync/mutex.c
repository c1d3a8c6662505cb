/* SPDX-License-Identifier: MIT */
/*
 * Mutex. One word: LOCKED, and while anybody queues WAITING, so that lock and unlock without contention are one
 * compare-and-swap each, from 0 and to 0, and past one that was woken as well. The other bits change under the lock of
 * the queue only. LOCKED is set by whoever finds it clear, with that lock or without.
 *
 * An unlock does not pass the mutex on: it wakes the head of the queue, which then tries again, and meanwhile whoever
 * runs may take it ("barging": a mutex that is handed to a sleeper stands idle until that one runs). WOKEN says that
 * one is on its way, so that further unlocks need neither wake anybody nor look at the queue. One who was woken and
 * lost queues in front again; if its wait has lasted PATIENCE it sets STARVING, and then the next unlock does hand over
 * to the head, with LOCKED still set. So each waiter needs a turn at the head, at most one lost race, and one
 * hand-over. (Go's scheme, save that each hand-over has to be asked for anew.)
 *
 * Nobody is forgotten. Who queues has seen LOCKED with WAITING set, while it held the queue's lock. Either the mutex is
 * still held, and its unlock goes through the queue's lock: it sees the new waiter. Or it was unlocked past the queue,
 * which is done only under WOKEN: then the one on its way, which clears WOKEN under the queue's lock and so after we
 * have queued, takes the mutex, or finds it taken by one whose unlock will find WOKEN clear. One on its way can not be
 * lost: its wake has been won, and a context's end that comes later is not looked at before it has had its try. A
 * waiter whose context ends in the queue is not on its way, and just leaves.
 */
#include "sync/sync.h"

#include "config.h"
#include "sync/sync_priv.h"
#include UG_CPU_H

enum { LOCKED = 1, WAITING = 2, WOKEN = 4, STARVING = 8 };
enum { RETRY, HANDED }; /* results of a wake */

#define PATIENCE UG_MS
#define SPINS 60

static int take(ug_mutex *m, uint32_t *s)
{
	while (!(*s & LOCKED))
		if (cas_acq_rel(&m->state_, s, *s | LOCKED))
			return 1;
	return 0;
}

/*
 * What is tried first. A look at the word would be sure; but one that follows a locked instruction on the same word
 * waits for it, and a look at another word does not. Where some queue, one of them is on its way: tasks that lock and
 * unlock without a wait go past it a hundred thousand times before it runs. Who is wrong has learnt what is there.
 */
static inline uint32_t guess(const ug_mutex *m, uint32_t locked)
{
	return likely(ug__waitq_idle(&m->waiters_)) ? locked : locked | WAITING | WOKEN;
}

/* The queue's lock is held. 1: taken. 0: whoever has the mutex has been told to look at the queue. */
static int take_or_tell(ug_mutex *m, uint32_t bits)
{
	uint32_t s = load_relaxed(&m->state_);
	do {
		if (take(m, &s))
			return 1;
	} while ((s & bits) != bits && !cas_acq_rel(&m->state_, &s, s | bits));
	return 0;
}

/* A holder that runs is done within that time, as a rule, and a park and a wake cost more. */
static int spin(ug_mutex *m)
{
	if (ug_procs() == 1)
		return 0;
	unsigned left = ug__spin_begin(SPINS, false);
	do {
		uint32_t s = load_relaxed(&m->state_);
		if (s & STARVING)
			break;
		if (take(m, &s))
			return 1;
	} while (ug__spin(&left));
	ug__spin_failed();
	return 0;
}

static UG__NOINLINE int lock_slow(ug_mutex *m, struct ug__task *t, int wait)
{
	if (spin(m))
		return 0;
	struct ug__waiter w = {.task_ = t};
	int64_t since = 0;
	uint32_t bits = WAITING;
	ug__lock(&m->lock_);
	while (!take_or_tell(m, bits)) {
		ug__wait_arm(t, wait, m);
		if (since == 0)
			ug__waitq_push(&m->waiters_, &w);
		else
			ug__waitq_push_front(&m->waiters_, &w);
		ug__unlock(&m->lock_);
		if (since == 0)
			since = ug_now();
		int e = ug__park(t);
		if (e == 0 && w.result_ == HANDED)
			return 0;
		ug__lock(&m->lock_);
		if (e < 0) {
			ug__waitq_remove(&m->waiters_, &w);
			if (ug__waitq_idle(&m->waiters_))
				and_seq(&m->state_, ~(uint32_t)(WAITING | STARVING));
			ug__unlock(&m->lock_);
			return e;
		}
		and_seq(&m->state_, ~(uint32_t)WOKEN);
		if (ug_now() - since > PATIENCE)
			bits = WAITING | STARVING;
	}
	ug__unlock(&m->lock_);
	return 0;
}

int ug_mutex_lock(ug_mutex *m)
{
	struct ug__task *t = ug__wait_self();
	int e = ug__wait_check(t);
	if (unlikely(e < 0))
		return e;
	uint32_t s = guess(m, 0);
	if (likely(take(m, &s)))
		return 0;
	return lock_slow(m, t, UG__WAIT_MUTEX);
}

void ug__mutex_lock_hard(ug_mutex *m)
{
	uint32_t s = 0;
	if (!cas_acq_rel(&m->state_, &s, (uint32_t)LOCKED))
		(void)lock_slow(m, ug__self(), UG__WAIT_MUTEX | UG__WAIT_HARD);
}

int ug_mutex_try_lock(ug_mutex *m)
{
	uint32_t s = load_relaxed(&m->state_);
	return take(m, &s) ? 0 : -EBUSY;
}

int ug__mutex_held(const ug_mutex *m)
{
	return (load_relaxed(&m->state_) & LOCKED) != 0;
}

/*
 * The mutex is let go of before the queue's lock only where someone queues or is on the way, and so needs both after
 * us. Where all have given up meanwhile, the queue's lock goes first: whoever gets the mutex next may be its last user
 * and free it.
 */
static UG__NOINLINE int unlock_slow(ug_mutex *m)
{
	struct ug__waiter *w = NULL;
	ug__lock(&m->lock_);
	uint32_t s = load_relaxed(&m->state_), next = s & WOKEN;
	if (!(s & LOCKED)) {
		ug__unlock(&m->lock_);
		return -EINVAL;
	}
	if ((s & STARVING) || !(s & WOKEN))
		w = ug__waitq_win(&m->waiters_);
	if (!w && ug__waitq_idle(&m->waiters_)) {
		store_relaxed(&m->state_, s & (LOCKED | WOKEN));
		ug__unlock(&m->lock_);
		return ug_mutex_unlock(m);
	}
	if (w) {
		w->result_ = s & STARVING ? HANDED : RETRY;
		next |= s & STARVING ? LOCKED : WOKEN;
	}
	if (!ug__waitq_idle(&m->waiters_))
		next |= WAITING;
	store_release(&m->state_, next);
	ug__unlock(&m->lock_);
	if (w)
		ug__ready(w->task_);
	return 0;
}

int ug_mutex_unlock(ug_mutex *m)
{
	uint32_t s = guess(m, LOCKED);
	while (s == LOCKED || (s & (LOCKED | WOKEN | STARVING)) == (LOCKED | WOKEN))
		if (cas_acq_rel(&m->state_, &s, s & ~(uint32_t)LOCKED))
			return 0;
	return unlock_slow(m);
}
