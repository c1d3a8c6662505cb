/* SPDX-License-Identifier: MIT */
/*
 * Weighted semaphore. First come, first served: while anybody waits nobody else gets in, though there were room for it,
 * or a large request would starve behind small ones. What is taken for a waiter is taken by the one who wakes it.
 */
#include "sync/sync_priv.h"

void ug_sem_init(ug_sem *s, int64_t size)
{
	*s = (ug_sem){.size_ = size};
}

/* With the lock held: serves the head of the queue as far as there is room. */
static void grant(ug_sem *s, struct wakes *woken)
{
	struct ug__waiter *w;
	while ((w = s->waiters_.head_) && w->amount_ <= s->size_ - s->used_) {
		ug__waitq_remove(&s->waiters_, w);
		if (!ug__wake_win(w->task_))
			continue;
		s->used_ += w->amount_;
		wakes_add(woken, w, 0);
	}
}

/* With the lock held. */
static int take(ug_sem *s, int64_t n)
{
	if (n > s->size_ - s->used_ || !ug__waitq_idle(&s->waiters_))
		return 0;
	s->used_ += n;
	return 1;
}

int ug_sem_acquire(ug_sem *s, int64_t n)
{
	struct ug__task *t = ug__wait_self();
	struct ug__waiter w = {.task_ = t, .amount_ = n};
	struct wakes woken;
	int e = ug__wait_check(t);
	if (e < 0)
		return e;
	if (n < 0 || n > s->size_)
		return -EINVAL;
	ug__lock(&s->lock_);
	if (take(s, n)) {
		ug__unlock(&s->lock_);
		return 0;
	}
	e = wait_in(&s->lock_, &s->waiters_, &w, UG__WAIT_SEM, s);
	if (e == 0)
		return 0;
	wakes_init(&woken);
	ug__lock(&s->lock_);
	grant(s, &woken); /* it may have stood in the way of smaller ones */
	ug__unlock(&s->lock_);
	wakes_ready(&woken);
	return e;
}

int ug_sem_try_acquire(ug_sem *s, int64_t n)
{
	if (n < 0 || n > s->size_)
		return -EINVAL;
	ug__lock(&s->lock_);
	int taken = take(s, n);
	ug__unlock(&s->lock_);
	return taken ? 0 : -EBUSY;
}

int ug_sem_release(ug_sem *s, int64_t n)
{
	struct wakes woken;
	int e = -EINVAL;
	wakes_init(&woken);
	ug__lock(&s->lock_);
	if (n >= 0 && n <= s->used_) {
		s->used_ -= n;
		grant(s, &woken);
		e = 0;
	}
	ug__unlock(&s->lock_);
	wakes_ready(&woken);
	return e;
}
