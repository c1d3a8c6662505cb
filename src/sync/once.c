/* SPDX-License-Identifier: MIT */
/* Once. A caller whose context has ended does not begin the run: it could only record its own failure for everybody. */
#include "sync/sync_priv.h"

enum { NEW, RUNNING, DONE };

static int run(ug_once *o, ug_fn *fn, void *arg)
{
	struct wakes woken;
	int result = fn(arg);
	wakes_init(&woken);
	ug__lock(&o->lock_);
	o->result_ = result;
	store_release(&o->state_, (uint32_t)DONE);
	wakes_add_all(&woken, &o->waiters_, result);
	ug__unlock(&o->lock_);
	wakes_ready(&woken);
	return result;
}

int ug_once_do(ug_once *o, ug_fn *fn, void *arg)
{
	if (likely(load_acquire(&o->state_) == DONE))
		return o->result_;
	struct ug__task *t = ug__wait_self();
	struct ug__waiter w = {.task_ = t};
	int e = ug__wait_check(t);
	if (e < 0)
		return e;
	ug__lock(&o->lock_);
	uint32_t s = load_relaxed(&o->state_);
	if (s == RUNNING)
		return wait_in(&o->lock_, &o->waiters_, &w, UG__WAIT_ONCE, o);
	if (s == NEW)
		store_relaxed(&o->state_, (uint32_t)RUNNING);
	ug__unlock(&o->lock_);
	return s == NEW ? run(o, fn, arg) : o->result_;
}
