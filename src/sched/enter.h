/* SPDX-License-Identifier: MIT */
/*
 * Entering and leaving sched, and how a processor is taken from a worker that is stuck in user code.
 *
 *	worker                                  monitor
 *	in = 1                    (a)           taken = ASKED             (c)
 *	compiler barrier                        membarrier
 *	if taken == 0: has proc   (b)           if in == 0 and taken: ASKED -> TAKEN    (d)
 *	                                                 the processor is the monitor's to give
 *	…                                       else taken: ASKED -> 0
 *	in = 0 (release)
 *
 * membarrier makes (a);(b) of each running thread behave as if a full fence stood between them at the moment of the
 * call: either the monitor sees in == 1 at (d), or the worker sees ASKED at (b). In the first case the monitor takes
 * its question back. In the second the worker goes to enter_slow, steps outside again and swaps ASKED to 0 itself; the
 * monitor swaps ASKED to TAKEN; one swap succeeds, and so exactly one of them has the processor. Only the old worker
 * clears TAKEN.
 *
 * The release of `in = 0` pairs with the monitor's acquire at (d): what the worker wrote inside is seen by the next
 * holder. Where membarrier is refused, UG__TAKEN_FENCE is set in every `taken` for good, so that each entry goes the
 * slow way, which has a fence. UG__TAKEN_OFF stands while a worker runs a task without a processor: set by itself, and
 * in nobody's way, since such a worker is not asked.
 *
 * Rejected: a lock around each primitive (two locked instructions each time); stopping the thread by a signal (it may
 * hold malloc's lock).
 */
#ifndef UG_SCHED_ENTER_H
#define UG_SCHED_ENTER_H

#include "base/membarrier.h"
#include "sched/sched_priv.h"

/* enter.c */
void ug__enter_slow(struct worker *w);
/* The monitor's side: takes p from its worker, if that is outside; true: p is the caller's to give. */
bool ug__take(struct proc *p);
/* Enters; answers the worker's processor, which is its own until ug__leave; NULL: it has been taken. */
static inline struct proc *ug__enter(struct worker *w)
{
	store_relaxed(&w->in, 1u);
	compiler_barrier();
	if (unlikely(load_acquire(&w->taken)))
		ug__enter_slow(w);
	return w->proc;
}

static inline void ug__leave(struct worker *w)
{
	store_release(&w->in, 0u);
}

#endif
