/* SPDX-License-Identifier: MIT */
/*
 * Descriptors: counted records, and how a task waits on one.
 *
 * Records are never freed, only used again; the poller knows one by index and generation, so that an event that comes
 * late, for a descriptor whose number has long been another's, finds nobody. A record has
 *   refs  references; the last one dropped closes
 *   use   one for all references together, one for each call under way, and two flags: CLOSED, ORPHAN (no reference is
 *         left). The number is given back (close(2)) by whoever sees that no call but its own is under way any
 *         more, while it still counts; the record is free when the count falls to 0
 *   gone  the number has been given back, or was never to be
 *
 * Readiness is edge-triggered. An event adds to its direction's count of `edges` and wakes all that wait; a caller
 * reads the count before it tries, and waits only if the count is still the same under the lock. So an edge between a
 * call's EAGAIN and the wait is not lost, for none of several callers. Registration is lazy, at the first wait: many
 * connections never wait.
 *	Rejected: one flag, cleared by who is about to wait. It may be another's edge.
 *
 * Short reads. A TCP socket that answered fewer bytes than asked for is empty, and its next byte, or its end, will be
 * an edge: where no edge has come since before that read, the next read waits at once, without the call that would say
 * EAGAIN. If the poller does not watch the socket yet, it does so then, and says what has come meanwhile. Not so once
 * HUP was seen: the edge for the end may have come together with the last data's, and no other will. Urgent data counts
 * as HUP: a read stops short of it. Other sockets say less by a short read: a datagram is one of many, and Unix streams
 * pause where descriptors were passed.
 *
 * Waiting for readiness alone asks poll(2) before it parks, for an edge seen before says nothing of now, and once more
 * when it is woken, for the edge may be older than a read made meanwhile: a worker took the event from the kernel, and
 * told of it only later. The first question is left out where a short read has answered it. The second is left out in
 * ug__fd_await, for callers that go on to a call which finds out itself; so a server that waits before it reads makes
 * no system call but the read.
 *
 * Asked for ahead. Where thousands wait, each is cold when its event comes: the record, the waiter, the frames around
 * it and the task's record, and the translation of the stack's page. So before any event that a poll brought is told
 * of, the records of all are asked for together, and then what their waiters lead to: it is there when the tasks run. A
 * waiter is found without the lock, and may be gone: nothing is read through it, and asking for what is not there is no
 * fault.
 *
 * All reads of a poll come before what is done with them: who has waited to read, and has read, gives way once to the
 * others that the same poll made ready, if nothing has become ready since, and neither the slot nor the young hold any
 * (ug__give_way_to_readers). So the kernel's way of a receive is run many times in a row, then its way of a send, and
 * each is still in the caches. The first of them goes on later, by the others' reads; and by all the work of those that
 * do not read, but were told of by the same poll (select, accept), which is at most until when the last went on before.
 *
 * Without a runtime (a plain main) a wait is poll(2).
 */
#include "sched/fd_priv.h"

#include "base/chunks.h"
#include "sched/when_priv.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define ORPHAN (UINT32_C(1) << 30)
#define COUNT (ORPHAN - 1)

static uint32_t table_lock;
static ug_fd *table[UG__CHUNKS];
static uint32_t table_count;
static ug_fd *free_list;

static ug_fd *record_at(uint32_t i)
{
	uint32_t at;
	unsigned chunk = ug__chunk_of(i, &at);
	ug_fd *c = chunk < UG__CHUNKS ? load_acquire(&table[chunk]) : NULL;
	return c ? c + at : NULL;
}

/* Zeroed by calloc, which touches no page that nobody uses yet, and aligned by hand. NULL: no memory. */
static ug_fd *records_new(unsigned chunk)
{
	uintptr_t at = (uintptr_t)calloc(1, ug__chunk_size(chunk) * sizeof(ug_fd) + _Alignof(ug_fd) - 1);
	return (ug_fd *)((at + _Alignof(ug_fd) - 1) & ~(_Alignof(ug_fd) - 1));
}

static ug_fd *record_new(void)
{
	ug__lock(&table_lock);
	ug_fd *f = free_list;
	if (f) {
		free_list = f->next_free;
	} else {
		uint32_t at;
		unsigned chunk = ug__chunk_of(table_count, &at);
		if (!table[chunk])
			store_release(&table[chunk], records_new(chunk));
		f = record_at(table_count);
		if (f)
			f->index = table_count++;
	}
	ug__unlock(&table_lock);
	return f;
}

static void record_free(ug_fd *f)
{
	ug__lock(&table_lock);
	f->next_free = free_list;
	free_list = f;
	ug__unlock(&table_lock);
}

int ug_fd_adopt(int fd, int flags, ug_fd **out)
{
	struct stat st;
	UG_TRY(ug__sys_fstat(fd, &st));
	if ((flags & ~(UG_FD_NONBLOCK | UG_FD_BORROW)) || !out)
		return -EINVAL;
	return ug__fd_adopt(fd, st.st_mode, flags, out);
}

int ug__fd_adopt(int fd, mode_t mode, int flags, ug_fd **out)
{
	bool file = S_ISREG(mode) || S_ISDIR(mode) || S_ISBLK(mode);
	if ((flags & UG_FD_NONBLOCK) && !file)
		UG_TRY(ug__sys_nonblock(fd, 1));
	ug_fd *f = record_new();
	if (!f)
		return -ENOMEM;
	ug__lock(&f->lock);
	f->fd = fd;
	store_relaxed(&f->gen, f->gen + 1);
	f->kind = file ? FD_FILE : S_ISSOCK(mode) ? FD_SOCKET : FD_OTHER;
	f->nonblock = (flags & UG_FD_NONBLOCK) != 0;
	f->borrowed = (flags & UG_FD_BORROW) != 0;
	f->hup = f->gone = f->note = 0;
	f->tcp = flags & UG__FD_TCP ? TCP_YES : TCP_UNKNOWN;
	store_relaxed(&f->epoch, 0u);
	store_relaxed(&f->drained, 0u);
	for (int side = 0; side < 2; side++) { /* one by one: others look without the lock */
		store_relaxed(&f->waiters[side].head_, NULL);
		f->waiters[side].tail_ = NULL;
		store_relaxed(&f->edges[side], 1u);
	}
	memset(f->room, 0, sizeof f->room);
	store_relaxed(&f->use, 1u);
	store_relaxed(&f->refs, 1u);
	ug__unlock(&f->lock);
	*out = f;
	return 0;
}

/* References and closing ------------------------------------------------------------------------------------------- */

static uint64_t key_of(const ug_fd *f)
{
	return (uint64_t)f->gen << 32 | f->index;
}

/* Nobody uses the number any more, and nobody will. Answers what close(2) did, if it was called here. */
static int give_back(ug_fd *f)
{
	ug__lock(&f->lock);
	bool mine = !f->gone;
	f->gone = 1;
	ug__unlock(&f->lock);
	return mine && !f->borrowed ? ug__sys_close(f->fd) : 0;
}

int ug__fd_use(ug_fd *f)
{
	if (!f)
		return -EBADF;
	uint32_t use = add_acq_rel(&f->use, 1u);
	if (likely(!(use & CLOSED)))
		return f->fd;
	/* With no count the caller has no reference, and the record is free: it shall not be so twice. */
	if (use & COUNT)
		ug__fd_unuse(f);
	else
		add_acq_rel(&f->use, -1u);
	return -EBADF;
}

/* Takes one from the count. Who sees that it is the last call on a closed record gives the number back before, while it
 * still counts: one that begins meanwhile sees CLOSED, and comes here too. Who brings the count to 0 has the record to
 * itself. */
static void drop(ug_fd *f, uint32_t flag)
{
	uint32_t use = load_acquire(&f->use);
	do
		if (!flag && (use & CLOSED) && (use & COUNT) == ((use & ORPHAN) ? 1u : 2u))
			(void)give_back(f); /* its closer has gone */
	while (!cas_acq_rel(&f->use, &use, (use - 1) | flag));
	if ((use & COUNT) == 1)
		record_free(f);
}

void ug__fd_unuse(ug_fd *f)
{
	drop(f, 0);
}

int ug_fd_number(const ug_fd *f)
{
	return !f || (load_relaxed(&f->use) & CLOSED) ? -EBADF : f->fd;
}

void *ug__fd_room(ug_fd *f)
{
	return f->room;
}

uint8_t *ug__fd_note(ug_fd *f)
{
	return f->borrowed ? NULL : &f->note;
}

uint64_t *ug__fd_warm(ug_fd *f)
{
	return &f->warm;
}

ug_fd *ug_fd_ref(ug_fd *f)
{
	if (f)
		add_relaxed(&f->refs, 1u);
	return f;
}

/* Wakes a waiter that has been taken off its queue, whose lock is held, unless another was first. */
static inline __attribute__((always_inline)) void wake(struct ug__waiter *w, int result)
{
	if (unlikely(!w->task_)) {
		ug__when_win(w, result);
	} else if (ug__wake_win(w->task_)) {
		w->result_ = result;
		ug__ready(w->task_);
	}
}

/* Ends it for all: once. Answers what close(2) did, if that could be at once. */
static int shut(ug_fd *f)
{
	ug__lock(&f->lock);
	uint32_t use = load_relaxed(&f->use);
	while (!(use & CLOSED) && !cas_acq_rel(&f->use, &use, use | CLOSED))
		;
	if (use & CLOSED) {
		ug__unlock(&f->lock);
		return 0;
	}
	if (f->epoch && ug__visit()) {
		if (f->epoch == S->epoch) {
			S->poller->remove(f->fd, key_of(f), !f->borrowed);
			add_seq(&S->registered, -1u);
		}
		ug__visit_end();
	}
	store_relaxed(&f->epoch, 0u);
	store_relaxed(&f->gen, f->gen + 1); /* events on their way find nobody */
	for (int side = 0; side < 2; side++) {
		struct ug__waiter *w;
		while ((w = ug__waitq_pop(&f->waiters[side])))
			wake(w, -ECANCELED);
	}
	ug__unlock(&f->lock);
	return (use & COUNT) == 1 ? give_back(f) : 0;
}

void ug_fd_unref(ug_fd *f)
{
	if (!f || add_acq_rel(&f->refs, -1u) != 1)
		return;
	(void)shut(f); /* there is nobody to tell */
	drop(f, ORPHAN);
}

int ug_fd_close(ug_fd *f)
{
	if (!f)
		return 0;
	int e = shut(f);
	ug_fd_unref(f);
	return e;
}

void ug_fd_clean(ug_fd **f)
{
	ug_fd_close(*f);
	*f = NULL;
}

/* Events ----------------------------------------------------------------------------------------------------------- */

static void wake_side(ug_fd *f, int side)
{
	struct ug__waitq *q = &f->waiters[side];
	store_release(&f->edges[side], f->edges[side] + 2);
	if (ug__waitq_idle(q))
		return;
	/* A select must not be told of readiness that somebody has used up since: ask. Others just try again. */
	int ready = -1;
	for (struct ug__waiter *next, *w = q->head_; w; w = next) {
		next = w->next_;
		if (w->amount_ && ready < 0)
			ready = ug__sys_poll_now(f->fd, side ? POLLOUT : POLLIN) != 0;
		if (w->amount_ && !ready)
			continue;
		ug__waitq_remove(q, w);
		wake(w, 0);
	}
}

void ug__fd_event(uint64_t key, uint32_t what)
{
	ug_fd *f = record_at((uint32_t)key);
	if (!f)
		return;
	ug__lock(&f->lock);
	if (f->gen == (uint32_t)(key >> 32)) {
		if (what & UG__POLL_HUP)
			store_relaxed(&f->hup, 1);
		if (what & UG__POLL_IN)
			wake_side(f, 0);
		if (what & UG__POLL_OUT)
			wake_side(f, 1);
	}
	ug__unlock(&f->lock);
}

/* How far above its waiter the frames reach of a task that waits to read from a socket, with the beginning of its
 * buffer, where that is a local of the caller's. The calls that it makes next lie there, too. */
#define FRAMES (5 * UG__LINE)

void ug__fd_fetch(const struct ug__event *ev, int n)
{
	for (int i = 0; i < n; i++)
		ug__prefetch_write(record_at((uint32_t)ev[i].key));
	for (int i = 0; i < n; i++) {
		const ug_fd *f = record_at((uint32_t)ev[i].key);
		uintptr_t w = f ? (uintptr_t)load_relaxed(&f->waiters[0].head_) : 0;
		if (!w)
			continue;
		ug__task_fetch(w);
		for (uintptr_t at = w; at < w + FRAMES; at += UG__LINE)
			ug__prefetch_write((const void *)at);
	}
}

void ug__fd_call_back(ug_fd *f)
{
	struct ug__waitq *q = &f->waiters[0];
	ug__lock(&f->lock);
	for (struct ug__waiter *next, *w = q->head_; w; w = next) {
		next = w->next_;
		if (!w->task_ || w->amount_)
			continue;
		ug__waitq_remove(q, w);
		wake(w, -EAGAIN);
	}
	ug__unlock(&f->lock);
}

bool ug__fd_anyone_waits(void)
{
	ug__lock(&table_lock);
	uint32_t n = table_count;
	ug__unlock(&table_lock);
	for (uint32_t i = 0; i < n; i++) {
		ug_fd *f = record_at(i);
		if (!ug__waitq_idle(&f->waiters[0]) || !ug__waitq_idle(&f->waiters[1]))
			return true;
	}
	return false;
}

/* Takes out those who wait; answers how many calls of tasks that was. */
static uint32_t forget(struct ug__waitq *q)
{
	uint32_t calls = 0;
	for (struct ug__waiter *next, *w = q->head_; w; w = next) {
		next = w->next_;
		bool task = ug__stack_at(w) != NULL;
		ug__waitq_remove(q, w);
		if (!w->task_) {
			continue; /* ug__whens_end gives back what it uses */
		} else if (task) {
			calls += !w->amount_; /* a select is no call */
		} else if (ug__wake_win(w->task_)) {
			w->result_ = w->amount_ ? -ESRCH : 0;
			ug__ready(w->task_);
		}
	}
	return calls;
}

/* The runtime has ended: tasks that wait will never go on, and threads wait by other means from now on; their selects
 * cannot. */
void ug__fd_forget(void)
{
	for (uint32_t i = 0; i < table_count; i++) {
		ug_fd *f = record_at(i);
		ug__lock(&f->lock);
		uint32_t calls = forget(&f->waiters[0]) + forget(&f->waiters[1]);
		ug__unlock(&f->lock);
		while (calls--)
			ug__fd_unuse(f);
	}
	ug__whens_end();
}

/* Waiting ---------------------------------------------------------------------------------------------------------- */

static UG__NOINLINE int begin_watch(ug_fd *f)
{
	/* Before, or the event that add brings along might find the record unregistered. */
	store_relaxed(&f->epoch, S->epoch);
	add_seq(&S->registered, 1u);
	if (unlikely(load_seq(&S->monitor_asleep)))
		ug__monitor_wake();
	if (f->tcp == TCP_UNKNOWN)
		store_relaxed(&f->tcp, f->kind == FD_SOCKET && ug__sys_is_tcp(f->fd) ? TCP_YES : TCP_NO);
	int e = S->poller->add(f->fd, key_of(f));
	if (e < 0) {
		store_relaxed(&f->epoch, 0u);
		store_relaxed(&f->drained, 0u); /* no edge will tell */
		add_seq(&S->registered, -1u);
	}
	return e == -EPERM ? 1 : e;
}

/* Sees that the poller watches f; its lock is held. 1: it is always ready, and not watched. */
static inline int watch(ug_fd *f)
{
	if (likely(f->epoch == S->epoch))
		return 0;
	return f->kind == FD_FILE ? 1 : begin_watch(f);
}

/* A plain thread where no runtime runs. */
static int wait_by_poll(ug_fd *f, int side)
{
	store_relaxed(&f->drained, 0u); /* no edge will tell */
	int64_t deadline = ug_ctx_deadline(NULL);
	int e = ug__sys_poll_until(f->fd, side ? POLLOUT : POLLIN, deadline);
	return e < 0 ? e : 0;
}

/* 1: no edge has come since, and the next one will tell; else there is nothing to wait for. The lock is held. */
static inline __attribute__((always_inline)) int watch_for(ug_fd *f, int side, uint32_t seen)
{
	int e = load_relaxed(&f->use) & CLOSED ? -ECANCELED : watch(f); /* closed since the call began */
	return e < 0 ? e : e == 0 && f->edges[side] == seen;
}

/* Arms and queues. 1: so it is; else there is nothing to wait for. t is NULL for a task to come. */
static int queue(struct ug__task *t, ug_fd *f, int side, uint32_t seen, struct ug__waiter *w)
{
	ug__lock(&f->lock);
	int e = watch_for(f, side, seen);
	if (e > 0) {
		if (t)
			ug__wait_arm(t, side ? UG__WAIT_WRITABLE : UG__WAIT_READABLE, f);
		else
			ug__when_arm(w);
		ug__waitq_push(&f->waiters[side], w);
	}
	ug__unlock(&f->lock);
	return e;
}

int ug__fd_queue_when(ug_fd *f, uint32_t seen, struct ug__waiter *w)
{
	return queue(NULL, f, 0, seen, w);
}

/* A plain thread. */
static UG__NOINLINE int thread_wait(struct ug__task *t, ug_fd *f, int side, uint32_t seen)
{
	if (!ug__visit())
		return wait_by_poll(f, side);
	struct ug__waiter w = {.task_ = t};
	int e = queue(t, f, side, seen, &w);
	ug__visit_end();
	if (e <= 0)
		return e;
	e = ug__park(t);
	if (e == 0)
		return w.result_;
	ug__lock(&f->lock);
	ug__waitq_remove(&f->waiters[side], &w);
	ug__unlock(&f->lock);
	return e;
}

/* Waits for an edge that has not been seen yet. The caller holds a use of f. */
int ug__fd_wait(struct ug__task *t, ug_fd *f, int side, uint32_t seen)
{
	if (unlikely(t->flags & TASK_THREAD))
		return thread_wait(t, f, side, seen);
	ug__lock(&f->lock);
	int e = watch_for(f, side, seen);
	if (likely(e > 0))
		return ug__wait_locked(t, &f->lock, &f->waiters[side], side ? UG__WAIT_WRITABLE : UG__WAIT_READABLE, f);
	ug__unlock(&f->lock);
	return e;
}

int ug__fd_wait_begin(ug_fd *f, int writable, struct ug__waiter *w)
{
	if (!f)
		return -EBADF;
	short events = writable ? POLLOUT : POLLIN;
	bool thread = w->task_->flags & TASK_THREAD;
	bool runs = !thread ||
		ug__visit(); /* else nobody watches descriptors, and what is not ready now cannot be waited for */
	ug__lock(&f->lock);
	int e = load_relaxed(&f->use) & CLOSED ? -EBADF : runs ? watch(f) : 0;
	if (e == 0)
		e = ug__sys_poll_now(f->fd, events);
	if (e == 0 && runs) {
		w->amount_ = 1;
		ug__waitq_push(&f->waiters[writable], w);
	}
	ug__unlock(&f->lock);
	if (thread && runs)
		ug__visit_end();
	return e > 0 ? 1 : e < 0 || runs ? e : -ESRCH;
}

void ug__fd_wait_end(ug_fd *f, int writable, struct ug__waiter *w)
{
	if (!f)
		return;
	ug__lock(&f->lock);
	ug__waitq_remove(&f->waiters[writable], w);
	ug__unlock(&f->lock);
}

static int wait_ready(ug_fd *f, int side, bool sure)
{
	struct ug__task *t = ug__wait_self();
	UG_TRY(ug__wait_check(t));
	int fd = ug__fd_use(f);
	if (fd < 0)
		return fd;
	int e = f->kind == FD_FILE;
	while (e == 0) {
		uint32_t seen = load_acquire(&f->edges[side]);
		e = ug__fd_drained(f, side, seen) ? 0 : ug__sys_poll_now(fd, side ? POLLOUT : POLLIN);
		if (e == 0) {
			e = ug__fd_wait(t, f, side, seen);
			if (!sure)
				break;
		}
	}
	ug__fd_unuse(f);
	return e > 0 ? 0 : e;
}

int ug__fd_await(ug_fd *f, int side)
{
	return wait_ready(f, side, false);
}

int ug_fd_wait_readable(ug_fd *f)
{
	return wait_ready(f, 0, true);
}

int ug_fd_wait_writable(ug_fd *f)
{
	return wait_ready(f, 1, true);
}
