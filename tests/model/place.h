/* SPDX-License-Identifier: MIT */
/* A place where tasks of a scenario wait, and are woken. Included by scenarios.c. */
#ifndef MODEL_PLACE_H
#define MODEL_PLACE_H

#include "world.h"

struct place {
	uint32_t lock;
	struct ug__waitq q;
};
static struct place places[TASKS];

static void wait_at(struct place *at)
{
	struct ug__task *t = ug__self();
	struct ug__waiter w = {.task_ = t};
	ug__lock(&at->lock);
	ug__wait_arm(t, UG__WAIT_RECV, at);
	ug__waitq_push(&at->q, &w);
	ug__unlock(&at->lock);
	ug__park(t);
}

static bool somebody_waits(const void *at)
{
	const struct place *p = at;
	return p->q.head_ != NULL && p->lock == 0;
}

/* Wakes one; waits, as a thread, until there is one. */
static void wake_one(struct place *at)
{
	struct ug__waiter *w = NULL;
	while (!w) {
		model_wait(somebody_waits, at);
		ug__lock(&at->lock);
		w = ug__waitq_win(&at->q);
		ug__unlock(&at->lock);
	}
	ug__ready(w->task_);
}

static int try_wake(struct place *at)
{
	ug__lock(&at->lock);
	struct ug__waiter *w = ug__waitq_win(&at->q);
	ug__unlock(&at->lock);
	if (w)
		ug__ready(w->task_);
	return w != NULL;
}

#endif
