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

static int keep_ready(void *arg)
{
	for (struct readers *c = arg; !is_set(&c->over);)
		ug_yield();
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

/* Many times: on a busy machine a poll may come between the bytes. */
static int readers_run(void *arg)
{
	bool others = *(bool *)arg, seen = false;
	struct readers c = {.over = 0};
	for (int i = 0; i < READERS; i++)
		c.write[i] = pair(&c.read[i]);
	ug_group g;
	UG_GROUP(&g) {
		if (others)
			CHECK_IS(ug_group_go(&g, keep_ready, &c), 0);
		for (int i = 0; i < 100 && !seen; i++)
			seen = (left_by_the_first(&c) > 0) == others;
		set(&c.over);
	}
	for (int i = 0; i < READERS; i++) {
		ug_fd_close(c.read[i]);
		close(c.write[i]);
	}
	return seen;
}

static void readers_of_one_poll_read_before_any_goes_on(void **state)
{
	(void)state;
	bool others = false;
	assert_int_equal(ug_run(readers_run, &others, NULL), 1);
}

static void readers_do_not_give_way_where_others_are_ready(void **state)
{
	(void)state;
	bool others = true;
	assert_int_equal(ug_run(readers_run, &others, NULL), 1);
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
