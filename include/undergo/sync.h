/* SPDX-License-Identifier: MIT */
/*
 * undergo/sync.h: channels, select, groups, and locks. Everything here works from tasks and from plain
 * threads alike: where a task would park, a thread sleeps in the kernel. Every call that waits looks at the context on
 * entry and fails with -ECANCELED or -ETIMEDOUT, without effect, once that has ended; so does a call that was waiting
 * then. Fields that end in an underscore are the library's own.
 */
#ifndef UNDERGO_SYNC_H
#define UNDERGO_SYNC_H

#include <undergo/base.h>
#include <undergo/sched.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Channels ---------------------------------------------------------------------------------------------------------
 * typedef UG_CHAN(int) int_chan;    once for each element type
 * Source of the semantics: the Go specification, "Channel types", "Send statements", "Receive operator", "Close". */
typedef struct ug_chan ug_chan;

#define UG_CHAN(T)                                                                                                     \
	union {                                                                                                        \
		ug_chan *core;                                                                                         \
		__typeof__(T) const *type;                                                                             \
	}
/* A channel that is none: sends and receives wait for the context's end, in select they never fire. */
#define UG_NIL                                                                                                         \
	{                                                                                                              \
		NULL                                                                                                   \
	}

struct ug_chan_opts {
	/* Disposes of a value that was sent and never received; runs where the last reference goes. NULL: nothing to
	 * do. */
	void (*drop)(void *value);
	uintptr_t reserved[5];
};

/* Makes *out (a typed channel) with room for `capacity` values, 0: sender and receiver meet. One reference. -ENOMEM,
 * -EINVAL (more bytes than there are). `opts` may be NULL. Does not wait. */
#define ug_chan_new(out, capacity) ug_chan_make(&(out)->core, sizeof *(out)->type, (capacity), NULL)
#define ug_chan_new_with(out, capacity, opts) ug_chan_make(&(out)->core, sizeof *(out)->type, (capacity), (opts))
int ug_chan_make(ug_chan **out, size_t value_size, size_t capacity, const struct ug_chan_opts *opts);
/* One more reference to the typed channel at `typed`; UG_NIL is fine. Answers 0. Any thread that has one. */
int ug_chan_ref(void *typed);
/* Drops a reference of the typed channel at `typed` and sets it to UG_NIL. -EBUSY (and nothing done) where it is the
 * last one and someone waits on it. UG_NIL is fine. Fits UG_CLEAN. */
int ug_chan_unref(void *typed);

/* Sends *ptr: 0, -EPIPE once closed (the value stays with the sender), -ECANCELED, -ETIMEDOUT. Waits. */
#define ug_send(ch, ptr) ug_chan_send((ch).core, 1 ? (ptr) : (ch).type)
/* Receives into *ptr (NULL is not taken): 0, -EPIPE once closed and drained, -ECANCELED, -ETIMEDOUT. Waits. */
#define ug_recv(ch, ptr) ug_chan_recv((ch).core, UG__OUT(ch, ptr))
/* The same where it need not wait; else -EAGAIN. */
#define ug_try_send(ch, ptr) ug_chan_try_send((ch).core, 1 ? (ptr) : (ch).type)
#define ug_try_recv(ch, ptr) ug_chan_try_recv((ch).core, UG__OUT(ch, ptr))
/* No more sends: those that wait get -EPIPE, receivers drain what is there, then see -EPIPE. 0, -EPIPE where closed
 * already, -EINVAL for UG_NIL. Does not wait. */
#define ug_close(ch) ug_chan_close((ch).core)
/* Values waiting in the channel, and its capacity; 0 for UG_NIL. */
#define ug_len(ch) ug_chan_len((ch).core)
#define ug_cap(ch) ug_chan_cap((ch).core)
#define UG__OUT(ch, ptr) ((void)sizeof((ptr) == (ch).type), (ptr))

/* What the macros above call; for bindings of other languages. `value` has the size that ug_chan_make was given. */
int ug_chan_send(ug_chan *ch, const void *value);
int ug_chan_recv(ug_chan *ch, void *value);
int ug_chan_try_send(ug_chan *ch, const void *value);
int ug_chan_try_recv(ug_chan *ch, void *value);
int ug_chan_close(ug_chan *ch);
size_t ug_chan_len(const ug_chan *ch);
size_t ug_chan_cap(const ug_chan *ch);

/* Select -----------------------------------------------------------------------------------------------------------
 *	struct ug_case c[] = {UG_RECV(jobs, &job), UG_SEND(out, &r), UG_AFTER(50 * UG_MS)};
 *	switch (ug_select(c, 3)) { case 0: … }      c[0].result: 0, or -EPIPE where the channel is closed
 * Source of the semantics: the Go specification, "Select statements". */
enum {
	UG__CASE_NONE,
	UG__CASE_SEND,
	UG__CASE_RECV,
	UG__CASE_AFTER,
	UG__CASE_AT,
	UG__CASE_DEFAULT,
	UG__CASE_READABLE,
	UG__CASE_WRITABLE,
	UG__CASE_TASK
};
struct ug_case {
	int op_;
	int result; /* of the case that fired: 0 or a negative code */
	void *object_, *value_;
	int64_t time_;
	struct ug__waiter wait_;
};
#define UG__CASE(op, object, value, time)                                                                              \
	{                                                                                                              \
		op, 0, (void *)(object), (void *)(uintptr_t)(const void *)(value), (time), UG_ZERO                     \
	}
#define UG_SEND(ch, ptr) UG__CASE(UG__CASE_SEND, (ch).core, 1 ? (ptr) : (ch).type, 0)
/* Not through UG__CASE, which would cast a const away. */
#define UG_RECV(ch, ptr)                                                                                               \
	{                                                                                                              \
		UG__CASE_RECV, 0, (void *)(ch).core, UG__OUT(ch, ptr), 0, UG_ZERO                                      \
	}
#define UG_AFTER(d) UG__CASE(UG__CASE_AFTER, NULL, NULL, (d)) /* fires d nanoseconds after the call */
#define UG_AT(t) UG__CASE(UG__CASE_AT, NULL, NULL, (t)) /* fires when the monotonic clock shows t */
#define UG_DEFAULT UG__CASE(UG__CASE_DEFAULT, NULL, NULL, 0) /* fires where no other can at once */
/* A ug_fd * on which a read (a write) would not block; result: 0, or -EBADF where it is closed, -ECANCELED where that
 * happens meanwhile. */
#define UG_READABLE(fd) UG__CASE(UG__CASE_READABLE, (fd), NULL, 0)
#define UG_WRITABLE(fd) UG__CASE(UG__CASE_WRITABLE, (fd), NULL, 0)
#define UG_ENDED(task) UG__CASE(UG__CASE_TASK, (task), NULL, 0) /* a ug_task * has ended; result: its result */
#define UG_IGNORE UG__CASE(UG__CASE_NONE, NULL, NULL, 0) /* never fires */

/* Waits until one case can go on and does it; of several each is equally likely. The case's index, or -ECANCELED,
 * -ETIMEDOUT, -EINVAL (an unknown case, two defaults, a descriptor, a task or a variable that is NULL, n over 65,535).
 * With n 0, or nothing that can fire, waits for the context's end. A descriptor's case fires with -ESRCH where it would
 * have to wait and no runtime runs. The cases may be used again as they stand. */
UG_MUST_CHECK int ug_select(struct ug_case *cases, size_t n);

/* Groups -----------------------------------------------------------------------------------------------------------
 *	ug_group g;
 *	UG_GROUP(&g) {
 *		ug_group_go(&g, fetch, &url);
 *	}                                   waits for all; leaving early (break, return) cancels them first
 *	return ug_group_result(&g);
 * The first task that answers a negative code cancels the group: its tasks, and what the owner calls inside the
 * block. */
typedef struct ug_group ug_group;
struct ug_group {
	struct ug_ctx ctx_;
	int64_t started_, room_;
	int32_t result_;
	uint32_t flags_;
	uint32_t lock_, pad_;
	struct ug__waitq waiters_;
	struct ug__waiter *closer_;
	uintptr_t reserved_[7]; /* what stands before and after it is on other cache lines than left_ */
	int64_t left_;
	uintptr_t reserved2_[7];
};
struct ug_group_opts {
	size_t limit; /* at most so many tasks of it run at a time, ug_group_go waits for room; 0: no limit */
	uintptr_t reserved[3];
};
/* Opens a group in the caller's storage and makes its context the task's current one: ug_group_close belongs to it, by
 * the same task or thread. `opts` may be NULL. Does not wait. */
void ug_group_open(ug_group *g, const struct ug_group_opts *opts);
/* Starts fn(arg) in the group. From the owner or from a task of the group. Waits for room in a group with a limit. In
 * one without it is no wait, but a task that has started a hundred or so which have not run yet lets them run first
 * (or, where there is no memory for the stacks of as many, waits while they become fewer), and may go on on another
 * thread. -ENOMEM; -ECANCELED, -ETIMEDOUT once the group has ended; else as ug_go. */
int ug_group_go(ug_group *g, ug_fn *fn, void *arg);
/* The same, with a copy of `size` bytes at `args` (at most UG_COPY_MAX), whose address fn gets; with options, which may
 * be NULL. */
int ug_group_go_copy(ug_group *g, ug_fn *fn, const void *args, size_t size);
int ug_group_go_with(ug_group *g, ug_fn *fn, void *arg, const struct ug_go_opts *opts);
/* ug_go_when_readable for a task of the group, which counts it, and waits for it at its end, from now on; once the
 * group is cancelled fn is told -ECANCELED or -ETIMEDOUT. Errors and waiting as for both. */
int ug_group_go_when_readable(
	ug_group *g, ug_fd *f, int64_t deadline, ug_ready_fn *fn, void *arg, const struct ug_go_opts *opts);
/* Cancels what runs in it, and what the owner calls in its block; `cause` as in ug_ctx_cancel. Does not wait. Any
 * thread that knows the group is open. */
void ug_group_cancel(ug_group *g, int cause);
/* Waits for all its tasks (not cut short), closes the scope, answers the first negative result of a task, or 0. Once
 * only; the second call answers the same. By the owner. */
int ug_group_close(ug_group *g);
/* The first negative result of a task so far, or 0; after ug_group_close what that answered. */
int ug_group_result(const ug_group *g);

struct ug__group_scope {
	ug_group *group_;
	int more_;
};
static inline ug_group *ug__group_enter(ug_group *g, const struct ug_group_opts *o)
{
	ug_group_open(g, o);
	return g;
}
void ug__group_leave(struct ug__group_scope *s); /* the block was left: cancel if that was early (more_), then close */
#define UG_GROUP_WITH(g, opts) UG__GROUP_SCOPE(UG__UNIQUE(ug_group_), g, opts)
#define UG__GROUP_SCOPE(s, g, opts)                                                                                    \
	for (UG_CLEAN(ug__group_leave) struct ug__group_scope s = {ug__group_enter((g), (opts)), 1}; s.more_;          \
		s.more_ = 0)
#define UG_GROUP(g) UG_GROUP_WITH(g, NULL)

/* Locks ------------------------------------------------------------------------------------------------------------
 * All start zeroed: ug_mutex m = UG_ZERO; no ending call. None may be copied. */
typedef struct ug_mutex {
	uint32_t state_, lock_;
	struct ug__waitq waiters_;
	uintptr_t reserved_[1];
} ug_mutex;
/* Locks; waits. 0, -ECANCELED, -ETIMEDOUT (then it is not locked). Not recursive. Source: Go's sync.Mutex. */
UG_MUST_CHECK int ug_mutex_lock(ug_mutex *m);
/* Locks where that needs no wait, else -EBUSY. */
UG_MUST_CHECK int ug_mutex_try_lock(ug_mutex *m);
/* Unlocks, by whoever; -EINVAL where it is not locked. */
int ug_mutex_unlock(ug_mutex *m);

typedef struct ug_rwmutex {
	uint32_t state_, lock_;
	struct ug__waitq waiters_;
	uint32_t reads_;
	uint16_t writes_, patience_;
	uintptr_t reserved_[2];
} ug_rwmutex;
/* Many readers or one writer; a writer that waits holds off new readers. lock and rlock wait: 0, -ECANCELED, -ETIMEDOUT
 * (then it is not locked). try_: 0, or -EBUSY where it would wait. unlock and runlock: by whoever; -EINVAL where it is
 * not locked so. (A runlock of what another task took may yield until that one unlocks it, ends, or makes a call that
 * may wait.) Not recursive. Source: Go's sync.RWMutex. */
UG_MUST_CHECK int ug_rwmutex_lock(ug_rwmutex *m);
UG_MUST_CHECK int ug_rwmutex_try_lock(ug_rwmutex *m);
int ug_rwmutex_unlock(ug_rwmutex *m);
UG_MUST_CHECK int ug_rwmutex_rlock(ug_rwmutex *m);
UG_MUST_CHECK int ug_rwmutex_try_rlock(ug_rwmutex *m);
int ug_rwmutex_runlock(ug_rwmutex *m);

typedef struct ug_cond {
	uint32_t lock_, pad_;
	struct ug__waitq waiters_;
	uintptr_t reserved_[1];
} ug_cond;
/* Unlocks m, waits for a signal, locks m again (that is not cut short: m is locked on every return). 0, -ECANCELED,
 * -ETIMEDOUT, -EINVAL (m was not locked, and is not). Source: Go's sync.Cond. */
UG_MUST_CHECK int ug_cond_wait(ug_cond *c, ug_mutex *m);
/* Wakes the one that has waited longest; all. Do not wait, with m locked or not. */
void ug_cond_signal(ug_cond *c);
void ug_cond_broadcast(ug_cond *c);

typedef struct ug_once {
	uint32_t state_, lock_;
	int32_t result_;
	uint32_t pad_;
	struct ug__waitq waiters_;
} ug_once;
/* Runs fn(arg) once for all callers; each waits for its end and gets its result. -ECANCELED, -ETIMEDOUT while waiting
 * for another's run, and on entry. fn must not call it for the same once: it would wait for itself. Source: Go's
 * sync.Once. */
int ug_once_do(ug_once *o, ug_fn *fn, void *arg);

typedef struct ug_waitgroup {
	int64_t count_;
	uint32_t lock_, pad_;
	struct ug__waitq waiters_;
} ug_waitgroup;
/* Adds n (may be negative; done: -1) to the count; at 0 those that wait go on. -EINVAL (and nothing done) where it
 * would fall below 0 or not fit. Does not wait. wait: until the count is 0; -ECANCELED, -ETIMEDOUT. Source: Go's
 * sync.WaitGroup. */
int ug_waitgroup_add(ug_waitgroup *w, int64_t n);
int ug_waitgroup_done(ug_waitgroup *w);
UG_MUST_CHECK int ug_waitgroup_wait(ug_waitgroup *w);

/* A weighted semaphore, first come first served. Source: golang.org/x/sync/semaphore. */
typedef struct ug_sem {
	int64_t size_, used_;
	uint32_t lock_, pad_;
	struct ug__waitq waiters_;
} ug_sem;
/* Sets it up with a size, of which nothing is taken. No ending call. */
void ug_sem_init(ug_sem *s, int64_t size);
/* Takes n of its size; waits. 0, -ECANCELED, -ETIMEDOUT (then nothing is taken), -EINVAL where n is negative or over
 * its size. */
UG_MUST_CHECK int ug_sem_acquire(ug_sem *s, int64_t n);
UG_MUST_CHECK int ug_sem_try_acquire(ug_sem *s, int64_t n); /* -EBUSY where it would wait */
int ug_sem_release(ug_sem *s, int64_t n); /* -EINVAL where more comes back than is out */

#ifdef __cplusplus
}
#endif

#endif
