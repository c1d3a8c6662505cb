/* SPDX-License-Identifier: MIT */
/*
 * The blocking pool: threads that run C calls which may block, for tasks that park meanwhile.
 *
 * A job lives on its caller's stack. It is queued, then taken by a thread, which no caller can undo; until then the end
 * of the caller's context takes it back. A thread is made when a job finds none idle, up to LIMIT; a few stay idle for
 * the next jobs, without a time-out, so that an idle program has no wake-ups; the others end.
 *
 * Where a thread is refused and there are others, the job waits for those; but they may be in a call that hangs. So it
 * asks again: each tick the monitor wakes the caller of the job that has waited longest, which tries once more. The
 * monitor itself makes no thread (monitor.c).
 */
#include "sched/sched_priv.h"

#define LIMIT 512
#define KEEP 8

enum job_state { QUEUED, TAKEN, DONE };

struct job {
	struct job *next, *prev;
	ug_fn *fn;
	void *arg;
	struct ug__task *task;
	enum job_state state;
	int result;
};

static struct {
	uint32_t lock;
	uint32_t word; /* futex: changes with each job queued, and at the end */
	uint32_t queued, idle, threads, busy; /* idle: sleeping, or woken and not yet up */
	bool stop;
	bool wanted; /* a thread was refused, and the monitor wakes callers to ask again */
	struct job *head, *tail;
} pool;

uint32_t ug__blocking_busy(void)
{
	return load_seq(&pool.busy);
}

static void unqueue(struct job *j)
{
	*(j->prev ? &j->prev->next : &pool.head) = j->next;
	*(j->next ? &j->next->prev : &pool.tail) = j->prev;
	pool.queued--;
}

static void run(struct job *j)
{
	int result = j->fn(j->arg);
	ug__lock(&pool.lock);
	j->result = result;
	j->state = DONE;
	struct ug__task *t = j->task;
	/* A caller whose context ended is about to park again, without an end, once it has the lock: it will find
	 * DONE. */
	bool won = ug__wake_win(t);
	ug__unlock(&pool.lock);
	if (won)
		ug__ready(t);
	add_seq(&pool.busy, -1u);
	if (unlikely(S->virtual_clock)) /* who sleeps meanwhile waits for this to be over before it moves the clock */
		ug__idle_kick();
}

static void *pool_main(void *unused)
{
	(void)unused;
	ug__lock(&pool.lock);
	for (;;) {
		struct job *j = pool.stop ? NULL : pool.head;
		if (j) {
			unqueue(j);
			j->state = TAKEN;
			ug__unlock(&pool.lock);
			run(j);
			ug__lock(&pool.lock);
			continue;
		}
		if (pool.stop || pool.idle >= KEEP)
			break;
		uint32_t seen = load_relaxed(&pool.word);
		pool.idle++;
		ug__unlock(&pool.lock);
		ug__futex_wait(&pool.word, seen, UG_FOREVER);
		ug__lock(&pool.lock);
		pool.idle--;
	}
	pool.threads--;
	ug__unlock(&pool.lock);
	ug__thread_gone();
	return NULL;
}

/* The pool's lock is held. */
static bool lacks_thread(void)
{
	return pool.queued > pool.idle && pool.threads < LIMIT && !pool.stop;
}

/* Makes the thread that was counted. Where there is none and none can be made, all who counted on it are told so. */
static void make_thread(void)
{
	int e = ug__thread_start(pool_main, NULL);
	if (e == 0)
		return;
	ug__lock(&pool.lock);
	bool alone = --pool.threads == 0;
	bool tell = !alone && !pool.wanted;
	store_relaxed(&pool.wanted, !alone);
	for (struct job *j; alone && (j = pool.head);) {
		unqueue(j);
		add_seq(&pool.busy, -1u);
		j->result = e;
		j->state = DONE;
		struct ug__task *t = j->task;
		if (ug__wake_win(t))
			ug__ready(t);
	}
	ug__unlock(&pool.lock);
	if (tell)
		ug__monitor_nudge(); /* it may sleep, or have looked at `wanted` and be about to */
}

/* Queues the job and sees that a thread comes. */
static void submit(struct job *j)
{
	ug__lock(&pool.lock);
	add_seq(&pool.busy, 1u);
	j->prev = pool.tail;
	*(pool.tail ? &pool.tail->next : &pool.head) = j;
	pool.tail = j;
	pool.queued++;
	store_relaxed(&pool.word, pool.word + 1);
	bool make = lacks_thread();
	pool.threads += make;
	ug__unlock(&pool.lock);
	if (make)
		make_thread();
	else
		ug__futex_wake(&pool.word, 1);
}

bool ug__blocking_retry(void)
{
	if (likely(!load_relaxed(&pool.wanted)))
		return false;
	ug__lock(&pool.lock);
	bool wanted = lacks_thread();
	store_relaxed(&pool.wanted, wanted);
	struct ug__task *t = wanted ? pool.head->task : NULL;
	bool won = t && ug__wake_win(t);
	ug__unlock(&pool.lock);
	if (won)
		ug__ready(t);
	return wanted;
}

/* The caller was woken: false, the job is done; else it was the monitor, and the caller has asked again and shall
 * park. */
static bool ask_again(struct job *j)
{
	ug__lock(&pool.lock);
	bool done = j->state == DONE;
	bool make = j->state == QUEUED && lacks_thread();
	pool.threads += make;
	if (!done)
		ug__wait_arm(j->task, UG__WAIT_BLOCKING, (const void *)(uintptr_t)j->fn);
	ug__unlock(&pool.lock);
	if (make)
		make_thread();
	return !done;
}

/* The caller's context ended: 1 and the job is taken back, or 0: it runs, or has run. */
static int take_back(struct job *j)
{
	ug__lock(&pool.lock);
	bool queued = j->state == QUEUED;
	if (queued) {
		unqueue(j);
		add_seq(&pool.busy, -1u);
	} else if (j->state == TAKEN) {
		ug__wait_arm(j->task, UG__WAIT_BLOCKING | UG__WAIT_HARD, NULL);
	}
	bool again = j->state == TAKEN;
	ug__unlock(&pool.lock);
	if (again)
		ug__park(j->task);
	return queued;
}

int ug_blocking(ug_fn *fn, void *arg)
{
	struct ug__task *t = ug__wait_self();
	UG_TRY(ug__wait_check(t));
	if (t->flags & TASK_THREAD)
		return fn(arg);
	struct job j = {.fn = fn, .arg = arg, .task = t, .state = QUEUED};
	ug__wait_arm(t, UG__WAIT_BLOCKING, (const void *)(uintptr_t)fn);
	submit(&j);
	int e;
	do
		e = ug__park(t);
	while (e == 0 && ask_again(&j));
	if (e < 0 && take_back(&j))
		return e;
	return j.result;
}

void ug__blocking_end(void)
{
	ug__lock(&pool.lock);
	pool.stop = true;
	store_relaxed(&pool.word, pool.word + 1);
	ug__unlock(&pool.lock);
	ug__futex_wake(&pool.word, INT32_MAX);
}

void ug__blocking_reset(void)
{
	pool.stop = pool.wanted = false;
	pool.head = pool.tail = NULL;
	pool.queued = 0;
	store_relaxed(&pool.busy, 0u);
}
