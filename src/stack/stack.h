/* SPDX-License-Identifier: MIT */
/*
 * Stacks: where they come from, and the switch from one to another. What a stack is used for is the business of sched.
 *
 * A stack is a slot of 2^k bytes, k from 14 to 26, aligned to nothing but a page. It grows down; its lowest page is a
 * guard; its topmost UG__STACK_HEAD bytes belong to whoever uses the stack (sched keeps the task there, so that task
 * and stack share a page), and begin with a struct ug__stack. Between uses the head's contents stay while the stack is
 * warm.
 */
#ifndef UG_STACK_STACK_H
#define UG_STACK_STACK_H

#include <stddef.h>
#include <stdint.h>

#define UG__STACK_HEAD 400
#define UG__STACK_MIN_LOG 14
#define UG__STACK_MAX_LOG 26

struct ug__slab;

struct ug__stack {
	struct ug__stack *next; /* while free or queued: its owner's list */
	struct ug__slab *slab;
	uint32_t valgrind_id;
	uint16_t slot;
	uint8_t log; /* of its size in bytes */
	uint8_t canary; /* no page guards it: ug__stack_intact must be asked */
};

static inline char *ug__stack_base(const struct ug__stack *s)
{
	return (char *)s + UG__STACK_HEAD - ((size_t)1 << s->log);
}
/* First byte that frames may not use: frames grow down from here. */
static inline char *ug__stack_start(const struct ug__stack *s)
{
	return (char *)s;
}

/* A stack of 2^log bytes; NULL: no memory. Any thread. A stack that is fresh (never used, or given back to the system)
 * has a head of zeros but for struct ug__stack. */
struct ug__stack *ug__stack_get(unsigned log);
/* The same, and perhaps more of them, linked behind it: who has used many that were fresh gets them in batches. */
struct ug__stack *ug__stack_get_some(unsigned log);
void ug__stack_put(struct ug__stack *s);
/* Gives memory of stacks that were not needed lately back to the system; to be called from time to time. Answers how
 * many stacks are still kept warm. */
size_t ug__stack_trim(void);
/* Whether frames overran a stack without a guard page, as far as can be told. */
int ug__stack_intact(const struct ug__stack *s, const void *sp);
/* The stack that an address lies in, its guard included; NULL: none. For fault handlers: takes no lock. */
struct ug__stack *ug__stack_at(const void *address);
/* Calls fn with each stack ever made ready, in no order, whether in use or not. New ones may be missed. */
void ug__stack_each(void (*fn)(struct ug__stack *s, void *arg), void *arg);
/* Gives all memory back. Nobody may use a stack. */
void ug__stack_end(void);

/* The switch -------------------------------------------------------------------------------------------------------
 * ug__switch(from, to, pass): saves where the caller stands in *from and goes on where *to was saved. Answers, once
 * somebody switches back, what that one passed. */
struct ug__switch {
	void *sp, *bp, *ip;
};

/* Makes *s start `main(pass)` on the stack whose frames start at `start`; main does not return. */
void ug__switch_init(struct ug__switch *s, void *start, void (*main)(void *pass));

#endif
