/* SPDX-License-Identifier: MIT */
/* Connections in memory behave as TCP's do. */
#include "unit/task_test.h"

#include <sys/uio.h>
#include <undergo/net.h>

TEST_ANYWHERE(both_ways)
{
	ug_conn a, b;
	char buf[8] = "";
	CHECK_IS(ug_mem_pair(0, &a, &b), 0);
	CHECK_IS(ug_conn_write(a, "to b", 4), 4);
	CHECK_IS(ug_conn_write(b, "to a", 4), 4);
	CHECK_IS(ug_conn_wait_readable(a), 0);
	CHECK_IS(ug_conn_read(a, buf, sizeof buf), 4);
	CHECK_TEXT(buf, "to a");
	CHECK_IS(ug_conn_read(b, buf, 2), 2);
	CHECK_IS(ug_conn_read(b, buf + 2, sizeof buf - 2), 2);
	CHECK_TEXT(buf, "to b");
	ug_addr at;
	CHECK_IS(ug_conn_remote(a, &at), 0);
	CHECK_IS(at.family, 0);
	CHECK_IS(ug_conn_set(a, UG_CONN_NODELAY, 1), -ENOTSUP);
	CHECK(!ug_conn_fd(a));
	ug_conn_close(a);
	ug_conn_close(b);
	return 0;
}

TEST_ANYWHERE(ends)
{
	ug_conn a, b;
	char buf[8];
	CHECK_IS(ug_mem_pair(0, &a, &b), 0);
	CHECK_IS(ug_conn_write(a, "last", 4), 4);
	CHECK_IS(ug_conn_shutdown_write(a), 0);
	CHECK_IS(ug_conn_write(a, "x", 1), -EPIPE);
	CHECK_IS(ug_conn_read(b, buf, sizeof buf), 4);
	CHECK_IS(ug_conn_read(b, buf, sizeof buf), 0);
	CHECK_IS(ug_conn_write(b, "back", 4), 4); /* the other way goes on */
	CHECK_IS(ug_conn_read(a, buf, sizeof buf), 4);
	CHECK_IS(ug_conn_write(b, "end", 3), 3);
	ug_conn_close(b);
	CHECK_IS(ug_conn_read(a, buf, sizeof buf), 3);
	CHECK_IS(ug_conn_read(a, buf, sizeof buf), 0);
	ug_conn_close(a);
	CHECK_IS(ug_mem_pair(0, &a, &b), 0);
	ug_conn_close(b);
	CHECK_IS(ug_conn_write(a, "x", 1), -EPIPE);
	ug_conn_close(a);
	return 0;
}

struct stream {
	ug_conn c;
	size_t chunk, total;
};

static int send_pattern(void *arg)
{
	struct stream *s = arg;
	unsigned char buf[100];
	for (size_t at = 0; at < s->total;) {
		size_t n = s->chunk < s->total - at ? s->chunk : s->total - at;
		for (size_t i = 0; i < n; i++)
			buf[i] = (unsigned char)((at + i) * 13);
		CHECK_IS(ug_conn_write(s->c, buf, n), n);
		at += n;
	}
	return ug_conn_shutdown_write(s->c);
}

static void stream_through(size_t buffer, size_t write, size_t read)
{
	ug_conn a, b;
	unsigned char buf[100];
	CHECK_IS(ug_mem_pair(buffer, &a, &b), 0);
	struct stream s = {a, write, 5000};
	ug_task *t = start(send_pattern, &s);
	size_t at = 0;
	for (ssize_t n; (n = ug_conn_read(b, buf, read)) != 0;) {
		CHECK(n > 0);
		for (ssize_t i = 0; i < n; i++)
			CHECK_IS(buf[i], (unsigned char)(at++ * 13));
	}
	CHECK_IS(at, s.total);
	CHECK_IS(finish(t), 0);
	ug_conn_close(a);
	ug_conn_close(b);
}

TEST(small_buffers)
{
	static const size_t sizes[] = {1, 2, 3, 7, 64, 100};
	for (size_t i = 0; i < UG_COUNT_OF(sizes); i++)
		for (size_t j = 0; j < UG_COUNT_OF(sizes); j++) {
			stream_through(sizes[i], sizes[j], 5);
			stream_through(sizes[i], 5, sizes[j]);
		}
	return 0;
}

TEST_ANYWHERE(deadlines)
{
	ug_conn a, b;
	char buf[8];
	CHECK_IS(ug_mem_pair(4, &a, &b), 0);
	UG_WITH_TIMEOUT(UG_MS) {
		CHECK_IS(ug_conn_read(a, buf, 1), -ETIMEDOUT);
		CHECK_IS(ug_conn_write(a, "1234", 4), -ETIMEDOUT); /* over already: no effect */
	}
	UG_WITH_TIMEOUT(UG_MS) {
		CHECK_IS(ug_conn_write(a, "12345", 5), -ETIMEDOUT);
	}
	struct iovec v = {(char[]){"67"}, 2};
	CHECK_IS(ug_conn_read(b, buf, sizeof buf), 4);
	CHECK_IS(ug_conn_write_some(a, &v, 1), 2);
	CHECK_IS(ug_conn_read(b, buf, sizeof buf), 2);
	ug_conn_close(a);
	ug_conn_close(b);
	return 0;
}

static int read_blocked(void *conn)
{
	char byte;
	return (int)ug_conn_read(*(ug_conn *)conn, &byte, 1);
}

static int write_blocked(void *conn)
{
	return (int)ug_conn_write(*(ug_conn *)conn, "12345678", 8);
}

TEST(close_wakes)
{
	for (int i = 0; i < 50; i++) {
		ug_conn a, b;
		CHECK_IS(ug_mem_pair(4, &a, &b), 0);
		ug_conn held = ug_conn_ref(a);
		ug_task *r = start(read_blocked, &held), *w = start(write_blocked, &held);
		for (int k = 0; k < i % 5; k++)
			ug_yield();
		ug_conn_close(a);
		int e = finish(r);
		CHECK(e == -ECANCELED || e == -EBADF);
		e = finish(w);
		CHECK(e == -ECANCELED || e == -EBADF);
		CHECK_IS(read_blocked(&held), -EBADF);
		ug_conn_unref(held);
		ug_conn_close(b);
	}
	return 0;
}

static int dial_blocked(void *listener)
{
	ug_conn c;
	int e = ug_mem_dial(*(ug_listener *)listener, &c);
	if (e == 0)
		ug_conn_close(c);
	return e;
}

static int accept_blocked(void *listener)
{
	ug_conn c;
	return ug_accept(*(ug_listener *)listener, &c);
}

TEST(listener)
{
	ug_listener l;
	ug_conn c, s;
	char buf[8];
	CHECK_IS(ug_mem_listen(2, &l), 0);
	for (int i = 0; i < 5; i++) {
		CHECK_IS(ug_mem_dial(l, &c), 0);
		CHECK_IS(ug_conn_write(c, "hi", 2), 2);
		CHECK_IS(ug_accept(l, &s), 0);
		CHECK_IS(ug_conn_read(s, buf, sizeof buf), 2);
		ug_conn_close(c);
		ug_conn_close(s);
	}
	ug_addr at;
	CHECK_IS(ug_listener_addr(l, &at), 0);
	CHECK_IS(at.family, 0);
	CHECK_IS(ug_listener_shed(l), -ENOTSUP);
	UG_WITH_TIMEOUT(UG_MS) {
		CHECK_IS(ug_accept(l, &s), -ETIMEDOUT);
	}
	/* A full backlog holds a dial up; close refuses it, and ends what is queued. */
	CHECK_IS(ug_mem_dial(l, &c), 0);
	CHECK_IS(dial_blocked(&l), 0);
	ug_task *t = start(dial_blocked, &l);
	ug_yield();
	ug_listener_ref(l);
	CHECK_IS(ug_listener_close(l), 0);
	CHECK_IS(finish(t), -ECONNREFUSED);
	CHECK_IS(ug_conn_read(c, buf, 1), 0);
	ug_conn_close(c);
	CHECK_IS(dial_blocked(&l), -ECONNREFUSED);
	CHECK_IS(accept_blocked(&l), -EBADF);
	ug_listener_unref(l);
	return 0;
}

TEST(close_ends_accept)
{
	ug_listener l;
	CHECK_IS(ug_mem_listen(0, &l), 0);
	ug_listener held = ug_listener_ref(l);
	ug_task *t = start(accept_blocked, &held);
	ug_yield();
	ug_listener_close(l);
	CHECK_IS(finish(t), -EBADF);
	ug_listener_unref(held);
	ug_conn c;
	ug_listener none = UG_ZERO;
	CHECK_IS(ug_mem_dial(none, &c), -EINVAL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_small_buffers),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_close_wakes),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_close_ends_accept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
