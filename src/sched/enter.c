/* SPDX-License-Identifier: MIT */
/* The slow side of entering sched, and the taking of a processor. The protocol is told in enter.h. */
#include "sched/enter.h"

/* The worker's side, when it is asked or has lost. `in` is 1 here, and on return. */
UG__NOINLINE void ug__enter_slow(struct worker *w)
{
	for (;;) {
		swap_seq(&w->in, 1u);
		uint32_t v = load_seq(&w->taken);
		if (v & TAKEN_YES) {
			w->proc = NULL;
			store_seq(&w->taken, v & TAKEN_FENCE);
			return;
		}
		if (!(v & TAKEN_ASKED))
			return;
		store_release(&w->in, 0u);
		cas_seq(&w->taken, &v, v & TAKEN_FENCE);
	}
}

bool ug__take(struct proc *p)
{
	struct worker *w = load_acquire(&p->worker);
	uint32_t none = S->taken_none, asked = none | TAKEN_ASKED;
	if (!cas_seq(&w->taken, &none, asked))
		return false;
	if (!S->taken_none)
		ug__membarrier();
	bool outside = load_seq(&w->in) == 0;
	uint32_t to = S->taken_none | (outside ? TAKEN_YES : TAKEN_NO);
	/* A worker that pins its task gives its processor away by itself: it may have done so since p->worker was read. */
	return cas_seq(&w->taken, &asked, to) && outside && load_acquire(&p->worker) == w;
}
