/* SPDX-License-Identifier: MIT */
/*
 * The contract of poll.h, over each back end that the machine offers. All waits are made by the one thread of the test,
 * as a back end with a thread of its own demands; wakes and traffic come from others too.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "config.h"
#include "poll/poll.h"
#include <undergo/base.h>

static const struct ug__poller *p; /* the one under test */

#define KEY(generation, index) ((uint64_t)(generation) << 32 | (index))

/* All that comes within a time, or until `enough` of a key was seen. */
struct seen {
	uint32_t what; /* of the key, or-ed */
	int events; /* of the key */
	int wakes, others;
};

static struct seen look(uint64_t key, uint32_t enough, int64_t within)
{
	struct seen s = {0};
	int64_t until = ug_now() + within;
	do {
		struct ug__event ev[16];
		int n = p->wait(ev, 16, until);
		assert_true(n >= 0 || n == -EINTR);
		for (int i = 0; i < n; i++) {
			if (ev[i].key == UG__POLL_WAKE) {
				s.wakes++;
			} else if (ev[i].key == key) {
				s.what |= ev[i].what;
				s.events++;
			} else {
				s.others++;
			}
		}
	} while (ug_now() < until && !(enough && (s.what & enough) == enough));
	return s;
}

#define SOON (20 * UG_SECOND)
#define QUIET (20 * UG_MS)

static void sees(uint64_t key, uint32_t what)
{
	struct seen s = look(key, what, SOON);
	if ((s.what & what) != what)
		fail_msg("%s: key %#llx: %u of %u seen in 20 s", p->name, (unsigned long long)key, s.what & what, what);
}

static void pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
}

static void put(int fd)
{
	assert_int_equal(write(fd, "x", 1), 1);
}

static void get(int fd)
{
	char all[100];
	while (read(fd, all, sizeof all) > 0)
		;
}

static void what_is_ready_at_add_is_told(void **state)
{
	(void)state;
	int fds[2];
	pair(fds);
	put(fds[1]);
	assert_int_equal(p->add(fds[0], KEY(1, 0)), 0);
	sees(KEY(1, 0), UG__POLL_IN | UG__POLL_OUT);
	p->remove(fds[0], KEY(1, 0), 1);
	close(fds[0]);
	close(fds[1]);
}

static void each_arrival_is_an_edge_and_silence_is_none(void **state)
{
	(void)state;
	int fds[2];
	pair(fds);
	assert_int_equal(p->add(fds[0], KEY(2, 0)), 0);
	look(KEY(2, 0), 0, QUIET);
	for (int i = 0; i < 200; i++) {
		put(fds[1]);
		sees(KEY(2, 0), UG__POLL_IN);
		if (i % 3 == 0) /* else an edge comes though the last has not been read away */
			get(fds[0]);
	}
	look(KEY(2, 0), 0, QUIET);
	assert_int_equal(look(KEY(2, 0), 0, QUIET).events, 0); /* there is something to read still: no level */
	get(fds[0]);
	assert_int_equal(look(KEY(2, 0), 0, QUIET).events, 0);
	p->remove(fds[0], KEY(2, 0), 1);
	close(fds[0]);
	close(fds[1]);
}

static void room_to_write_is_an_edge(void **state)
{
	(void)state;
	int fds[2];
	static char much[1 << 16];
	pair(fds);
	assert_int_equal(p->add(fds[0], KEY(3, 0)), 0);
	for (int i = 0; i < 20; i++) {
		while (write(fds[0], much, sizeof much) > 0)
			;
		assert_int_equal(errno, EAGAIN);
		look(KEY(3, 0), 0, UG_MS);
		assert_int_equal(look(KEY(3, 0), 0, UG_MS).what & UG__POLL_OUT, 0);
		while (read(fds[1], much, sizeof much) > 0)
			;
		sees(KEY(3, 0), UG__POLL_OUT);
	}
	p->remove(fds[0], KEY(3, 0), 1);
	close(fds[0]);
	close(fds[1]);
}

static void the_other_ends_end_is_told(void **state)
{
	(void)state;
	for (int half = 0; half < 2; half++) {
		int fds[2];
		pair(fds);
		assert_int_equal(p->add(fds[0], KEY(4 + half, 0)), 0);
		look(KEY(4 + half, 0), 0, UG_MS);
		if (half)
			shutdown(fds[1], SHUT_WR);
		else
			close(fds[1]);
		sees(KEY(4 + half, 0), UG__POLL_IN | UG__POLL_HUP);
		p->remove(fds[0], KEY(4 + half, 0), 1);
		close(fds[0]);
		if (half)
			close(fds[1]);
	}
}

static void a_removed_key_falls_silent(void **state)
{
	(void)state;
	for (int last = 0; last < 2; last++)
		for (int i = 0; i < 50; i++) {
			int fds[2], again[2];
			uint64_t old = KEY(10 + 2 * i, 7), new = KEY(11 + 2 * i, 7);
			pair(fds);
			assert_int_equal(p->add(fds[0], old), 0);
			if (i % 2)
				sees(old, UG__POLL_OUT);
			if (i % 3 == 0)
				put(fds[1]); /* its event is under way when the key goes */
			p->remove(fds[0], old, last);
			if (last)
				close(fds[0]);
			look(old, 0, UG_MS);
			if (!last)
				put(fds[1]);
			/* The same index, and most likely the same number, for another file. */
			pair(again);
			assert_int_equal(p->add(again[0], new), 0);
			put(again[1]);
			sees(new, UG__POLL_IN);
			assert_int_equal(look(old, 0, 2 * UG_MS).events, 0);
			p->remove(again[0], new, 1);
			close(again[0]);
			close(again[1]);
			if (!last)
				close(fds[0]);
			close(fds[1]);
		}
}

/* A close after remove ends the connection, even if a poll was just completing: the peer sees it. */
static void a_removed_descriptor_is_not_held_open(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		int fds[2];
		pair(fds);
		assert_int_equal(p->add(fds[0], KEY(1000 + i, 3)), 0);
		if (i % 2)
			look(KEY(1000 + i, 3), UG__POLL_OUT, SOON);
		put(fds[1]);
		if (i % 3 == 0)
			p->wait(&(struct ug__event){0}, 1, 0);
		p->remove(fds[0], KEY(1000 + i, 3), 1);
		close(fds[0]);
		char byte;
		int64_t give_up = ug_now() + SOON;
		while (read(fds[1], &byte, 1) < 0 && errno == EAGAIN) {
			assert_true(ug_now() < give_up);
			look(0, 0, UG_MS / 10);
		}
		close(fds[1]);
	}
}

static void a_wake_ends_the_wait_or_the_next(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		p->wake();
		if (i % 2)
			p->wake(); /* two may be told as one */
		struct seen s = {0};
		int64_t give_up = ug_now() + SOON;
		while (!s.wakes && ug_now() < give_up) {
			struct ug__event ev;
			int n = p->wait(&ev, 1, UG_FOREVER);
			s.wakes += n == 1 && ev.key == UG__POLL_WAKE;
		}
		assert_int_equal(s.wakes, 1);
		look(0, 0, UG_MS / 10);
	}
	assert_int_equal(look(0, 0, QUIET).wakes, 0);
}

static void *wake_often(void *count)
{
	for (int i = 0; i < *(int *)count; i++) {
		usleep(i % 4 * 50);
		p->wake();
	}
	return NULL;
}

static void wakes_from_other_threads_are_not_lost(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		pthread_t t;
		int once = 1;
		assert_int_equal(pthread_create(&t, NULL, wake_often, &once), 0);
		struct ug__event ev;
		int n;
		do
			n = p->wait(&ev, 1, UG_FOREVER);
		while (n < 1);
		assert_true(ev.key == UG__POLL_WAKE);
		assert_int_equal(pthread_join(t, NULL), 0);
		look(0, 0, UG_MS / 20);
	}
}

static void a_wait_ends_by_time(void **state)
{
	(void)state;
	struct ug__event ev;
	look(0, 0, QUIET);
	for (int i = 0; i < 20; i++) {
		int64_t from = ug_now();
		assert_int_equal(p->wait(&ev, 1, 0), 0);
		assert_int_equal(p->wait(&ev, 1, from), 0);
		int64_t until = from + i * UG_MS / 4;
		int n = 0;
		while (ug_now() < until)
			n += p->wait(&ev, 1, until);
		assert_int_equal(n, 0);
		assert_true(ug_now() >= until);
	}
}

/* More than any queue of a back end holds at once. */
static void thousands_are_watched_and_told_of(void **state)
{
	(void)state;
	enum { MANY = 6000 };
	struct rlimit r;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &r), 0);
	if (r.rlim_cur < 2 * MANY + 100 && r.rlim_max >= 2 * MANY + 100) {
		r.rlim_cur = 2 * MANY + 100;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &r), 0);
	}
	int many = r.rlim_cur < 2 * MANY + 100 ? (int)(r.rlim_cur - 100) / 2 : MANY;
	int(*fds)[2] = calloc((size_t)many, sizeof *fds);
	unsigned char *told = calloc((size_t)many, 1);
	for (int i = 0; i < many; i++) {
		pair(fds[i]);
		assert_int_equal(p->add(fds[i][0], KEY(9, i)), 0);
	}
	for (int round = 0; round < 3; round++) {
		int left = many;
		memset(told, 0, (size_t)many);
		for (int i = 0; i < many; i++)
			put(fds[i][1]);
		int64_t give_up = ug_now() + 20 * UG_SECOND;
		while (left && ug_now() < give_up) {
			struct ug__event ev[64];
			int n = p->wait(ev, 64, give_up);
			for (int i = 0; i < n; i++) {
				uint32_t index = (uint32_t)ev[i].key;
				if (ev[i].key == UG__POLL_WAKE || !(ev[i].what & UG__POLL_IN))
					continue;
				assert_true(index < (uint32_t)many);
				left -= !told[index];
				told[index] = 1;
			}
		}
		assert_int_equal(left, 0);
		for (int i = 0; i < many; i++)
			get(fds[i][0]);
	}
	for (int i = 0; i < many; i++) {
		p->remove(fds[i][0], KEY(9, i), 1);
		close(fds[i][0]);
		close(fds[i][1]);
	}
	look(0, 0, QUIET);
	free(told);
	free(fds);
}

static void it_can_be_started_anew(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		int fds[2];
		p->end();
		assert_int_equal(p->start(), 0);
		pair(fds);
		assert_int_equal(p->add(fds[0], KEY(1, i)), 0);
		put(fds[1]);
		sees(KEY(1, i), UG__POLL_IN);
		if (i % 2) /* else it ends with one watched */
			p->remove(fds[0], KEY(1, i), 1);
		close(fds[0]);
		close(fds[1]);
	}
}

/* Traffic from another thread while the poller waits: the reader reads only when told, and gets all. */
static void *pump(void *arg)
{
	int *fds = arg;
	for (int i = 0; i < 20000; i++) {
		put(fds[i % 8]);
		if (i % 512 == 0)
			usleep(200);
	}
	return NULL;
}

static void a_reader_that_reads_when_told_gets_all(void **state)
{
	(void)state;
	int fds[8][2], out[8];
	pthread_t t;
	for (int i = 0; i < 8; i++) {
		pair(fds[i]);
		out[i] = fds[i][1];
		fcntl(out[i], F_SETFL, 0);
		assert_int_equal(p->add(fds[i][0], KEY(5, i)), 0);
	}
	assert_int_equal(pthread_create(&t, NULL, pump, out), 0);
	size_t got = 0;
	int64_t give_up = ug_now() + 20 * UG_SECOND;
	while (got < 20000 && ug_now() < give_up) {
		struct ug__event ev[4];
		int n = p->wait(ev, 4, give_up);
		for (int i = 0; i < n; i++) {
			char buf[64];
			if (ev[i].key == UG__POLL_WAKE || !(ev[i].what & UG__POLL_IN))
				continue;
			for (ssize_t r; (r = read(fds[(uint32_t)ev[i].key][0], buf, sizeof buf)) > 0;)
				got += (size_t)r;
		}
	}
	assert_int_equal(got, 20000);
	assert_int_equal(pthread_join(t, NULL), 0);
	for (int i = 0; i < 8; i++) {
		p->remove(fds[i][0], KEY(5, i), 1);
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_is_ready_at_add_is_told),
	cmocka_unit_test(each_arrival_is_an_edge_and_silence_is_none),
	cmocka_unit_test(room_to_write_is_an_edge),
	cmocka_unit_test(the_other_ends_end_is_told),
	cmocka_unit_test(a_removed_key_falls_silent),
	cmocka_unit_test(a_removed_descriptor_is_not_held_open),
	cmocka_unit_test(a_wake_ends_the_wait_or_the_next),
	cmocka_unit_test(wakes_from_other_threads_are_not_lost),
	cmocka_unit_test(a_wait_ends_by_time),
	cmocka_unit_test(thousands_are_watched_and_told_of),
	cmocka_unit_test(a_reader_that_reads_when_told_gets_all),
	cmocka_unit_test(it_can_be_started_anew),
};

static int run(const struct ug__poller *poller)
{
	p = poller;
	int e = p->start();
	if (e < 0) {
		print_message("# %s cannot be had here: %s\n", p->name, ug_errname(e));
		return p == &ug__poll_epoll;
	}
	int failed = cmocka_run_group_tests_name(p->name, tests, NULL, NULL);
	p->end();
	return failed;
}

int main(void)
{
	int failed = run(&ug__poll_epoll);
#if UG_HAVE_URING
	failed += run(&ug__poll_uring);
#endif
	return failed;
}
