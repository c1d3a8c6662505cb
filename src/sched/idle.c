/* SPDX-License-Identifier: MIT */
/*
 * Sleeping for want of work, and waking.
 *
 * Workers that sleep wait in the poller itself (all of them in the one epoll instance; an event wakes one), until the
 * next timer of the processor that they hold. Where the poller has a thread of its own (io_uring) they sleep on a futex
 * instead, and that thread makes tasks ready from outside.
 *
 * No wake is lost:
 *
 *	pusher                                  sleeper
 *	push the task          (seq_cst)        idle_count += 1            (seq_cst)
 *	idle_count > 0?        (seq_cst)        any queue not empty?       (seq_cst loads)
 *	  searching 0 -> 1: wake one                yes: do not sleep
 *
 * One of the two sees the other. The pusher may leave the wake out when `searching` is 1: then a woken worker has not
 * looked at the queues yet, or it will look again: ug__search_done first clears `searching`, then looks at all queues,
 * and wakes the next if it sees more work. So at most one worker more than needed is awake, and a burst wakes them one
 * by one.
 *
 * What a worker's loop makes ready itself, by events and timers, wakes nobody at once: it runs the first of them next,
 * and before that ug__search_done wakes one for the others, if there are any.
 *
 * `searching` is 1 only while a wake is on its way to a worker, or that worker is between leaving idle_sleep and its
 * next task or next sleep: both clear it first, and look at the queues after. A wake that nobody sleeps for any more is
 * found by the next one that goes to sleep: the eventfd stays ready, the futex word has changed.
 *
 * Slots are different: their task is mostly picked by the holder at once (two tasks that take turns), and then a wake
 * was in vain: it cost a system call, and the thief took caches along had it been quicker. So a thief is patient with
 * slots (queue.c), and a sleeper does not look at those of others. `muted` says that wakes for slots were in vain
 * lately: a worker that was woken found nothing, or one whose slot was stolen (`robbed`) had nothing else to do soon
 * after, and so would have run the task itself. (The wake is a system call: while it lasts the thief can win even
 * against a holder that is about to pick.) Until the monitor's next tick, filling a slot wakes nobody then. What lies
 * in it waits 2 ms at most: the monitor wakes a thief for it where its holder made no pick since the last tick. Wakes
 * for rings and the global queue are never muted.
 */
#include "sched/sched_priv.h"

#include "sched/worker_priv.h"

/* As many as there are picks until the next poll: of more the ring would run over, into the global queue, where some
 * would wait while others are served again and again. With 128 an echo among 10,000 connections took 330 ms where it
 * takes 75 now, at the 99th percentile, and a seventh more of the processor's time, for cold memory. Who polls in
 * between, because the monitor says so, takes what those who are ready yet leave of the picks: else he would run each
 * task a turn after its lines were asked for, from then on. Some in any case; no more where as many are ready, else
 * what lies in the global queue would never get less (350 ms at two processors, 100 now). */
#define EVENTS BUDGET
#define EVENTS_LEAST (EVENTS / 4)

static bool work_but_slots(void)
{
	if (load_seq(&S->global.count) || load_seq(&S->surplus.count) || load_seq(&S->hogs.count))
		return true;
	for (uint32_t i = 0; i < S->procs_count; i++)
		if (!ug__rings_empty(&S->procs[i]))
			return true;
	return false;
}

bool ug__work_anywhere(void)
{
	bool work = work_but_slots() || load_seq(&S->starved);
	for (uint32_t i = 0; !work && i < S->procs_count; i++)
		work = load_seq(&S->procs[i].slot) != 0;
	return work;
}

static void kick(void)
{
	if (S->poller->own_thread) {
		add_seq(&S->idle_word, 1u);
		ug__futex_wake(&S->idle_word, 1);
	} else {
		S->poller->wake();
	}
}

void ug__idle_wake_one(void)
{
	if (unlikely(load_seq(&S->monitor_asleep)))
		ug__monitor_wake();
	if (load_seq(&S->idle_count) == 0 || load_seq(&S->searching))
		return;
	uint32_t none = 0;
	if (cas_seq(&S->searching, &none, 1u))
		kick();
}

void ug__search_done(struct worker *w)
{
	w->recheck = 0;
	if (unlikely(load_seq(&S->monitor_asleep)))
		ug__monitor_wake();
	if (load_relaxed(&S->searching))
		store_seq(&S->searching, 0u);
	if (load_seq(&S->idle_count) && work_but_slots())
		ug__idle_wake();
}

static int dispatch(struct worker *w, const struct ug__event *ev, int n)
{
	int events = 0;
	if (n > 1)
		ug__fd_fetch(ev, n);
	for (int i = 0; i < n; i++) {
		if (ev[i].key == UG__POLL_WAKE) {
			w->recheck = 1;
		} else {
			ug__fd_event(ev[i].key, ev[i].what);
			events++;
		}
	}
	store_relaxed(&w->proc->events_end, w->proc->tail);
	return events;
}

int ug__poll(struct worker *w)
{
	struct ug__event ev[EVENTS];
	uint32_t ready = w->proc->tail - load_acquire(&w->proc->head);
	uint32_t most = ready < EVENTS - EVENTS_LEAST ? EVENTS - ready : EVENTS_LEAST;
	return dispatch(w, ev, S->poller->wait(ev, (int)most, 0));
}

/* Virtual time: nothing runs or can run, and nothing real is under way, so it is the next timer's time. Unless a call
 * that was under way, or a timer of others, made a task ready after the queues were looked at: each kicks before it
 * counts as over, or another does who has said so by `searching`; so whether somebody did is looked at last. */
static int jump(struct ug__event *ev, uint32_t word, int64_t until, int64_t others)
{
	int n = S->poller->own_thread ? 0 : S->poller->wait(ev, EVENTS, 0);
	bool woken = n || load_seq(&S->idle_word) != word || load_seq(&S->searching);
	int64_t first = others < until ? others : until;
	if (!woken && first > S->virtual_now && first != UG_FOREVER) /* others' may be firing */
		store_seq(&S->virtual_now, first);
	if (others <= until)
		ug__monitor_nudge();
	return n;
}

static int sleep_now(struct ug__event *ev, uint32_t word, int64_t until)
{
	if (unlikely(S->virtual_clock)) {
		int64_t others = load_seq(&S->monitor_timers.next);
		if (!ug__blocking_busy() && !load_seq(&S->displaced) && (until != UG_FOREVER || others != UG_FOREVER))
			return jump(ev, word, until, others);
		until = UG_FOREVER;
	}
	if (unlikely(load_relaxed(&S->starved))) {
		int64_t look = ug__starved_due();
		until = look < until ? look : until;
	}
	if (!S->poller->own_thread)
		return S->poller->wait(ev, EVENTS, until);
	ug__futex_wait(&S->idle_word, word, until);
	return 0;
}

/* While the worker sleeps another may take its stacks, where there is no memory for more. */
static void lend_stacks(struct proc *p)
{
	if (S->procs_count == 1 || !p->stacks)
		return;
	store_release(&p->lent, p->stacks);
	p->stacks = NULL;
}

static void take_stacks_back(struct proc *p)
{
	if (S->procs_count == 1 || p->stacks || p->stack_count == 0)
		return;
	p->stacks = swap_acq_rel(&p->lent, NULL);
	if (!p->stacks)
		p->stack_count = 0;
}

void ug__idle_sleep(struct worker *w)
{
	struct ug__event ev[EVENTS];
	uint32_t word = load_seq(&S->idle_word);
	int n = 0;
	/* Whatever wake was on its way to somebody who looked for work: the next push must wake again. One that comes
	 * before this line has pushed before, and is seen below; one that comes after kicks after `word` was read. */
	if (load_seq(&S->searching))
		store_seq(&S->searching, 0u);
	if (w->recheck || load_relaxed(&w->proc->robbed))
		store_relaxed(&S->muted, 1u);
	w->recheck = 0;
	store_relaxed(&w->proc->robbed, 0u);
	store_relaxed(&w->idle, 1u);
	add_seq(&S->idle_count, 1u);
	int64_t until = load_relaxed(&w->proc->timers.next);
	lend_stacks(w->proc);
	if (!work_but_slots() && !load_seq(&w->proc->slot) && !load_seq(&S->stopping))
		n = sleep_now(ev, word, until);
	store_relaxed(&w->idle, 0u);
	/* Then look: the monitor says that it sleeps, then looks at idle_count and idle. */
	add_seq(&S->idle_count, -1u);
	take_stacks_back(w->proc);
	if (unlikely(load_seq(&S->monitor_asleep)))
		ug__monitor_wake();
	w->recheck = 1;
	dispatch(w, ev, n);
}

void ug__idle_kick(void)
{
	kick();
}

void ug__idle_displaced_end(void)
{
	add_seq(&S->displaced, -1u);
	if (unlikely(S->virtual_clock)) /* who sleeps meanwhile waits for this before it moves the clock */
		kick();
}

/* The poller's own thread, where it has one ------------------------------------------------------------------------ */

static uint32_t poller_stop;

static void *poller_main(void *unused)
{
	(void)unused;
	struct ug__event ev[EVENTS];
	while (!load_acquire(&poller_stop)) {
		int n = S->poller->wait(ev, EVENTS, UG_FOREVER);
		for (int i = 0; i < n; i++)
			if (ev[i].key != UG__POLL_WAKE)
				ug__fd_event(ev[i].key, ev[i].what);
	}
	ug__thread_gone();
	return NULL;
}

int ug__poller_start(void)
{
	int e = S->poller->start();
	if (e < 0 && S->poller != &ug__poll_epoll) {
		S->poller = &ug__poll_epoll; /* refused here (seccomp, sysctl, an old kernel): epoll is always there */
		e = S->poller->start();
	}
	store_relaxed(&poller_stop, 0u);
	if (e == 0 && S->poller->own_thread && (e = ug__thread_start(poller_main, NULL)) < 0)
		S->poller->end();
	return e;
}

void ug__poller_stop(void)
{
	store_release(&poller_stop, 1u);
	S->poller->wake();
}
