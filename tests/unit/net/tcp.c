/* SPDX-License-Identifier: MIT */
/* Dial, listen, accept over TCP on the loopback. */
#include "net_test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct ends {
	ug_listener l;
	ug_conn client, server;
};

static struct ends connect_ends(void)
{
	struct ends e;
	char text[UG_ADDR_TEXT];
	e.l = listen_on("127.0.0.1:0", NULL, text);
	CHECK_IS(ug_dial("tcp", text, NULL, &e.client), 0);
	CHECK_IS(ug_accept(e.l, &e.server), 0);
	return e;
}

static void close_ends(struct ends *e)
{
	ug_conn_clean(&e->client);
	ug_conn_clean(&e->server);
	ug_listener_clean(&e->l);
	CHECK(!e->client.ops && !e->l.ops);
}

static int echo(void *arg)
{
	UG_CLEAN(ug_conn_clean) ug_conn c = *(ug_conn *)arg;
	char buf[256];
	ssize_t n;
	while ((n = ug_conn_read(c, buf, sizeof buf)) > 0)
		UG_TRY(ug_conn_write(c, buf, (size_t)n) < 0 ? -EIO : 0);
	return (int)n;
}

static int accept_all(void *listener)
{
	ug_listener l = *(ug_listener *)listener;
	ug_conn c;
	int e;
	while ((e = ug_accept(l, &c)) == 0)
		CHECK_IS(ug_go_copy(echo, &c, sizeof c), 0);
	return e;
}

static int ask_echo(void *address)
{
	for (int i = 0; i < 20; i++) {
		UG_CLEAN(ug_conn_clean) ug_conn c = UG_ZERO;
		CHECK_IS(ug_dial("tcp", address, NULL, &c), 0);
		char text[32], buf[32];
		int n = snprintf(text, sizeof text, "%d of %p", i, (void *)&c);
		CHECK_IS(ug_conn_write(c, text, (size_t)n), n);
		CHECK_IS(ug_conn_shutdown_write(c), 0);
		CHECK_IS(ug_read_full(ug_conn_reader(c), buf, (size_t)n), n);
		CHECK(memcmp(text, buf, (size_t)n) == 0);
		CHECK_IS(ug_conn_read(c, buf, sizeof buf), 0);
	}
	return 0;
}

TEST(echo_server)
{
	char text[UG_ADDR_TEXT];
	ug_listener l = listen_on("127.0.0.1:0", NULL, text);
	ug_task *server = start(accept_all, &l), *clients[8];
	for (int i = 0; i < 8; i++)
		clients[i] = start(ask_echo, text);
	for (int i = 0; i < 8; i++)
		CHECK_IS(finish(clients[i]), 0);
	ug_listener_ref(l);
	CHECK_IS(ug_listener_close(l), 0);
	CHECK_IS(finish(server), -EBADF);
	ug_listener_unref(l);
	return 0;
}

TEST_ANYWHERE(addresses)
{
	struct ends e = connect_ends();
	ug_addr a, b;
	CHECK_IS(ug_conn_local(e.client, &a), 0);
	CHECK_IS(ug_conn_remote(e.server, &b), 0);
	CHECK_IS(ug_addr_compare(&a, &b), 0);
	CHECK_IS(ug_conn_remote(e.client, &a), 0);
	CHECK_IS(ug_conn_local(e.server, &b), 0);
	CHECK_IS(ug_addr_compare(&a, &b), 0);
	CHECK_IS(ug_listener_addr(e.l, &b), 0);
	CHECK_IS(ug_addr_compare(&a, &b), 0);
	/* The peer's address outlives its connection. */
	CHECK_IS(ug_conn_local(e.client, &a), 0);
	CHECK_IS(ug_conn_set(e.client, UG_CONN_LINGER, 0), 0);
	ug_conn_clean(&e.client);
	char byte;
	CHECK_IS(ug_conn_read(e.server, &byte, 1), -ECONNRESET);
	CHECK_IS(ug_conn_remote(e.server, &b), 0);
	CHECK_IS(ug_addr_compare(&a, &b), 0);
	close_ends(&e);
	return 0;
}

static void dialled(const char *listen, const char *network, const char *host)
{
	char text[UG_ADDR_TEXT];
	ug_addr a;
	ug_listener l = listen_on(listen, NULL, text);
	CHECK_IS(ug_listener_addr(l, &a), 0);
	snprintf(text, sizeof text, "%s:%d", host, a.port);
	ug_conn c, s;
	CHECK_IS(ug_dial(network, text, NULL, &c), 0);
	CHECK_IS(ug_accept(l, &s), 0);
	ug_conn_close(c);
	ug_conn_close(s);
	ug_listener_close(l);
}

TEST_ANYWHERE(networks)
{
	dialled(":0", "tcp", "127.0.0.1");
	dialled(":0", "tcp4", "127.0.0.1");
	dialled(":0", "tcp6", "[::1]");
	dialled(":0", "tcp", "");
	dialled("[::1]:0", "tcp", "[::1]");
	ug_listener l;
	ug_conn c;
	CHECK_IS(ug_listen("tcp9", ":0", NULL, &l), -EINVAL);
	CHECK_IS(ug_listen("tcp", "127.0.0.1", NULL, &l), -EINVAL);
	CHECK_IS(ug_listen("tcp", "127.0.0.1:65536", NULL, &l), -EINVAL);
	CHECK_IS(ug_dial("tcp6", "127.0.0.1:80", NULL, &c), UG_ENOHOST);
	CHECK_IS(ug_listen("tcp", "192.0.2.1:0", NULL, &l), -EADDRNOTAVAIL);
	return 0;
}

TEST_ANYWHERE(v6_only)
{
	char text[UG_ADDR_TEXT];
	struct ug_listen_opts only = {.v6_only = 1};
	ug_addr a;
	ug_conn c;
	ug_listener l = listen_on(":0", &only, text);
	CHECK_IS(ug_listener_addr(l, &a), 0);
	snprintf(text, sizeof text, "127.0.0.1:%d", a.port);
	CHECK_IS(ug_dial("tcp", text, NULL, &c), -ECONNREFUSED);
	ug_listener_close(l);
	return 0;
}

TEST_ANYWHERE(in_use)
{
	char text[UG_ADDR_TEXT];
	ug_listener l = listen_on("127.0.0.1:0", NULL, text), again;
	CHECK_IS(ug_listen("tcp", text, NULL, &again), -EADDRINUSE);
	ug_listener_close(l);
	CHECK_IS(ug_listen("tcp", text, NULL, &again), 0);
	ug_listener_close(again);
	struct ug_listen_opts shared = {.reuse_port = 1};
	l = listen_on("127.0.0.1:0", &shared, text);
	CHECK_IS(ug_listen("tcp", text, &shared, &again), 0);
	ug_listener_close(l);
	ug_listener_close(again);
	return 0;
}

static int option(ug_conn c, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof value;
	CHECK_IS(getsockopt(ug_fd_number(ug_conn_fd(c)), level, name, &value, &size), 0);
	return value;
}

TEST_ANYWHERE(options)
{
	struct ends e = connect_ends();
	ug_conn both[] = {e.client, e.server};
	for (int i = 0; i < 2; i++) {
		int fd = ug_fd_number(ug_conn_fd(both[i]));
		CHECK_IS(option(both[i], IPPROTO_TCP, TCP_NODELAY), 1);
		CHECK_IS(option(both[i], SOL_SOCKET, SO_KEEPALIVE), 1);
		CHECK_IS(option(both[i], IPPROTO_TCP, TCP_KEEPIDLE), 15);
		CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
		CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	CHECK_IS(ug_conn_set(e.client, UG_CONN_NODELAY, 0), 0);
	CHECK_IS(option(e.client, IPPROTO_TCP, TCP_NODELAY), 0);
	CHECK_IS(ug_conn_set(e.client, UG_CONN_CORK, 1), 0);
	CHECK_IS(option(e.client, IPPROTO_TCP, TCP_CORK), 1);
	CHECK_IS(ug_conn_set(e.client, UG_CONN_READ_BUFFER, 8192), 0);
	CHECK(option(e.client, SOL_SOCKET, SO_RCVBUF) >= 8192);
	CHECK_IS(ug_conn_set(e.client, 99, 1), -EINVAL);
	CHECK_IS(ug_conn_set(e.client, UG_CONN_CORK, INT64_MAX), -EINVAL);
	close_ends(&e);

	char text[UG_ADDR_TEXT];
	struct ug_listen_opts off = {.no_delay = -1, .keep_alive = -1, .reuse_addr = -1};
	struct ug_dial_opts dial_off = {.no_delay = -1, .keep_alive = 90 * UG_SECOND - 1};
	e.l = listen_on("127.0.0.1:0", &off, text);
	CHECK_IS(ug_dial("tcp", text, &dial_off, &e.client), 0);
	CHECK_IS(ug_accept(e.l, &e.server), 0);
	CHECK_IS(option(e.server, IPPROTO_TCP, TCP_NODELAY), 0);
	CHECK_IS(option(e.server, SOL_SOCKET, SO_KEEPALIVE), 0);
	CHECK_IS(option(e.client, IPPROTO_TCP, TCP_NODELAY), 0);
	CHECK_IS(option(e.client, IPPROTO_TCP, TCP_KEEPIDLE), 90);
	close_ends(&e);
	return 0;
}

TEST_ANYWHERE(local_address)
{
	char text[UG_ADDR_TEXT];
	ug_listener l = listen_on("127.0.0.1:0", NULL, text);
	ug_addr local, got;
	CHECK_IS(ug_addr_parse("127.0.0.5:0", &local), 0);
	struct ug_dial_opts opts = {.local = &local};
	ug_conn c;
	CHECK_IS(ug_dial("tcp", text, &opts, &c), 0);
	CHECK_IS(ug_conn_local(c, &got), 0);
	got.port = 0;
	CHECK_IS(ug_addr_compare(&local, &got), 0);
	ug_conn_close(c);
	ug_listener_close(l);
	return 0;
}

TEST_ANYWHERE(refused)
{
	char text[UG_ADDR_TEXT];
	ug_listener_close(listen_on("127.0.0.1:0", NULL, text));
	ug_conn c;
	CHECK_IS(ug_dial("tcp", text, NULL, &c), -ECONNREFUSED);
	ug_addr a;
	CHECK_IS(ug_addr_parse(text, &a), 0);
	CHECK_IS(ug_dial_addr(&a, NULL, &c), -ECONNREFUSED);
	return 0;
}

/* A full accept queue answers no further connection: the dial ends at its deadline. */
TEST(dial_deadline)
{
	char text[UG_ADDR_TEXT];
	struct ug_listen_opts small = {.backlog = 1};
	ug_listener l = listen_on("127.0.0.1:0", &small, text);
	ug_conn c[8];
	int n = 0, e = 0;
	while (n < 8 && e == 0)
		UG_WITH_TIMEOUT(100 * UG_MS) {
			e = ug_dial("tcp", text, NULL, &c[n]);
			n += e == 0;
		}
	CHECK_IS(e, -ETIMEDOUT);
	while (n > 0)
		ug_conn_close(c[--n]);
	ug_listener_close(l);
	return 0;
}

TEST_ANYWHERE(ended_context)
{
	struct ends e = connect_ends();
	ug_ctx scope;
	ug_conn c;
	char buf[4], text[UG_ADDR_TEXT];
	struct iovec v = {buf, sizeof buf};
	ug_addr a;
	CHECK_IS(ug_listener_addr(e.l, &a), 0);
	ug_addr_format(&a, text, sizeof text);
	CHECK_IS(ug_conn_write(e.client, "data", 4), 4);
	ug_ctx_push(&scope);
	ug_ctx_cancel(&scope, 0);
	CHECK_IS(ug_conn_read(e.server, buf, sizeof buf), -ECANCELED);
	CHECK_IS(ug_conn_write(e.server, buf, sizeof buf), -ECANCELED);
	CHECK_IS(ug_conn_writev(e.server, &v, 1), -ECANCELED);
	CHECK_IS(ug_conn_wait_readable(e.server), -ECANCELED);
	CHECK_IS(ug_accept(e.l, &c), -ECANCELED);
	CHECK_IS(ug_dial("tcp", text, NULL, &c), -ECANCELED);
	ug_ctx_pop(&scope);
	CHECK_IS(ug_conn_read(e.server, buf, sizeof buf), 4);
	close_ends(&e);
	return 0;
}

TEST_ANYWHERE(read_deadline)
{
	struct ends e = connect_ends();
	char buf[4];
	ug_conn c;
	UG_WITH_TIMEOUT(2 * UG_MS) {
		CHECK_IS(ug_conn_read(e.server, buf, sizeof buf), -ETIMEDOUT);
	}
	UG_WITH_TIMEOUT(2 * UG_MS) {
		CHECK_IS(ug_accept(e.l, &c), -ETIMEDOUT);
	}
	CHECK_IS(ug_conn_write(e.client, "late", 4), 4);
	CHECK_IS(ug_conn_wait_readable(e.server), 0);
	CHECK_IS(ug_conn_read(e.server, buf, sizeof buf), 4);
	close_ends(&e);
	return 0;
}

/* Without a reader, writes end at their deadline; the peer's end is -EPIPE or a reset, and no signal. */
/* Nothing watches the socket yet as its first read stops short, nor tells of what comes before the second. */
TEST_ANYWHERE(after_a_short_read)
{
	char buf[64];
	for (int end = 0; end < 2; end++) {
		struct ends e = connect_ends();
		CHECK_IS(ug_conn_write(e.client, "first", 5), 5);
		CHECK_IS(ug_conn_read(e.server, buf, sizeof buf), 5);
		if (!end) {
			CHECK_IS(ug_conn_write(e.client, "second", 6), 6);
			CHECK_IS(ug_conn_read(e.server, buf, sizeof buf), 6);
			CHECK_IS(ug_conn_write(e.client, "third", 5), 5);
		}
		CHECK_IS(ug_conn_shutdown_write(e.client), 0);
		CHECK_IS(ug_conn_read(e.server, buf, sizeof buf), end ? 0 : 5);
		CHECK_IS(ug_conn_read(e.server, buf, sizeof buf), 0);
		close_ends(&e);
	}
	return 0;
}

TEST_ANYWHERE(full_and_broken)
{
	struct ends e = connect_ends();
	static char zeros[1 << 16];
	ssize_t n = 0;
	UG_WITH_TIMEOUT(20 * UG_MS) {
		while (n >= 0)
			n = ug_conn_write(e.client, zeros, sizeof zeros);
	}
	CHECK_IS(n, -ETIMEDOUT);
	ug_conn_clean(&e.server);
	do
		n = ug_conn_write(e.client, zeros, sizeof zeros);
	while (n > 0);
	CHECK(n == -EPIPE || n == -ECONNRESET);
	CHECK_IS(ug_conn_write(e.client, zeros, 1), -EPIPE);
	close_ends(&e);
	return 0;
}

static int read_blocked(void *conn)
{
	char byte;
	return (int)ug_conn_read(*(ug_conn *)conn, &byte, 1);
}

TEST(close_wakes)
{
	struct ends e = connect_ends();
	ug_conn held = ug_conn_ref(e.server);
	ug_task *t = start(read_blocked, &held);
	ug_sleep(UG_MS); /* it may wait by now, or not yet: both must end */
	ug_conn_clean(&e.server);
	int r = finish(t);
	CHECK(r == -ECANCELED || r == -EBADF);
	CHECK_IS(read_blocked(&held), -EBADF);
	CHECK_IS(ug_conn_write(held, "x", 1), -EBADF);
	CHECK_IS(ug_conn_shutdown_write(held), -EBADF);
	ug_conn_unref(held);
	char byte;
	CHECK_IS(ug_conn_read(e.client, &byte, 1), 0);
	close_ends(&e);
	return 0;
}

/* Pieces of many sizes, empty ones among them, more than a socket's buffer takes at once. */
#define PIECES 200
struct stream {
	ug_conn c;
	size_t total;
};

static int read_pattern(void *arg)
{
	struct stream *s = arg;
	static unsigned char buf[10000];
	ssize_t n;
	while ((n = ug_conn_read(s->c, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < n; i++)
			CHECK_IS(buf[i], (unsigned char)(s->total++ * 7));
	return (int)n;
}

TEST(writev)
{
	struct ends e = connect_ends();
	size_t total = 0, at = 0;
	struct iovec v[PIECES];
	for (size_t i = 0; i < PIECES; i++)
		total += v[i].iov_len = i % 5 == 0 ? 0 : i % 7 == 0 ? 100000 : i;
	unsigned char *data = malloc(total);
	for (size_t i = 0; i < total; i++)
		data[i] = (unsigned char)(i * 7);
	for (size_t i = 0; i < PIECES; at += v[i++].iov_len)
		v[i].iov_base = data + at;
	CHECK_IS(ug_conn_set(e.client, UG_CONN_WRITE_BUFFER, 4096), 0);
	struct stream s = {.c = e.server};
	ug_task *t = start(read_pattern, &s);
	CHECK_IS(ug_conn_writev(e.client, v, PIECES), total);
	CHECK_IS(ug_conn_writev(e.client, v, 0), 0);
	CHECK_IS(ug_conn_writev(e.client, v, 1), 0);
	CHECK_IS(ug_conn_writev(e.client, v, 1025), -EINVAL);
	CHECK_IS(ug_conn_shutdown_write(e.client), 0);
	CHECK_IS(finish(t), 0);
	CHECK_IS(s.total, total);
	free(data);
	close_ends(&e);
	return 0;
}

TEST_ANYWHERE(write_some)
{
	struct ends e = connect_ends();
	static char zeros[8 << 20];
	struct iovec v[] = {{zeros, 0}, {zeros, sizeof zeros}};
	ssize_t n = ug_conn_write_some(e.client, v, 2);
	CHECK(n > 0 && n < (ssize_t)sizeof zeros);
	CHECK_IS(ug_conn_write_some(e.client, v, 1), 0);
	close_ends(&e);
	return 0;
}

/* What the other end's system has not taken yet: nothing, once it has all; something, while its buffers are full. */
TEST(unsent)
{
	struct ends e = connect_ends();
	static char much[1 << 20];
	struct iovec v = {much, sizeof much};
	CHECK_IS(ug_conn_write(e.client, "x", 1), 1);
	UNTIL(ug_conn_unsent(e.client) == 0);
	ssize_t n = 1;
	while (n > 0 || ug_conn_unsent(e.client) == 0)
		UG_WITH_TIMEOUT(20 * UG_MS)
			n = ug_conn_write_some(e.client, &v, 1);
	CHECK_IS(n, -ETIMEDOUT);
	close_ends(&e);
	CHECK_IS(ug_conn_unsent(e.client), -ENOTSUP);
	ug_conn a, b;
	CHECK_IS(ug_mem_pair(0, &a, &b), 0);
	CHECK_IS(ug_conn_unsent(a), -ENOTSUP);
	ug_conn_close(a);
	ug_conn_close(b);
	return 0;
}

TEST_ANYWHERE(adopted)
{
	int fds[2];
	ug_conn a, b;
	char buf[4];
	CHECK_IS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CHECK_IS(ug_conn_adopt(fds[0], &a), 0);
	CHECK_IS(ug_conn_adopt(fds[1], &b), 0);
	CHECK_IS(ug_conn_write(a, "abc", 3), 3);
	CHECK_IS(ug_conn_read(b, buf, sizeof buf), 3);
	CHECK_IS(ug_conn_set(a, UG_CONN_NODELAY, 1), -ENOTSUP);
	ug_conn_close(a);
	CHECK_IS(ug_conn_read(b, buf, sizeof buf), 0);
	ug_conn_close(b);
	CHECK_IS(pipe(fds), 0);
	CHECK_IS(ug_conn_adopt(fds[0], &a), -ENOTSOCK);
	close(fds[0]);
	close(fds[1]);
	CHECK_IS(ug_conn_adopt(fds[1], &a), -EBADF);

	ug_listener l;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_IS(ug_listener_adopt(fd, &l), -EINVAL);
	CHECK_IS(listen(fd, 4), 0);
	CHECK_IS(ug_listener_adopt(fd, &l), 0);
	ug_addr at;
	CHECK_IS(ug_listener_addr(l, &at), 0);
	memcpy(at.ip, "\x7f\0\0\1", 4);
	CHECK_IS(ug_dial_addr(&at, NULL, &a), 0);
	CHECK_IS(ug_accept(l, &b), 0);
	ug_conn_close(a);
	ug_conn_close(b);
	ug_listener_close(l);
	return 0;
}

/* What a connection keeps lies where that of an older one lay. */
TEST_ANYWHERE(address_of_its_own)
{
	struct ends e = connect_ends();
	ug_addr at;
	CHECK_IS(ug_conn_remote(e.client, &at), 0);
	CHECK_IS(at.family, AF_INET);
	close_ends(&e);
	int fds[2];
	CHECK_IS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ug_conn pair[2];
	for (int i = 0; i < 2; i++) {
		CHECK_IS(ug_conn_adopt(fds[i], &pair[i]), 0);
		CHECK_IS(ug_conn_remote(pair[i], &at), 0);
		CHECK_IS(at.family, AF_UNIX);
	}
	ug_conn_close(pair[0]);
	ug_conn_close(pair[1]);
	return 0;
}

/* Each holder of a reference may close: the first does, for all. */
TEST_ANYWHERE(closed_by_both)
{
	struct ends e = connect_ends();
	char byte;
	ug_conn held = ug_conn_ref(e.server);
	CHECK_IS(ug_conn_close(e.server), 0);
	CHECK_IS(ug_conn_read(e.client, &byte, 1), 0);
	CHECK_IS(ug_conn_read(held, &byte, 1), -EBADF);
	CHECK_IS(ug_conn_close(held), 0);
	ug_conn_close(e.client);
	ug_listener_close(e.l);
	return 0;
}

TEST_ANYWHERE(nothing)
{
	ug_conn c = UG_ZERO;
	ug_listener l = UG_ZERO;
	ug_addr a;
	char byte;
	CHECK_IS(ug_conn_close(c), 0);
	CHECK_IS(ug_listener_close(l), 0);
	CHECK_IS(ug_conn_read(c, &byte, 1), -EBADF);
	CHECK_IS(ug_conn_write(c, &byte, 1), -EBADF);
	CHECK_IS(ug_accept(l, &c), -EBADF);
	CHECK_IS(ug_conn_local(c, &a), -EBADF);
	CHECK(!ug_conn_fd(c));
	CHECK(!ug_listener_fd(l));
	ug_conn_unref(ug_conn_ref(c));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo_server),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_v6_only),
		cmocka_unit_test(test_in_use),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_local_address),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_dial_deadline),
		cmocka_unit_test(test_ended_context),
		cmocka_unit_test(test_read_deadline),
		cmocka_unit_test(test_after_a_short_read),
		cmocka_unit_test(test_full_and_broken),
		cmocka_unit_test(test_close_wakes),
		cmocka_unit_test(test_writev),
		cmocka_unit_test(test_write_some),
		cmocka_unit_test(test_unsent),
		cmocka_unit_test(test_adopted),
		cmocka_unit_test(test_address_of_its_own),
		cmocka_unit_test(test_closed_by_both),
		cmocka_unit_test(test_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
