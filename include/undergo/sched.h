/* SPDX-License-Identifier: MIT */
/* undergo/sched.h: tasks, the runtime they run on, contexts, blocking calls, descriptors. */
#ifndef UNDERGO_SCHED_H
#define UNDERGO_SCHED_H

#include <undergo/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Programs ---------------------------------------------------------------------------------------------------------
 * UG_PROCS in the environment says how many processors run tasks (else the cgroup's CPU quota, else the affinity
 * mask); UG_POLLER=epoll|uring which back end watches descriptors. The environment wins over options given in code. */
struct ug_opts {
	int procs; /* processors, 1 to 256; 0: as above */
	size_t stack_size; /* bytes of address space a task's stack may grow into, 16 KiB to 64 MiB; 0: 256 KiB */
	const char *poller; /* "epoll", "uring"; NULL: as above, else epoll */
	/* 1: for tests. One processor, and a clock that stands still while a task runs or can run, and jumps to the
	 * next timer when all wait, no blocking call runs and no descriptor is ready. A task in a C call that blocks
	 * runs: where another is to end that call after a sleep, both hang. */
	int virtual_clock;
	uintptr_t reserved[4];
};

/*
 * Runs `app` as the first task on a fresh runtime and ends the program's other tasks where they stand when it returns,
 * as Go's main does. Answers app's result as an exit status: 0 for 0, itself for 1 to 255, 255 above, 1 for a negative
 * error, also one of ug_run. From then on SIGPIPE is ignored where the program does not handle it, and while it runs a
 * deadlock of all tasks ends the process with a report and status 2. Standard streams that are closed are opened on
 * /dev/null, so that nothing else gets their numbers.
 */
int ug_main(int argc, char **argv, int (*app)(int argc, char **argv), const struct ug_opts *opts);

/*
 * The same for a program that has its own main, or a part of it: starts the runtime, runs `fn(arg)` as a task, waits in
 * the kernel until it returned, stops the runtime, answers fn's result. -EBUSY where a runtime runs already, -EDEADLK
 * from a task, -EINVAL, -ENOMEM, -EAGAIN (no threads), -ENOTSUP where the thread has a shadow stack, or in the child of
 * a fork(2) made since the first runtime began: there what waits or starts something answers -ENOTSUP. The task that
 * forked is a plain thread in the child; where its function returns, the child exits. No deadlock report, no change to
 * signals.
 */
int ug_run(int (*fn)(void *arg), void *arg, const struct ug_opts *opts);

/* How many processors run tasks now; 0 where no runtime runs. Does not wait; any thread. */
int ug_procs(void);

/* Tasks ------------------------------------------------------------------------------------------------------------ */
typedef int ug_fn(void *arg);
typedef struct ug_task ug_task; /* a counted handle to a task */

#define UG_COPY_MAX 112 /* bytes of arguments that a new task can carry by itself */

struct ug_go_opts {
	const char *name; /* for dumps and reports; borrowed for the task's life; NULL: none */
	size_t stack_size; /* bytes, rounded up to a power of two from 16 KiB to 64 MiB; 0: the program's */
	size_t copy_size; /* not 0: so many bytes (at most UG_COPY_MAX) at `arg` are copied, and fn gets the copy */
	uintptr_t reserved[4];
};

/*
 * Starts a task that belongs to the program: root context, result ignored. A task ends by returning: pthread_exit in
 * one would take its worker along. Does not wait. Any thread (from a plain thread a runtime must be running: -ESRCH
 * else). -ENOMEM, -EINVAL, -ENOTSUP after a fork.
 */
int ug_go(ug_fn *fn, void *arg);
/* The same with options, which may be NULL. */
int ug_go_with(ug_fn *fn, void *arg, const struct ug_go_opts *opts);
/* The same, copying `size` bytes (at most UG_COPY_MAX) at `args` into the new task; fn gets the copy's address. */
int ug_go_copy(ug_fn *fn, const void *args, size_t size);
/* The same with a handle to wait for, in *out; ug_task_unref it. `opts` may be NULL. */
int ug_go_task(ug_fn *fn, void *arg, const struct ug_go_opts *opts, ug_task **out);

/* Waits until the task has ended; its result goes to *result (may be NULL). As often as wanted, by as many as want.
 * -ECANCELED, -ETIMEDOUT, -EINVAL (NULL). Any thread. */
UG_MUST_CHECK int ug_task_wait(ug_task *task, int *result);
/* Takes and drops a reference; the task goes on without any. unref takes NULL. Do not wait; any thread. */
ug_task *ug_task_ref(ug_task *task);
void ug_task_unref(ug_task *task);
/* ug_task_unref for UG_CLEAN: drops *task and sets it to NULL. */
void ug_task_clean(ug_task **task);

/* Lets other ready tasks run first. Never fails, and looks at no context; on a plain thread it is sched_yield(2). */
void ug_yield(void);
/* Waits `d` nanoseconds; 0 or less only looks at the context. -ECANCELED, -ETIMEDOUT. Any thread. */
int ug_sleep(int64_t d);
/* Waits until the monotonic clock shows `t`; UG_FOREVER: until the context's end. Else as ug_sleep. */
int ug_sleep_until(int64_t t);

/* The current task's number, which no other task of this process has had; 0 on a plain thread. */
uint64_t ug_task_id(void);
/* Name of the current task, "" where it has none. Borrowed. */
const char *ug_task_name(void);
/* Names the current task; borrowed for the task's life. */
void ug_task_set_name(const char *name);
/* One word of the current task's (or plain thread's) own, for a library's use: set and get. Starts NULL. */
void ug_task_set_local(void *value);
void *ug_task_local(void);

/* Keeps the current task on its thread until the matching ug_unpin, for libraries that need it; nests, and ends with
 * the task. While pinned the thread runs nothing else. 0, or -EAGAIN where no further thread can be had; does not wait.
 * The last ug_unpin waits for a processor as ug_yield does; one too many does nothing. A plain thread is always
 * pinned. */
int ug_pin(void);
void ug_unpin(void);

/* Runs fn(arg), C code that may block the thread, on a thread of the blocking pool, and answers its result. Waits; once
 * fn runs it is not cut short. -ECANCELED, -ETIMEDOUT before it runs; -EAGAIN where the pool is empty and no thread can
 * be had. On a plain thread it just calls fn. */
int ug_blocking(ug_fn *fn, void *arg);

/* Writes a dump of every task that has started, its name, what it waits for and for how long, and of the first 100 that
 * have not, to the bare descriptor. Waits for nothing but that descriptor, which it writes to as write(2) does. Any
 * thread. */
void ug_dump(int fd);

/* Context ----------------------------------------------------------------------------------------------------------
 * A context belongs to the task and is inherited by the tasks of a group. A scope sets a narrower one for a block:
 *
 *	UG_WITH_TIMEOUT(2 * UG_SECOND) {
 *		n = ug_fd_read(f, buf, sizeof buf);     -ETIMEDOUT once the 2 s are over, here or anywhere below
 *	}
 */
typedef struct ug_ctx ug_ctx;

/* What a waiting call leaves with the thing that it waits for, and a queue of those. The library's own. */
struct ug__waiter {
	struct ug__waiter *next_, *prev_;
	struct ug__task *task_;
	void *value_;
	int64_t amount_;
	int32_t index_, result_;
	uint32_t queued_, pad_;
	uintptr_t reserved_;
};
struct ug__waitq {
	struct ug__waiter *head_, *tail_;
};

struct ug_ctx {
	ug_ctx *outer_; /* the scope around it */
	ug_ctx *up_; /* whose end is also its own; NULL: nobody's */
	int64_t deadline_;
	int32_t err_, cause_;
	uint32_t lock_, flags_;
	ug_ctx *next_, *prev_, *children_;
	struct ug__task *tasks_;
	struct ug_after *after_;
	const void *key_;
	void *value_;
	struct ug__timer timer_;
	struct ug__when *whens_;
	uintptr_t reserved_[2];
};

/* The task's current context; never NULL. Borrowed. */
ug_ctx *ug_ctx_current(void);
/* Opens a scope in the caller's storage: what the task calls until ug_ctx_pop ends when *c is cancelled, or at the
 * monotonic time `deadline` (in `timeout` nanoseconds), if the outer context's end does not come first. Does not wait.
 * By the task, or plain thread, whose scope it is. */
void ug_ctx_push(ug_ctx *c);
void ug_ctx_push_deadline(ug_ctx *c, int64_t deadline);
void ug_ctx_push_timeout(ug_ctx *c, int64_t timeout);
/* Opens a scope that the outer context's end does not reach, so that a cleanup can finish (Go: WithoutCancel). Values
 * stay visible. */
void ug_ctx_push_shield(ug_ctx *c);
/* Opens a scope that carries a value under a key (compared by address). */
void ug_ctx_push_value(ug_ctx *c, const void *key, void *value);
/* Closes the scope that was opened last and not closed yet, by the task that opened it: any other is a broken
 * invariant, and ends the process. Does not wait. Takes NULL. */
void ug_ctx_pop(ug_ctx *c);

/* Ends the context: waits in it and below it fail with -ECANCELED. `cause` is a negative code for ug_ctx_cause; 0:
 * -ECANCELED. The first end wins; answers 1 if this was it, else 0. Does not wait. Any thread that knows the scope to
 * be open until the call is over. */
int ug_ctx_cancel(ug_ctx *c, int cause);
/* 0 while *c goes on, else -ECANCELED or -ETIMEDOUT. NULL: the current one. */
int ug_ctx_err(const ug_ctx *c);
/* The cause given at its end (or -ETIMEDOUT, -ECANCELED); 0 while it goes on. NULL: the current one. */
int ug_ctx_cause(const ug_ctx *c);
/* The earliest deadline that holds; UG_FOREVER: none. NULL: the current one. */
int64_t ug_ctx_deadline(const ug_ctx *c);
/* The value of the innermost scope with that key; NULL: none. NULL as c: the current one. */
void *ug_ctx_value(const ug_ctx *c, const void *key);

/* What ug_ctx_after keeps; the library's own. */
struct ug_after {
	struct ug_after *next_, *prev_;
	ug_ctx *ctx_;
	ug_fn *fn_;
	void *arg_;
	uintptr_t reserved_[2];
};
/* Starts fn(arg) as ug_go does once *c ends, at once where it has; never where the scope is closed before, or there is
 * no memory for a task then. `after` is the caller's storage until one of these, or until stopped. NULL as c: the
 * current one. Does not wait; any thread that knows the scope is open, and that it stays so during the call. Source:
 * Go's context.AfterFunc. */
void ug_ctx_after(ug_ctx *c, struct ug_after *after, ug_fn *fn, void *arg);
/* 1: stopped, fn will not run. 0: it was started, or stopped before, or the scope was closed. Does not wait; as
 * ug_ctx_after. */
int ug_after_stop(struct ug_after *after);

struct ug__scope {
	int entered_;
	ug_ctx ctx_;
};
static inline void ug__scope_leave(struct ug__scope *s)
{
	ug_ctx_pop(&s->ctx_);
}
#define UG__SCOPE(s, enter)                                                                                            \
	for (UG_CLEAN(ug__scope_leave) struct ug__scope s = UG_ZERO; !s.entered_ && (enter, (s.entered_ = 1));)
#define UG__SCOPE_WITH(s, push, t) UG__SCOPE(s, push(&s.ctx_, (t)))
#define UG__SCOPE_SHIELD(s) UG__SCOPE(s, ug_ctx_push_shield(&s.ctx_))
/* Blocks with a context of their own; leaving them by any way closes the scope. `break` leaves the block. */
#define UG_WITH_TIMEOUT(d) UG__SCOPE_WITH(UG__UNIQUE(ug_scope_), ug_ctx_push_timeout, d)
#define UG_WITH_DEADLINE(t) UG__SCOPE_WITH(UG__UNIQUE(ug_scope_), ug_ctx_push_deadline, t)
#define UG_SHIELD UG__SCOPE_SHIELD(UG__UNIQUE(ug_scope_))

/* Descriptors ------------------------------------------------------------------------------------------------------
 * A counted record around a descriptor, known to the poller. Calls that wait on one end at the context's deadline. */
typedef struct ug_fd ug_fd;

enum {
	UG_FD_NONBLOCK = 1, /* set O_NONBLOCK on it (not for 0, 1, 2: the flag is shared with the shell) */
	UG_FD_BORROW = 2, /* closing the record leaves the descriptor open */
};

/* Adopts a bare descriptor: the record owns it, unless UG_FD_BORROW. `flags`: UG_FD_ of the above. -EBADF, -ENOMEM,
 * -EINVAL. Does not wait; any thread, with a runtime or without. */
int ug_fd_adopt(int fd, int flags, ug_fd **out);
/* The bare descriptor, for calls that do not wait; -EBADF once closed. */
int ug_fd_number(const ug_fd *f);
/* One more reference; answers f. Takes NULL. */
ug_fd *ug_fd_ref(ug_fd *f);
/* Drops a reference; the last one closes, as ug_fd_close does. Takes NULL. */
void ug_fd_unref(ug_fd *f);
/* Wakes whoever waits on it with -ECANCELED (or -EBADF for later calls), then gives the number back once nobody uses
 * it. Drops the caller's reference. 0, or what close(2) answered where nobody used it. Takes NULL. Does not wait; any
 * thread. */
int ug_fd_close(ug_fd *f);
/* ug_fd_close for UG_CLEAN: closes *f and sets it to NULL. */
void ug_fd_clean(ug_fd **f);

/* Reads at most n bytes: a count, 0 at the end, or an error of read(2), -ECANCELED (also where another closed it),
 * -ETIMEDOUT, -EBADF once closed. Waits. Any thread. */
ssize_t ug_fd_read(ug_fd *f, void *buf, size_t n);
/* Writes at most n bytes; waits until at least one went. A count, or an error of write(2), else as ug_fd_read. On
 * sockets it raises no SIGPIPE. */
ssize_t ug_fd_write(ug_fd *f, const void *buf, size_t n);
struct iovec;
/* The same into, from n pieces, at most 1,024. man 2 readv */
ssize_t ug_fd_readv(ug_fd *f, const struct iovec *iov, int n);
ssize_t ug_fd_writev(ug_fd *f, const struct iovec *iov, int n);
/* Waits until a read (a write) would not block, or the other end is gone. 0, -ECANCELED, -ETIMEDOUT, -EBADF. */
int ug_fd_wait_readable(ug_fd *f);
int ug_fd_wait_writable(ug_fd *f);

/* The function of a task that was started when a descriptor was ready; `result` says why. */
typedef int ug_ready_fn(void *arg, int result);
/*
 * As if ug_go started a task at once that waits until f is readable, or until the monotonic time `deadline`
 * (UG_FOREVER: none), and then calls fn(arg, result): but until then there is no task and no stack, only a record of
 * some 180 bytes. For connections that are idle. `result` is 0 (f is readable, or its other end gone; rarely, a read
 * has to wait all the same, where another task's took what had come), -ETIMEDOUT, or -ECANCELED (f was closed). fn is
 * always called, once; what it needs was there before the wait began. opts (NULL: none): name and stack_size; no copy.
 * Does not wait; any thread. -EBADF, -EINVAL, -ENOMEM, -ENOSPC (man 2 epoll_ctl), -ESRCH where no runtime runs.
 */
int ug_go_when_readable(ug_fd *f, int64_t deadline, ug_ready_fn *fn, void *arg, const struct ug_go_opts *opts);

#ifdef __cplusplus
}
#endif

#endif
