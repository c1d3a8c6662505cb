/* SPDX-License-Identifier: MIT */
/* Tasks to come: records that wait for a descriptor. The design is told in when.c. */
#ifndef UG_SCHED_WHEN_PRIV_H
#define UG_SCHED_WHEN_PRIV_H

#include "sched/sched_priv.h"

/* Lies in the record, where others have copied arguments. Of the waiter: task_ is NULL, value_ the descriptor, pad_
 * says whether it has been won (atomic), index_ whether it is in its context's list, reserved_ since when it waits. */
struct ug__when {
	struct ug__waiter waiter;
	struct ug__timer timer; /* when_ is UG_FOREVER: never armed */
	struct ug__when *next, *prev; /* of its context, under that one's lock */
};
_Static_assert(sizeof(struct ug__when) <= UG_COPY_MAX, "a wait without a stack costs one record");

static inline struct ug__when *ug__when_of(struct record *r)
{
	return (struct ug__when *)(void *)r->copy;
}

/* Under the descriptor's lock, before the waiter is queued: from here on it can be won. */
void ug__when_arm(struct ug__waiter *w);
/* Makes the task ready, which is told `result`, unless another was first. With the lock of what it was found by. */
bool ug__when_win(struct ug__waiter *w, int result);
/* The function of the task that a waiting record has become. */
int ug__when_start(void *record);
/* Whether it is one of these. */
bool ug__when_timer(const struct ug__timer *t);
/* What a runtime's end leaves: descriptors are not used any more. */
void ug__whens_end(void);

/* ctx.c: 0, or the code of a context that has ended; and off the list again, where it is on it. */
int ug__ctx_link_when(ug_ctx *c, struct ug__when *w);
void ug__ctx_unlink_when(ug_ctx *c, struct ug__when *w);

/* fd.c: queues it for reading unless an edge has come that is not `seen`, and then there is nothing to wait for: 0. 1:
 * it waits. Or a code. */
int ug__fd_queue_when(ug_fd *f, uint32_t seen, struct ug__waiter *w);

#endif
