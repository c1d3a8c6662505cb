/* SPDX-License-Identifier: MIT */
/*
 * Workers: the threads that run tasks.
 *
 * A worker's loop runs on the thread's own stack, inside sched all the time, and only when a task that parks has found
 * nothing to switch to. It looks, in this order: timers and poller (each 64 picks, or when the monitor says so), its
 * processor's queue, the global queue, other processors' queues; then it sleeps (idle.c).
 *
 * As many workers as there are processors hold one. The others are spare (asleep on their own futex) or offline: they
 * still run a task in user code whose processor was taken, or that is pinned. One spare waits at any time, if threads
 * can be had, so that the monitor has somebody to give a processor to without making a thread. One that is being made
 * counts as a spare already: where cores are busy its thread comes late, and others would be made for the same need.
 */
#include "sched/enter.h"

#include "base/biased.h"
#include "sched/worker_priv.h"
#include <signal.h>
#include <stdlib.h>

#define MAX_WORKERS 1024

__thread struct ug__worker_head *ug__this_worker;
static __thread struct ug__task *this_thread __attribute__((tls_model("initial-exec")));

UG__NOINLINE struct ug__task *ug__wait_self_slow(void)
{
	struct worker *w = ug__worker();
	return w && w->cur ? ug__give_way(w) : ug__thread_self();
}

/* Threads ---------------------------------------------------------------------------------------------------------- */

/* Threads of the library take no asynchronous signal: those are for the program's own threads. */
int ug__thread_start(void *(*fn)(void *), void *arg)
{
	sigset_t all, old;
	sigfillset(&all);
	static const int own_fault[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF};
	for (size_t i = 0; i < UG_COUNT_OF(own_fault); i++)
		sigdelset(&all, own_fault[i]);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	add_seq(&S->threads, 1u);
	pthread_t id;
	int e = pthread_create(&id, &attr, fn, arg);
	if (e)
		ug__thread_gone();
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -e;
}

/* The last that a thread of the library does. */
void ug__thread_gone(void)
{
	if (add_seq(&S->threads, -1u) == 1)
		ug__futex_wake(&S->threads, 1);
}

static pthread_once_t record_once = PTHREAD_ONCE_INIT;
static pthread_key_t record_key;
static bool have_record_key; /* else a thread's record is lost with it */
static uint32_t record_lock;
static struct ug__task *free_records, *all_records; /* linked through stack.next, and arg */

static void record_free(void *record)
{
	struct ug__task *t = record;
	/* The destructor of another key may yet call the library: it gets a record anew, and this is called again. */
	this_thread = NULL;
	ug__lock(&record_lock);
	t->stack.next = (struct ug__stack *)(void *)free_records;
	free_records = t;
	ug__unlock(&record_lock);
}

static void record_key_make(void)
{
	have_record_key = pthread_key_create(&record_key, record_free) == 0;
}

/* Who calls for the first time cannot be told that there is no memory: for that, some are kept. */
static struct ug__task *record_from_reserve(void)
{
	static struct ug__task reserve[16] __attribute__((aligned(64)));
	static uint32_t used;
	uint32_t i = add_relaxed(&used, 1u);
	return i < UG_COUNT_OF(reserve) ? &reserve[i] : NULL;
}

/* Records of plain threads are used again, but never freed: a waker's last touch may come after the thread has gone
 * on. */
static struct ug__task *record_new(void)
{
	pthread_once(&record_once, record_key_make);
	ug__lock(&record_lock);
	struct ug__task *t = free_records;
	if (t)
		free_records = (struct ug__task *)(void *)t->stack.next;
	ug__unlock(&record_lock);
	bool fresh = !t;
	if (fresh)
		t = aligned_alloc(64, (sizeof *t + 63) / 64 * 64);
	if (!t)
		t = record_from_reserve();
	ug__check(t);
	ug__lock(&record_lock);
	*t = (struct ug__task){.flags = TASK_THREAD, .ctx = &ug__root_ctx, .arg = fresh ? all_records : t->arg};
	if (fresh)
		all_records = t;
	ug__unlock(&record_lock);
	if (have_record_key)
		pthread_setspecific(record_key, t);
	return t;
}

static void nudge(struct ug__task *t)
{
	uint32_t asleep = OFFLINE_ASLEEP;
	if (cas_seq(&t->ready_word, &asleep, OFFLINE_NONE))
		ug__futex_wake(&t->ready_word, 1);
}

void ug__threads_nudge(void)
{
	ug__lock(&record_lock);
	for (struct ug__task *t = all_records; t; t = t->arg)
		nudge(t);
	ug__unlock(&record_lock);
}

/* A stack is not unmapped before its worker's thread has gone. */
void ug__pinned_nudge(void)
{
	ug__lock(&S->spare_lock);
	for (struct worker *w = S->workers; w; w = w->next) {
		struct ug__task *t = load_relaxed(&w->cur);
		if (t)
			nudge(t);
	}
	ug__unlock(&S->spare_lock);
}

UG__NOINLINE struct ug__task *ug__thread_self(void)
{
	if (!this_thread)
		this_thread = record_new();
	return this_thread;
}

/* What runs on this thread is no task any more. Answers the record of it, if there is one. */
struct ug__task *ug__worker_forget(void)
{
	struct worker *w = ug__worker();
	if (w) {
		this_thread = w->cur;
		this_thread->flags = TASK_THREAD;
		ug__this_worker = NULL;
		ug__this_owner = NULL;
	}
	return this_thread;
}

/* The loop --------------------------------------------------------------------------------------------------------- */

/* Its task, which may go on without a processor, waits or has ended. */
void ug__displaced_end(struct worker *w)
{
	if (w->displaced)
		ug__idle_displaced_end();
	w->displaced = 0;
}

/* Sleeps as a spare until given a processor; false: the runtime stops. */
static bool spare_wait(struct worker *w)
{
	ug__displaced_end(w);
	ug__lock(&S->spare_lock);
	bool stop = load_relaxed(&S->stopping);
	if (!stop) {
		store_relaxed(&w->given, 0u);
		w->next_spare = S->spares;
		S->spares = w;
		store_relaxed(&S->spare_count, S->spare_count + !w->expected);
		w->expected = 0;
		add_seq(&S->offline_count, -1u);
	}
	ug__unlock(&S->spare_lock);
	while (!stop && load_acquire(&w->given) == 0)
		ug__futex_wait(&w->given, 0, UG_FOREVER);
	return !stop && w->proc;
}

struct worker *ug__spare_take(void)
{
	ug__lock(&S->spare_lock);
	struct worker *w = S->spares;
	if (w) {
		S->spares = w->next_spare;
		store_relaxed(&S->spare_count, S->spare_count - 1);
		add_seq(&S->offline_count, 1u);
	}
	ug__unlock(&S->spare_lock);
	return w;
}

void ug__spare_give(struct worker *w, struct proc *p)
{
	store_relaxed(&w->proc, p);
	if (p) {
		store_relaxed(&w->taken, S->taken_none); /* no more UG__TAKEN_OFF */
		store_release(&p->worker, w);
		add_seq(&S->offline_count, -1u);
	}
	store_release(&w->given, 1u);
	ug__futex_wake(&w->given, 1);
}

void ug__spare_back(struct worker *w)
{
	ug__lock(&S->spare_lock);
	w->next_spare = S->spares;
	S->spares = w;
	store_relaxed(&S->spare_count, S->spare_count + 1);
	add_seq(&S->offline_count, -1u);
	ug__unlock(&S->spare_lock);
}

static runnable steal(struct proc *p)
{
	uint32_t n = S->procs_count, start = n > 1 ? ug__random() % n : 0;
	for (uint32_t i = 0; n > 1 && i < 2 * n; i++) {
		struct proc *victim = &S->procs[(start + i) % n];
		if (victim == p)
			continue;
		runnable r = i < n ? ug__queue_steal(p, victim) : ug__queue_steal_slot(victim);
		if (r)
			return r;
	}
	return 0;
}

static void run_timers(struct worker *w, struct proc *p)
{
	if (load_relaxed(&p->timers.next) == UG_FOREVER)
		return;
	int64_t now = ug_now();
	store_relaxed(&S->coarse, now);
	if (ug__timers_run(&p->timers, now))
		w->recheck = 1;
}

/* Due timers and, where workers poll, descriptors. A worker that comes to its loop because it has nothing to run looks
 * at timers alone: it is about to sleep in the poller. */
static void look_around(struct worker *w, struct proc *p)
{
	store_relaxed(&p->attention, 0u);
	if (p->budget == 0) /* else the monitor's asking would put off the turn of who is in no ring, each time */
		p->budget = BUDGET;
	run_timers(w, p);
	if (load_relaxed(&S->registered) && !S->poller->own_thread && ug__poll(w))
		w->recheck = 1;
}

/* One look in so many is for the oldest that have not run: often enough that nobody starves, and so seldom that a tree
 * of tasks is walked in depth. */
#define OLDEST_TURN 64
#define STARVED_TURN 4 /* and one in so many for those that had no stack */

/* Each 64 picks: nobody shall starve behind a processor's own queue. */
static runnable find_other(struct proc *p)
{
	runnable r = ++p->turn % STARVED_TURN ? 0 : ug__starved_pick(p);
	if (!r)
		r = p->turn % 2 ? ug__global_pop(p) : ug__hog_pop();
	if (!r && (p->turn % OLDEST_TURN == 0 || ug__young_empty(p)))
		r = ug__queue_pop_oldest(p);
	return r;
}

static runnable find_runnable(struct proc *p, bool others_first)
{
	runnable r = others_first ? find_other(p) : 0;
	if (!r)
		r = ug__queue_pop(p);
	if (r)
		return r;
	p->young_oldest = 0;
	r = ug__global_pop(p);
	if (!r)
		r = ug__queue_pop_oldest(p);
	if (!r)
		r = steal(p);
	if (!r)
		r = ug__hog_pop();
	return r ? r : ug__starved_pick(p);
}

/* What w runs next; sleeps until there is something. NULL: the runtime stops. */
static struct ug__task *find(struct worker *w)
{
	for (;;) {
		if (w->pending) {
			struct ug__task *t = w->pending;
			w->pending = NULL;
			return t;
		}
		if (!w->proc && !spare_wait(w))
			return NULL;
		if (unlikely(load_relaxed(&S->stopping)))
			return NULL;
		struct proc *p = w->proc;
		bool global_first = p->budget == 0;
		if (global_first || load_relaxed(&p->attention))
			look_around(w, p);
		else
			run_timers(w, p);
		runnable r = find_runnable(p, global_first);
		if (!r) {
			ug__idle_sleep(w);
			continue;
		}
		if (w->recheck)
			ug__search_done(w);
		store_relaxed(&p->tick, p->tick + 1);
		struct ug__task *t = ug__bind(p, r);
		if (t)
			return t;
		/* There is no memory for its stack. A queue may be full of such, and others wait for events. */
		if (p->budget)
			p->budget--;
	}
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	ug__this_worker = (struct ug__worker_head *)(void *)w;
	if (!S->taken_none)
		ug__owner_begin();
	store_relaxed(&w->thread, ug__thread_id());
	ug__announce_thread(&w->announce);
	ug__overflow_thread(w, true);
	ug__enter(w); /* its processor may have been taken before the thread came to run */
	struct ug__task *t;
	while ((t = find(w)))
		ug__run_on(w, t);
	/* Of several that sleep in the poller, a wake reaches one: pass it on. */
	ug__idle_kick();
	ug__overflow_thread(w, false);
	ug__owner_end();
	ug__this_worker = NULL;
	ug__thread_gone();
	return NULL;
}

/* Takes its processor from a worker whose thread could not be had; false: the monitor has, since no pick was made
 * there. */
static bool disown(struct worker *w)
{
	uint32_t v = S->taken_none;
	while (!cas_seq(&w->taken, &v, S->taken_none | UG__TAKEN_YES)) {
		if (v & UG__TAKEN_YES)
			return false;
		v = S->taken_none;
	}
	return true;
}

/* A spare that has no thread yet counts as one. */
static void expect_spares(uint32_t n)
{
	ug__lock(&S->spare_lock);
	store_relaxed(&S->spare_count, S->spare_count + n);
	ug__unlock(&S->spare_lock);
	add_seq(&S->offline_count, n);
}

/* Starts a worker that holds p, or a spare one. 1: its thread could not be had, but p is another's already. */
int ug__worker_start(struct proc *p)
{
	if (load_relaxed(&S->worker_count) >= MAX_WORKERS)
		return -EAGAIN;
	struct worker *w = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);
	if (!w)
		return -ENOMEM;
	*w = (struct worker){.proc = p,
		.random = (uint32_t)((uintptr_t)w >> 6) * 2654435761u | 1,
		.taken = S->taken_none,
		.expected = !p};
	if (p)
		store_release(&p->worker, w);
	else
		expect_spares(1);
	int e = ug__thread_start(worker_main, w);
	if (e && !p) {
		expect_spares(-1u);
		free(w);
		return e;
	}
	/* One whose thread could not be had is kept where it had p: the monitor may have read it as p's worker. */
	if (e && !disown(w)) {
		ug__idle_displaced_end();
		e = 1;
	}
	ug__lock(&S->spare_lock);
	w->next = S->workers;
	store_release(&S->workers, w);
	store_release(&w->held_mode, S->procs_count > 1 || S->taken_none ? UG__HELD_FENCED : UG__HELD_PLAIN);
	store_relaxed(&S->worker_count, S->worker_count + (e == 0));
	ug__unlock(&S->spare_lock);
	return e;
}

void ug__workers_end(void)
{
	for (struct worker *next, *w = S->workers; w; w = next) {
		next = w->next;
		ug__handles_free(w);
		free(w);
	}
	S->workers = S->spares = NULL;
	S->worker_count = S->spare_count = 0;
}

/* Pinning ---------------------------------------------------------------------------------------------------------- */

int ug_pin(void)
{
	struct worker *w = ug__worker();
	if (!w || !w->cur || w->cur->pins++)
		return 0;
	struct ug__task *t = w->cur;
	struct proc *p = ug__enter(w);
	struct worker *spare = p ? ug__spare_take() : NULL;
	int e = 0;
	if (p) {
		add_seq(&S->displaced, 1u); /* before another has the processor; else it counts already */
		store_relaxed(&w->proc, NULL);
		store_seq(&w->taken, S->taken_none | UG__TAKEN_OFF);
	}
	if (spare)
		ug__spare_give(spare, p);
	else if (p)
		e = ug__worker_start(p);
	if (e >= 0) {
		if (p && e == 0)
			add_seq(&S->offline_count, 1u); /* else the monitor did */
		t->flags |= TASK_PINNED;
		w->displaced = 1;
	} else {
		store_relaxed(&w->proc, p);
		store_seq(&w->taken, S->taken_none);
		store_release(&p->worker, w);
		t->pins = 0;
		ug__idle_displaced_end();
	}
	ug__leave(w);
	return e < 0 ? -EAGAIN : 0;
}

void ug_unpin(void)
{
	struct worker *w = ug__worker();
	if (!w || !w->cur || w->cur->pins == 0 || --w->cur->pins)
		return;
	w->cur->flags &= ~(uint32_t)TASK_PINNED;
	ug_yield(); /* without a processor: goes through the global queue to a worker that has one */
}
