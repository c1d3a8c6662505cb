/* SPDX-License-Identifier: MIT */
/*
 * Reader and writer lock. One word counts the readers, or says WRITER; WAITING stands in it while anybody queues, and sends
 * every newcomer to the queue, so that a stream of readers cannot keep a writer out. Grants are handed over in the order
 * of the queue, a run of readers at its head together: whoever is woken has the lock.
 *
 * While WAITING is set the word changes under the queue's lock only, but for readers that leave, and not the last of those: the
 * one that could free the lock does so under the queue's lock, so that the lock is never free while someone waits for it, and
 * nothing of it is touched by one who has let go.
 */
#include "sync/sync_priv.h"

#define WRITER (UINT32_C(1) << 31)
#define WAITING (UINT32_C(1) << 30)
#define READERS (WAITING - 1)

enum { READ, WRITE }; /* a waiter's index_ */

static int may_have(uint32_t s, int kind)
{
	return kind == READ ? !(s & (WRITER | WAITING)) : s == 0;
}

static int try_have(ug_rwmutex *m, int kind, uint32_t *s)
{
	while (may_have(*s, kind))
		if (cas_acq_rel(&m->state_, s, *s + (kind == READ ? 1 : WRITER)))
			return 1;
	return 0;
}

/* With the queue's lock held: gives the lock to as many of the queue's head as may have it. */
static void grant(ug_rwmutex *m, struct wakes *woken)
{
	struct ug__waiter *w;
	while ((w = m->waiters_.head_)) {
		uint32_t s = load_acquire(&m->state_);
		if (s & (w->index_ == WRITE ? WRITER | READERS : WRITER))
			return;
		ug__waitq_remove(&m->waiters_, w);
		if (!ug__wake_win(w->task_))
			continue;
		add_acq_rel(&m->state_, w->index_ == WRITE ? WRITER : 1);
		wakes_add(woken, w, 0);
	}
	and_seq(&m->state_, ~WAITING);
}

static UG__NOINLINE int lock_slow(ug_rwmutex *m, struct ug__task *t, int kind)
{
	struct ug__waiter w = {.task_ = t, .index_ = kind};
	struct wakes woken;
	ug__lock(&m->lock_);
	uint32_t s = load_relaxed(&m->state_);
	do {
		if (try_have(m, kind, &s)) {
			ug__unlock(&m->lock_);
			return 0;
		}
	} while (!(s & WAITING) && !cas_acq_rel(&m->state_, &s, s | WAITING));
	int e = wait_in(&m->lock_, &m->waiters_, &w, UG__WAIT_RWMUTEX, m);
	if (likely(e == 0))
		return 0;
	wakes_init(&woken);
	ug__lock(&m->lock_);
	grant(m, &woken); /* it may have stood in the way of readers */
	ug__unlock(&m->lock_);
	wakes_ready(&woken);
	return e;
}

static inline int lock_as(ug_rwmutex *m, int kind)
{
	struct ug__task *t = ug__wait_self();
	int e = ug__wait_check(t);
	if (unlikely(e < 0))
		return e;
	uint32_t s = load_relaxed(&m->state_);
	if (likely(try_have(m, kind, &s)))
		return 0;
	return lock_slow(m, t, kind);
}

/* Lets go of what `mask` says, where that may free the lock for someone who waits. */
static UG__NOINLINE int unlock_slow(ug_rwmutex *m, uint32_t mask, uint32_t one)
{
	struct wakes woken;
	int e = -EINVAL;
	wakes_init(&woken);
	ug__lock(&m->lock_);
	uint32_t s = load_relaxed(&m->state_);
	if ((s & mask) && !(s & WAITING)) {
		/* All have given up since. Whoever gets the lock next may be its last user: the queue's goes first. */
		ug__unlock(&m->lock_);
		return mask == WRITER ? ug_rwmutex_unlock(m) : ug_rwmutex_runlock(m);
	}
	while ((s & mask) && e < 0)
		if (cas_acq_rel(&m->state_, &s, s - one))
			e = 0;
	if (e == 0)
		grant(m, &woken);
	ug__unlock(&m->lock_);
	wakes_ready(&woken);
	return e;
}

int ug_rwmutex_lock(ug_rwmutex *m)
{
	return lock_as(m, WRITE);
}

int ug_rwmutex_rlock(ug_rwmutex *m)
{
	return lock_as(m, READ);
}

int ug_rwmutex_try_lock(ug_rwmutex *m)
{
	uint32_t s = load_relaxed(&m->state_);
	return try_have(m, WRITE, &s) ? 0 : -EBUSY;
}

int ug_rwmutex_try_rlock(ug_rwmutex *m)
{
	uint32_t s = load_relaxed(&m->state_);
	return try_have(m, READ, &s) ? 0 : -EBUSY;
}

int ug_rwmutex_unlock(ug_rwmutex *m)
{
	uint32_t s = WRITER;
	return likely(cas_acq_rel(&m->state_, &s, 0u)) ? 0 : unlock_slow(m, WRITER, WRITER);
}

int ug_rwmutex_runlock(ug_rwmutex *m)
{
	uint32_t s = load_relaxed(&m->state_);
	while ((s & READERS) > 1 || ((s & READERS) == 1 && !(s & WAITING)))
		if (cas_acq_rel(&m->state_, &s, s - 1))
			return 0;
	return unlock_slow(m, READERS, 1);
}
