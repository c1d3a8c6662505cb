/* SPDX-License-Identifier: MIT */
/* What the primitives of sync share: lists of tasks to wake once the lock is dropped, and the one wait they all
 * make. */
#ifndef UG_SYNC_SYNC_PRIV_H
#define UG_SYNC_SYNC_PRIV_H

#include "base/lock.h"
#include "sched/sched.h"
#include <undergo/sync.h>

/*
 * Waiters that were won under a lock and are made ready after it. They belong to the winner until then, so that the
 * link may be the queue's own.
 */
struct wakes {
	struct ug__waiter *first, **end;
};

static inline void wakes_init(struct wakes *l)
{
	l->first = NULL;
	l->end = &l->first;
}

static inline void wakes_add(struct wakes *l, struct ug__waiter *w, int32_t result)
{
	w->result_ = result;
	w->next_ = NULL;
	*l->end = w;
	l->end = &w->next_;
}

/* Takes every waiter of a queue that can still be won. */
static inline void wakes_add_all(struct wakes *l, struct ug__waitq *q, int32_t result)
{
	struct ug__waiter *w;
	while ((w = ug__waitq_win(q)))
		wakes_add(l, w, result);
}

static inline void wakes_ready(struct wakes *l)
{
	/* The link is read first: a task that is ready may be gone, and its waiter with it. */
	for (struct ug__waiter *w = l->first, *next; w; w = next) {
		next = w->next_;
		ug__ready(w->task_);
	}
}

static inline void ug__waitq_push_front(struct ug__waitq *q, struct ug__waiter *w)
{
	w->prev_ = NULL;
	w->next_ = q->head_;
	*(q->head_ ? &q->head_->prev_ : &q->tail_) = w;
	store_relaxed(&q->head_, w);
	w->queued_ = 1;
}

/*
 * Queues w behind the others and waits: for callers that hold `lock`, have found that they must wait, and have nothing
 * to repair where the context's end comes first. Answers the waker's result, or the context's error.
 */
static inline int wait_in(uint32_t *lock, struct ug__waitq *q, struct ug__waiter *w, int wait, const void *object)
{
	struct ug__task *t = w->task_;
	ug__wait_arm(t, wait | UG__WAIT_SOLE, object);
	ug__waitq_push(q, w);
	ug__unlock(lock);
	int e = ug__park(t);
	if (likely(e == 0))
		return w->result_;
	ug__lock(lock);
	ug__waitq_remove(q, w);
	ug__unlock(lock);
	return e;
}

#endif
