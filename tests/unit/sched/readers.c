/* SPDX-License-Identifier: MIT */
/* In which order they read whom one poll made ready; on one processor, whose worker polls. */
#include "sched_test.h"

#include "sched/fd_priv.h"
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <undergo/sync.h>
#include <unistd.h>

#define READERS 8

/* a: the library's; answers the bare other end. */
static int pair(ug_fd **a)
{
	int fds[2];
	CHECK_IS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	CHECK_IS(ug_fd_adopt(fds[0], UG_FD_NONBLOCK, a), 0);
	return fds[1];
}

struct readers {
	ug_fd *read[READERS];
	int write[READERS];
	int unread; /* how many bytes nobody had taken when the first reader went on; less than 0: none has */
	uint32_t over;
};

struct reader {
	struct readers *c;
	int i;
};

static int read_one(void *arg)
{
	struct readers *c = ((struct reader *)arg)->c;
	char byte;
	CHECK_IS(ug_fd_read(c->read[((struct reader *)arg)->i], &byte, 1), 1);
	for (int i = 0, all = 0, n; c->unread < 0; i++) {
		if (i == READERS) {
			c->unread = all;
			break;
		}
		CHECK_IS(ioctl(ug_fd_number(c->read[i]), FIONREAD, &n), 0);
		all += n;
	}
	return 0;
}

/* Others that are ready at any time: in the ring, */
static int keep_yielding(void *arg)
{
	for (struct readers *c = arg; !is_set(&c->over);)
		ug_yield();
	return 0;
}

static int nothing(void *unused)
{
	(void)unused;
	return 0;
}

/* among the young, */
static int keep_starting(void *arg)
{
	for (struct readers *c = arg; !is_set(&c->over);) {
		ug_group g;
		UG_GROUP(&g)
			for (int i = 0; i < 50; i++)
				CHECK_IS(ug_group_go(&g, nothing, NULL), 0);
	}
	return 0;
}

/* and in the slot. */
static int answer(void *ch)
{
	for (int v; ug_chan_recv(ch, &v) == 0;)
		if (ug_chan_send(ch, &v) < 0)
			return 0;
	return 0;
}

static int keep_asking(void *arg)
{
	struct readers *c = arg;
	ug_chan *ch;
	CHECK_IS(ug_chan_make(&ch, sizeof(int), 0, NULL), 0);
	ug_group g;
	UG_GROUP(&g) {
		CHECK_IS(ug_group_go(&g, answer, ch), 0);
		for (int v = 0; !is_set(&c->over);) {
			CHECK_IS(ug_chan_send(ch, &v), 0);
			CHECK_IS(ug_chan_recv(ch, &v), 0);
		}
		ug_chan_close(ch);
	}
	CHECK_IS(ug_chan_unref(&ch), 0);
	return 0;
}

/* One byte comes for each of several readers while none can run: how many are left when the first goes on. */
static int left_by_the_first(struct readers *c)
{
	ug_group g;
	c->unread = -1;
	UG_GROUP(&g) {
		for (int i = 0; i < READERS; i++) {
			struct reader r = {.c = c, .i = i};
			CHECK_IS(ug_group_go_copy(&g, read_one, &r, sizeof r), 0);
		}
		for (int i = 0; i < READERS; i++)
			while (ug__waitq_idle(&c->read[i]->waiters[0]))
				ug_yield();
		for (int i = 0; i < READERS; i++)
			CHECK_IS(write(c->write[i], "x", 1), 1);
	}
	return c->unread;
}

/* How often of a hundred times readers gave way beside such another: on a busy machine a poll may come between the
 * bytes, and the other may have nothing ready just then. */
static int readers_run(void *other)
{
	int often = 0;
	struct readers c = {.over = 0};
	for (int i = 0; i < READERS; i++)
		c.write[i] = pair(&c.read[i]);
	ug_group g;
	UG_GROUP(&g) {
		if (other)
			CHECK_IS(ug_group_go(&g, *(ug_fn **)other, &c), 0);
		for (int i = 0; i < 100; i++)
			often += left_by_the_first(&c) == 0;
		set(&c.over);
	}
	for (int i = 0; i < READERS; i++) {
		ug_fd_close(c.read[i]);
		close(c.write[i]);
	}
	return often;
}

static void readers_of_one_poll_read_before_any_goes_on(void **state)
{
	(void)state;
	assert_in_range(ug_run(readers_run, NULL, NULL), 50, 100);
}

static void readers_do_not_give_way_where_others_are_ready(void **state)
{
	(void)state;
	ug_fn *others[] = {keep_yielding, keep_starting, keep_asking};
	for (size_t i = 0; i < UG_COUNT_OF(others); i++)
		assert_in_range(ug_run(readers_run, &others[i], NULL), 0, 50);
}

int main(void)
{
	if (setenv("UG_POLLER", "epoll", 1) != 0 || setenv("UG_PROCS", "1", 1) != 0)
		return 2;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_of_one_poll_read_before_any_goes_on),
		cmocka_unit_test(readers_do_not_give_way_where_others_are_ready),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
