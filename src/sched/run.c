/* SPDX-License-Identifier: MIT */
/*
 * Starting and ending the runtime.
 *
 * The thread that calls ug_run sleeps in the kernel until the first task has ended; it keeps its signal mask and so is
 * where signals are handled. Then each worker stops at its next pick, pool threads after the call that they are in, and
 * all memory goes; tasks that are left stand where they are and are never resumed. ug_main does not wait for that: a
 * task that spins would hold the program's end up.
 */
#include "base/clock.h"
#include "base/sys_file.h"
#include "config.h"
#include "sched/enter.h"
#include "sched/when_priv.h"
#include "stack/switch.h"

#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct sched ug__sched = {.monitor_timers = {.next = UG_FOREVER}};

/* The answer's low bits must not repeat soon in a loop of few steps; nothing else is asked of it. */
uint32_t ug__random(void)
{
	struct worker *w = ug__worker();
	static uint32_t threads = 1; /* never 0, from which xorshift does not come back */
	uint32_t *state = w ? &w->random : &threads;
	uint32_t x = load_relaxed(state);
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	store_relaxed(state, x);
	return x;
}

void ug__outside_add(int n)
{
	add_seq(&S->outside, (uint32_t)n);
}

int ug_procs(void)
{
	if (!ug__visit())
		return 0;
	int n = (int)S->procs_count;
	ug__visit_end();
	return n;
}

static const struct ug__poller *choose_poller(const struct ug_opts *o)
{
	const char *name = getenv("UG_POLLER");
	if (!name || !*name)
		name = o->poller;
#if UG_HAVE_URING
	if (name && strcmp(name, "uring") == 0)
		return &ug__poll_uring;
#endif
	return &ug__poll_epoll;
}

/* Start and stop
 * ----------------------------------------------------------------------------------------------------- */

static int stack_log(size_t bytes)
{
	int log = UG__STACK_MIN_LOG;
	while (log < UG__STACK_MAX_LOG && (size_t)1 << log < bytes)
		log++;
	return bytes ? log : 18;
}

static size_t past_bytes(void)
{
	return S->procs_count * UG__PAST_MOST * sizeof(struct note);
}

static void procs_free(void)
{
	munmap(S->procs[0].past, past_bytes());
	free(S->procs);
	S->procs = NULL;
}

static int procs_new(void)
{
	/* Far more than most programs touch, and that little by little. */
	struct note *past =
		mmap(NULL, past_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (past == MAP_FAILED)
		return -ENOMEM;
	(void)madvise(past, past_bytes(), MADV_NOHUGEPAGE); /* a kernel without huge pages refuses */
	S->procs = aligned_alloc(64, S->procs_count * sizeof *S->procs);
	if (!S->procs) {
		munmap(past, past_bytes());
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < S->procs_count; i++)
		S->procs[i] = (struct proc){.index = i,
			.next_id = S->next_id,
			.past = past + (size_t)i * UG__PAST_MOST,
			.past_mask = UG__PAST_LEAST - 1,
			.noted = UG__PAST_MOST, /* a task that was not noted yet has 0 there */
			.foreseen = UG__PAST_MOST,
			.timers = {.next = UG_FOREVER}};
	return 0;
}

/* Wakes everyone who sleeps until all threads have gone. */
static void threads_end(void)
{
	store_seq(&S->stopping, 1u);
	for (uint32_t i = 0; i < S->procs_count; i++)
		store_relaxed(&S->procs[i].attention, 1u);
	ug__blocking_end();
	ug__idle_kick();
	ug__poller_stop();
	for (uint32_t n; (n = load_seq(&S->threads));) {
		/* Each time: the monitor may put one back that it had taken when the end came. */
		for (struct worker *w; (w = ug__spare_take());)
			ug__spare_give(w, NULL);
		ug__monitor_nudge();
		ug__pinned_nudge();
		ug__futex_wait(&S->threads, n, ug__clock_real() + 10 * UG_MS);
	}
}

static int of_task(const struct ug__timer *t)
{
	return ug__stack_at(t) != NULL || ug__when_timer(t);
}

static void memory_end(void)
{
	for (uint32_t i = 0; i < S->procs_count; i++) {
		ug__timers_end(&S->procs[i].timers);
		if (S->procs[i].next_id > S->next_id)
			S->next_id = S->procs[i].next_id;
	}
	ug__timers_drop(&S->monitor_timers, of_task);
	ug__blocking_reset();
	ug__fd_forget();
	S->poller->end();
	ug__clock_virtual(NULL);
	ug__handles_end();
	ug__stack_end();
	ug__starved_end();
	ug__records_end();
	ug__workers_end();
	procs_free();
	S->global = S->surplus = S->hogs = (struct shared_queue){.count = 0};
	S->idle_count = S->searching = S->monitor_asleep = S->offline_count = S->displaced = S->registered = 0;
}

static void runtime_end(void)
{
	threads_end();
	store_seq(&S->running, 0u);
	while (load_seq(&S->visitors))
		sched_yield();
	memory_end();
	ug__threads_nudge();
}

/* After a fork the child has one thread and none of the library's: every call that would need them fails. A task that
 * forked is a plain thread from here on, or it would run the others' copies, and take events from the poller that it
 * shares with its parent. */
static void in_child(void)
{
	store_relaxed(&S->running, 0u);
	struct ug__task *t = ug__worker_forget();
	for (ug_ctx *c = t ? t->ctx : NULL; c; c = c->outer_)
		c->err_ = c->cause_ = -ENOTSUP;
	ug__root_ctx.err_ = ug__root_ctx.cause_ = -ENOTSUP;
}

static int start(const struct ug_opts *o)
{
	static bool once;
	if (!once && pthread_atfork(NULL, NULL, in_child) != 0)
		return -ENOMEM;
	once = true;
	ug__overflow_install();
	S->procs_count = o->virtual_clock ? 1 : (uint32_t)ug__count_procs(o->procs);
	store_seq(&S->virtual_clock, (uint32_t)(o->virtual_clock != 0));
	store_relaxed(&S->virtual_now, ug_now()); /* a plain thread may read the last run's clock yet */
	ug__clock_virtual(o->virtual_clock ? &S->virtual_now : NULL);
	S->stack_log = (uint8_t)stack_log(o->stack_size);
	S->poller = choose_poller(o);
	S->taken_none = ug__membarrier_register() == 0 ? UG__TAKEN_NO : UG__TAKEN_FENCE;
	store_relaxed(&S->coarse, ug_now());
	store_seq(&S->stopping, 0u);
	S->epoch++;
	int e = procs_new();
	if (e < 0)
		goto no_procs;
	/* The first task's, or it would wait for memory for ever. */
	struct ug__stack *first = ug__stack_get(S->stack_log);
	e = first ? ug__poller_start() : -ENOMEM;
	if (first)
		ug__stack_put(first);
	if (e < 0)
		goto no_poller;
	store_seq(&S->running, 1u);
	for (uint32_t i = 0; e == 0 && i < S->procs_count; i++)
		e = ug__worker_start(&S->procs[i]);
	if (e == 0)
		e = ug__worker_start(NULL);
	if (e == 0)
		e = ug__monitor_start();
	return e;
no_poller:
	ug__stack_end();
	procs_free();
no_procs:
	ug__clock_virtual(NULL);
	return e;
}

void ug__past_forget(void)
{
	(void)madvise(S->procs[0].past, past_bytes(), MADV_DONTNEED);
}

/* A semaphore, not a futex of our own: signals are handled in the thread that waits here, and the race detector
 * delivers them only in calls that it knows. */
struct first {
	sem_t done;
	int result;
};

static void first_ended(void *owner, int result)
{
	struct first *f = owner;
	f->result = result;
	store_seq(&S->report_deadlock, 0u); /* from here on it is right that nothing runs */
	sem_post(&f->done);
}

static int run(int (*fn)(void *), void *arg, const struct ug_opts *opts, bool wait_for_end)
{
	static uint32_t busy;
	static const struct ug_opts none;
	uint32_t idle = 0;
	const struct ug_opts *o = opts ? opts : &none;
	if (!fn || o->procs < 0 || o->procs > UG__MAX_PROCS || o->stack_size > (size_t)1 << UG__STACK_MAX_LOG ||
		(o->poller && strcmp(o->poller, "epoll") != 0 && strcmp(o->poller, "uring") != 0))
		return -EINVAL;
	if (ug__worker())
		return -EDEADLK;
	if (ug__root_ctx.err_ || ug__switch_refused())
		return -ENOTSUP;
	if (!cas_seq(&busy, &idle, 1u))
		return -EBUSY;
	/* Static: where the end is not waited for, a task may still be about to touch it. */
	static struct first first;
	sem_init(&first.done, 0, 0);
	int e = start(o);
	if (e == 0)
		e = ug__spawn_first(fn, arg, first_ended, &first);
	while (e == 0 && sem_wait(&first.done) != 0)
		; /* a signal's handler has run */
	if (!wait_for_end)
		return e < 0 ? e : first.result;
	if (S->procs)
		runtime_end();
	store_seq(&busy, 0u);
	return e < 0 ? e : first.result;
}

int ug_run(int (*fn)(void *arg), void *arg, const struct ug_opts *opts)
{
	return run(fn, arg, opts, true);
}

struct app {
	int (*fn)(int argc, char **argv);
	int argc;
	char **argv;
};

static int call_app(void *arg)
{
	struct app *a = arg;
	store_seq(&S->report_deadlock, 1u); /* while the first task lives: first_ended takes it back */
	ug_task_set_name("main");
	return a->fn(a->argc, a->argv);
}

/* Else a descriptor of the runtime's or a socket gets the number of a stream that is closed, and what is printed. */
static void hold_streams(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (ug__sys_open_flags(fd) == -EBADF && ug__sys_open(AT_FDCWD, "/dev/null", O_RDWR, 0, 0) < 0)
			return; /* no /dev here: as without this */
}

/* A write to a pipe that nobody reads is an error for who wrote, not the end of the program; unless that has a handler
 * for it. */
static void ignore_sigpipe(void)
{
	struct sigaction now;
	if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

int ug_main(int argc, char **argv, int (*app)(int argc, char **argv), const struct ug_opts *opts)
{
	static struct app a;
	a = (struct app){.fn = app, .argc = argc, .argv = argv};
	ignore_sigpipe();
	hold_streams();
	int r = app ? run(call_app, &a, opts, false) : -EINVAL;
	return r < 0 ? 1 : r > 255 ? 255 : r;
}
