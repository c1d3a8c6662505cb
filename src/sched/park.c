/* SPDX-License-Identifier: MIT */
/*
 * Park and ready: the one way in which a task waits, and the only place that switches stacks.
 *
 * The contract is in sched.h. What makes it work:
 *
 * One winner. A task that waits has armed its wait word. Wakers (channel, timer, descriptor …) and the end of its
 * context compete by one compare-and-swap out of ARMED; who wins makes the task ready, all others leave it alone. Where
 * no end can come, and one waiter stands in one queue, who takes it from there is alone (SOLE).
 *
 * Findable before it is off its stack. A task may be made ready, stolen and picked by another worker while it still
 * switches away. on_cpu tells: it is 1 until the code on the stack that was switched to has cleared it
 * (ug__after_switch, release), and whoever picks a task looks at it (acquire) before it jumps there. A worker that
 * still stands on its own task's stack must not wait for that flag: two workers could each be about to leave the task
 * that the other has picked. It goes to its loop first, which clears its own task's flag, and waits there.
 *	Rejected: releasing the queue's lock only after the switch (Go's gopark). It keeps every channel's lock held for
 *	the length of a switch, and a wait on many sources must carry all its locks over.
 *
 * The end of a context and the wait word: the canceller sets the context's err, then looks at the wait words of the
 * tasks on its list; the task puts itself on the list, arms, then looks at err. Arm's swap and the look are
 * sequentially consistent on both sides (ctx.c), so one of the two sees the other.
 *
 * Straight from task to task: park picks the next task itself and switches there; the worker's loop runs only when
 * there is none at hand, or when it is time to look at timers, poller and the global queue.
 */
#include "sched/enter.h"

#include "sched/past.h"
#include "stack/switch.h"
#include <sched.h>

void ug__after_switch(struct ug__task *left)
{
	if (!left)
		return;
	if (unlikely(left->flags & TASK_DEAD))
		ug__reap(left);
	else
		store_release(&left->on_cpu, 0u);
}

/* What to run next, at once; 0: the loop must look. */
static inline __attribute__((always_inline)) runnable pick(struct proc *p)
{
	if (unlikely(p->budget == 0 || load_relaxed(&p->attention)))
		return 0;
	p->budget--;
	runnable r = ug__queue_pop(p);
	if (r)
		store_relaxed(&p->tick, p->tick + 1);
	return r;
}

static UG__NOINLINE void check_canary(struct ug__task *t)
{
	bool intact = ug__stack_intact(&t->stack, __builtin_frame_address(0));
	if (!intact)
		ug__report(2, "undergo: the stack of task %llu (%s) overflowed\n", (unsigned long long)t->id,
			t->name ? t->name : "no name");
	ug__check(intact);
}

/* C++ exceptions -----------------------------------------------------------------------------------------------------
 * Where the program has C++, its runtime counts exceptions in flight in two words of each thread; they go with the
 * task. */
struct exceptions {
	void *caught;
	unsigned uncaught;
};
extern struct exceptions *__cxa_get_globals(void) __attribute__((weak));

void ug__exceptions_start(void)
{
	if (__cxa_get_globals)
		*__cxa_get_globals() = (struct exceptions){NULL, 0};
}

/* Comes back when somebody runs t again. */
static __attribute__((always_inline)) inline void switch_to(
	struct ug__task *t, struct ug__announce *to, struct ug__switch *regs, bool dead)
{
	ug__announce_switch(dead ? NULL : &t->announce, to);
	struct ug__task *left = ug__switch(&t->regs, regs, t);
	ug__announce_arrived(&t->announce, NULL);
	ug__after_switch(left);
}

static UG__NOINLINE void switch_with_exceptions(
	struct ug__task *t, struct ug__announce *to, struct ug__switch *regs, bool dead)
{
	struct exceptions saved = *__cxa_get_globals();
	switch_to(t, to, regs, dead);
	*__cxa_get_globals() = saved;
}

/* Goes on with `next`, or with the loop where that is NULL. Comes back when somebody runs t again; never for a dead
 * one. */
static __attribute__((always_inline)) inline void switch_from(
	struct worker *w, struct ug__task *t, struct ug__task *next, bool dead)
{
	struct ug__announce *to;
	struct ug__switch *regs;
	if (next) {
		store_relaxed(&next->on_cpu, 1u);
		ug__foresee(w->proc, next);
		to = &next->announce;
		regs = &next->regs;
	} else {
		to = &w->announce;
		regs = &w->regs;
	}
	store_relaxed(&w->cur, next);
	if (unlikely(__cxa_get_globals != NULL))
		switch_with_exceptions(t, to, regs, dead);
	else
		switch_to(t, to, regs, dead);
}

runnable ug__pick(struct proc *p)
{
	return pick(p);
}

/* The task's stack is left for r, or for the loop where that is 0; w is inside, and so is the worker on which this
 * returns. */
static inline __attribute__((always_inline)) void leave_stack_for(struct worker *w, struct ug__task *t, runnable r)
{
	if (unlikely(t->stack.canary))
		check_canary(t);
	ug__held_settle(w);
	struct ug__task *next = (struct ug__task *)r;
	if (unlikely(r & 1))
		next = ug__bind(w->proc, r);
	if (next == t)
		return;
	if (next && unlikely(load_acquire(&next->on_cpu))) {
		w->pending = next;
		next = NULL;
	}
	switch_from(w, t, next, (t->flags & TASK_DEAD) != 0);
}

UG__NOINLINE void ug__leave_stack_for(struct worker *w, struct ug__task *t, runnable r)
{
	leave_stack_for(w, t, r);
}

UG__NOINLINE void ug__leave_stack(struct worker *w, struct ug__task *t)
{
	struct proc *p = w->proc;
	leave_stack_for(w, t, p ? pick(p) : 0);
}

/* The loop's side: runs t until some task comes back to the loop. */
__attribute__((noinline)) void ug__run_on(struct worker *w, struct ug__task *t)
{
	for (int i = 0; load_acquire(&t->on_cpu); i++)
		if (i > 100)
			sched_yield();
	store_relaxed(&t->on_cpu, 1u);
	store_relaxed(&w->cur, t);
	ug__announce_switch(&w->announce, &t->announce);
	struct ug__task *left = ug__switch(&w->regs, &t->regs, NULL);
	ug__announce_arrived(&w->announce, NULL);
	ug__after_switch(left);
}

/* Whether the task kept its processor this time: it is judged by that until it has run again. */
static inline void note_hog(struct ug__task *t, const struct proc *p)
{
	if (unlikely((p == NULL) != load_relaxed(&t->hog)))
		store_relaxed(&t->hog, !p);
}

/* Waiting ---------------------------------------------------------------------------------------------------------- */

/* Where no runtime runs, a thread fires the timers itself that the monitor would: its own are among them. Should the
 * runtime end meanwhile, ug__threads_nudge makes it look again. false: a pinned task is left behind by the runtime's
 * end. */
static bool park_offline(struct ug__task *t)
{
	if (t->flags & TASK_PINNED)
		ug__displaced_end(ug__worker());
	while (load_acquire(&t->ready_word) != OFFLINE_READY) {
		if ((t->flags & TASK_PINNED) && load_acquire(&S->stopping))
			return false;
		uint32_t asleep = OFFLINE_NONE;
		cas_seq(&t->ready_word, &asleep, OFFLINE_ASLEEP);
		/* Looked at after that: the runtime's end clears `running`, then nudges who is asleep. One of the two
		 * sees the other. */
		bool alone = !load_seq(&S->running);
		if (alone)
			ug__timers_run(&S->monitor_timers, ug_now());
		ug__futex_wait(
			&t->ready_word, OFFLINE_ASLEEP, alone ? load_relaxed(&S->monitor_timers.next) : UG_FOREVER);
		asleep = OFFLINE_ASLEEP;
		cas_acq_rel(&t->ready_word, &asleep, OFFLINE_NONE);
	}
	store_relaxed(&t->ready_word, OFFLINE_NONE);
	if (t->flags & TASK_PINNED)
		ug__worker()->displaced = 1; /* who woke it has counted it */
	return true;
}

static int ended_code(const struct ug__task *t)
{
	int e = ug_ctx_err(t->ctx);
	return e ? e : -ECANCELED;
}

static inline __attribute__((always_inline)) int park(struct ug__task *t)
{
	if (load_relaxed(&t->wait) != UG__WAIT_STATE_SELF) {
		if (likely(!(t->flags & TASK_OFFLINE)) || !park_offline(t)) {
			struct worker *w = ug__worker();
			struct proc *p = ug__enter(w);
			note_hog(t, p);
			t->may_start = CROWD;
			leave_stack_for(w, t, p ? pick(p) : 0);
			ug__leave(ug__worker());
		}
	}
	uint32_t state = load_acquire(&t->wait);
	store_relaxed(&t->wait, UG__WAIT_STATE_NONE);
	store_relaxed(&t->wait_kind, UG__WAIT_NONE);
	return state == UG__WAIT_STATE_WON ? 0 : ended_code(t);
}

int ug__park(struct ug__task *t)
{
	return park(t);
}

int ug__wait_in(struct ug__biased *l, struct ug__bias *b, struct ug__owner *owned, struct ug__waitq *q,
	const void *value, int wait)
{
	struct ug__task *t = ug__self();
	/* What is needed again where the context's end came first lies in the waiter, not beside it. */
	struct ug__waiter w = {.task_ = t,
		.value_ = (void *)(uintptr_t)value,
		.amount_ = (int64_t)(intptr_t)q,
		.reserved_ = (uintptr_t)b};
	ug__arm(t, wait | UG__WAIT_SOLE, l);
	ug__waitq_push(q, &w);
	ug__biased_unlock(l, owned);
	int e = park(t);
	if (likely(e == 0))
		return w.result_;
	l = (struct ug__biased *)(uintptr_t)t->wait_object;
	owned = ug__biased_lock(l, (struct ug__bias *)w.reserved_);
	ug__waitq_remove((struct ug__waitq *)(intptr_t)w.amount_, &w);
	ug__biased_unlock(l, owned);
	return e;
}

int ug__wait_locked(struct ug__task *t, uint32_t *lock, struct ug__waitq *q, int wait, const void *object)
{
	struct ug__waiter w = {.task_ = t, .value_ = lock, .reserved_ = (uintptr_t)q};
	ug__wait_arm(t, wait | UG__WAIT_SOLE, object);
	ug__waitq_push(q, &w);
	ug__unlock(lock);
	int e = park(t);
	if (likely(e == 0))
		return w.result_;
	lock = w.value_;
	ug__lock(lock);
	ug__waitq_remove((struct ug__waitq *)w.reserved_, &w);
	ug__unlock(lock);
	return e;
}

int ug__wait_disarm(struct ug__task *t)
{
	uint32_t state = load_relaxed(&t->wait);
	while (state == UG__WAIT_STATE_ARMED || state == UG__WAIT_STATE_HARD || state == UG__WAIT_STATE_SELF)
		if (cas_seq(&t->wait, &state, UG__WAIT_STATE_NONE)) {
			store_relaxed(&t->wait_kind, UG__WAIT_NONE);
			return 1;
		}
	return 0;
}

/* Ready ------------------------------------------------------------------------------------------------------------ */

void ug__inject(runnable r)
{
	ug__global_push(r);
	ug__idle_wake();
}

/* A plain thread may still be in here when what it made ready has ended the program: the runtime's end waits for it. */
static void inject_from_thread(runnable r, void (*push)(runnable r))
{
	if (!ug__visit())
		return;
	push(r);
	ug__visit_end();
}

static void inject_hog(runnable r)
{
	ug__hog_push((struct ug__task *)r);
	ug__idle_wake();
}

static inline __attribute__((always_inline)) void ready_runnable(runnable r)
{
	struct worker *w = ug__worker();
	if (!w) {
		inject_from_thread(r, ug__inject);
		return;
	}
	/* The loop, and timers that it fires, are inside already. */
	bool nested = load_relaxed(&w->in);
	struct proc *p = nested ? w->proc : ug__enter(w);
	bool strong = true;
	if (p && !w->cur) { /* the loop's own: see idle.c */
		ug__queue_push(p, r);
		w->recheck = 1;
		return;
	}
	if (!p)
		ug__global_push(r);
	else
		strong = ug__queue_push_slot(p, r);
	ug__idle_wake_after(strong);
	if (!nested)
		ug__leave(w);
}

void ug__ready_runnable(runnable r)
{
	ready_runnable(r);
}

void ug__ready(struct ug__task *t)
{
	if (unlikely(t->flags & TASK_OFFLINE)) {
		if (t->flags & TASK_PINNED)
			add_seq(&S->displaced, 1u); /* at once: its waker may be about to wait */
		if (swap_acq_rel(&t->ready_word, OFFLINE_READY) == OFFLINE_ASLEEP)
			ug__futex_wake(&t->ready_word, 1);
	} else if (unlikely(load_relaxed(&t->hog))) {
		if (ug__worker())
			inject_hog((runnable)t);
		else
			inject_from_thread((runnable)t, inject_hog);
	} else {
		ready_runnable((runnable)t);
	}
}

/* It would run beside the tasks that have processors else, one thread more, for as long as it need not wait. */
UG__NOINLINE struct ug__task *ug__give_way(struct worker *w)
{
	struct ug__task *t = w->cur;
	if (!ug__enter(w) && !(t->flags & TASK_PINNED)) {
		note_hog(t, NULL);
		inject_hog((runnable)t);
		ug__leave_stack(w, t);
		w = ug__worker();
	}
	ug__leave(w);
	return t;
}

/* How often a task gives way to the young until it counts as a long loop, and of how many of the oldest it makes sure
 * then. */
#define LONG_LOOP 8
#define OLDEST_FIRST 8

/* Its place is among the young, below those that it has started: so they go first, and it goes before all that are
 * older. A tree of tasks is walked in depth by that, and no task of the ring waits for any of them. Only behind a long
 * loop the oldest would starve. */
UG__NOINLINE void ug__give_way_to_young(void)
{
	struct worker *w = ug__worker();
	struct ug__task *t = w->cur;
	struct proc *p = ug__enter(w);
	note_hog(t, p);
	if (p) {
		uint32_t older = ug__young_push_below(p, (runnable)t, CROWD) + load_relaxed(&S->surplus.count);
		if (t->gave < LONG_LOOP)
			t->gave++;
		else
			p->young_oldest = older < OLDEST_FIRST ? older : OLDEST_FIRST;
		ug__idle_wake();
	} else {
		inject_hog((runnable)t);
	}
	t->may_start = CROWD;
	ug__leave_stack(w, t);
	ug__leave(ug__worker());
}

/* Behind all that is ready; `reader`: as one of the last poll's events, which costs it no second pick. */
static inline __attribute__((always_inline)) void go_last(struct worker *w, struct ug__task *t, bool reader)
{
	struct proc *p = ug__enter(w);
	note_hog(t, p);
	if (p) {
		ug__queue_push_quiet(p, (runnable)t);
		if (reader) {
			store_relaxed(&p->events_end, p->tail);
			p->budget++;
		}
	} else {
		inject_hog((runnable)t);
	}
	ug__leave_stack(w, t);
	ug__leave(ug__worker());
}

/* Nothing but the ring: what is in the slot, or among the young, would go before who gives way more than once. */
static inline bool only_events(const struct proc *p)
{
	return load_relaxed(&p->events_end) == load_relaxed(&p->tail) &&
		load_relaxed(&p->head) != load_relaxed(&p->tail) && !load_relaxed(&p->slot) && ug__young_empty(p);
}

void ug__give_way_to_readers(struct ug__task *t)
{
	struct worker *w = ug__worker();
	struct proc *p = t->flags & (TASK_THREAD | TASK_PINNED) ? NULL : load_relaxed(&w->proc);
	if (p && only_events(p))
		go_last(w, t, true);
}

void ug_yield(void)
{
	struct worker *w = ug__worker();
	if (!w || (w->cur->flags & TASK_PINNED))
		sched_yield();
	else
		go_last(w, w->cur, false);
}
