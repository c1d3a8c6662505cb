/* SPDX-License-Identifier: MIT */
/*
 * Group. started_ counts the tasks that were started, left_ those that have ended, as a negative number; each on a
 * cache line of its own, because often one worker starts tasks that another one ends, and a line that both write
 * changes cores twice for each task. Nothing else that both touch is ever written but when a task fails. Those that the
 * owner starts itself, mostly all, it counts in room_ by plain additions, where no limit needs that; closer_ is the
 * owner itself until it closes, so that it is known.
 *
 * Who closes turns the two into one. left_ becomes large, so that whoever ends meanwhile does not take it for the last;
 * started_ is swapped for CLOSED, and what it was is added to left_, with the owner's own starts, which is now the
 * number of unfinished tasks. A start that finds CLOSED counts there too; its caller is one of those tasks, so that it
 * was not 0. Whoever takes left_ to 0 is the last to touch the group: either the owner, and then it needs not wait, or
 * a task, and then the owner sleeps until that task wakes it. So the group may live on the owner's stack, and starting
 * and ending a task costs one locked add each at most. The owner leaves its waiter in closer_ before all that, and the
 * release order of its adds publishes it.
 *	Rejected: one counter, from which the owner's 1 is given back at the end. On two processors a task cost twice as
 *	much.
 *
 * A limit has an account of its own, room_, under the lock: a task that ends passes its room on, to one who waits for
 * it in waiters_, or back to the account, and only then counts down. The two can not be one, as the group may be gone
 * with the count, and room is looked at and waited for in one step.
 *
 * The first negative result is kept and cancels the group's context, which is the owner's current one inside the block.
 */
#include "base/sys.h"
#include "sync/sync_priv.h"

enum { OPEN = 1, LIMITED = 2 };

/* More tasks than there can be; half of it says that started_ is no count any more. */
#define CLOSED (INT64_C(1) << 62)

/* No waiter, only a mark. */
static inline struct ug__waiter *owner_mark(struct ug__task *t)
{
	return (struct ug__waiter *)(void *)t;
}

void ug_group_open(ug_group *g, const struct ug_group_opts *opts)
{
	int limited = opts && opts->limit > 0 && opts->limit < INT64_MAX;
	g->started_ = g->left_ = 0;
	g->room_ = limited ? (int64_t)opts->limit : 0;
	g->result_ = 0;
	g->flags_ = limited ? OPEN | LIMITED : OPEN;
	g->lock_ = 0;
	g->waiters_ = (struct ug__waitq){NULL, NULL};
	store_relaxed(&g->closer_, limited ? NULL : owner_mark(ug__self()));
	ug_ctx_push(&g->ctx_);
}

static void room_release(ug_group *g)
{
	ug__lock(&g->lock_);
	struct ug__waiter *w = ug__waitq_win(&g->waiters_);
	if (!w)
		g->room_++;
	ug__unlock(&g->lock_);
	if (w)
		ug__ready(w->task_);
}

/* Gets room for one more. It waits in the caller's context, which may be shielded from the group's: so that one is
 * asked again. */
static int room_acquire(ug_group *g)
{
	struct ug__task *t = ug__wait_self();
	struct ug__waiter w = {.task_ = t};
	int e = ug__wait_check(t);
	if (e < 0)
		return e;
	ug__lock(&g->lock_);
	if (g->room_ > 0) {
		g->room_--;
		ug__unlock(&g->lock_);
		return 0;
	}
	e = wait_in(&g->lock_, &g->waiters_, &w, UG__WAIT_GROUP, g);
	if (e == 0 && (e = ug_ctx_err(&g->ctx_)) < 0)
		room_release(g);
	return e;
}

/* n tasks less; the group may be gone afterwards. */
static inline __attribute__((always_inline)) void leave(ug_group *g, int64_t n)
{
	if (likely(add_acq_rel(&g->left_, -n) != n))
		return;
	struct ug__task *closer = g->closer_->task_;
	int won = ug__wake_win(closer);
	ug__check(won);
	ug__ready(closer);
}

static void fail(ug_group *g, int result)
{
	int32_t none = 0;
	if (cas_acq_rel(&g->result_, &none, result))
		ug_ctx_cancel(&g->ctx_, result);
}

/* One has failed, or so many have ended. */
static void ended_counted(void *owner, int n)
{
	if (n < 0)
		fail(owner, n);
	leave(owner, n < 0 ? 1 : n);
}

/* One has ended, which makes room for another where there is a limit. */
static void ended(void *owner, int result)
{
	if (result < 0)
		fail(owner, result);
	if (((ug_group *)owner)->flags_ & LIMITED)
		room_release(owner);
	leave(owner, 1);
}

/* Counts one task more, where it may begin. */
static inline __attribute__((always_inline)) int enter(ug_group *g)
{
	if (!(g->flags_ & OPEN))
		return -ECANCELED;
	int e = ug_ctx_err(&g->ctx_);
	if (e == 0 && (g->flags_ & LIMITED))
		e = room_acquire(g);
	if (e < 0)
		return e;
	if (likely(load_relaxed(&g->closer_) == owner_mark(ug__self())))
		g->room_++;
	else if (unlikely(add_acq_rel(&g->started_, 1) >= CLOSED / 2))
		add_relaxed(&g->left_, 1);
	return 0;
}

int ug_group_go_with(ug_group *g, ug_fn *fn, void *arg, const struct ug_go_opts *opts)
{
	UG_TRY(enter(g));
	int e = g->flags_ & LIMITED ? ug__spawn(fn, arg, opts, &g->ctx_, ended, g)
				    : ug__spawn_counted(fn, arg, opts, &g->ctx_, ended_counted, g);
	if (e < 0)
		ended(g, 0);
	return e;
}

int ug_group_go_when_readable(
	ug_group *g, ug_fd *f, int64_t deadline, ug_ready_fn *fn, void *arg, const struct ug_go_opts *opts)
{
	UG_TRY(enter(g));
	int e = ug__spawn_when(f, deadline, fn, arg, opts, &g->ctx_, ended, g);
	if (e < 0)
		ended(g, 0);
	return e;
}

int ug_group_go(ug_group *g, ug_fn *fn, void *arg)
{
	return ug_group_go_with(g, fn, arg, NULL);
}

int ug_group_go_copy(ug_group *g, ug_fn *fn, const void *args, size_t size)
{
	struct ug_go_opts opts = {.copy_size = size};
	return ug_group_go_with(g, fn, (void *)(uintptr_t)args, &opts);
}

void ug_group_cancel(ug_group *g, int cause)
{
	if (g->flags_ & OPEN)
		ug_ctx_cancel(&g->ctx_, cause);
}

/* By the owner. */
static int64_t own_starts(const ug_group *g)
{
	return g->flags_ & LIMITED ? 0 : g->room_;
}

static void wait_for_tasks(ug_group *g)
{
	struct ug__task *t = ug__self();
	struct ug__waiter w = {.task_ = t};
	store_relaxed(&g->closer_, &w);
	ug__wait_arm(t, UG__WAIT_GROUP | UG__WAIT_HARD, g);
	add_acq_rel(&g->left_, CLOSED);
	int64_t undo = swap_acq_rel(&g->started_, CLOSED) + own_starts(g) - CLOSED;
	if (add_acq_rel(&g->left_, undo) + undo == 0)
		ug__wait_disarm(t);
	else
		ug__park(t);
}

int ug_group_close(ug_group *g)
{
	if (!g)
		return 0;
	if (g->flags_ & OPEN) {
		/* In this order: a task that has not ended, and so may start another, leaves a difference. */
		int64_t left = load_acquire(&g->left_);
		if (left + load_relaxed(&g->started_) + own_starts(g) != 0)
			wait_for_tasks(g);
		g->flags_ = 0;
		ug_ctx_pop(&g->ctx_);
	}
	return g->result_;
}

int ug_group_result(const ug_group *g)
{
	return load_acquire(&g->result_);
}

void ug__group_leave(struct ug__group_scope *s)
{
	if (s->more_)
		ug_group_cancel(s->group_, 0);
	ug_group_close(s->group_);
}
