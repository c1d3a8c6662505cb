/* SPDX-License-Identifier: MIT */
/*
 * Wait group. The count is changed by compare-and-swap; the step to 0 is made under the lock, and a wait looks at the
 * count under it: so one who sees 0 knows that the one who made it so has let go of everything, and may free the wait
 * group.
 */
#include "sync/sync_priv.h"

enum { NOT_LAST, ADDED, LAST };

/* ADDED; LAST: it made the count 0; NOT_LAST: it would have, and may not. */
static int add(ug_waitgroup *w, int64_t n, int may_be_last)
{
	int64_t count = load_relaxed(&w->count_);
	do {
		if (n < 0 ? count + n < 0 : count > INT64_MAX - n)
			return -EINVAL;
		if (count + n == 0 && !may_be_last)
			return NOT_LAST;
	} while (!cas_acq_rel(&w->count_, &count, count + n));
	return count + n == 0 ? LAST : ADDED;
}

int ug_waitgroup_add(ug_waitgroup *w, int64_t n)
{
	struct wakes woken;
	int e = add(w, n, 0);
	if (e != NOT_LAST)
		return e < 0 ? e : 0;
	wakes_init(&woken);
	ug__lock(&w->lock_);
	e = add(w, n, 1);
	if (e == LAST)
		wakes_add_all(&woken, &w->waiters_, 0);
	ug__unlock(&w->lock_);
	wakes_ready(&woken);
	return e < 0 ? e : 0;
}

int ug_waitgroup_done(ug_waitgroup *w)
{
	return ug_waitgroup_add(w, -1);
}

int ug_waitgroup_wait(ug_waitgroup *w)
{
	struct ug__task *t = ug__wait_self();
	struct ug__waiter waiter = {.task_ = t};
	int e = ug__wait_check(t);
	if (e < 0)
		return e;
	ug__lock(&w->lock_);
	if (load_acquire(&w->count_) != 0)
		return wait_in(&w->lock_, &w->waiters_, &waiter, UG__WAIT_WAITGROUP, w);
	ug__unlock(&w->lock_);
	return 0;
}
