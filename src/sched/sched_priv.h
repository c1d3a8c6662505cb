/* SPDX-License-Identifier: MIT */
/*
 * The three nouns of the scheduler, and who may touch which field.
 *
 *	task       a stack and what is known of it; the record lies at the stack's top (or, for a plain thread, by
 *	           itself)
 *	worker     an OS thread that runs tasks
 *	processor  the right to run them: run queue, timers, caches. A worker needs one; it can be taken from it
 *
 * Inside. A worker is "inside" while it runs code of sched that touches its processor: `in` is 1. Then nobody takes
 * the processor. User code, and every higher floor, runs with `in` 0. See enter.h for the protocol.
 *
 * Lock order, outermost first: a queue's lock of a higher floor, a descriptor's lock, a timer heap's lock, a context's
 * lock (outer before inner), then one of sched's own (global queue, spares, pool), which are leaves.
 */
#ifndef UG_SCHED_SCHED_PRIV_H
#define UG_SCHED_SCHED_PRIV_H

#include "base/atomic.h"
#include "base/lock.h"
#include "base/sys.h"
#include "poll/poll.h"
#include "sched/sched.h"
#include "stack/announce.h"
#include "stack/stack.h"
#include <pthread.h>
#include <stdbool.h>
#include <undergo/sched.h>

/* What stands in a run queue: a task, or the record of one that has no stack yet (low bit 1). 0: nothing. */
typedef uintptr_t runnable;

struct record {
	union {
		struct record *next; /* in a queue, or its chunk's list of free ones */
		uintptr_t link;
	};
	ug_fn *fn;
	void *arg;
	const char *name;
	ug_ctx *ctx;
	void (*ended)(void *owner, int result);
	void *owner;
	uint8_t log; /* of its stack's size */
	uint8_t copied; /* bytes of copy, or RECORD_WAITS */
	uint8_t flags; /* enum task_flags */
	uint8_t wide; /* 1: there is room for copy. A property of the record, as index is */
	uint8_t unused[2];
	uint16_t index; /* in its chunk: record.c */
	char copy[]; /* UG_COPY_MAX, or nothing */
};
enum { RECORD_WAITS = UINT8_MAX }; /* or has waited, for a descriptor: copy is struct ug__when */

enum task_flags {
	TASK_THREAD = 1, /* a plain thread's record */
	TASK_PINNED = 2, /* its worker has no processor and runs nothing else */
	TASK_OFFLINE = TASK_THREAD | TASK_PINNED, /* parks in the kernel */
	TASK_DEAD = 4, /* the one that it switches to reaps it */
	TASK_FIRST = 8, /* the program's first: its end is the program's */
	TASK_COUNTED = 16, /* ug__spawn_counted started it */
};

/* States of an offline task's ready_word: its futex. */
enum { OFFLINE_NONE, OFFLINE_READY, OFFLINE_ASLEEP };

/* A task that ran on a processor: past.h. */
struct note {
	uintptr_t sp; /* where its frames ended */
	uintptr_t object; /* what it had waited for */
};
/* So many are remembered at first, and at the most. Powers of two. */
#define UG__PAST_LEAST 4096u
#define UG__PAST_MOST 65536u

/* A task that is cold costs a miss for each of its lines: a wait and a wake touch two, which begin 16 bytes after it
 * (UG__STACK_HEAD) and end with the first 32 bytes of its copied arguments. */
struct ug__task {
	/* These are struct ug__task_head. */
	struct ug__stack stack; /* next links it into one run queue, or the list of dead or free ones */
	ug_ctx *ctx;
	uint32_t wait;
	uint32_t flags; /* enum task_flags; by itself */
	struct ug__switch regs; /* where it stands while it does not run */
	uint8_t on_cpu; /* 1 until its stack was left; whoever runs it next waits for 0 */
	uint8_t hog; /* 1: it lost its processor when it last ran */
	uint8_t wait_kind; /* for dumps */
	uint8_t may_start; /* so many in groups until it waits, or gives way to such (task.c) */
	uint8_t gave; /* how often it did, up to a limit (park.c) */
	uint16_t carried; /* tasks of the same owner that ended well on this stack, and it has not been told yet */
	const void *wait_object;
	int64_t wait_since; /* coarse */
	uint32_t noted; /* where in its processor's past it was noted last: past.h */
	uint32_t noted_by; /* whose, by index */
	ug_ctx *linked; /* whose list of tasks it is on; NULL: none */
	char copy[UG_COPY_MAX] __attribute__((aligned(16)));
	struct ug__task *ctx_next, *ctx_prev; /* under the lock of `linked` */
	uint64_t unused2[4];
	/* What its beginning and its end touch besides, on a line. */
	ug_fn *fn;
	void *arg;
	void (*ended)(void *owner, int result);
	void *owner;
	const char *name;
	void *local;
	uint64_t id; /* 0: not in use */
	uint32_t pins;
	uint32_t ready_word; /* offline: the futex that it sleeps on */
	struct ug__announce announce;
};
#define UG__LINE_AT(member) (offsetof(struct ug__task, member) - UG__STACK_HEAD % 64)
_Static_assert(UG__LINE_AT(wait_since) == 64 && UG__LINE_AT(copy) == 96 && UG__LINE_AT(fn) == 256,
	"lines that are touched together");
_Static_assert(offsetof(struct ug__task, wait) == offsetof(struct ug__task_head, wait) &&
		offsetof(struct ug__task, flags) == offsetof(struct ug__task_head, flags),
	"a task begins with its head");
_Static_assert(sizeof(struct ug__task) <= UG__STACK_HEAD, "a task must fit into its stack's head");

#define RING 256
#define UG__RECORDS_BATCH 32
/* Tasks that one may start in groups and that have not run (task.c). */
#define CROWD 128

struct record_cache {
	uint32_t count;
	struct record *free[2 * UG__RECORDS_BATCH]; /* the latest last */
};

struct proc {
	/* Written by the worker that holds it, inside. */
	runnable slot; /* the one made ready last; thieves may take it */
	uint32_t slot_uses; /* in a row */
	uint32_t budget; /* picks until the loop looks at timers, poller and the global queue */
	uint32_t turn; /* of the global queue, the hogs, or the oldest that have not run */
	uint32_t young_turn; /* picks from the ring while young ones wait */
	uint32_t young_due; /* of the young, the oldest that go before the ring, since somebody yielded */
	uint32_t young_oldest; /* of the young, the oldest that go before the newest, since somebody gave way to his */
	uint32_t noted; /* notes that were made in past */
	uint32_t foreseen; /* where the next to run was noted, if all goes as it did then */
	uint32_t past_mask; /* how many are remembered, less 1 */
	struct note *past; /* a ring */
	uint32_t events_end; /* the ring's tail after a poll's events, and after those of them that gave way since */
	uint32_t tick; /* counts picks; the monitor reads it */
	uint32_t index;
	struct ug__stack *stacks; /* warm ones of the program's size */
	struct ug__stack *lent; /* the same while its worker sleeps, by whoever swaps */
	uint32_t stack_count;
	uint64_t next_id;
	struct worker *worker; /* by whoever gives it */
	struct record_cache records[2]; /* free ones, narrow and wide */
	/* Written by the monitor. */
	uint32_t attention __attribute__((aligned(64))); /* 1: look at timers and poller soon */
	uint32_t seen_tick, stale;
	uint32_t near_tick, near_looks;
	uint32_t robbed; /* its slot was stolen, and it has not computed for long since; by thief, holder, monitor */
	/* head by whoever takes, tail by the holder */
	uint32_t head __attribute__((aligned(64)));
	uint32_t tail __attribute__((aligned(64)));
	uint64_t young_state; /* by compare-and-swap: head, length, count of pushes (queue.c) */
	runnable ring[RING], young[RING];
	struct ug__timers timers __attribute__((aligned(64)));
} __attribute__((aligned(64)));

struct worker {
	/* These are struct ug__worker_head. */
	struct ug__task *cur;
	uint32_t in, taken;
	uint32_t held_mode;
	uintptr_t held;
	struct proc *proc; /* by itself, or by whoever gives one to a spare */
	struct ug__task *pending; /* the loop's next, whose stack another worker is still leaving */
	struct ug__switch regs; /* of the loop */
	struct ug__announce announce;
	uint32_t random;
	uint32_t idle; /* sleeps for want of work; read by the monitor */
	uint32_t recheck; /* before its next task: see whether others should be awake too */
	uint32_t given; /* futex of a spare: 1 has been given something */
	uint32_t thread; /* the kernel's number of it; 0: not known yet */
	uint32_t displaced; /* 1: its task is at work without a processor: that was taken, or given away by ug_pin */
	uint32_t expected; /* 1: counts as a spare, but does not wait as one yet */
	struct worker *next_spare, *next; /* all of them */
	void *signal_stack;
	ug_task *handles; /* free ones: handle.c */
	uint32_t handle_count;
};

_Static_assert(offsetof(struct worker, taken) == offsetof(struct ug__worker_head, taken) &&
		offsetof(struct worker, held) == offsetof(struct ug__worker_head, held),
	"a worker begins with its head");

struct shared_queue {
	uint32_t lock, count;
	runnable head, tail;
};

struct sched {
	uint32_t procs_count;
	uint32_t stopping;
	uint32_t running; /* a runtime runs */
	uint32_t epoch; /* counts runtimes: a descriptor registered in an older one is not registered */
	uint64_t next_id; /* where the next runtime's processors begin to number tasks */
	uint32_t report_deadlock;
	uint32_t virtual_clock;
	int64_t virtual_now;
	struct proc *procs;
	const struct ug__poller *poller;
	uint8_t stack_log;
	uint32_t starved; /* records for which there was no stack: stacks.c */
	uint32_t taken_none; /* what `taken` is at rest: 0, or UG__TAKEN_FENCE */
	/* Written often. */
	uint32_t idle_count __attribute__((aligned(64))); /* workers that sleep, or are about to */
	uint32_t muted; /* 1: wakes for a slot's sake were in vain lately */
	uint32_t searching; /* 1: a wake is under way, and the one woken has not found its work yet */
	uint32_t idle_word; /* futex of idle workers where the poller has its own thread */
	uint32_t monitor_asleep;
	int64_t monitor_looks; /* when the monitor looks again by itself; a time of the kernel's clock */
	uint32_t offline_count; /* workers that run a task without a processor */
	uint32_t outside; /* things outside that may wake a task */
	uint32_t registered; /* descriptors that the poller watches */
	uint32_t threads; /* of the library */
	uint32_t visitors; /* plain threads that are in sched right now */
	int64_t coarse; /* the clock, a tick old at most while anything runs */
	struct shared_queue global __attribute__((aligned(64)));
	struct shared_queue surplus; /* young ones that found no room: queue.c */
	struct shared_queue hogs; /* tasks that lost their processor when they last ran: queue.c */
	/* Workers. */
	uint32_t spare_lock __attribute__((aligned(64)));
	uint32_t spare_count; /* those in `spares`, and those that are being made */
	struct worker *spares, *workers;
	uint32_t worker_count;
	uint32_t displaced; /* tasks at work without a processor: see struct worker; pinned ones from their wake on,
			     * and perhaps one that the monitor is just asking */
	struct ug__timers monitor_timers; /* of those who have no processor */
};
extern struct sched ug__sched;
#define S (&ug__sched)

/* A plain thread that comes near the runtime's memory: its end waits for ug__visit_end. false: no runtime runs. */
static inline bool ug__visit(void)
{
	add_seq(&S->visitors, 1u);
	if (load_seq(&S->running))
		return true;
	add_seq(&S->visitors, -1u);
	return false;
}
static inline void ug__visit_end(void)
{
	add_seq(&S->visitors, -1u);
}

/* The root context: never ends. */
extern ug_ctx ug__root_ctx;

/* The current worker; NULL on a plain thread. Another one, perhaps, after each switch. */
static inline struct worker *ug__worker(void)
{
	return UG__THREAD_LOAD(ug__this_worker);
}
/* worker.c: ug__thread_self is the current plain thread's record, made at its first use. */
/* In the child of a fork: its thread is a plain one now. Its record, or NULL. */
struct ug__task *ug__worker_forget(void);
/* Makes plain threads that sleep look whether the runtime still runs. */
void ug__threads_nudge(void);
/* The same for pinned tasks, which never go on once the runtime stops. */
void ug__pinned_nudge(void);
int ug__worker_start(struct proc *p);
void ug__displaced_end(struct worker *w);
void ug__workers_end(void);
/* A spare worker, which is the caller's to give a processor to, or NULL: to let it end; NULL: there is none. */
struct worker *ug__spare_take(void);
void ug__spare_give(struct worker *w, struct proc *p);

/* queue.c; all by the holder of p, inside, but steal and global_push */
void ug__queue_push(struct proc *p, runnable r); /* to the end */
/* The same for who yields: wakes nobody, and lets the young run first. */
void ug__queue_push_quiet(struct proc *p, runnable r);
bool ug__queue_push_slot_full(struct proc *p, runnable r);
runnable ug__queue_pop_rings(struct proc *p); /* those before the slot */
/* Of the surplus and the young; who has none gets young ones from the surplus. */
runnable ug__queue_pop_oldest(struct proc *p);
bool ug__young_empty(const struct proc *p);
uint32_t ug__young_push_below(
	struct proc *p, runnable r, uint32_t n); /* below the n newest; answers how many are older */
static inline uint32_t ug__young_count(const struct proc *p)
{
	return (uint16_t)(load_relaxed(&p->young_state) >> 16);
}
runnable ug__queue_steal(struct proc *thief, struct proc *victim); /* half of the ring, or of the young */
runnable ug__queue_steal_slot(struct proc *victim);
bool ug__rings_empty(const struct proc *p);
bool ug__queue_empty(const struct proc *p);
void ug__global_push(runnable r);
runnable ug__global_pop(struct proc *p);
void ug__hog_push(struct ug__task *t);
runnable ug__hog_pop(void);

/* held.c: before the task leaves its stack, what its worker holds for it is counted where it belongs. */
static inline void ug__held_settle(struct worker *w)
{
	uintptr_t word = load_relaxed(&w->held);
	if (unlikely(word)) {
		store_relaxed(&w->held, word | UG__HELD_SETTLING);
		add_seq((uint32_t *)word, 1u);
		store_release(&w->held, (uintptr_t)0);
	}
}

/* park.c */
runnable ug__pick(struct proc *p);
void ug__leave_stack(struct worker *w, struct ug__task *t);
void ug__leave_stack_for(struct worker *w, struct ug__task *t, runnable r);
void ug__after_switch(struct ug__task *left);
struct ug__task *ug__give_way(struct worker *w); /* the task of one whose processor was taken; it is answered */
void ug__give_way_to_young(void); /* the current task, to those that it has started in groups */
/* The current task, which has waited to read and has read, to the others that the same poll made ready, if nothing has
 * become ready since. */
void ug__give_way_to_readers(struct ug__task *t);
void ug__exceptions_start(void);
void ug__run_on(struct worker *w, struct ug__task *t);
/* Makes a runnable ready from anywhere, without a processor. */
void ug__inject(runnable r);
void ug__ready_runnable(runnable r);

/* What spawn is asked for, in one place. */
struct ug__request {
	ug_fn *fn;
	void *arg;
	const struct ug_go_opts *opts;
	ug_ctx *ctx;
	void (*ended)(void *owner, int result);
	void *owner;
	uint32_t flags;
};

/* task.c */
int ug__request_check(struct ug__request *q); /* 0, and opts is not NULL; -EINVAL */
struct record *ug__record_new(const struct ug__request *q); /* wide, not queued anywhere; NULL: no memory */
void ug__record_free(struct record *r);
int ug__visit_or_code(void); /* ug__visit, or the code of a call that needs a runtime */
/* The task of a runnable, with a stack; NULL: there is no memory for one now, and the record waits for that. */
struct ug__task *ug__bind(struct proc *p, runnable r);
struct ug__task *ug__bind_to(struct proc *p, struct ug__stack *s, struct record *r); /* the record's, on s */
void ug__reap(struct ug__task *t);
int ug__spawn_first(ug_fn *fn, void *arg, void (*ended)(void *owner, int result), void *owner);

/* stacks.c */
runnable ug__starved_pick(struct proc *p); /* one that has a stack now, or 0 */
void ug__past_forget(void); /* gives back the memory of who ran */
int64_t ug__starved_due(void); /* when to ask for memory again, by the kernel's clock; UG_FOREVER: for nobody */
void ug__starved_await(unsigned log);
bool ug__starved_served(unsigned log); /* some are, or come to be soon: there may be memory for records */
void ug__starved_end(void);

/* record.c */
void ug__each_record(void (*fn)(const struct record *r, void *arg), void *arg);
/* Gives memory of records that were not needed lately back to the system, and answers how much is still kept, in
 * chunks. */
size_t ug__records_trim(void);
void ug__records_end(void);

/* handle.c */
void ug__handles_end(void);
void ug__handles_free(struct worker *w);

/* procs.c: `wanted`, 0 for the default, unless the environment says how many. */
#define UG__MAX_PROCS 256
int ug__count_procs(int wanted);

/* To run next; true: another went to a ring for it. */
static inline bool ug__queue_push_slot(struct proc *p, runnable r)
{
	if (unlikely(load_relaxed(&p->slot) || S->taken_none))
		return ug__queue_push_slot_full(p, r);
	store_release(&p->slot, r);
	return false;
}

/* By the holder. Where there is one processor nobody steals, and a locked instruction would wait for each miss before
 * it. */
static inline runnable ug__slot_take(struct proc *p)
{
	if (S->procs_count > 1)
		return swap_acq_rel(&p->slot, (runnable)0);
	runnable r = load_relaxed(&p->slot);
	store_relaxed(&p->slot, (runnable)0);
	return r;
}

/* How often in a row the slot may go before the ring while both have work: it must not starve the others. */
#define SLOT_USES 32

static inline runnable ug__queue_pop(struct proc *p)
{
	runnable r = 0;
	if (load_relaxed(&p->slot) && p->slot_uses++ < SLOT_USES)
		r = ug__slot_take(p);
	return likely(r) ? r : ug__queue_pop_rings(p);
}

/* idle.c */
void ug__idle_wake_one(void);
/* After work was pushed: wakes a worker if one sleeps and none searches. */
static inline void ug__idle_wake(void)
{
	if (load_seq(&S->idle_count) || unlikely(load_seq(&S->monitor_asleep)))
		ug__idle_wake_one();
}
/* The same; not strong: only a slot was filled. */
static inline void ug__idle_wake_after(bool strong)
{
	if (strong || !load_relaxed(&S->muted) || unlikely(load_seq(&S->monitor_asleep)))
		ug__idle_wake();
}
void ug__idle_sleep(struct worker *w);
void ug__idle_displaced_end(void); /* one that was displaced, or nearly, is so no more */
void ug__idle_kick(void); /* makes one that sleeps, or the next, look again */
int ug__poller_start(void);
void ug__poller_stop(void);

/* monitor.c */
int ug__monitor_start(void);
void ug__monitor_wake(void);
void ug__monitor_nudge(void); /* whatever it waits for */
void ug__monitor_timer_added(int64_t when); /* the first of its timers */

/* thread.c */
uint32_t ug__thread_id(void);
bool ug__thread_sleeps(uint32_t id); /* in the kernel, and so needs no core */
bool ug__main_thread_gone(void); /* by pthread_exit: the kernel lists it as long as the process lives */
void ug__thread_prompt(void); /* the calling one is to run on time, and briefly */

/* ctx.c */
int ug__ctx_end(ug_ctx *c, int err, int cause);
void ug__ctx_unlink(struct ug__task *t);
void ug__arm_until_end(struct ug__task *t); /* the rest of ug__arm, where the task's context may end */
/* ug__wait_arm without a call: a call writes one line more of a stack that is cold. */
static inline __attribute__((always_inline)) void ug__arm(struct ug__task *t, int wait, const void *object)
{
	store_relaxed(&t->wait_object, object);
	store_relaxed(&t->wait_since, load_relaxed(&S->coarse));
	store_relaxed(&t->wait_kind, (uint8_t)wait);
	if ((wait & UG__WAIT_HARD) || likely(t->ctx == &ug__root_ctx))
		store_release(&t->wait, (wait & UG__WAIT_SOLE) ? UG__WAIT_STATE_SOLE : UG__WAIT_STATE_HARD);
	else
		ug__arm_until_end(t);
}

/* fd.c */
void ug__fd_event(uint64_t key, uint32_t what);
/* Asks for the lines that telling of these events will touch, and the tasks that wait for them, all at once. */
void ug__fd_fetch(const struct ug__event *ev, int n);
bool ug__fd_anyone_waits(void);
void ug__fd_forget(void);

/* blocking.c */
uint32_t ug__blocking_busy(void);
bool ug__blocking_retry(void); /* each tick; true: a thread is wanted that was refused */
void ug__blocking_end(void);
void ug__blocking_reset(void);

/* overflow.c */
void ug__overflow_install(void);
void ug__overflow_thread(struct worker *w, bool on);

/* dump.c */
void ug__dump_tasks(int fd);

#endif
