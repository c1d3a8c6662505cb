/* SPDX-License-Identifier: MIT */
/*
 * What ran on a processor, and what is therefore asked for ahead.
 *
 * Where thousands of tasks take turns, each is cold when its turn comes: its record, its frames and what it waits for
 * are some seven lines and a translation that are missed one after the other. Turns repeat (a pipeline, a ring, a round
 * of yields). So a processor notes to whom it switches from task to task, and a task where that was last. Where a task
 * follows the one that it followed the last time, those who came next then are asked for: the lines of who is two turns
 * away, and one line of who is three away, for its translation. The walk of the page table takes longest, and a request
 * for a line holds up those behind it until its page is found.
 *
 * Nothing is read through a note, for that task may be gone: asking for what is not there is no fault. A note that was
 * written over, or is another processor's, asks for the wrong lines and no more. Who ran a few turns ago is warm and is
 * not noted: so few tasks that take turns pay a comparison. Where turns repeat after more of them than are
 * remembered, more are: the memory is touched as it is needed.
 *	Rejected: the next two in each task's record, where there is no room for the third. Asking for one task alone,
 *	the next: it is touched too soon after that.
 */
#ifndef UG_SCHED_PAST_H
#define UG_SCHED_PAST_H

#include "sched/sched_priv.h"

#define WARM 64 /* turns */
#define LINES_AHEAD 2
#define WALK_AHEAD 3

/* p, which the caller holds, is about to go on with `next`. */
static inline __attribute__((always_inline)) void ug__foresee(struct proc *p, struct ug__task *next)
{
	uint32_t at = next->noted, now = p->noted, age = now - at, mask = p->past_mask;
	bool own = next->noted_by == p->index; /* else `at` says nothing here */
	if (likely(age <= WARM && own))
		return;
	struct note *past = p->past;
	past[now & mask] = (struct note){(uintptr_t)next->regs.sp, (uintptr_t)load_relaxed(&next->wait_object)};
	next->noted = now;
	next->noted_by = p->index;
	p->noted = now + 1;
	bool foreseen = own && at == p->foreseen;
	p->foreseen = at + 1;
	if (!foreseen)
		return;
	if (unlikely(age > mask - WALK_AHEAD)) {
		p->past_mask =
			(mask << 1 | 1) & (UG__PAST_MOST - 1); /* what is remembered moves: for a round all is new */
		return;
	}
	__builtin_prefetch((const void *)past[(at + WALK_AHEAD) & mask].sp, 1);
	const struct note *then = &past[(at + LINES_AHEAD) & mask];
	uintptr_t frames = then->sp, object = then->object;
	__builtin_prefetch((const void *)object, 1);
	__builtin_prefetch((const void *)(object + UG__LINE));
	ug__task_fetch(frames);
	for (int i = 0; i < 3; i++)
		__builtin_prefetch((const void *)(frames + (uintptr_t)i * UG__LINE), 1);
}

#endif
