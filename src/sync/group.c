/* SPDX-License-Identifier: MIT */
/*
 * Group. count_ is the unfinished tasks and 1 for the owner, which that one gives back when it closes. Whoever takes it to 0 is
 * the last to touch the group: either the owner, and then it needs not wait, or a task, and then the owner sleeps until that task
 * wakes it. So the group may live on the owner's stack, and starting and ending a task costs one locked add each.
 * The owner leaves its waiter in closer_ before it gives back its 1, whose release order publishes it.
 *
 * A limit has an account of its own, room_, under the lock: a task that ends passes its room on, to one who waits
 * for it in waiters_, or back to the account, and only then counts down. The two can not be one, as the group may be gone with
 * the count, and room is looked at and waited for in one step.
 *
 * The first negative result is kept and cancels the group's context, which is the owner's current one inside the block.
 */
#include "base/sys.h"
#include "sync/sync_priv.h"

enum { OPEN = 1, LIMITED = 2 };

void ug_group_open(ug_group *g, const struct ug_group_opts *opts)
{
	int limited = opts && opts->limit > 0 && opts->limit < INT64_MAX;
	g->count_ = 1;
	g->room_ = limited ? (int64_t)opts->limit : 0;
	g->result_ = 0;
	g->flags_ = limited ? OPEN | LIMITED : OPEN;
	g->lock_ = 0;
	g->waiters_ = (struct ug__waitq){NULL, NULL};
	g->closer_ = NULL;
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

/* Gets room for one more. It waits in the caller's context, which may be shielded from the group's: so that one is asked again. */
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

/* One task less; the group may be gone afterwards. */
static void leave(ug_group *g)
{
	if (g->flags_ & LIMITED)
		room_release(g);
	if (add_acq_rel(&g->count_, -1) != 1)
		return;
	struct ug__task *closer = g->closer_->task_;
	int won = ug__wake_win(closer);
	ug__check(won);
	ug__ready(closer);
}

static void ended(void *owner, int result)
{
	ug_group *g = owner;
	int32_t none = 0;
	if (result < 0 && cas_acq_rel(&g->result_, &none, result))
		ug_ctx_cancel(&g->ctx_, result);
	leave(g);
}

/* Counts one task more, where it may begin. */
static inline __attribute__((always_inline)) int enter(ug_group *g)
{
	if (!(g->flags_ & OPEN))
		return -ECANCELED;
	int e = ug_ctx_err(&g->ctx_);
	if (e == 0 && (g->flags_ & LIMITED))
		e = room_acquire(g);
	if (e == 0)
		add_relaxed(&g->count_, 1);
	return e;
}

int ug_group_go_with(ug_group *g, ug_fn *fn, void *arg, const struct ug_go_opts *opts)
{
	int e = enter(g);
	if (e < 0)
		return e;
	e = ug__spawn(fn, arg, opts, &g->ctx_, ended, g);
	if (e < 0)
		leave(g);
	return e;
}

int ug_group_go_when_readable(
	ug_group *g, ug_fd *f, int64_t deadline, ug_ready_fn *fn, void *arg, const struct ug_go_opts *opts)
{
	UG_TRY(enter(g));
	int e = ug__spawn_when(f, deadline, fn, arg, opts, &g->ctx_, ended, g);
	if (e < 0)
		leave(g);
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

static void wait_for_tasks(ug_group *g)
{
	struct ug__task *t = ug__self();
	struct ug__waiter w = {.task_ = t};
	g->closer_ = &w;
	ug__wait_arm(t, UG__WAIT_GROUP | UG__WAIT_HARD, g);
	if (add_acq_rel(&g->count_, -1) == 1)
		ug__wait_disarm(t);
	else
		ug__park(t);
}

int ug_group_close(ug_group *g)
{
	if (!g)
		return 0;
	if (g->flags_ & OPEN) {
		if (load_acquire(&g->count_) != 1)
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
