/* SPDX-License-Identifier: MIT */
/* The slow side of entering sched, and the taking of a processor. The protocol is told in enter.h. */
#include "sched/enter.h"

#include <sched.h>

/* The worker's side, when it is asked or has lost. `in` is 1 here, and on return. */
UG__NOINLINE void ug__enter_slow(struct worker *w)
{
	for (int tries = 0;;) {
		swap_seq(&w->in, 1u);
		uint32_t v = load_seq(&w->taken);
		if (v & UG__TAKEN_YES) {
			store_relaxed(&w->proc, NULL);
			w->displaced = 1;
			store_seq(&w->taken, v & UG__TAKEN_FENCE);
			return;
		}
		if (v & UG__TAKEN_LENT) {
			if (tries++ > 100) /* the thief may have lost its core */
				sched_yield();
			continue;
		}
		if (!(v & UG__TAKEN_ASKED))
			return;
		store_release(&w->in, 0u);
		cas_seq(&w->taken, &v, v & UG__TAKEN_FENCE);
	}
}

/* p's worker, which is outside and does not come in before `taken` has lost `answer`; NULL: it is inside, or another
 * has asked. */
static struct worker *ask(const struct proc *p, uint32_t who, uint32_t answer)
{
	struct worker *w = load_acquire(&p->worker);
	uint32_t none = S->taken_none, asked = none | UG__TAKEN_ASKED | who << UG__TAKEN_WHO;
	if (!cas_seq(&w->taken, &none, asked))
		return NULL;
	/* No barrier any more (a sandbox since the start, no memory): then nothing is taken. */
	bool outside = (S->taken_none || ug__membarrier() == 0) && load_seq(&w->in) == 0;
	/* A worker that pins its task gives its processor away by itself. It may have done so since p->worker was read,
	 * and have got another one since. What it has now it has as long as the last swap finds the question: it did
	 * not enter. */
	outside = outside && load_relaxed(&w->proc) == p;
	uint32_t to = S->taken_none | (outside ? answer : UG__TAKEN_NO);
	return cas_seq(&w->taken, &asked, to) && outside ? w : NULL;
}

bool ug__take(struct proc *p)
{
	return ask(p, 0, UG__TAKEN_YES) != NULL;
}

runnable ug__take_slot(struct proc *p, const struct proc *who)
{
	struct worker *w = ask(p, who->index + 1, UG__TAKEN_LENT);
	if (!w)
		return 0;
	runnable r = load_relaxed(&p->slot);
	store_relaxed(&p->slot, (runnable)0);
	store_release(&w->taken, S->taken_none);
	return r;
}
