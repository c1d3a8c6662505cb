/* SPDX-License-Identifier: MIT */
/*
 * Condition. A waiter queues before it unlocks the mutex, so a signal sent by whoever holds the mutex after it cannot
 * pass it by. A waiter that was signalled and whose context ends before it runs answers 0: the signal was its own, and
 * no other's.
 */
#include "sync/sync.h"

#include "sync/sync_priv.h"

int ug_cond_wait(ug_cond *c, ug_mutex *m)
{
	struct ug__task *t = ug__wait_self();
	struct ug__waiter w = {.task_ = t};
	int e = ug__wait_check(t);
	if (e < 0)
		return e;
	if (!ug__mutex_held(m))
		return -EINVAL;
	ug__lock(&c->lock_);
	ug__wait_arm(t, UG__WAIT_COND, c);
	ug__waitq_push(&c->waiters_, &w);
	ug__unlock(&c->lock_);
	(void)ug_mutex_unlock(m);
	e = ug__park(t);
	if (e < 0) {
		ug__lock(&c->lock_);
		ug__waitq_remove(&c->waiters_, &w);
		ug__unlock(&c->lock_);
	}
	ug__mutex_lock_hard(m);
	return e;
}

void ug_cond_signal(ug_cond *c)
{
	if (ug__waitq_idle(&c->waiters_))
		return;
	ug__lock(&c->lock_);
	struct ug__waiter *w = ug__waitq_win(&c->waiters_);
	ug__unlock(&c->lock_);
	if (w)
		ug__ready(w->task_);
}

void ug_cond_broadcast(ug_cond *c)
{
	struct wakes woken;
	if (ug__waitq_idle(&c->waiters_))
		return;
	wakes_init(&woken);
	ug__lock(&c->lock_);
	wakes_add_all(&woken, &c->waiters_, 0);
	ug__unlock(&c->lock_);
	wakes_ready(&woken);
}
