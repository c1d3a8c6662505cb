/* SPDX-License-Identifier: MIT */
/* Handles: a counted record that outlives its task and tells when, and with what, it ended. */
#include "sched/sched_priv.h"

#include <stdlib.h>

struct ug_task {
	uint32_t refs, lock;
	int32_t done, result; /* done by the task, release; result before it */
	struct ug__waitq waiters;
};

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
	ug_task *h = malloc(sizeof *h);
	if (!h)
		return -ENOMEM;
	*h = (ug_task){.refs = 2}; /* the caller's and the task's */
	int e = ug__spawn(fn, arg, opts, NULL, ended, h);
	if (e < 0) {
		free(h);
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
	if (h && add_acq_rel(&h->refs, -1u) == 1)
		free(h);
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

int ug__task_wait_begin(ug_task *h, struct ug__waiter *w, int *result)
{
	ug__lock(&h->lock);
	bool done = h->done;
	if (done)
		*result = h->result;
	else
		ug__waitq_push(&h->waiters, w);
	ug__unlock(&h->lock);
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
	int r = 0;
	if (!load_acquire(&h->done)) {
		ug__wait_arm(t, UG__WAIT_TASK, h);
		if (ug__task_wait_begin(h, &w, &r) == 0 || !ug__wait_disarm(t)) {
			int e = ug__park(t);
			if (e < 0) {
				ug__task_wait_end(h, &w);
				return e;
			}
		}
	}
	if (result)
		*result = h->result;
	return 0;
}
