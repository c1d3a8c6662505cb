/* SPDX-License-Identifier: MIT */
/*
 * Stacks of processors, and records that find none.
 *
 * A processor keeps some stacks of the program's size. While its worker sleeps they are lent: another that finds no
 * memory takes them all by one swap.
 *
 * A record for which there is no memory is starved. It is off the run queues then, so that it is in nobody's way: tasks
 * that have a stack go on as if it were not there, workers sleep, and a virtual clock goes on to the next timer.
 * Starved records wait by sizes of stacks, for where there is no room for a large one there may be for small ones, each
 * size first come first served; who finds no stack in his processor's cache while others of his size wait joins them
 * without asking for memory. They are served
 *   by a task's end, if no other task goes on on its stack at once: that goes to the first who waits for the largest
 *   size that fits on it, and who is ready then;
 *   by a worker's loop where it finds nothing else, and in one of four looks at the others' queues, so that those who
 *   come later and find a stack in a cache do not go first for ever: with stacks that its processor keeps, or that a
 *   sleeper has lent, or with new ones, since the program may have given memory back otherwise. To ask for new ones
 *   where there are none costs some system calls: it is done once in a millisecond, and where it was in vain half as
 *   often each time, down to once in 64. A worker that sleeps wakes for that; on a virtual clock also before each jump.
 * There is no other promise of when. A start that was answered with 0 cannot fail any more: where no stack ever comes
 * back, who waits for the task's end waits for ever. That is not called a deadlock, since the system may have memory
 * again.
 *	Rejected: putting them back into the global queue. Each look took another one and waited a millisecond, before
 *	those that could run: 150 ms for each sleep of 1 ms beside 500 of them; and since the queue was never empty,
 *	virtual time stood still.
 */
#include "sched/stacks_priv.h"

#include <string.h>

#define SIZES (UG__STACK_MAX_LOG - UG__STACK_MIN_LOG + 1)
#define PAUSE UG_MS /* between two questions for memory */
#define MOST_PAUSE (64 * UG_MS)

static struct {
	uint32_t lock; /* a leaf; S->starved is changed under it, too */
	int64_t next_look, pause; /* at memory; 0: now, the least */
	struct starved {
		struct record *head, *tail;
		uint32_t count, served;
	} sizes[SIZES];
} waiting;

static struct starved *of_size(unsigned log)
{
	return &waiting.sizes[log - UG__STACK_MIN_LOG];
}

void ug__starved_push(struct record *r)
{
	struct starved *q = of_size(r->log);
	ug__lock(&waiting.lock);
	r->next = NULL;
	if (q->head)
		q->tail->next = r;
	else
		store_relaxed(&q->head, r);
	q->tail = r;
	store_relaxed(&q->count, q->count + 1);
	store_relaxed(&waiting.pause, 0);
	store_seq(&S->starved, S->starved + 1);
	ug__unlock(&waiting.lock);
}

static struct record *pop(unsigned log)
{
	struct starved *q = of_size(log);
	if (!load_relaxed(&q->head))
		return NULL;
	ug__lock(&waiting.lock);
	struct record *r = q->head;
	if (r) {
		store_relaxed(&q->head, r->next);
		store_relaxed(&q->count, q->count - 1);
		store_relaxed(&q->served, q->served + 1);
		store_seq(&S->starved, S->starved - 1);
	}
	ug__unlock(&waiting.lock);
	return r;
}

/* One that fits on such a stack, of the largest that wait. */
static struct record *pop_fitting(unsigned log)
{
	struct record *r = NULL;
	for (; !r && log >= UG__STACK_MIN_LOG; log--)
		r = pop(log);
	return r;
}

/* The first of them; the processor keeps the others. */
static struct ug__stack *keep(struct proc *p, struct ug__stack *s)
{
	struct ug__stack *last = s;
	for (; last->next; last = last->next)
		p->stack_count++;
	if (last != s) {
		last->next = p->stacks;
		p->stacks = s->next;
	}
	return s;
}

static struct ug__stack *borrow(struct proc *p)
{
	for (uint32_t i = 0; i < S->procs_count; i++) {
		struct proc *lender = &S->procs[i];
		struct ug__stack *s = load_relaxed(&lender->lent) ? swap_acq_rel(&lender->lent, NULL) : NULL;
		if (s)
			return keep(p, s);
	}
	return NULL;
}

static struct ug__stack *get(struct proc *p, unsigned log)
{
	if (log != S->stack_log)
		return ug__stack_get(log);
	struct ug__stack *s = ug__stack_get_some(log);
	return s ? keep(p, s) : borrow(p);
}

struct ug__stack *ug__stack_more(struct proc *p, unsigned log)
{
	return unlikely(load_relaxed(&S->starved)) && load_relaxed(&of_size(log)->head) ? NULL : get(p, log);
}

void ug__stack_back(struct proc *p, struct ug__stack *s)
{
	struct record *r = p && load_relaxed(&S->starved) ? pop_fitting(s->log) : NULL;
	if (r) {
		ug__ready_runnable((runnable)ug__bind_to(p, s, r));
	} else if (p && s->log == S->stack_log && p->stack_count < CACHE) {
		s->next = p->stacks;
		p->stacks = s;
		p->stack_count++;
	} else {
		ug__stack_put(s);
	}
}

int64_t ug__starved_due(void)
{
	return load_relaxed(&S->starved) ? load_relaxed(&waiting.next_look) : UG_FOREVER;
}

/* Whether it is time to ask for memory again. Twice as long until the next time, unless somebody comes or is served. */
static bool may_look(void)
{
	if (S->virtual_clock)
		return true;
	int64_t now = ug_now(), next = load_relaxed(&waiting.next_look), pause = load_relaxed(&waiting.pause);
	pause = pause < PAUSE ? PAUSE : pause;
	if (now < next || !cas_acq_rel(&waiting.next_look, &next, now + pause))
		return false;
	store_relaxed(&waiting.pause, pause < MOST_PAUSE ? 2 * pause : pause);
	return true;
}

/* s, where a record waits for it. */
static runnable serve(struct proc *p, struct ug__stack *s)
{
	struct record *r = pop_fitting(s->log);
	if (r)
		return (runnable)ug__bind_to(p, s, r);
	ug__stack_back(p, s);
	return 0;
}

static UG__NOINLINE runnable starved_pick(struct proc *p)
{
	runnable r = 0;
	if (p->stacks)
		r = serve(p, stack_get(p, S->stack_log));
	if (r || !may_look())
		return r;
	for (unsigned log = UG__STACK_MIN_LOG; !r && log <= UG__STACK_MAX_LOG; log++) {
		struct ug__stack *s = load_relaxed(&of_size(log)->head) ? get(p, log) : NULL;
		if (!s && log < S->stack_log && load_relaxed(&of_size(log)->head))
			s = get(p, S->stack_log);
		if (s)
			r = serve(p, s);
	}
	if (r) {
		store_relaxed(&waiting.next_look, 0);
		store_relaxed(&waiting.pause, 0);
	}
	return r;
}

runnable ug__starved_pick(struct proc *p)
{
	return likely(load_relaxed(&S->starved) == 0) ? 0 : starved_pick(p);
}

static bool served_within(const struct starved *q, int64_t time)
{
	uint32_t before = load_relaxed(&q->served);
	ug_sleep(time);
	return load_relaxed(&q->served) != before;
}

/* Who starts a crowd of one size lets them be served, as long as that goes on, or it fills the little memory that there
 * is with records. */
void ug__starved_await(unsigned log)
{
	const struct starved *q = of_size(log);
	while (load_relaxed(&q->count) > CROWD && served_within(q, 2 * PAUSE))
		;
}

/* Who finds no memory for a record waits until some of his size have been served: they leave theirs. Some pauses
 * without any, 126 ms in all, are enough. */
bool ug__starved_served(unsigned log)
{
	const struct starved *q = of_size(log);
	for (int64_t pause = 2 * PAUSE; load_relaxed(&q->count) && pause <= MOST_PAUSE; pause *= 2)
		if (served_within(q, pause))
			return true;
	return false;
}

void ug__starved_end(void)
{
	memset(&waiting, 0, sizeof waiting);
	store_relaxed(&S->starved, 0u);
}
