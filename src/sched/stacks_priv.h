/* SPDX-License-Identifier: MIT */
/* A processor's stacks, and those who wait for one (stacks.c). All by the holder, inside. */
#ifndef UG_SCHED_STACKS_PRIV_H
#define UG_SCHED_STACKS_PRIV_H

#include "sched/sched_priv.h"

#define CACHE 64 /* stacks that a processor keeps */

/* One that is not in the cache; NULL: there is no memory, or others were first to find none. */
struct ug__stack *ug__stack_more(struct proc *p, unsigned log);
/* One that the cache does not take, or that somebody waits for. p may be NULL. */
void ug__stack_back(struct proc *p, struct ug__stack *s);
/* The record, for which there was no stack, waits for one. */
void ug__starved_push(struct record *r);

static inline __attribute__((always_inline)) struct ug__stack *stack_get(struct proc *p, unsigned log)
{
	struct ug__stack *s = p->stacks;
	if (unlikely(log != S->stack_log || !s))
		return ug__stack_more(p, log);
	p->stacks = s->next;
	p->stack_count--;
	return s;
}

static inline void stack_put(struct proc *p, struct ug__stack *s)
{
	if (unlikely(!p || s->log != S->stack_log || p->stack_count >= CACHE || load_relaxed(&S->starved))) {
		ug__stack_back(p, s);
		return;
	}
	s->next = p->stacks;
	p->stacks = s;
	p->stack_count++;
}

#endif
