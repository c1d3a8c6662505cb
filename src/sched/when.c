/* SPDX-License-Identifier: MIT */
/*
 * Waiting without a stack: a task that is started once a descriptor is readable, its time is over, or its context ends.
 *
 * Until then it is a record, the same that any task is before it runs (task.c), and what the wait needs lies where
 * copied arguments would: a waiter for the descriptor, a timer, links for the context. So the place of the task is
 * taken before the wait begins, and nothing can fail when it is over: whoever wins pushes the record into a run queue.
 *
 * One winner, as with tasks (park.c): descriptor, timer and context's end compete by a compare-and-swap of the waiter's
 * state. Each finds the record under its own lock; the winner touches it no more once it is pushed. Those who lose may
 * still have it: so a record that has waited does not go back to its pool when it gets its stack. Its task begins in
 * ug__when_start, which takes it off the descriptor's queue, the heap and the context's list, each under its lock, and
 * only then gives it back.
 *
 * A wait is set up with the descriptor's lock held, from the first thing that can win it to the last: should the timer
 * or the context win meanwhile, the task waits for that lock before it takes anything apart.
 *
 * The record holds a use of its descriptor, as a call that waits does; the task gives it back.
 *	Rejected: storage of the caller's, as ug_ctx_after has it. It needs a record beside it all the same, or might
 *	have no memory for a task just when there is something to do.
 */
#include "sched/enter.h"
#include "sched/fd_priv.h"
#include "sched/when_priv.h"

#include <poll.h>

enum { WAITS, WON };

static struct record *record_of(struct ug__when *w)
{
	return (struct record *)(void *)((char *)w - offsetof(struct record, copy));
}

static struct ug__when *when_of_waiter(struct ug__waiter *w)
{
	return (struct ug__when *)(void *)((char *)w - offsetof(struct ug__when, waiter));
}

bool ug__when_win(struct ug__waiter *w, int result)
{
	uint32_t waits = WAITS;
	if (!cas_acq_rel(&w->pad_, &waits, WON))
		return false;
	w->result_ = result;
	ug__ready_runnable((runnable)record_of(when_of_waiter(w)) | 1);
	return true;
}

static void expire(struct ug__timer *t)
{
	struct ug__when *w = (struct ug__when *)(void *)((char *)t - offsetof(struct ug__when, timer));
	ug__when_win(&w->waiter, -ETIMEDOUT);
}

bool ug__when_timer(const struct ug__timer *t)
{
	return t->fire_ == expire;
}

void ug__when_arm(struct ug__waiter *waiter)
{
	struct ug__when *w = when_of_waiter(waiter);
	ug_ctx *c = record_of(w)->ctx;
	if (w->timer.when_ != UG_FOREVER)
		ug__timer_arm(&w->timer, w->timer.when_, expire);
	int e = c == &ug__root_ctx ? 0 : ug__ctx_link_when(c, w);
	if (e < 0)
		ug__when_win(waiter, e);
}

int ug__when_start(void *record)
{
	struct record *r = record;
	struct ug__when *w = ug__when_of(r);
	ug_fd *f = w->waiter.value_;
	ug__fd_wait_end(f, 0, &w->waiter);
	ug__timer_stop(&w->timer);
	if (r->ctx != &ug__root_ctx)
		ug__ctx_unlink_when(r->ctx, w);
	ug_ready_fn *fn = (ug_ready_fn *)(void (*)(void))r->fn;
	void *arg = r->arg;
	int result = w->waiter.result_;
	ug__record_free(r);
	ug__fd_unuse(f);
	return fn(arg, result);
}

/* 1: it waits, and is nobody's to touch any more; 0: there is nothing to wait for; else a code. */
static int wait_for(ug_fd *f, int fd, struct ug__when *w)
{
	int e = f->kind == FD_FILE;
	while (e == 0) {
		uint32_t seen = load_acquire(&f->edges[0]);
		e = ug__fd_drained(f, 0, seen) ? 0 : ug__sys_poll_now(fd, POLLIN);
		if (e != 0)
			break;
		e = ug__fd_queue_when(f, seen, &w->waiter);
		if (e != 0)
			return e == -ECANCELED ? -EBADF : e; /* closed meanwhile */
	}
	return e < 0 ? e : 0;
}

/* Field by field: a dump may look on. */
static struct ug__when *prepare(struct record *r, ug_fd *f, int64_t deadline)
{
	struct ug__when *w = ug__when_of(r);
	w->waiter.task_ = NULL;
	w->waiter.amount_ = 0;
	w->waiter.index_ = 0;
	w->waiter.queued_ = 0;
	store_relaxed(&w->waiter.pad_, (uint32_t)WAITS);
	store_relaxed(&w->waiter.value_, (void *)f);
	store_relaxed(&w->waiter.reserved_, (uintptr_t)load_relaxed(&S->coarse));
	w->timer.when_ = deadline;
	store_relaxed(&w->timer.heap_, NULL);
	store_relaxed(&r->copied, (uint8_t)RECORD_WAITS);
	return w;
}

static int begin(ug_fd *f, int fd, int64_t deadline, struct record *r)
{
	struct ug__when *w = prepare(r, f, deadline);
	bool late = deadline != UG_FOREVER && deadline <= ug_now();
	int e = late ? 0 : wait_for(f, fd, w);
	if (e == 0)
		ug__when_win(&w->waiter, late ? -ETIMEDOUT : 0);
	return e;
}

static int go_when(ug_fd *f, int64_t deadline, const struct ug__request *q)
{
	int fd = ug__fd_use(f);
	UG_TRY(fd);
	struct record *r = ug__record_new(q);
	int e = r ? begin(f, fd, deadline, r) : -ENOMEM;
	if (e < 0 && r)
		ug__record_free(r);
	if (e < 0)
		ug__fd_unuse(f);
	return e < 0 ? e : 0;
}

int ug__spawn_when(ug_fd *f, int64_t deadline, ug_ready_fn *fn, void *arg, const struct ug_go_opts *opts, ug_ctx *ctx,
	void (*ended)(void *owner, int result), void *owner)
{
	struct ug__request q = {.fn = (ug_fn *)(void (*)(void))fn,
		.arg = arg,
		.opts = opts,
		.ctx = ctx,
		.ended = ended,
		.owner = owner};
	if (opts && opts->copy_size)
		return -EINVAL;
	UG_TRY(ug__request_check(&q));
	if (ug__worker())
		return go_when(f, deadline, &q);
	UG_TRY(ug__visit_or_code());
	int e = go_when(f, deadline, &q);
	ug__visit_end();
	return e;
}

int ug_go_when_readable(ug_fd *f, int64_t deadline, ug_ready_fn *fn, void *arg, const struct ug_go_opts *opts)
{
	return ug__spawn_when(f, deadline, fn, arg, opts, NULL, NULL, NULL);
}

static void let_go(const struct record *r, void *unused)
{
	(void)unused;
	if (r->copied == RECORD_WAITS)
		ug__fd_unuse(((const struct ug__when *)(const void *)r->copy)->waiter.value_);
}

void ug__whens_end(void)
{
	ug__each_record(let_go, NULL);
}
