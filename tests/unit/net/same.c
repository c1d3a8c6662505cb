/* SPDX-License-Identifier: MIT */
/* Connections of every kind answer the same: TCP, Unix sockets, in memory. */
#include "unit/task_test.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <undergo/net.h>

enum kind { TCP, UNIX, MEMORY, KINDS };

struct ends {
	ug_conn a, b;
};

static struct ends connect_ends(enum kind kind)
{
	struct ends e;
	int fds[2];
	ug_listener l;
	ug_addr at;
	switch (kind) {
	case MEMORY:
		CHECK_IS(ug_mem_pair(0, &e.a, &e.b), 0);
		break;
	case UNIX:
		CHECK_IS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		CHECK_IS(ug_conn_adopt(fds[0], &e.a), 0);
		CHECK_IS(ug_conn_adopt(fds[1], &e.b), 0);
		break;
	default:
		CHECK_IS(ug_listen("tcp", "127.0.0.1:0", NULL, &l), 0);
		CHECK_IS(ug_listener_addr(l, &at), 0);
		CHECK_IS(ug_dial_addr(&at, NULL, &e.a), 0);
		CHECK_IS(ug_accept(l, &e.b), 0);
		ug_listener_close(l);
	}
	return e;
}

static int read_byte(void *conn)
{
	char byte;
	return (int)ug_conn_read(*(ug_conn *)conn, &byte, 1);
}

static int wait_for_byte(void *conn)
{
	return ug_conn_wait_readable(*(ug_conn *)conn);
}

static int write_on(void *conn)
{
	static char zeros[1 << 16];
	ssize_t n;
	while ((n = ug_conn_write(*(ug_conn *)conn, zeros, sizeof zeros)) > 0)
		;
	return (int)n;
}

/* Runs a body over each kind. */
#define EACH_KIND(name)                                                                                                \
	static void each_##name(struct ends e);                                                                        \
	TEST(name)                                                                                                     \
	{                                                                                                              \
		for (enum kind kind = TCP; kind < KINDS; kind++)                                                       \
			each_##name(connect_ends(kind));                                                               \
		return 0;                                                                                              \
	}                                                                                                              \
	static void each_##name(struct ends e)

EACH_KIND(half_close)
{
	char buf[8];
	CHECK_IS(ug_conn_write(e.a, "last", 4), 4);
	CHECK_IS(ug_conn_shutdown_write(e.a), 0);
	CHECK_IS(ug_conn_shutdown_write(e.a), 0);
	CHECK_IS(ug_conn_write(e.a, "x", 1), -EPIPE);
	CHECK_IS(ug_conn_wait_readable(e.b), 0);
	CHECK_IS(ug_conn_read(e.b, buf, sizeof buf), 4);
	CHECK_IS(ug_conn_read(e.b, buf, sizeof buf), 0);
	CHECK_IS(ug_conn_read(e.b, buf, sizeof buf), 0);
	CHECK_IS(ug_conn_wait_readable(e.b), 0);
	CHECK_IS(ug_conn_write(e.b, "back", 4), 4);
	CHECK_IS(ug_conn_read(e.a, buf, sizeof buf), 4);
	ug_conn_close(e.b);
	CHECK_IS(ug_conn_read(e.a, buf, sizeof buf), 0);
	ug_conn_close(e.a);
}

/* Whoever holds a reference to what another closed is told so by every call. */
EACH_KIND(after_close)
{
	char byte = 0;
	struct iovec v = {&byte, 1};
	ug_conn held = ug_conn_ref(e.a);
	CHECK_IS(ug_conn_close(e.a), 0);
	CHECK_IS(ug_conn_read(held, &byte, 1), -EBADF);
	CHECK_IS(ug_conn_write(held, &byte, 1), -EBADF);
	CHECK_IS(ug_conn_write_some(held, &v, 1), -EBADF);
	CHECK_IS(ug_conn_writev(held, &v, 1), -EBADF);
	CHECK_IS(ug_conn_wait_readable(held), -EBADF);
	CHECK_IS(ug_conn_shutdown_write(held), -EBADF);
	ug_conn_unref(held);
	CHECK_IS(ug_conn_read(e.b, &byte, 1), 0);
	ug_conn_close(e.b);
}

EACH_KIND(close_wakes)
{
	static ug_fn *const waits[] = {read_byte, wait_for_byte, write_on};
	ug_task *t[UG_COUNT_OF(waits)];
	ug_conn held = ug_conn_ref(e.a);
	for (size_t i = 0; i < UG_COUNT_OF(waits); i++)
		t[i] = start(waits[i], &held);
	ug_sleep(UG_MS); /* they may wait by now, or not yet: all must end */
	CHECK_IS(ug_conn_close(e.a), 0);
	for (size_t i = 0; i < UG_COUNT_OF(waits); i++) {
		int r = finish(t[i]);
		CHECK(r == -ECANCELED || r == -EBADF);
	}
	ug_conn_unref(held);
	ug_conn_close(e.b);
}

EACH_KIND(peer_close_wakes)
{
	ug_task *r = start(read_byte, &e.a), *w = start(wait_for_byte, &e.a);
	ug_sleep(UG_MS);
	ug_conn_close(e.b);
	CHECK_IS(finish(r), 0);
	CHECK_IS(finish(w), 0);
	int gone;
	while ((gone = write_on(&e.a)) > 0)
		;
	CHECK(gone == -EPIPE || gone == -ECONNRESET);
	CHECK_IS(write_on(&e.a), -EPIPE);
	ug_conn_close(e.a);
}

EACH_KIND(contexts)
{
	char byte = 0;
	UG_WITH_TIMEOUT(UG_MS) {
		CHECK_IS(read_byte(&e.a), -ETIMEDOUT);
		CHECK_IS(ug_conn_write(e.a, &byte, 1), -ETIMEDOUT);
	}
	UG_WITH_TIMEOUT(UG_MS) {
		CHECK_IS(wait_for_byte(&e.a), -ETIMEDOUT);
	}
	CHECK_IS(ug_conn_write(e.a, &byte, 1), 1);
	UG_WITH_TIMEOUT(5 * UG_MS) {
		CHECK_IS(write_on(&e.a), -ETIMEDOUT);
	}
	ug_ctx scope;
	ug_ctx_push(&scope);
	ug_ctx_cancel(&scope, 0);
	CHECK_IS(read_byte(&e.b), -ECANCELED);
	CHECK_IS(ug_conn_wait_readable(e.b), -ECANCELED);
	CHECK_IS(ug_conn_shutdown_write(e.b), 0); /* waits for nothing, and so is told of nothing */
	ug_ctx_pop(&scope);
	CHECK_IS(read_byte(&e.b), 1);
	CHECK_IS(read_byte(&e.a), 0);
	ug_conn_close(e.a);
	ug_conn_close(e.b);
}

/* Nothing of no bytes: no end, no wait, no fault. */
EACH_KIND(empty)
{
	struct iovec v[3] = {{NULL, 0}, {(char[]){"ab"}, 2}, {NULL, 0}};
	char buf[4];
	CHECK_IS(ug_conn_read(e.a, buf, 0), 0);
	CHECK_IS(ug_conn_write(e.a, NULL, 0), 0);
	CHECK_IS(ug_conn_writev(e.a, v, 3), 2);
	CHECK_IS(ug_conn_write_some(e.a, v, 0), 0);
	CHECK_IS(ug_conn_write_some(e.a, v, -1), -EINVAL);
	CHECK_IS(ug_conn_read(e.b, buf, sizeof buf), 2);
	ug_conn_close(e.a);
	ug_conn_close(e.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_after_close),
		cmocka_unit_test(test_close_wakes),
		cmocka_unit_test(test_peer_close_wakes),
		cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
