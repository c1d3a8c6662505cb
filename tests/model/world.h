/* SPDX-License-Identifier: MIT */
/*
 * The world in which the heart of sched is explored: copies of the library's own source (run.py makes them, with tiny
 * capacities and, for a mutant, with one line changed), and stand-ins for the kernel (futex, poller, threads) and for
 * what they call of other files. Included by scenarios.c alone.
 */
#ifndef MODEL_WORLD_H
#define MODEL_WORLD_H

#include "sched/enter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In worker.c these stand for the allocation of a worker and the start of its thread. */
static struct worker *new_worker(void);
static int start_worker(struct worker *w);
/* And in queue.c, where only the holder of p may be. */
static void by_holder(const struct proc *p);

/* The copies; each with its file-local names. */
#define take queue_take
#include "copy_queue.c"
#undef take
#define word idle_word_
#include "copy_idle.c"
#undef word
#include "copy_park.c"
#include "copy_enter.c"
#define nudge worker_nudge
#include "copy_worker.c"
#undef nudge
#define lock biased_list_lock
#include "copy_biased.c"
#undef lock
#define count held_count
#include "copy_held.c"
#undef count
#define spin rwmutex_spin
#define queue rwmutex_queue
#include "copy_rwmutex.c"
#undef spin
#undef queue
#define word monitor_word
#include "copy_monitor.c"
#undef word
#define sleeper sleep_sleeper
#define wake sleep_wake
#include "copy_sleep.c"
#undef sleeper
#undef wake
#define start run_start
#define ug__random run_random
#define free(memory) ((void)(memory)) /* the model's own */
#include "copy_run.c"
#undef start
#undef ug__random
#undef free

ug_ctx ug__root_ctx;
const struct ug__poller ug__poll_epoll; /* a name that idle.c compares with */

/* The kernel
 * --------------------------------------------------------------------------------------------------------- */

#define SLEEPERS 8
static struct sleeper {
	const uint32_t *word;
	bool woken;
} sleepers[SLEEPERS];

static bool is_woken(const void *arg)
{
	return ((const struct sleeper *)arg)->woken;
}

/* Looks and goes to sleep in one step, as the kernel does. What has a time-out is done when the others have made a
 * step. */
int ug__futex_wait(uint32_t *word, uint32_t value, int64_t until)
{
	model_call();
	if (*word != value)
		return 0;
	if (until != UG_FOREVER) {
		model_yield();
		return -ETIMEDOUT;
	}
	struct sleeper *s = &sleepers[model_self()];
	*s = (struct sleeper){.word = word};
	model_wait(is_woken, s);
	s->word = NULL;
	return 0;
}

void ug__futex_wake(uint32_t *word, int n)
{
	model_call();
	int able[SLEEPERS], count = 0;
	for (int i = 0; i < SLEEPERS; i++)
		if (sleepers[i].word == word && !sleepers[i].woken)
			able[count++] = i;
	while (n-- > 0 && count > 0) {
		int which = model_choose(count);
		sleepers[able[which]].woken = true;
		able[which] = able[--count];
	}
}

int sched_yield(void)
{
	model_yield();
	return 0;
}

static bool is_free(const void *lock)
{
	return *(const uint32_t *)lock == 0;
}

void ug__lock_slow(uint32_t *lock)
{
	do
		model_wait(is_free, lock);
	while (!ug__try_lock(lock));
}

unsigned ug__spin_begin(unsigned pauses, bool once)
{
	(void)once;
	return pauses;
}

bool ug__spin(unsigned *left)
{
	return (*left)-- > 0;
}

void ug__spin_contended(void)
{
}

void ug__spin_failed(void)
{
}

int ug__membarrier(void)
{
#ifndef NO_BARRIER
	model_barrier();
#endif
	return 0;
}

/* The eventfd of wakes: edge-triggered, so that one of those who wait, or the next, takes the edge; two may become
 * one. */
static bool wake_pending, poller_ended;

static bool has_wake(const void *unused)
{
	(void)unused;
	return wake_pending;
}

static int poller_wait(struct ug__event *ev, int n, int64_t until)
{
	(void)n;
	model_call();
	if (until != 0)
		model_wait(has_wake, NULL);
	if (!wake_pending)
		return 0;
	wake_pending = false;
	ev->key = UG__POLL_WAKE;
	return 1;
}

static void poller_wake(void)
{
	model_call();
	if (poller_ended)
		model_fail("the poller is woken when it has ended");
	wake_pending = true;
}

static void poller_end(void)
{
	poller_ended = true;
}

static struct ug__poller poller = {.name = "model", .wait = poller_wait, .wake = poller_wake, .end = poller_end};

/* What else is called
 * ------------------------------------------------------------------------------------------------ */

#define TASKS 5
#define TASK_LOG 16

static char task_memory[TASKS][1 << TASK_LOG] __attribute__((aligned(4096)));
static bool task_over[TASKS], task_in_use[TASKS];
static void (*task_fn[TASKS])(int me);
static bool unbound[TASKS]; /* stands in a queue as a record */

static struct ug__task *task(int i)
{
	return (struct ug__task *)(void *)(task_memory[i] + sizeof task_memory[i] - UG__STACK_HEAD);
}

static int task_number(const struct ug__task *t)
{
	return (int)(((const char *)t - task_memory[0]) / (long)sizeof task_memory[0]);
}

static void task_main(void *left)
{
	struct worker *w = ug__worker();
	struct ug__task *t = w->cur;
	ug__after_switch(left);
	ug__leave(w);
	task_fn[task_number(t)](task_number(t));
	task_over[task_number(t)] = true;
	w = ug__worker();
	struct proc *p = ug__enter(w);
	runnable r = p ? ug__pick(p) : 0;
	t->flags |= TASK_DEAD;
	ug__leave_stack_for(w, t, r);
	__builtin_unreachable();
}

struct ug__task *ug__bind(struct proc *p, runnable r)
{
	struct ug__task *t = (struct ug__task *)(r & ~(runnable)1);
	if (!p)
		model_fail("picked without a processor");
	if (r & 1) {
		if (!unbound[task_number(t)])
			model_fail("task %d was picked twice as a record", task_number(t));
		unbound[task_number(t)] = false;
		ug__switch_init(&t->regs, ug__stack_start(&t->stack), task_main);
	}
	return t;
}

/* There is a stack for everybody. */
runnable ug__starved_pick(struct proc *p)
{
	(void)p;
	return 0;
}

int64_t ug__starved_due(void)
{
	return UG_FOREVER;
}

void ug__reap(struct ug__task *t)
{
	if (!task_over[task_number(t)])
		model_fail("task %d was reaped alive", task_number(t));
}

int ug__stack_intact(const struct ug__stack *s, const void *sp)
{
	(void)s;
	(void)sp;
	return 1;
}

void ug__wait_arm(struct ug__task *t, int wait, const void *object)
{
	(void)wait;
	(void)object;
	store_release(&t->wait, UG__WAIT_STATE_HARD);
}

void ug__arm_until_end(struct ug__task *t)
{
	store_release(&t->wait, UG__WAIT_STATE_HARD);
}

void ug__broken(const char *what, const char *file, int line)
{
	model_fail("%s (%s:%d)", what, file, line);
}

void ug__report(int fd, const char *format, ...)
{
	(void)fd;
	(void)format;
}

int64_t ug_now(void)
{
	return 1;
}

int64_t ug__clock_real(void)
{
	return 1;
}

uint32_t ug__random(void)
{
	return 0;
}

int ug__wait_check_chain(const ug_ctx *c)
{
	(void)c;
	return 0;
}

int ug_ctx_err(const ug_ctx *c)
{
	(void)c;
	return 0;
}

/* A timer that never fires. */
int ug__timers_add(struct ug__timers *h, struct ug__timer *t)
{
	store_seq(&h->next, t->when_);
	return 1;
}

size_t ug__timers_run(struct ug__timers *h, int64_t now)
{
	(void)h;
	(void)now;
	return 0;
}

void ug__fd_event(uint64_t key, uint32_t what)
{
	(void)key;
	(void)what;
}

void ug__fd_fetch(const struct ug__event *ev, int n)
{
	(void)ev;
	(void)n;
}

bool ug__fd_anyone_waits(void)
{
	return false;
}

uint32_t ug__blocking_busy(void)
{
	return 0;
}

uint32_t ug__thread_id(void)
{
	return 0;
}

bool ug__thread_sleeps(uint32_t id)
{
	(void)id;
	return false;
}

void ug__thread_prompt(void)
{
}

bool ug__blocking_retry(void)
{
	return false;
}

size_t ug__stack_trim(void)
{
	return 0;
}

size_t ug__records_trim(void)
{
	return 0;
}

void ug__timers_end(struct ug__timers *h)
{
	(void)h;
}

void ug__timers_drop(struct ug__timers *h, int (*which)(const struct ug__timer *t))
{
	(void)h;
	(void)which;
}

struct ug__stack *ug__stack_at(const void *at)
{
	(void)at;
	return NULL;
}

void ug__clock_virtual(const int64_t *time)
{
	(void)time;
}

void ug__blocking_end(void)
{
}

void ug__blocking_reset(void)
{
}

void ug__fd_forget(void)
{
}

void ug__handles_end(void)
{
}

void ug__handles_free(struct worker *w)
{
	(void)w;
}

void ug__starved_end(void)
{
}

void ug__stack_end(void)
{
}

void ug__records_end(void)
{
}

void ug__dump_tasks(int fd)
{
	(void)fd;
}

void ug__overflow_thread(struct worker *w, bool on)
{
	(void)w;
	(void)on;
}

/* Threads
 * ------------------------------------------------------------------------------------------------------------ */

#define WORKERS 5
static struct worker workers[WORKERS];
static struct proc procs[3];
static struct note pasts[3]; /* each remembers one turn */
static int worker_count;
static struct worker *local_worker[SLEEPERS + 1];
static struct ug__owner *local_owner[SLEEPERS + 1];
static struct ug__task *local_thread[SLEEPERS + 1];
static struct ug__task thread_records[SLEEPERS];

static void switched(int from, int to)
{
	if (from >= 0) {
		local_worker[from] = ug__worker();
		local_owner[from] = ug__this_owner;
		local_thread[from] = this_thread;
	}
	ug__this_worker = to >= 0 ? (struct ug__worker_head *)(void *)local_worker[to] : NULL;
	ug__this_owner = to >= 0 ? local_owner[to] : NULL;
	this_thread = to >= 0 ? local_thread[to] : NULL;
}

static void run_worker(void *w)
{
	worker_main(w);
}

static struct worker *new_worker(void)
{
	if (worker_count == WORKERS)
		model_fail("too many workers");
	return &workers[worker_count++];
}

static int start_worker(struct worker *w)
{
	static const char *const names[WORKERS] = {"worker 0", "worker 1", "worker 2", "worker 3", "worker 4"};
	model_thread(names[w - workers], run_worker, w);
	return 0;
}

static void add_worker(struct proc *p)
{
	struct worker *w = new_worker();
	*w = (struct worker){.proc = p, .taken = S->taken_none, .given = p != NULL};
	if (p)
		p->worker = w;
	else
		S->offline_count++;
	start_worker(w);
}

static void by_holder(const struct proc *p)
{
	const struct worker *w = ug__worker();
	if (p->worker != w)
		model_fail("worker %d uses a processor that is worker %d's", (int)(w - workers),
			(int)(p->worker - workers));
}

/* Inside, and not asleep as a spare that is just being given something. */
static struct proc *held_by(const struct worker *w)
{
	return w->in && w->given && !(w->taken & UG__TAKEN_YES) ? w->proc : NULL;
}

/* One processor has one worker inside. */
static void one_holder(void)
{
	for (int i = 0; i < worker_count; i++)
		for (int k = 0; k < i; k++)
			if (held_by(&workers[i]) && held_by(&workers[i]) == held_by(&workers[k]))
				model_fail("worker %d and worker %d hold one processor", k, i);
}

static void start(int procs_count, bool own_thread)
{
	ug__sched = (struct sched){.procs_count = (uint32_t)procs_count,
		.procs = procs,
		.poller = &poller,
		.running = 1,
		.monitor_timers = {.next = UG_FOREVER}};
	poller.own_thread = own_thread;
	memset(sleepers, 0, sizeof sleepers);
	wake_pending = poller_ended = false;
	worker_count = 0;
	memset(local_worker, 0, sizeof local_worker);
	memset(local_owner, 0, sizeof local_owner);
	memset(owners, 0, sizeof owners);
	used = free_count = 0;
	for (int i = 0; i < SLEEPERS; i++) {
		thread_records[i] = (struct ug__task){.flags = TASK_THREAD, .ctx = &ug__root_ctx};
		local_thread[i] = &thread_records[i];
	}
	for (int i = 0; i < TASKS; i++) {
		static const char *const names[] = {"of task 0", "of task 1", "of task 2", "of task 3", "of task 4"};
		*task(i) = (struct ug__task){.stack.log = TASK_LOG, .ctx = &ug__root_ctx, .id = 1};
		task_over[i] = task_in_use[i] = unbound[i] = false;
		model_stack(names[i], task_memory[i], sizeof task_memory[i]);
	}
	for (int i = 0; i < procs_count; i++) {
		procs[i] = (struct proc){.index = (uint32_t)i, .past = &pasts[i], .timers = {.next = UG_FOREVER}};
		add_worker(&procs[i]);
	}
}

static void push(runnable r)
{
	struct worker *w = ug__worker();
	if (!w) {
		ug__inject(r);
		return;
	}
	struct proc *p = ug__enter(w);
	bool strong = true;
	if (p)
		strong = ug__queue_push_slot(p, r);
	else
		ug__global_push(r);
	ug__idle_wake_after(strong);
	ug__leave(w);
}

/* Puts a new task into the queues, as spawn does. */
static void spawn(int i)
{
	unbound[i] = task_in_use[i] = true;
	push((runnable)task(i) | 1);
}

/* The same for one that has its stack already, as if it had waited and been made ready. */
static void revive(int i)
{
	task_in_use[i] = true;
	ug__switch_init(&task(i)->regs, ug__stack_start(&task(i)->stack), task_main);
	push((runnable)task(i));
}

static const char *all_over(void)
{
	for (int i = 0; i < TASKS; i++)
		if (task_in_use[i] && !task_over[i])
			return i == 0 ? "task 0 never ends" : i == 1 ? "task 1 never ends" : "a task never ends";
	return NULL;
}

#endif
