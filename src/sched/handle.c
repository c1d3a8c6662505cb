/* SPDX-License-Identifier: MIT */
/*
 * Handles: a counted record that outlives its task and tells when, and with what, it ended.
 *
 * A task that is started and waited for costs one handle, so these are cheap: each worker keeps some free ones, of the
 * heap, as that heap's own allocation and freeing are a tenth of it all; a wait is armed under the handle's lock, so
 * that nobody competes for it; and the last reference goes without a locked instruction.
 */
#include "sched/sched_priv.h"

#include <stdlib.h>

struct ug_task {
	union {
		uint32_t refs;
		ug_task *next; /* of a worker's free ones */
	};
	uint32_t lock;
	int32_t done, result; /* done by the task, release; result before it */
	struct ug__waitq waiters;
};

/* So many a worker keeps at the most, on whose thread their last reference went. */
#define KEPT 64

static ug_task *new_one(void)
{
	struct worker *w = ug__worker();
	ug_task *h = w ? w->handles : NULL;
	if (unlikely(!h))
		return malloc(sizeof *h);
	w->handles = h->next;
	w->handle_count--;
	return h;
}

static void drop(ug_task *h)
{
#ifndef UG__ASAN /* which shall see it go */
	struct worker *w = ug__worker();
	if (likely(w && w->handle_count < KEPT)) {
		h->next = w->handles;
		w->handles = h;
		w->handle_count++;
		return;
	}
#endif
	free(h);
}

void ug__handles_free(struct worker *w)
{
	for (ug_task *next, *h = w->handles; h; h = next) {
		next = h->next;
		free(h);
	}
}

static void ended(void *owner, int result)
{
	ug_task *h = owner;
	struct ug__waiter *w;
	ug__lock(&h->lock);
	h->result = result;
	store_release(&h->done, 1);
	while ((w = ug__waitq_win(&h->waiters))) {
		w->result_ = result;
		ug__ready(w->task_);
	}
	ug__unlock(&h->lock);
	ug_task_unref(h);
}

int ug_go_task(ug_fn *fn, void *arg, const struct ug_go_opts *opts, ug_task **out)
{
	ug_task *h = new_one();
	if (!h)
		return -ENOMEM;
	*h = (ug_task){.refs = 2}; /* the caller's and the task's */
	int e = ug__spawn(fn, arg, opts, NULL, ended, h);
	if (e < 0) {
		drop(h);
		return e;
	}
	*out = h;
	return 0;
}

ug_task *ug_task_ref(ug_task *h)
{
	add_relaxed(&h->refs, 1u);
	return h;
}

void ug_task_unref(ug_task *h)
{
	/* Whose reference is the last has nobody beside him who could take another. */
	if (h && (load_acquire(&h->refs) == 1 || add_acq_rel(&h->refs, -1u) == 1))
		drop(h);
}

static void leave_task(struct ug__stack *s, void *unused)
{
	struct ug__task *t = (struct ug__task *)(void *)s;
	(void)unused;
	if (t->id && t->ended == ended)
		ug_task_unref(t->owner);
}

static void leave_record(const struct record *r, void *unused)
{
	(void)unused;
	if (r->ended == ended)
		ug_task_unref(r->owner);
}

/* Tasks that the runtime's end leaves where they stand never come to drop their references. */
void ug__handles_end(void)
{
	ug__stack_each(leave_task, NULL);
	ug__each_record(leave_record, NULL);
}

void ug_task_clean(ug_task **h)
{
	ug_task_unref(*h);
	*h = NULL;
}

/* Queues w, or answers false: the task has ended. arm: its wait begins here, so that nobody can win it before. */
static inline bool queue(ug_task *h, struct ug__waiter *w, bool arm)
{
	ug__lock(&h->lock);
	bool waits = !h->done;
	if (waits && arm)
		ug__wait_arm(w->task_, UG__WAIT_TASK | UG__WAIT_SOLE, h);
	if (waits)
		ug__waitq_push(&h->waiters, w);
	ug__unlock(&h->lock);
	return waits;
}

int ug__task_wait_begin(ug_task *h, struct ug__waiter *w, int *result)
{
	bool done = !queue(h, w, false);
	if (done)
		*result = h->result;
	return done;
}

void ug__task_wait_end(ug_task *h, struct ug__waiter *w)
{
	ug__lock(&h->lock);
	ug__waitq_remove(&h->waiters, w);
	ug__unlock(&h->lock);
}

int ug_task_wait(ug_task *h, int *result)
{
	if (!h)
		return -EINVAL;
	struct ug__task *t = ug__wait_self();
	UG_TRY(ug__wait_check(t));
	struct ug__waiter w = {.task_ = t};
	if (!load_acquire(&h->done) && queue(h, &w, true)) {
		int e = ug__park(t);
		if (e < 0) {
			ug__task_wait_end(h, &w);
			return e;
		}
	}
	if (result)
		*result = h->result;
	return 0;
}
