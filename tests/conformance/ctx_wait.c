/* SPDX-License-Identifier: MIT */
/*
 * Every call that waits, against the end of its context. For each kind of wait three cases:
 *
 *	KIND_ends_by_cancel      it waits; another actor cancels the scope: -ECANCELED, and no effect
 *	KIND_ends_by_deadline    it waits; the deadline comes: -ETIMEDOUT, not before its time, and no effect
 *	KIND_fails_on_entry      it need not wait, but the context has ended: -ETIMEDOUT, and no effect
 */
#include "actor.h"
#include <fcntl.h>

struct place {
	int_chan ch, other;
	ug_mutex mutex, second;
	ug_rwmutex rw;
	ug_cond cond;
	ug_once once;
	ug_waitgroup wg;
	ug_sem sem;
	ug_task *task;
	ug_fd *in, *out;
	struct actor helper;
	atomic_int ran, go_on;
	int value;
};

/* A kind of wait. `block` makes a place where it waits, `free` one where it would not; `check` sees that the failed
 * wait left no trace, and takes the place down. */
struct kind {
	void (*make)(struct place *p, int blocked);
	int (*wait)(struct place *p);
	void (*check)(struct place *p, int blocked);
};

struct waiter {
	struct actor actor;
	const struct kind *kind;
	struct place *place;
	ug_ctx *_Atomic scope;
	int64_t timeout;
	int result, cause;
};

static int wait_in_scope(void *arg)
{
	struct waiter *w = arg;
	ug_ctx c;
	if (w->timeout == UG_FOREVER)
		ug_ctx_push(&c);
	else
		ug_ctx_push_timeout(&c, w->timeout);
	atomic_store(&w->scope, &c);
	w->result = w->kind->wait(w->place);
	w->cause = ug_ctx_cause(NULL);
	ug_ctx_pop(&c);
	return 0;
}

static void ends_by_cancel(const struct kind *k)
{
	for (int round = 0; round < 3; round++) {
		struct place p;
		memset(&p, 0, sizeof p);
		k->make(&p, 1);
		struct waiter w = {.kind = k, .place = &p, .timeout = UG_FOREVER};
		start(&w.actor, wait_in_scope, &w);
		UNTIL(atomic_load(&w.scope) != NULL);
		if (round > 0)
			settle();
		CHECK_EQ(ug_ctx_cancel(atomic_load(&w.scope), -EIO), 1);
		join(&w.actor);
		CHECK_EQ(w.result, -ECANCELED);
		CHECK_EQ(w.cause, -EIO);
		k->check(&p, 1);
	}
}

static void ends_by_deadline(const struct kind *k)
{
	struct place p;
	memset(&p, 0, sizeof p);
	k->make(&p, 1);
	struct waiter w = {.kind = k, .place = &p, .timeout = 3 * UG_MS};
	int64_t begin = ug_now();
	start(&w.actor, wait_in_scope, &w);
	join(&w.actor);
	CHECK_EQ(w.result, -ETIMEDOUT);
	CHECK(ug_now() - begin >= 3 * UG_MS);
	k->check(&p, 1);
}

static void fails_on_entry(const struct kind *k)
{
	struct place p;
	memset(&p, 0, sizeof p);
	k->make(&p, 0);
	struct waiter w = {.kind = k, .place = &p, .timeout = 0};
	start(&w.actor, wait_in_scope, &w);
	join(&w.actor);
	CHECK_EQ(w.result, -ETIMEDOUT);
	k->check(&p, 0);
}

/* Channels ------------------------------------------------------------------------------------------------------- */

static void send_make(struct place *p, int blocked)
{
	p->ch = chan_of(1);
	if (blocked)
		CHECK_EQ(put(p->ch, 1), 0);
}

static int send_wait(struct place *p)
{
	return put(p->ch, 2);
}

static void send_check(struct place *p, int blocked)
{
	CHECK_EQ(ug_len(p->ch), blocked);
	CHECK_EQ(try_next(p->ch), blocked ? 1 : -EAGAIN);
	CHECK_EQ(try_next(p->ch), -EAGAIN);
	chan_end(&p->ch);
}

static void unbuffered_send_make(struct place *p, int blocked)
{
	p->ch = chan_of(0);
	(void)blocked;
}

static void unbuffered_send_check(struct place *p, int blocked)
{
	(void)blocked;
	CHECK_EQ(try_next(p->ch), -EAGAIN);
	chan_end(&p->ch);
}

static void recv_make(struct place *p, int blocked)
{
	p->ch = chan_of(1);
	p->value = 42;
	if (!blocked)
		CHECK_EQ(put(p->ch, 1), 0);
}

static int recv_wait(struct place *p)
{
	return ug_recv(p->ch, &p->value);
}

static void recv_check(struct place *p, int blocked)
{
	CHECK_EQ(p->value, 42);
	CHECK_EQ(ug_len(p->ch), !blocked);
	CHECK_EQ(try_put(p->ch, 3), blocked ? 0 : -EAGAIN);
	CHECK_EQ(try_next(p->ch), blocked ? 3 : 1);
	chan_end(&p->ch);
}

static void closed_recv_make(struct place *p, int blocked)
{
	recv_make(p, blocked);
	CHECK_EQ(ug_close(p->ch), 0);
}

static void closed_recv_check(struct place *p, int blocked)
{
	(void)blocked;
	CHECK_EQ(p->value, 42);
	CHECK_EQ(try_next(p->ch), 1);
	CHECK_EQ(try_next(p->ch), -EPIPE);
	chan_end(&p->ch);
}

static void select_make(struct place *p, int blocked)
{
	recv_make(p, blocked);
	p->other = chan_of(1);
	if (blocked)
		CHECK_EQ(put(p->other, 9), 0);
}

static int select_wait(struct place *p)
{
	int out = 8;
	struct ug_case c[] = {UG_RECV(p->ch, &p->value), UG_SEND(p->other, &out), UG_AFTER(UG_HOUR)};
	return ug_select(c, 3);
}

static void select_check(struct place *p, int blocked)
{
	CHECK_EQ(try_next(p->other), blocked ? 9 : -EAGAIN);
	CHECK_EQ(try_next(p->other), -EAGAIN);
	chan_end(&p->other);
	recv_check(p, blocked);
}

static void nothing_make(struct place *p, int blocked)
{
	(void)p;
	(void)blocked;
}

static int empty_select_wait(struct place *p)
{
	(void)p;
	return ug_select(NULL, 0);
}

static int nil_recv_wait(struct place *p)
{
	int_chan nil = UG_NIL;
	return ug_recv(nil, &p->value);
}

static int sleep_wait(struct place *p)
{
	(void)p;
	return ug_sleep(UG_HOUR);
}

/* Locks ---------------------------------------------------------------------------------------------------------- */

static void mutex_make(struct place *p, int blocked)
{
	if (blocked)
		CHECK_EQ(ug_mutex_lock(&p->mutex), 0);
}

static int mutex_wait(struct place *p)
{
	return ug_mutex_lock(&p->mutex);
}

static void mutex_check(struct place *p, int blocked)
{
	if (blocked)
		CHECK_EQ(ug_mutex_unlock(&p->mutex), 0);
	CHECK_EQ(ug_mutex_unlock(&p->mutex), -EINVAL);
	CHECK_EQ(ug_mutex_lock(&p->mutex), 0);
	CHECK_EQ(ug_mutex_unlock(&p->mutex), 0);
}

static void write_lock_make(struct place *p, int blocked)
{
	if (blocked)
		CHECK_EQ(ug_rwmutex_rlock(&p->rw), 0);
}

static int write_lock_wait(struct place *p)
{
	return ug_rwmutex_lock(&p->rw);
}

static void write_lock_check(struct place *p, int blocked)
{
	CHECK_EQ(ug_rwmutex_try_rlock(&p->rw), 0); /* no writer is left waiting in its way */
	CHECK_EQ(ug_rwmutex_runlock(&p->rw), 0);
	if (blocked)
		CHECK_EQ(ug_rwmutex_runlock(&p->rw), 0);
	CHECK_EQ(ug_rwmutex_try_lock(&p->rw), 0);
	CHECK_EQ(ug_rwmutex_unlock(&p->rw), 0);
}

static void read_lock_make(struct place *p, int blocked)
{
	if (blocked)
		CHECK_EQ(ug_rwmutex_lock(&p->rw), 0);
}

static int read_lock_wait(struct place *p)
{
	return ug_rwmutex_rlock(&p->rw);
}

static void read_lock_check(struct place *p, int blocked)
{
	if (blocked)
		CHECK_EQ(ug_rwmutex_unlock(&p->rw), 0);
	CHECK_EQ(ug_rwmutex_try_lock(&p->rw), 0); /* nobody holds it for reading */
	CHECK_EQ(ug_rwmutex_unlock(&p->rw), 0);
}

static int cond_wait(struct place *p)
{
	UG_SHIELD
		CHECK_EQ(ug_mutex_lock(&p->mutex), 0);
	int e = ug_cond_wait(&p->cond, &p->mutex);
	CHECK_EQ(ug_mutex_try_lock(&p->mutex), -EBUSY); /* it is locked whatever came */
	CHECK_EQ(ug_mutex_unlock(&p->mutex), 0);
	return e;
}

static void cond_check(struct place *p, int blocked)
{
	(void)blocked;
	ug_cond_signal(&p->cond);
	ug_cond_broadcast(&p->cond);
	CHECK_EQ(ug_mutex_try_lock(&p->mutex), 0);
	CHECK_EQ(ug_mutex_unlock(&p->mutex), 0);
}

static int once_body(void *arg)
{
	struct place *p = arg;
	atomic_fetch_add(&p->ran, 1);
	UNTIL(atomic_load(&p->go_on));
	return 5;
}

static int once_helper(void *arg)
{
	struct place *p = arg;
	return ug_once_do(&p->once, once_body, p);
}

static void once_make(struct place *p, int blocked)
{
	(void)blocked;
	start(&p->helper, once_helper, p);
	UNTIL(atomic_load(&p->ran) == 1);
}

static int once_wait(struct place *p)
{
	return ug_once_do(&p->once, once_body, p);
}

static void once_check(struct place *p, int blocked)
{
	(void)blocked;
	atomic_store(&p->go_on, 1);
	CHECK_EQ(join(&p->helper), 5);
	CHECK_EQ(ug_once_do(&p->once, once_body, p), 5);
	CHECK_EQ(atomic_load(&p->ran), 1);
}

static void waitgroup_make(struct place *p, int blocked)
{
	if (blocked)
		CHECK_EQ(ug_waitgroup_add(&p->wg, 1), 0);
}

static int waitgroup_wait(struct place *p)
{
	return ug_waitgroup_wait(&p->wg);
}

static void waitgroup_check(struct place *p, int blocked)
{
	if (blocked)
		CHECK_EQ(ug_waitgroup_done(&p->wg), 0);
	CHECK_EQ(ug_waitgroup_wait(&p->wg), 0);
	CHECK_EQ(ug_waitgroup_done(&p->wg), -EINVAL);
}

static void sem_make(struct place *p, int blocked)
{
	ug_sem_init(&p->sem, 3);
	if (blocked)
		CHECK_EQ(ug_sem_acquire(&p->sem, 2), 0);
}

static int sem_wait_two(struct place *p)
{
	return ug_sem_acquire(&p->sem, 2);
}

static void sem_check(struct place *p, int blocked)
{
	CHECK_EQ(ug_sem_try_acquire(&p->sem, blocked ? 1 : 3), 0); /* no ghost in the queue, and all that is left is free */
	CHECK_EQ(ug_sem_release(&p->sem, 3), 0);
	CHECK_EQ(ug_sem_release(&p->sem, 1), -EINVAL);
}

/* Tasks and groups ----------------------------------------------------------------------------------------------- */

static int held_task(void *arg)
{
	struct place *p = arg;
	return next(p->ch);
}

static void task_make(struct place *p, int blocked)
{
	p->ch = chan_of(0);
	p->value = 42;
	CHECK_EQ(ug_go_task(held_task, p, NULL, &p->task), 0);
	if (!blocked)
		CHECK_EQ(put(p->ch, 3), 0);
}

static int task_wait(struct place *p)
{
	return ug_task_wait(p->task, &p->value);
}

static void task_check(struct place *p, int blocked)
{
	CHECK_EQ(p->value, 42);
	if (blocked)
		CHECK_EQ(put(p->ch, 3), 0);
	CHECK_EQ(ug_task_wait(p->task, &p->value), 0);
	CHECK_EQ(p->value, 3);
	ug_task_unref(p->task);
	chan_end(&p->ch);
}

static int note_run(void *arg)
{
	struct place *p = arg;
	atomic_fetch_add(&p->ran, 1);
	return 0;
}

static int hold_until_told(void *arg)
{
	struct place *p = arg;
	int e = 0;
	UG_SHIELD
		e = next(p->ch);
	return e < 0 ? e : 0;
}

/* A group of one place: where that is taken, ug_group_go waits; the scope's end is the group's, too. */
static int group_room_wait(struct place *p)
{
	ug_group g;
	struct ug_group_opts opts = {.limit = 1};
	ug_group_open(&g, &opts);
	int first = ug_group_go(&g, hold_until_told, p);
	int e = first < 0 ? first : ug_group_go(&g, note_run, p);
	UG_SHIELD
		if (first == 0)
			CHECK_EQ(put(p->ch, 0), 0);
	CHECK_EQ(ug_group_close(&g), 0);
	return e;
}

static void group_room_make(struct place *p, int blocked)
{
	(void)blocked;
	p->ch = chan_of(1);
}

static void group_room_check(struct place *p, int blocked)
{
	(void)blocked;
	CHECK_EQ(atomic_load(&p->ran), 0);
	chan_end(&p->ch);
}

static int blocking_wait(struct place *p)
{
	return ug_blocking(note_run, p);
}

static void blocking_fails_on_entry(void)
{
	struct place p = {.value = 0};
	UG_WITH_TIMEOUT(0)
		CHECK_EQ(blocking_wait(&p), -ETIMEDOUT);
	CHECK_EQ(atomic_load(&p.ran), 0);
	CHECK_EQ(blocking_wait(&p), 0);
	CHECK_EQ(atomic_load(&p.ran), 1);
}

/* Descriptors ---------------------------------------------------------------------------------------------------- */

static const char zeros[65536];

static void tube_make(struct place *p)
{
	int fd[2] = {-1, -1};
	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(ug_fd_adopt(fd[0], UG_FD_NONBLOCK, &p->in), 0);
	CHECK_EQ(ug_fd_adopt(fd[1], UG_FD_NONBLOCK, &p->out), 0);
}

static void tube_end(struct place *p)
{
	CHECK_EQ(ug_fd_close(p->in), 0);
	CHECK_EQ(ug_fd_close(p->out), 0);
}

static void fd_read_make(struct place *p, int blocked)
{
	tube_make(p);
	if (!blocked)
		CHECK_EQ(ug_fd_write(p->out, "x", 1), 1);
}

static int fd_read_wait(struct place *p)
{
	char byte;
	return (int)ug_fd_read(p->in, &byte, 1);
}

static int readable_wait(struct place *p)
{
	return ug_fd_wait_readable(p->in);
}

static int select_readable_wait(struct place *p)
{
	struct ug_case c[] = {UG_READABLE(p->in)};
	return ug_select(c, 1);
}

static void fd_read_check(struct place *p, int blocked)
{
	char byte = 0;
	if (blocked)
		CHECK_EQ(ug_fd_write(p->out, "y", 1), 1);
	CHECK_EQ(ug_fd_read(p->in, &byte, 1), 1);
	CHECK_EQ(byte, blocked ? 'y' : 'x');
	tube_end(p);
}

static void fd_write_make(struct place *p, int blocked)
{
	tube_make(p);
	if (!blocked)
		return;
	while (write(ug_fd_number(p->out), zeros, sizeof zeros) > 0)
		p->value++;
}

static int fd_write_wait(struct place *p)
{
	return (int)ug_fd_write(p->out, zeros, 100);
}

static int writable_wait(struct place *p)
{
	return ug_fd_wait_writable(p->out);
}

static void fd_write_check(struct place *p, int blocked)
{
	static char sink[65536];
	long total = 0, n;
	while ((n = read(ug_fd_number(p->in), sink, sizeof sink)) > 0)
		total += n;
	CHECK_EQ(total % 4096, 0); /* the hundred bytes are not among them */
	CHECK_EQ(total > 0, blocked);
	tube_end(p);
}

#define KIND(name, make, wait, check)                                                                                  \
	static const struct kind name##_kind = {make, wait, check};                                                    \
	static void name##_ends_by_cancel(void)                                                                        \
	{                                                                                                              \
		ends_by_cancel(&name##_kind);                                                                          \
	}                                                                                                              \
	static void name##_ends_by_deadline(void)                                                                      \
	{                                                                                                              \
		ends_by_deadline(&name##_kind);                                                                        \
	}                                                                                                              \
	static void name##_fails_on_entry(void)                                                                        \
	{                                                                                                              \
		fails_on_entry(&name##_kind);                                                                          \
	}

static void nothing_check(struct place *p, int blocked)
{
	(void)p;
	(void)blocked;
}

KIND(send, send_make, send_wait, send_check)
KIND(unbuffered_send, unbuffered_send_make, send_wait, unbuffered_send_check)
KIND(recv, recv_make, recv_wait, recv_check)

static void closed_recv_fails_on_entry(void)
{
	static const struct kind k = {closed_recv_make, recv_wait, closed_recv_check};
	fails_on_entry(&k);
}

KIND(nil_recv, nothing_make, nil_recv_wait, nothing_check)
KIND(select, select_make, select_wait, select_check)
KIND(empty_select, nothing_make, empty_select_wait, nothing_check)
KIND(sleep, nothing_make, sleep_wait, nothing_check)
KIND(mutex, mutex_make, mutex_wait, mutex_check)
KIND(write_lock, write_lock_make, write_lock_wait, write_lock_check)
KIND(read_lock, read_lock_make, read_lock_wait, read_lock_check)
KIND(cond, nothing_make, cond_wait, cond_check)
KIND(once, once_make, once_wait, once_check)
KIND(waitgroup, waitgroup_make, waitgroup_wait, waitgroup_check)
KIND(sem, sem_make, sem_wait_two, sem_check)
KIND(task, task_make, task_wait, task_check)
KIND(group_room, group_room_make, group_room_wait, group_room_check)
KIND(fd_read, fd_read_make, fd_read_wait, fd_read_check)
KIND(readable, fd_read_make, readable_wait, fd_read_check)
KIND(select_readable, fd_read_make, select_readable_wait, fd_read_check)
KIND(fd_write, fd_write_make, fd_write_wait, fd_write_check)
KIND(writable, fd_write_make, writable_wait, fd_write_check)

#define ALL_OF(name) ALL(name##_ends_by_cancel), ALL(name##_ends_by_deadline), ALL(name##_fails_on_entry)

static const struct CMUnitTest tests[] = {
	ALL_OF(send),
	ALL_OF(unbuffered_send),
	ALL_OF(recv),
	ALL_OF(nil_recv),
	ALL_OF(select),
	ALL_OF(empty_select),
	ALL_OF(sleep),
	ALL_OF(mutex),
	ALL_OF(write_lock),
	ALL_OF(read_lock),
	ALL_OF(cond),
	ALL_OF(once),
	ALL_OF(waitgroup),
	ALL_OF(sem),
	ALL_OF(task),
	ALL_OF(group_room),
	ALL_OF(fd_read),
	ALL_OF(readable),
	ALL_OF(select_readable),
	ALL_OF(fd_write),
	ALL_OF(writable),
	ALL(closed_recv_fails_on_entry),
	TASKS(blocking_fails_on_entry),
	BARE(recv_ends_by_deadline),
	BARE(mutex_ends_by_cancel),
	BARE(cond_ends_by_deadline),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
