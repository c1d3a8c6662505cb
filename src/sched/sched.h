/* SPDX-License-Identifier: MIT */
/*
 * What sched offers to higher floors: the one contract on which everything that waits is built.
 *
 *	struct ug__task *t = ug__wait_self();
 *	UG_TRY(ug__wait_check(t));                      the context ended: fail without effect
 *	ug__lock(&q->lock);
 *	… nothing to do but wait:
 *	struct ug__waiter w = {.task_ = t, …};
 *	ug__wait_arm(t, UG__WAIT_RECV, q);              from here on one waker can win it
 *	ug__waitq_push(&q->waiters, &w);                make it findable
 *	ug__unlock(&q->lock);
 *	int e = ug__park(t);                            0: a waker won; else the context's end did
 *	if (e < 0) { lock; ug__waitq_remove(&q->waiters, &w) if still queued; unlock; }
 *
 * and on the other side, with the lock held that guards the queue:
 *
 *	while ((w = ug__waitq_pop(&q->waiters)))
 *		if (ug__wake_win(w->task_))             exactly one of all wakers gets 1
 *			{ w->result_ = …; unlock; ug__ready(w->task_); return; }
 *
 * Rules. (1) A waker touches a task only between finding its waiter in a queue and dropping that queue's lock, unless
 * it won; the winner may touch it until ug__ready. (2) So a waiter that leaves park looks at each queue under its lock
 * before its waiter, which lives on its stack or in its caller's storage, goes away; only the queue whose waker won and
 * unqueued it needs no look. (3) Between arm and park nothing may park, and no waiting call be made. (4) ug__wake_win
 * and ug__ready never switch, so they may be called with locks held; better after they are dropped. (5) An armed wait
 * that turns out not to be needed is taken back with ug__wait_disarm: 1, it is as if never armed; 0, a waker has won
 * meanwhile and park must be called to take its wake. (6) A wait with one waiter in one queue, never taken back, is
 * armed with UG__WAIT_SOLE.
 *
 * A plain thread has a task record of its own, and parks in the kernel; nobody but park and ready sees the difference.
 */
#ifndef UG_SCHED_SCHED_H
#define UG_SCHED_SCHED_H

#include "base/atomic.h"
#include "base/biased.h"
#include "config.h"
#include "stack/stack.h"
#include UG_CPU_H
#include <undergo/sched.h>

struct ug__task;

/* What a task waits for, for dumps. */
enum ug__wait {
	UG__WAIT_NONE,
	UG__WAIT_SEND,
	UG__WAIT_RECV,
	UG__WAIT_SELECT,
	UG__WAIT_SLEEP,
	UG__WAIT_READABLE,
	UG__WAIT_WRITABLE,
	UG__WAIT_TASK,
	UG__WAIT_GROUP,
	UG__WAIT_MUTEX,
	UG__WAIT_RWMUTEX,
	UG__WAIT_COND,
	UG__WAIT_ONCE,
	UG__WAIT_WAITGROUP,
	UG__WAIT_SEM,
	UG__WAIT_BLOCKING,
	UG__WAIT_FOREVER,
	UG__WAIT_COUNT
};
/* Or-ed to the above: the context's end does not wake it (group end, taking a lock again, cleanups). */
#define UG__WAIT_HARD 0x100
/* Or-ed to the above: one waiter, in one queue, and the task does not take the wait back (ug__wait_disarm). */
#define UG__WAIT_SOLE 0x200

/* How a task begins: what the calls below look at without a call. The rest is sched's own. */
struct ug__task_head {
	struct ug__stack stack;
	ug_ctx *ctx; /* the current context; by the task itself */
	uint32_t wait; /* enum ug__wait_state */
	uint32_t flags;
};

/* How a worker begins: what is needed to find out who runs. */
struct ug__worker_head {
	struct ug__task *cur; /* the task that runs; NULL: the loop does */
	uint32_t in; /* by itself */
	uint32_t taken; /* enum ug__taken */
	uint32_t held_mode; /* enum ug__held_mode; NONE until it stands among all workers */
	/* held.c: the word of a count that the task that runs has not written there; low bits: it lets go of it, it
	 * settles it. */
	uintptr_t held;
};
enum ug__held_mode { UG__HELD_NONE, UG__HELD_PLAIN, UG__HELD_FENCED };
enum { UG__HELD_LEAVING = 1, UG__HELD_SETTLING = 2 };
enum ug__taken {
	UG__TAKEN_NO,
	UG__TAKEN_ASKED,
	UG__TAKEN_YES,
	UG__TAKEN_FENCE = 4, /* or-ed: membarrier cannot be had */
	UG__TAKEN_OFF = 8, /* or-ed by the worker: it has no processor, until it is given another */
};
/* This thread's; NULL: a plain one. Two words at a fixed offset from the thread pointer: in the shared library the
 * default would call __tls_get_addr at each look. A library that is opened by dlopen takes them from the surplus that
 * libc keeps for this. */
extern __thread struct ug__worker_head *ug__this_worker __attribute__((tls_model("initial-exec")));

/* The current worker, until the task's next wait; NULL: on a plain thread. */
static inline struct ug__worker_head *ug__worker_head(void)
{
	return UG__THREAD_LOAD(ug__this_worker);
}

/* The one transition out of ARMED, HARD or SOLE decides who woke a task. */
enum ug__wait_state {
	UG__WAIT_STATE_NONE, /* runs, or is ready */
	UG__WAIT_STATE_ARMED, /* a waker or the context's end may win it */
	UG__WAIT_STATE_HARD, /* only a waker may */
	UG__WAIT_STATE_WON, /* a waker did */
	UG__WAIT_STATE_ENDED, /* the context's end did, and made it ready */
	UG__WAIT_STATE_SELF, /* the task saw the context's end itself while it armed: park does not switch */
	UG__WAIT_STATE_SOLE, /* only who takes its one waiter from its one queue may: nobody competes */
};
enum { UG__CTX_LINKED = 1 }; /* in a context's flags_: an end above reaches it by itself */

struct ug__task *ug__thread_self(void);
struct ug__task *ug__wait_self_slow(void);
/* The current task, or the record of the current plain thread (made at first use; never NULL). */
static inline struct ug__task *ug__self(void)
{
	struct ug__worker_head *w = ug__worker_head();
	return likely(w && w->cur) ? w->cur : ug__thread_self();
}
/* The same where a call that may wait begins: a task that has lost its processor gives way to others first. */
static inline struct ug__task *ug__wait_self(void)
{
	struct ug__worker_head *w = ug__worker_head();
	return likely(w && w->cur && !(load_relaxed(&w->taken) & UG__TAKEN_YES)) ? w->cur : ug__wait_self_slow();
}
/* The worker where the current task is, if it may go on without giving way; NULL: nothing is said. */
static inline struct ug__worker_head *ug__at_work(void)
{
	struct ug__worker_head *w = ug__worker_head();
	return likely(w && w->cur && !(load_relaxed(&w->taken) & UG__TAKEN_YES)) ? w : NULL;
}
/* Whether it has its processor, and nobody asks for that. */
static inline int ug__has_proc(const struct ug__worker_head *w)
{
	return !(load_seq(&w->taken) & ~(uint32_t)UG__TAKEN_FENCE);
}
int ug__wait_check_chain(const ug_ctx *c);
/* 0, or the code with which a waiting call fails on entry. */
static inline int ug__wait_check(struct ug__task *t)
{
	const ug_ctx *c = ((struct ug__task_head *)(void *)t)->ctx;
	int e = load_acquire(&c->err_);
	return likely(e || !c->up_ || (load_relaxed(&c->flags_) & UG__CTX_LINKED)) ? e : ug__wait_check_chain(c->up_);
}
/* The same without a call; 0 says nothing. */
static inline int ug__wait_clear(struct ug__task *t)
{
	const ug_ctx *c = ((struct ug__task_head *)(void *)t)->ctx;
	return !load_acquire(&c->err_) && (!c->up_ || (load_relaxed(&c->flags_) & UG__CTX_LINKED));
}
void ug__wait_arm(struct ug__task *t, int wait, const void *object);
int ug__wait_disarm(struct ug__task *t);
/* Switches away until woken. 0: a waker won. -ECANCELED, -ETIMEDOUT: the context's end did. */
int ug__park(struct ug__task *t);
/* All of a wait with one waiter, in one frame (a cold task costs a miss for each line of its frames): queues it, with
 * `value`, behind the others of q, drops q's lock l, which the current task holds by `owned`, and waits. Answers the
 * waker's result, or the context's error. */
int ug__wait_in(struct ug__biased *l, struct ug__bias *b, struct ug__owner *owned, struct ug__waitq *q,
	const void *value, int wait);
/* The same for a task that is known, and a queue whose `lock` is held. */
int ug__wait_locked(struct ug__task *t, uint32_t *lock, struct ug__waitq *q, int wait, const void *object);
static inline int ug__wake_win(struct ug__task *t)
{
	uint32_t *wait = &((struct ug__task_head *)(void *)t)->wait;
	uint32_t state = load_relaxed(wait);
	if (state == UG__WAIT_STATE_SOLE) {
		store_relaxed(wait, UG__WAIT_STATE_WON);
		return 1;
	}
	while (state == UG__WAIT_STATE_ARMED || state == UG__WAIT_STATE_HARD)
		if (cas_seq(wait, &state, UG__WAIT_STATE_WON))
			return 1;
	return 0;
}
void ug__ready(struct ug__task *t);
/* Queues of waiters, guarded by their owner's lock. The head alone may be looked at without it, as a hint. */
static inline int ug__waitq_idle(const struct ug__waitq *q)
{
	return load_relaxed(&q->head_) == NULL;
}

static inline void ug__waitq_push(struct ug__waitq *q, struct ug__waiter *w)
{
	w->next_ = NULL;
	w->prev_ = q->tail_;
	store_relaxed(q->tail_ ? &q->tail_->next_ : &q->head_, w);
	q->tail_ = w;
	w->queued_ = 1;
}

static inline void ug__waitq_remove(struct ug__waitq *q, struct ug__waiter *w)
{
	if (!w->queued_)
		return;
	store_relaxed(w->prev_ ? &w->prev_->next_ : &q->head_, w->next_);
	*(w->next_ ? &w->next_->prev_ : &q->tail_) = w->prev_;
	w->queued_ = 0;
}

/* Asks for the record and the arguments of the task that has these frames. They are on the page where its stack begins;
 * where its frames have gone beyond that, they are asked for in vain. */
static inline void ug__task_fetch(uintptr_t frames)
{
	const char *record = (const char *)((frames | 4095) + 1 - UG__STACK_HEAD / 64 * 64);
	__builtin_prefetch(record, 1);
	__builtin_prefetch(record + 64, 1);
}

/* Asks for the lines that waking who waits with w will touch, and its going on, at once: else they are missed one after
 * the other. */
static inline void ug__waiter_fetch(const struct ug__waiter *w)
{
	const char *frames = (const char *)w;
	ug__task_fetch((uintptr_t)w);
	__builtin_prefetch(frames + 64, 1);
	__builtin_prefetch(frames - 64, 1);
}

static inline struct ug__waiter *ug__waitq_pop(struct ug__waitq *q)
{
	struct ug__waiter *w = q->head_;
	if (w) {
		ug__waiter_fetch(w);
		store_relaxed(&q->head_, w->next_);
		*(w->next_ ? &w->next_->prev_ : &q->tail_) = NULL;
		w->queued_ = 0;
	}
	return w;
}

/* Pops waiters until one is won for the caller; NULL: none. The caller then sets result_ and calls
 * ug__ready(w->task_). */
static inline struct ug__waiter *ug__waitq_win(struct ug__waitq *q)
{
	struct ug__waiter *w;
	while ((w = ug__waitq_pop(q)) && !ug__wake_win(w->task_))
		;
	return w;
}

/* Counts held by workers for a word: held.c. */
/* 1 more on *word that is not written there, or false: w has no room. The caller looks at *word after it, and then at
 * ug__has_proc. */
static inline int ug__hold(struct ug__worker_head *w, const uint32_t *word)
{
	uint32_t mode = load_acquire(&w->held_mode);
	if (unlikely(load_relaxed(&w->held)))
		return 0;
	if (likely(mode == UG__HELD_PLAIN)) {
		store_relaxed(&w->held, (uintptr_t)word);
		compiler_barrier();
		return 1;
	}
	if (mode == UG__HELD_FENCED)
		swap_seq(&w->held, (uintptr_t)word);
	return mode == UG__HELD_FENCED;
}
static inline int ug__holds(const struct ug__worker_head *w, const uint32_t *word)
{
	return load_relaxed(&w->held) == (uintptr_t)word;
}
/* Before *word, which w holds, is looked at for the last time, and after. */
static inline void ug__leaving(struct ug__worker_head *w, const uint32_t *word)
{
	store_relaxed(&w->held, (uintptr_t)word | UG__HELD_LEAVING);
	compiler_barrier();
}
static inline void ug__let_go(struct ug__worker_head *w)
{
	store_release(&w->held, (uintptr_t)0);
}
/* How many such counts a word must have had for one look at all workers; UINT32_MAX: they cannot be held so. */
uint32_t ug__held_pays(void);
/* How many there are. What in *word keeps others from holding was set by a locked instruction before. */
uint32_t ug__held_count(const uint32_t *word);
/* From here on, who lets go of one has seen what was set in *word before. No lock is held that one who lets go might
 * want. */
void ug__held_told(const uint32_t *word);

/* Timers: passive storage of the caller's; fire runs on some worker, must be short, must not wait, and is over when
 * stop returns. */
void ug__timer_arm(struct ug__timer *t, int64_t when, void (*fire)(struct ug__timer *t));
/* 1: stopped before it fired. 0: it has fired, or was not armed. fire is not running any more. Not from fire itself. */
int ug__timer_stop(struct ug__timer *t);

/* Starts a task in context `ctx` (NULL: root); `ended`, where not NULL, is called with `owner` and the result as the
 * task's last act, on its own stack, and must not wait. */
int ug__spawn(ug_fn *fn, void *arg, const struct ug_go_opts *opts, ug_ctx *ctx, void (*ended)(void *owner, int result),
	void *owner);
/* The same for an owner of many, who only counts those that end well: `ended` is called with a negative result, or with
 * how many ended otherwise, and then no earlier than it must: while a task of the owner's runs, those that ended on its
 * stack before may wait for its own end. Who starts so many that they pile up, or has lost its processor, gives way to
 * others meanwhile. */
int ug__spawn_counted(ug_fn *fn, void *arg, const struct ug_go_opts *opts, ug_ctx *ctx,
	void (*ended)(void *owner, int n), void *owner);
/* ug__spawn when f is readable, at `deadline`, or when ctx ends (when.c). */
int ug__spawn_when(ug_fd *f, int64_t deadline, ug_ready_fn *fn, void *arg, const struct ug_go_opts *opts, ug_ctx *ctx,
	void (*ended)(void *owner, int result), void *owner);

/* Descriptors and the end of a task as sources of a wait (select): 1 ready now, 0 the waiter is queued, or a negative
 * code. */
int ug__fd_wait_begin(ug_fd *f, int writable, struct ug__waiter *w);
void ug__fd_wait_end(ug_fd *f, int writable, struct ug__waiter *w);
/* ug_fd_adopt for who has asked for the mode already (man 2 fstat). */
int ug__fd_adopt(int fd, mode_t mode, int flags, ug_fd **out);
enum { UG__FD_TCP = 0x100 }; /* a flag of its: the caller knows it to be a TCP socket */
/* Makes the call until it answers other than -EAGAIN, and waits in between. That answer, or that of the wait:
 * -ECANCELED, -ETIMEDOUT, -EBADF. The number is not given back meanwhile. */
int ug__fd_try(ug_fd *f, int writable, int (*call)(int fd, void *arg), void *arg);
/* Waits until f is readable (writable = 0) or writable, or was so a moment ago: for who goes on to a call that finds
 * out, and comes back. 0, -ECANCELED, -ETIMEDOUT, -EBADF. */
int ug__fd_await(ug_fd *f, int writable);
/* Who waits in a call to read f, or until it is readable, gets -EAGAIN from it: for an owner whose task sleeps there
 * for long. */
void ug__fd_call_back(ug_fd *f);
/* The number, for system calls of the caller's own, or -EBADF; it is not given back before the matching unuse. */
int ug__fd_use(ug_fd *f);
void ug__fd_unuse(ug_fd *f);
/* Room for who adopted it, aligned as a pointer and zero at first; it is there until the last reference goes. */
enum { UG__FD_ROOM = 32 };
void *ug__fd_room(ug_fd *f);
/* A byte that goes with the descriptor, for whoever copies to keep what it has found out about it; 0 at first. NULL for
 * a borrowed one, of which others may change it. Atomic. */
uint8_t *ug__fd_note(ug_fd *f);
/* For a file alone, in place of its room: what io knows of its beginning (copy_kernel.c), 0 at first. Any thread, by
 * relaxed atomics. */
uint64_t *ug__fd_warm(ug_fd *f);
int ug__task_wait_begin(ug_task *task, struct ug__waiter *w, int *result);
void ug__task_wait_end(ug_task *task, struct ug__waiter *w);

/* Tells the deadlock report that something outside may wake a task yet (a signal handler installed, say): +1, -1. */
void ug__outside_add(int n);
/* Starts a detached thread of the library's, which takes no asynchronous signal (it may unblock some), and calls
 * ug__thread_gone as the last thing that it does. Waited for at the runtime's end; not counted by the deadlock
 * report. */
int ug__thread_start(void *(*fn)(void *), void *arg);
void ug__thread_gone(void);
/* A cheap pseudo-random number, for fairness only. */
uint32_t ug__random(void);

#endif
