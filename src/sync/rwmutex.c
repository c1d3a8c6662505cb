/* SPDX-License-Identifier: MIT */
/*
 * Reader and writer lock. One word counts the readers and has three marks. WRITER: one has the lock, or has come and
 * waits a moment for the readers to leave; no reader gets in past it. WAITING stands while anybody queues, and sends
 * every newcomer to the queue, so that a stream of readers cannot keep a writer out. FAST is told below.
 *
 * Grants are handed over in the order of the queue, a run of readers at its head together: whoever is woken has the
 * lock. Save where only readers queue: these are woken to try for themselves, once, and then wait to be given it. (A
 * lock that sleepers hold is not free for the next writer, who then queues as well, and all after him: every lock and
 * unlock was a park and a wake, on two cores 200,000 times in a second. Those who try hold nothing while they wait for
 * a core.)
 *
 * While WAITING is set the word changes under the queue's lock only, but for readers that leave, and not the last of
 * those: the one that could free the lock does so under the queue's lock, so that the lock is never free while someone
 * waits for it, and nothing of it is touched by one who has let go.
 *
 * Where many read and few write, a count in one word is what it costs: two locked instructions, and a cache line that
 * moves. So once enough readers have come since a writer, one of them sets FAST, and while it stands readers whose
 * thread holds nothing else note it with their worker alone (sched/held.c): such a lock is not in the word. The word is
 * looked at again after it was noted; whoever then finds FAST gone, WRITER or WAITING takes it back. Who would write
 * finds FAST, sets WRITER, and looks at the workers; so does whoever would grant to a writer. A look at each worker is
 * a cache line of another core, so a lock that is mostly written is not FAST: some writers later it goes, and comes
 * back when as many readers have come as make up for a look. Where it comes back before the next writer, it stays for
 * more of them the next time.
 *
 * A lock noted with a worker cannot be taken out there by another task, though any may let go of any. Who finds none in
 * the word, but some noted, yields until its own has been let go of or settled: its taker is running, and noted it
 * since it last waited.
 */
#include "sync/sync_priv.h"

#include "config.h"
#include UG_CPU_H

#define FAST (UINT32_C(1) << 31)
#define WRITER (UINT32_C(1) << 30)
#define WAITING (UINT32_C(1) << 29)
#define READERS (WAITING - 1)

#define SPINS 30
#define WRITES 4 /* that may find FAST before it goes */
#define PATIENCE 4 /* doublings of that */

enum { READ, WRITE }; /* a waiter's index_; its amount_ is how often it has been woken in vain */
enum { HANDED, RETRY }; /* results of a wake */

/* Counts a reader; 1 where that is enough of them to be noted with their workers from now on. Nobody minds one lost. */
static int reads_enough(ug_rwmutex *m)
{
	uint32_t n = load_relaxed(&m->reads_) + 1;
	store_relaxed(&m->reads_, n);
	return n % 8 == 0 && n >= ug__held_pays();
}

static int try_read(ug_rwmutex *m, uint32_t *s)
{
	uint32_t fast = !(*s & FAST) && reads_enough(m) ? FAST : 0;
	while (!(*s & (WRITER | WAITING)))
		if (cas_acq_rel(&m->state_, s, (*s + 1) | fast))
			return 1;
	return 0;
}

/* With the queue's lock held. First those noted, then the word: who settles does it in the other order. */
static int anyone_reads(ug_rwmutex *m)
{
	if ((load_acquire(&m->state_) & FAST) && ug__held_count(&m->state_))
		return 1;
	return (load_acquire(&m->state_) & READERS) != 0;
}

/* May those at the head of the queue try for themselves? No writer queues, and none of them has tried before. */
static int may_retry(const ug_rwmutex *m)
{
	for (const struct ug__waiter *w = m->waiters_.head_; w; w = w->next_)
		if (w->index_ == WRITE || w->amount_)
			return 0;
	return 1;
}

/* With the queue's lock held: gives the lock to as many of the queue's head as may have it, or wakes them to try. */
static void grant(ug_rwmutex *m, struct wakes *woken)
{
	struct ug__waiter *w;
	int retry = may_retry(m);
	while ((w = m->waiters_.head_)) {
		if ((load_acquire(&m->state_) & WRITER) || (w->index_ == WRITE && anyone_reads(m)))
			return;
		ug__waitq_remove(&m->waiters_, w);
		if (!ug__wake_win(w->task_))
			continue;
		if (!retry)
			add_acq_rel(&m->state_, w->index_ == WRITE ? WRITER : 1);
		wakes_add(woken, w, retry ? RETRY : HANDED);
	}
	and_seq(&m->state_, ~WAITING);
}

static UG__NOINLINE void grant_now(ug_rwmutex *m)
{
	struct wakes woken;
	wakes_init(&woken);
	ug__lock(&m->lock_);
	grant(m, &woken);
	ug__unlock(&m->lock_);
	wakes_ready(&woken);
}

/* A writer who queues where readers may be noted with their workers: none must leave without seeing it. */
static int wait_for_noted(ug_rwmutex *m, struct ug__waiter *w)
{
	struct ug__task *t = w->task_;
	ug__wait_arm(t, UG__WAIT_RWMUTEX, m);
	ug__waitq_push(&m->waiters_, w);
	ug__unlock(&m->lock_);
	ug__held_told(&m->state_);
	grant_now(m);
	int e = ug__park(t);
	if (likely(e == 0))
		return w->result_;
	ug__lock(&m->lock_);
	ug__waitq_remove(&m->waiters_, w);
	ug__unlock(&m->lock_);
	return e;
}

/* Writing ---------------------------------------------------------------------------------------------------------- */

/* WRITER is set, so no more readers come, and none is noted who does not take it back at once. Those who are in may be
 * about to leave. */
static UG__NOINLINE int readers_leave(ug_rwmutex *m)
{
	for (int i = ug_procs() > 1 ? SPINS : 1; i > 0; i--) {
		uint32_t s = load_acquire(&m->state_);
		/* The word last: some may have been settled. */
		if ((!(s & FAST) || ug__held_count(&m->state_) == 0) && !(load_acquire(&m->state_) & READERS))
			return 1;
		if (s & WAITING)
			return 0;
		ug__relax();
	}
	return 0;
}

/* WRITER is given back by one who did not get the lock. */
static UG__NOINLINE void take_back(ug_rwmutex *m)
{
	ug__lock(&m->lock_);
	uint32_t s = and_seq(&m->state_, ~WRITER);
	ug__unlock(&m->lock_);
	if (s & WAITING)
		grant_now(m);
}

static int try_write(ug_rwmutex *m)
{
	uint32_t s = load_relaxed(&m->state_);
	while (!(s & (WRITER | WAITING)))
		if (cas_seq(&m->state_, &s, s | WRITER)) {
			if (likely(s == 0) || readers_leave(m))
				return 1;
			take_back(m);
			return 0;
		}
	return 0;
}

/* Who has the lock, where nobody waits for it, is done soon as a rule; a park and a wake cost more. */
static int spin(ug_rwmutex *m, int kind)
{
	if (ug_procs() == 1)
		return 0;
	unsigned left = ug__spin_begin(SPINS, true);
	do {
		uint32_t s = load_relaxed(&m->state_);
		if (s & WAITING)
			break;
		if (!(s & WRITER))
			return kind == WRITE ? try_write(m) : try_read(m, &s);
	} while (ug__spin(&left));
	ug__spin_failed();
	return 0;
}

/* With the queue's lock held, and dropped: has the lock, or has waited for it. */
static int queue(ug_rwmutex *m, struct ug__waiter *w)
{
	int kind = w->index_;
	uint32_t s = load_relaxed(&m->state_);
	for (;;) {
		if (!(s & (kind == READ ? WRITER | WAITING : ~0u))) {
			if (cas_acq_rel(&m->state_, &s, kind == READ ? s + 1 : WRITER)) {
				ug__unlock(&m->lock_);
				return HANDED;
			}
		} else if ((s & WAITING) || cas_seq(&m->state_, &s, s | WAITING)) {
			break;
		}
	}
	return kind == WRITE && (s & FAST) ? wait_for_noted(m, w)
					   : wait_in(&m->lock_, &m->waiters_, w, UG__WAIT_RWMUTEX, m);
}

static UG__NOINLINE int lock_slow(ug_rwmutex *m, struct ug__task *t, int kind)
{
	struct ug__waiter w = {.task_ = t, .index_ = kind};
	int e;
	do {
		if (spin(m, kind))
			return 0;
		ug__lock(&m->lock_);
		e = queue(m, &w);
		w.amount_++;
	} while (e == RETRY);
	if (e < 0)
		grant_now(m); /* it may have stood in the way of readers */
	return e;
}

int ug_rwmutex_lock(ug_rwmutex *m)
{
	struct ug__task *t = ug__wait_self();
	int e = ug__wait_check(t);
	if (unlikely(e < 0))
		return e;
	return likely(try_write(m)) ? 0 : lock_slow(m, t, WRITE);
}

int ug_rwmutex_try_lock(ug_rwmutex *m)
{
	return try_write(m) ? 0 : -EBUSY;
}

/*
 * What becomes of FAST when a writer has done: it stays for a few of them, since to set it again costs readers. For
 * twice as many each time that so many readers came before the next writer that it was set again, for the first few
 * once a writer has not found it.
 */
static uint32_t fast_after(ug_rwmutex *m, uint32_t s)
{
	if ((s & FAST) && ++m->writes_ < WRITES << m->patience_)
		return FAST;
	m->patience_ = s & FAST ? (uint16_t)(m->patience_ + (m->patience_ < PATIENCE)) : 0;
	m->writes_ = 0;
	store_relaxed(&m->reads_, 0u);
	return 0;
}

static UG__NOINLINE int unlock_slow(ug_rwmutex *m)
{
	struct wakes woken;
	wakes_init(&woken);
	ug__lock(&m->lock_);
	uint32_t s = load_relaxed(&m->state_);
	if ((s & WRITER) && !(s & WAITING)) {
		/* All have given up since. Whoever gets the lock next may be its last user: the queue's goes first. */
		ug__unlock(&m->lock_);
		return ug_rwmutex_unlock(m);
	}
	if (s & WRITER) {
		and_seq(&m->state_, ~(WRITER | FAST) | fast_after(m, s));
		grant(m, &woken);
	}
	ug__unlock(&m->lock_);
	wakes_ready(&woken);
	return s & WRITER ? 0 : -EINVAL;
}

int ug_rwmutex_unlock(ug_rwmutex *m)
{
	uint32_t s = load_relaxed(&m->state_);
	if (likely((s & (WRITER | WAITING)) == WRITER) && cas_acq_rel(&m->state_, &s, fast_after(m, s)))
		return 0;
	return unlock_slow(m);
}

/* Reading ---------------------------------------------------------------------------------------------------------- */

/* FAST, and neither WRITER nor WAITING: one comparison, for FAST is the sign. */
static inline int may_note(uint32_t s)
{
	return (int32_t)s < (int32_t)(FAST | WAITING);
}

static UG__NOINLINE int rlock_slow(ug_rwmutex *m)
{
	struct ug__task *t = ug__wait_self();
	int e = ug__wait_check(t);
	if (unlikely(e < 0))
		return e;
	uint32_t s = load_relaxed(&m->state_);
	return likely(try_read(m, &s)) ? 0 : lock_slow(m, t, READ);
}

/* Somebody waits for the one that this worker has noted. */
static UG__NOINLINE int leave_noted(ug_rwmutex *m, struct ug__worker_head *w)
{
	struct wakes woken;
	wakes_init(&woken);
	ug__lock(&m->lock_);
	ug__let_go(w);
	if (load_relaxed(&m->state_) & WAITING)
		grant(m, &woken);
	ug__unlock(&m->lock_);
	wakes_ready(&woken);
	return 0;
}

/* What is noted with this worker. */
static inline int leave(ug_rwmutex *m, struct ug__worker_head *w)
{
	ug__leaving(w, &m->state_);
	if (unlikely(load_relaxed(&m->state_) & WAITING))
		return leave_noted(m, w);
	ug__let_go(w);
	return 0;
}

/* Somebody came who would write, or the processor is gone: what was noted is taken back. Who would write may have seen
 * it, and gone to sleep. */
static UG__NOINLINE int rlock_again(ug_rwmutex *m, struct ug__worker_head *w)
{
	leave(m, w);
	return rlock_slow(m);
}

/* Nothing here is called but in the end: the common way needs no frame. */
int ug_rwmutex_rlock(ug_rwmutex *m)
{
	struct ug__worker_head *w = ug__worker_head();
	if (unlikely(!w || !w->cur || !ug__wait_clear(w->cur) || !may_note(load_relaxed(&m->state_)) ||
		    !ug__hold(w, &m->state_)))
		return rlock_slow(m);
	return likely(may_note(load_seq(&m->state_)) && ug__has_proc(w)) ? 0 : rlock_again(m, w);
}

int ug_rwmutex_try_rlock(ug_rwmutex *m)
{
	uint32_t s = load_relaxed(&m->state_);
	return try_read(m, &s) ? 0 : -EBUSY;
}

/* Lets go of a reader's lock that is in the word, where that may free the lock for someone who waits. RETRY: see
 * anew. */
static UG__NOINLINE int runlock_slow(ug_rwmutex *m)
{
	struct wakes woken;
	int e = -EINVAL;
	wakes_init(&woken);
	ug__lock(&m->lock_);
	uint32_t s = load_relaxed(&m->state_);
	if ((s & READERS) && !(s & WAITING)) {
		ug__unlock(&m->lock_); /* as in unlock_slow */
		return RETRY;
	}
	while ((s & READERS) && e < 0)
		if (cas_acq_rel(&m->state_, &s, s - 1))
			e = 0;
	if (e == 0)
		grant(m, &woken);
	ug__unlock(&m->lock_);
	wakes_ready(&woken);
	if (e == 0 || !(s & FAST))
		return e;
	if (ug__held_count(&m->state_)) {
		ug_yield();
		return RETRY;
	}
	return load_acquire(&m->state_) & READERS ? RETRY : e; /* it may have been settled */
}

int ug_rwmutex_runlock(ug_rwmutex *m)
{
	struct ug__worker_head *w = ug__worker_head();
	if (likely(w && ug__holds(w, &m->state_)))
		return leave(m, w);
	int e;
	do {
		uint32_t s = load_relaxed(&m->state_);
		while ((s & READERS) > 1 || ((s & READERS) == 1 && !(s & WAITING)))
			if (cas_acq_rel(&m->state_, &s, s - 1))
				return 0;
		e = runlock_slow(m);
	} while (e == RETRY);
	return e;
}
