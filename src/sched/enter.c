/* SPDX-License-Identifier: MIT */
/* The slow side of entering sched, and the taking of a processor. The protocol is told in enter.h. */
#include "sched/enter.h"

/* The worker's side, when it is asked or has lost. `in` is 1 here, and on return. */
UG__NOINLINE void ug__enter_slow(struct worker *w)
{
	for (;;) {
		swap_seq(&w->in, 1u);
		uint32_t v = load_seq(&w->taken);
		if (v & UG__TAKEN_YES) {
			store_relaxed(&w->proc, NULL);
			w->displaced = 1;
			store_seq(&w->taken, (v & UG__TAKEN_FENCE) | UG__TAKEN_OFF);
			return;
		}
		if (!(v & UG__TAKEN_ASKED))
			return;
		store_release(&w->in, 0u);
		cas_seq(&w->taken, &v, v & UG__TAKEN_FENCE);
	}
}

bool ug__take(struct proc *p)
{
	struct worker *w = load_acquire(&p->worker);
	uint32_t none = S->taken_none, asked = none | UG__TAKEN_ASKED;
	if (!cas_seq(&w->taken, &none, asked))
		return false;
	/* No barrier any more (a sandbox since the start, no memory): then nothing is taken. */
	bool outside = (S->taken_none || ug__membarrier() == 0) && load_seq(&w->in) == 0;
	/* A worker that pins its task gives its processor away by itself. It may have done so since p->worker was read,
	 * and have got another one since (no scenario of tests/model is as long as that). What it has now it has as
	 * long as the last swap finds the question: it did not enter. */
	outside = outside && load_relaxed(&w->proc) == p;
	uint32_t to = S->taken_none | (outside ? UG__TAKEN_YES : UG__TAKEN_NO);
	return cas_seq(&w->taken, &asked, to) && outside;
}
