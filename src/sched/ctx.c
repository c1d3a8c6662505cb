/* SPDX-License-Identifier: MIT */
/*
 * Contexts: how a deadline or a cancellation reaches everything that waits.
 *
 * Scopes form a tree through up_ (whose end is also mine). A wait registers nothing with its context each time. Instead
 * a task is on the list of its current context from its first wait there until it leaves the scope or ends, and a
 * context is on the list of its up_ from the first such wait below it. So tasks that never wait, and scopes in which
 * nothing waits, touch no list of others; a wait in a scope where the task has waited before costs one comparison.
 *
 * The end of a context (end_tree): with its lock held, err_ is set, each task on its list that has armed a wait which
 * may be cut short is won and made ready, and the contexts below get the same. The walk keeps the locks of the path
 * from where it began, outer before inner, so that no scope it stands on can be popped; it needs no recursion, for a
 * tree may be deep. A context that has none below it is taken off its up_'s list before its tasks wake: they need not
 * wait for the whole walk then when they pop it.
 *
 * No end is missed. A task links itself (ctx, then each up_ that is not linked, upwards), arms, then looks at err_ of
 * its own context, sequentially consistent; the walk sets err_, then looks at wait words. Linking a context under an
 * up_ that has ended, under up_'s lock, ends it on the spot. On entry, before it is linked, a waiting call looks at the
 * whole chain.
 *
 * The root context never ends and is nobody's up_. A wait in it is armed with a plain store. (In the child of a fork it
 * has ended, and so have all scopes from their beginning.)
 */
#include "sched/sched_priv.h"
#include "sched/when_priv.h"

ug_ctx ug__root_ctx = {.deadline_ = UG_FOREVER};

static bool endless(const ug_ctx *c)
{
	return c == &ug__root_ctx;
}

/* Looking ---------------------------------------------------------------------------------------------------------- */

ug_ctx *ug_ctx_current(void)
{
	return ug__self()->ctx;
}

/* err_ of the nearest context up the chain that has ended; `cause` gets its cause. */
static int look(const ug_ctx *c, int *cause)
{
	for (; c; c = c->up_) {
		int e = load_acquire(&c->err_);
		if (e) {
			*cause = load_relaxed(&c->cause_);
			return e;
		}
		if (load_relaxed(&c->flags_) & UG__CTX_LINKED)
			break;
	}
	return 0;
}

int ug_ctx_err(const ug_ctx *c)
{
	int cause;
	return look(c ? c : ug_ctx_current(), &cause);
}

int ug_ctx_cause(const ug_ctx *c)
{
	int cause = 0;
	look(c ? c : ug_ctx_current(), &cause);
	return cause;
}

int64_t ug_ctx_deadline(const ug_ctx *c)
{
	int64_t first = UG_FOREVER;
	for (c = c ? c : ug_ctx_current(); c; c = c->up_)
		if (c->deadline_ < first)
			first = c->deadline_;
	return first;
}

void *ug_ctx_value(const ug_ctx *c, const void *key)
{
	for (c = c ? c : ug_ctx_current(); c; c = c->outer_)
		if (c->key_ == key && key)
			return c->value_;
	return NULL;
}

int ug__wait_check_chain(const ug_ctx *c)
{
	int cause;
	return look(c, &cause);
}

/* Ending ----------------------------------------------------------------------------------------------------------- */

/* Takes t off c's list; c's lock is held, and t is the caller's: itself, or one whose wake it has won. */
static void unlink_task(ug_ctx *c, struct ug__task *t)
{
	*(t->ctx_prev ? &t->ctx_prev->ctx_next : &c->tasks_) = t->ctx_next;
	if (t->ctx_next)
		t->ctx_next->ctx_prev = t->ctx_prev;
	t->linked = NULL;
}

/* Takes c off up's list, whose lock is held. */
static void unlink_ctx(ug_ctx *up, ug_ctx *c)
{
	*(c->prev_ ? &c->prev_->next_ : &up->children_) = c->next_;
	if (c->next_)
		c->next_->prev_ = c->prev_;
	store_release(&c->flags_, c->flags_ & ~(uint32_t)UG__CTX_LINKED);
}

/* Marks one context, whose lock is held. false: it had ended before. */
static bool mark(ug_ctx *c, int err, int cause)
{
	if (c->err_)
		return false;
	store_relaxed(&c->cause_, cause);
	store_seq(&c->err_, err);
	return true;
}

/* Takes w off c's list, whose lock is held. */
static void unlink_when(ug_ctx *c, struct ug__when *w)
{
	*(w->prev ? &w->prev->next : &c->whens_) = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->waiter.index_ = 0;
}

/* Wakes who waits in a context that is marked; its lock is held. */
static void wake(ug_ctx *c)
{
	for (struct ug__task *next, *t = c->tasks_; t; t = next) {
		next = t->ctx_next;
		uint32_t armed = UG__WAIT_STATE_ARMED;
		if (load_seq(&t->wait) != UG__WAIT_STATE_ARMED || !cas_seq(&t->wait, &armed, UG__WAIT_STATE_ENDED))
			continue;
		/* Taken off the list at once, while it is the winner's, so that it needs not come for this lock on its
		 * way out. */
		unlink_task(c, t);
		ug__ready(t);
	}
	for (struct ug__when *w; (w = c->whens_);) {
		unlink_when(c, w);
		ug__when_win(&w->waiter, c->err_);
	}
	while (c->after_) {
		struct ug_after *a = c->after_;
		ug_fn *fn = a->fn_;
		void *arg = a->arg_;
		store_relaxed(&c->after_, a->next_);
		if (a->next_)
			a->next_->prev_ = NULL;
		/* The last look at it: who stops it and finds this may give its storage away. */
		store_release(&a->ctx_, NULL);
		ug__spawn(fn, arg, NULL, NULL, NULL, NULL);
	}
}

/* Ends c and all below it. c's lock is held, and dropped. */
static int end_tree(ug_ctx *root, int err, int cause)
{
	if (!mark(root, err, cause)) {
		ug__unlock(&root->lock_);
		return 0;
	}
	wake(root);
	ug_ctx *c = root, *next = c->children_;
	for (;;) {
		if (next) {
			ug__lock(&next->lock_);
			bool first = mark(next, err, cause);
			if (first && next->children_) {
				wake(next);
				c = next;
				next = c->children_;
				continue;
			}
			ug_ctx *sibling = next->next_;
			if (first) {
				unlink_ctx(c, next);
				wake(next);
			}
			ug__unlock(&next->lock_);
			next = sibling;
			continue;
		}
		if (c == root)
			break;
		next = c->next_;
		ug_ctx *up = c->up_;
		ug__unlock(&c->lock_);
		c = up;
	}
	ug__unlock(&root->lock_);
	return 1;
}

int ug__ctx_end(ug_ctx *c, int err, int cause)
{
	ug__lock(&c->lock_);
	return end_tree(c, err, cause);
}

int ug_ctx_cancel(ug_ctx *c, int cause)
{
	int first;
	if (endless(c) || look(c, &first))
		return 0;
	return ug__ctx_end(c, -ECANCELED, cause < 0 ? cause : -ECANCELED);
}

/* Linking ---------------------------------------------------------------------------------------------------------- */

static void link_ctx(ug_ctx *c)
{
	for (; c->up_ && !(load_acquire(&c->flags_) & UG__CTX_LINKED); c = c->up_) {
		ug_ctx *up = c->up_;
		ug__lock(&up->lock_);
		int err = up->err_, cause = up->cause_;
		if (!(c->flags_ & UG__CTX_LINKED)) {
			c->prev_ = NULL;
			c->next_ = up->children_;
			if (up->children_)
				up->children_->prev_ = c;
			up->children_ = c;
			store_release(&c->flags_, c->flags_ | UG__CTX_LINKED);
		}
		/* up's lock is kept: while it is, c stays. */
		if (err)
			ug__ctx_end(c, err, cause);
		ug__unlock(&up->lock_);
	}
}

static void link_task(struct ug__task *t)
{
	ug_ctx *c = t->ctx;
	ug__lock(&c->lock_);
	t->ctx_prev = NULL;
	t->ctx_next = c->tasks_;
	if (c->tasks_)
		c->tasks_->ctx_prev = t;
	c->tasks_ = t;
	ug__unlock(&c->lock_);
	t->linked = c;
	link_ctx(c);
}

void ug__ctx_unlink(struct ug__task *t)
{
	ug_ctx *c = t->linked;
	if (!c)
		return;
	ug__lock(&c->lock_);
	unlink_task(c, t);
	ug__unlock(&c->lock_);
}

int ug__ctx_link_when(ug_ctx *c, struct ug__when *w)
{
	link_ctx(c);
	ug__lock(&c->lock_);
	int e = c->err_;
	if (e == 0) {
		w->prev = NULL;
		w->next = c->whens_;
		if (w->next)
			w->next->prev = w;
		c->whens_ = w;
		w->waiter.index_ = 1;
	}
	ug__unlock(&c->lock_);
	return e;
}

void ug__ctx_unlink_when(ug_ctx *c, struct ug__when *w)
{
	ug__lock(&c->lock_);
	if (w->waiter.index_)
		unlink_when(c, w);
	ug__unlock(&c->lock_);
}

void ug__wait_arm(struct ug__task *t, int wait, const void *object)
{
	ug__arm(t, wait, object);
}

UG__NOINLINE void ug__arm_until_end(struct ug__task *t)
{
	if (t->linked != t->ctx)
		link_task(t);
	swap_seq(&t->wait, UG__WAIT_STATE_ARMED);
	uint32_t armed = UG__WAIT_STATE_ARMED;
	if (unlikely(load_seq(&t->ctx->err_)))
		cas_seq(&t->wait, &armed, UG__WAIT_STATE_SELF);
}

/* Scopes ----------------------------------------------------------------------------------------------------------- */

static void expire(struct ug__timer *timer)
{
	ug_ctx *c = (ug_ctx *)(void *)((char *)timer - offsetof(ug_ctx, timer_));
	ug__ctx_end(c, -ETIMEDOUT, -ETIMEDOUT);
}

/* Field by field: where all are assigned at once gcc clears the struct by `rep stos`, which costs 10 ns to get
 * going. */
static void push(ug_ctx *c, bool shield)
{
	struct ug__task *t = ug__self();
	c->outer_ = t->ctx;
	c->up_ = shield || endless(t->ctx) ? NULL : t->ctx;
	c->deadline_ = UG_FOREVER;
	c->err_ = c->cause_ = ug__root_ctx.err_;
	c->lock_ = c->flags_ = 0;
	c->next_ = c->prev_ = c->children_ = NULL;
	c->tasks_ = NULL;
	c->after_ = NULL;
	c->whens_ = NULL;
	c->key_ = c->value_ = NULL;
	c->timer_.heap_ = NULL;
	if (t->linked)
		ug__ctx_unlink(t);
	t->ctx = c;
}

void ug_ctx_push(ug_ctx *c)
{
	push(c, false);
}

void ug_ctx_push_shield(ug_ctx *c)
{
	push(c, true);
}

void ug_ctx_push_value(ug_ctx *c, const void *key, void *value)
{
	push(c, false);
	c->key_ = key;
	c->value_ = value;
}

/* Not reached yet: the caller has looked at the clock. */
static void arm(ug_ctx *c, int64_t deadline)
{
	if (deadline == UG_FOREVER || c->err_)
		return;
	c->deadline_ = deadline;
	ug__timer_arm(&c->timer_, deadline, expire);
}

void ug_ctx_push_deadline(ug_ctx *c, int64_t deadline)
{
	push(c, false);
	if (deadline != UG_FOREVER && deadline <= ug_now()) {
		c->deadline_ = deadline;
		ug__ctx_end(c, -ETIMEDOUT, -ETIMEDOUT);
		return;
	}
	arm(c, deadline);
}

void ug_ctx_push_timeout(ug_ctx *c, int64_t timeout)
{
	int64_t deadline = ug_time_add(ug_now(), timeout);
	if (unlikely(timeout <= 0)) {
		ug_ctx_push_deadline(c, deadline);
		return;
	}
	push(c, false);
	arm(c, deadline);
}

/* Who ends the context, or stops what was to run after it, may still hold its lock; and what has not run by now never
 * will. */
static void leave(ug_ctx *c)
{
	ug__lock(&c->lock_);
	for (struct ug_after *a = c->after_, *next; a; a = next) {
		next = a->next_;
		store_release(&a->ctx_, NULL);
	}
	store_relaxed(&c->after_, NULL);
	ug__unlock(&c->lock_);
}

void ug_ctx_pop(ug_ctx *c)
{
	if (!c)
		return;
	struct ug__task *t = ug__self();
	ug__check(t->ctx == c);
	if (c->deadline_ != UG_FOREVER)
		ug__timer_stop(&c->timer_);
	if (t->linked)
		ug__ctx_unlink(t);
	if (load_acquire(&c->flags_) & UG__CTX_LINKED) {
		ug_ctx *up = c->up_;
		ug__lock(&up->lock_);
		if (c->flags_ & UG__CTX_LINKED)
			unlink_ctx(up, c);
		ug__unlock(&up->lock_);
	}
	if (unlikely(load_relaxed(&c->err_) || load_acquire(&c->after_) || load_relaxed(&c->lock_)))
		leave(c);
	t->ctx = c->outer_;
}

/* After ------------------------------------------------------------------------------------------------------------ */

void ug_ctx_after(ug_ctx *c, struct ug_after *after, ug_fn *fn, void *arg)
{
	*after = (struct ug_after){.fn_ = fn, .arg_ = arg};
	ug_ctx *ctx = c ? c : ug_ctx_current();
	if (endless(ctx))
		return;
	link_ctx(ctx);
	ug__lock(&ctx->lock_);
	bool ended = ctx->err_ != 0;
	if (!ended) {
		after->ctx_ = ctx;
		after->next_ = ctx->after_;
		if (after->next_)
			after->next_->prev_ = after;
		store_relaxed(&ctx->after_, after);
	}
	ug__unlock(&ctx->lock_);
	if (ended)
		ug__spawn(fn, arg, NULL, NULL, NULL, NULL);
}

int ug_after_stop(struct ug_after *after)
{
	ug_ctx *ctx = load_acquire(&after->ctx_);
	if (!ctx)
		return 0;
	ug__lock(&ctx->lock_);
	bool waits = after->ctx_ == ctx;
	if (waits) {
		store_relaxed(after->prev_ ? &after->prev_->next_ : &ctx->after_, after->next_);
		if (after->next_)
			after->next_->prev_ = after->prev_;
		store_relaxed(&after->ctx_, NULL);
	}
	ug__unlock(&ctx->lock_);
	return waits;
}
