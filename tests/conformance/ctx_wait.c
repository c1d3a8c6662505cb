/* SPDX-License-Identifier: MIT */
/* The end of a context, against waits for channels, tasks, groups and descriptors. */
#include "ctx_wait.h"
#include <fcntl.h>

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
KIND(task, task_make, task_wait, task_check)
KIND(group_room, group_room_make, group_room_wait, group_room_check)
KIND(fd_read, fd_read_make, fd_read_wait, fd_read_check)
KIND(readable, fd_read_make, readable_wait, fd_read_check)
KIND(select_readable, fd_read_make, select_readable_wait, fd_read_check)
KIND(fd_write, fd_write_make, fd_write_wait, fd_write_check)
KIND(writable, fd_write_make, writable_wait, fd_write_check)

static const struct CMUnitTest tests[] = {
	ALL_OF(send),
	ALL_OF(unbuffered_send),
	ALL_OF(recv),
	ALL_OF(nil_recv),
	ALL_OF(select),
	ALL_OF(empty_select),
	ALL_OF(sleep),
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
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
