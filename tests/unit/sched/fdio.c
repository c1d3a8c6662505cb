/* SPDX-License-Identifier: MIT */
/* Transfers on descriptors: when a read may go without the call that would say EAGAIN, and when it may not. */
#include "sched_test.h"

#include "sched/fd_priv.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define SOON (20 * UG_SECOND) /* what should come at once; not coming is the failure */

static bool waits(const ug_fd *f, int side)
{
	return !ug__waitq_idle(&f->waiters[side]);
}

/* a: the library's; answers the bare other end. */
static int unix_pair(int type, ug_fd **a)
{
	int fds[2];
	CHECK_IS(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
	CHECK_IS(ug_fd_adopt(fds[0], UG_FD_NONBLOCK, a), 0);
	return fds[1];
}

static int tcp_pair(ug_fd **a)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof in;
	int on = 1, l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_IS(bind(l, (struct sockaddr *)&in, sizeof in), 0);
	CHECK_IS(listen(l, 1), 0);
	CHECK_IS(getsockname(l, (struct sockaddr *)&in, &n), 0);
	CHECK_IS(connect(c, (struct sockaddr *)&in, sizeof in), 0);
	int s = accept(l, NULL, NULL);
	close(l);
	CHECK_IS(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
	CHECK_IS(ug_fd_adopt(s, UG_FD_NONBLOCK, a), 0);
	return c;
}

static ssize_t read_soon(ug_fd *f, char *buf, size_t n)
{
	ssize_t r = -1;
	UG_WITH_TIMEOUT(SOON)
		r = ug_fd_read(f, buf, n);
	return r;
}

/* Makes f known to the poller, with no edge outstanding: a wait that timed out. */
static void register_it(ug_fd *f)
{
	UG_WITH_TIMEOUT(5 * UG_MS)
		CHECK_IS(ug_fd_read(f, &(char){0}, 1), -ETIMEDOUT);
	UG_WITH_TIMEOUT(UG_MS)
		CHECK_IS(ug_fd_read(f, &(char){0}, 1), -ETIMEDOUT);
}

static uint32_t edges(const ug_fd *f)
{
	return load_acquire(&f->edges[0]);
}

/* Waits until the poller has told of what has come since there were `before` edges. */
static void edge_seen(const ug_fd *f, uint32_t before)
{
	int64_t give_up = ug_now() + SOON;
	while (edges(f) == before) {
		CHECK(ug_now() < give_up);
		CHECK_IS(ug_sleep(UG_MS / 4), 0);
	}
}

IN_TASK(a_short_read_is_followed_by_what_comes_later)
{
	char buf[64];
	for (int kind = 0; kind < 2; kind++) {
		ug_fd *f;
		int other = kind ? tcp_pair(&f) : unix_pair(SOCK_STREAM, &f);
		register_it(f);
		for (int i = 0; i < 200; i++) {
			uint32_t before = edges(f);
			CHECK_IS(write(other, "abc", 3), 3);
			if (i % 3 == 0)
				edge_seen(f, before);
			CHECK_IS(read_soon(f, buf, i % 2 ? 64 : 2), i % 2 ? 3 : 2);
			if (i % 2 == 0)
				CHECK_IS(read_soon(f, buf, 64), 1);
		}
		close(other);
		CHECK_IS(read_soon(f, buf, 64), 0);
		CHECK_IS(read_soon(f, buf, 64), 0);
		ug_fd_close(f);
	}
	return 0;
}

/* The end comes with the last data, in one edge: no other will tell of it. */
IN_TASK(an_end_that_came_with_data_is_seen)
{
	char buf[64];
	for (int kind = 0; kind < 2; kind++)
		for (int i = 0; i < 60; i++) {
			ug_fd *f;
			int other = kind ? tcp_pair(&f) : unix_pair(SOCK_STREAM, &f);
			register_it(f);
			uint32_t before = edges(f);
			CHECK_IS(write(other, "abc", 3), 3);
			if (i % 2)
				CHECK_IS(shutdown(other, SHUT_WR), 0);
			else
				close(other);
			if (i % 3)
				edge_seen(f, before);
			CHECK_IS(read_soon(f, buf, 64), 3);
			CHECK_IS(read_soon(f, buf, 64), 0);
			if (i % 2)
				close(other);
			ug_fd_close(f);
		}
	return 0;
}

/* A short read of a message says nothing of the messages behind it. */
IN_TASK(datagrams_behind_a_short_one_are_read)
{
	static const int types[] = {SOCK_DGRAM, SOCK_SEQPACKET};
	char buf[64];
	for (size_t k = 0; k < UG_COUNT_OF(types); k++) {
		ug_fd *f;
		int other = unix_pair(types[k], &f);
		register_it(f);
		uint32_t before = edges(f);
		for (int i = 0; i < 5; i++)
			CHECK_IS(send(other, "abc", 3, 0), 3);
		edge_seen(f, before);
		for (int i = 0; i < 5; i++)
			CHECK_IS(read_soon(f, buf, 64), 3);
		close(other);
		ug_fd_close(f);
	}
	return 0;
}

/* Reads until n bytes have come. */
static void read_bytes(ug_fd *f, ssize_t n)
{
	char buf[64];
	while (n > 0) {
		ssize_t r = read_soon(f, buf, sizeof buf);
		CHECK(r > 0);
		n -= r;
	}
	CHECK_IS(n, 0);
}

/* A Unix stream's read ends where the sender passed descriptors along. */
IN_TASK(bytes_behind_passed_descriptors_are_read)
{
	ug_fd *f;
	int other = unix_pair(SOCK_STREAM, &f), pass = 2;
	register_it(f);
	uint32_t before = edges(f);
	for (int i = 0; i < 5; i++) {
		char a = 'a';
		struct iovec v = {.iov_base = &a, .iov_len = 1};
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(int))];
		} control = {.bytes = {0}};
		struct msghdr m = {
			.msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control};
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		*c = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof pass)};
		memcpy(CMSG_DATA(c), &pass, sizeof pass);
		CHECK_IS(sendmsg(other, &m, 0), 1);
	}
	CHECK_IS(write(other, "b", 1), 1);
	edge_seen(f, before);
	read_bytes(f, 6);
	close(other);
	ug_fd_close(f);
	return 0;
}

/* A TCP read stops at urgent data, whatever lies behind it. */
IN_TASK(bytes_behind_urgent_data_are_read)
{
	ug_fd *f;
	int other = tcp_pair(&f);
	register_it(f);
	uint32_t before = edges(f);
	CHECK_IS(send(other, "abc", 3, 0), 3);
	CHECK_IS(send(other, "!", 1, MSG_OOB), 1);
	CHECK_IS(send(other, "def", 3, 0), 3);
	edge_seen(f, before);
	CHECK_IS(ug_sleep(5 * UG_MS), 0);
	read_bytes(f, 6);
	close(other);
	ug_fd_close(f);
	return 0;
}

/* Whoever used the edge up, be it a wait for readiness or another's read, the next reader finds the data. */
IN_TASK(data_is_found_after_others_have_used_the_edge)
{
	char buf[64];
	for (int kind = 0; kind < 3; kind++) {
		ug_fd *f;
		int other = tcp_pair(&f);
		register_it(f);
		CHECK_IS(write(other, "abc", 3), 3);
		CHECK_IS(read_soon(f, buf, 64), 3); /* short */
		UG_WITH_TIMEOUT(UG_MS) /* and no edge is left */
			CHECK_IS(ug_fd_read(f, buf, 64), -ETIMEDOUT);
		CHECK_IS(write(other, "a", 1), 1);
		CHECK_IS(read_soon(f, buf, 64), 1); /* short again, the edge is used */
		uint32_t before = edges(f);
		CHECK_IS(write(other, "defg", 4), 4);
		edge_seen(f, before);
		if (kind == 0) {
			CHECK_IS(ug_fd_wait_readable(f), 0);
		} else if (kind == 1) {
			struct ug__waiter w = {.task_ = ug__self()};
			CHECK_IS(ug__fd_wait_begin(f, 0, &w), 1);
		} else {
			CHECK_IS(ug__fd_wait(ug__self(), f, 0, before), 0);
			CHECK_IS(recv(ug_fd_number(f), buf, 1, MSG_DONTWAIT), 1);
			CHECK_IS(write(other, "h", 1), 1);
		}
		CHECK_IS(read_soon(f, buf, 64), 4);
		close(other);
		ug_fd_close(f);
	}
	return 0;
}

/* After a short read a wait for readiness asks nobody: what comes later, or came with the last data, ends it all the
 * same. */
static int wait_soon(ug_fd *f, int (*wait)(ug_fd *f))
{
	int e = -1;
	UG_WITH_TIMEOUT(SOON)
		e = wait(f);
	return e;
}

static int await_readable(ug_fd *f)
{
	return ug__fd_await(f, 0);
}

IN_TASK(a_wait_behind_a_short_read_ends_with_what_comes_next)
{
	static int (*const waits_by[])(ug_fd * f) = {ug_fd_wait_readable, await_readable};
	char buf[64];
	for (int i = 0; i < 240; i++) {
		ug_fd *f;
		int other = i & 1 ? tcp_pair(&f) : unix_pair(SOCK_STREAM, &f);
		int (*wait)(ug_fd * f) = waits_by[i >> 1 & 1];
		register_it(f);
		uint32_t before = edges(f);
		CHECK_IS(write(other, "abc", 3), 3);
		if (i % 3 == 0)
			CHECK_IS(shutdown(other, SHUT_WR), 0);
		if (i % 5)
			edge_seen(f, before);
		CHECK_IS(wait_soon(f, wait), 0);
		CHECK_IS(read_soon(f, buf, 64), 3);
		if (i % 3) {
			if (i % 3 == 1)
				CHECK_IS(write(other, "d", 1), 1);
			else
				close(other);
		}
		CHECK_IS(wait_soon(f, wait), 0);
		CHECK_IS(read_soon(f, buf, 64), i % 3 == 1);
		if (i % 3 != 2)
			close(other);
		ug_fd_close(f);
	}
	return 0;
}

/* What somebody else has read already is no reason to come back, for who wants to know. */
IN_TASK(a_wait_for_readiness_is_not_fooled_by_an_old_edge)
{
	char buf[64];
	ug_fd *f;
	int other = tcp_pair(&f);
	register_it(f);
	for (int i = 0; i < 50; i++) {
		uint32_t before = edges(f);
		CHECK_IS(write(other, "abc", 3), 3);
		if (i % 2)
			edge_seen(f, before);
		CHECK_IS(recv(ug_fd_number(f), buf, 64, 0), 3);
		UG_WITH_TIMEOUT(UG_MS)
			CHECK_IS(ug_fd_wait_readable(f), -ETIMEDOUT);
	}
	close(other);
	CHECK_IS(wait_soon(f, ug_fd_wait_readable), 0);
	ug_fd_close(f);
	return 0;
}

/* Two that read one stream: each byte goes to one of them, and neither sleeps while there are some. */
struct share {
	ug_fd *f;
	uint32_t got, left;
};

static int read_share(void *arg)
{
	struct share *s = arg;
	char buf[7];
	for (ssize_t n; (n = ug_fd_read(s->f, buf, sizeof buf)) != 0;) { /* one may get nothing for long */
		CHECK(n > 0);
		add_seq(&s->got, (uint32_t)n);
	}
	add_seq(&s->left, -1u);
	return 0;
}

IN_TASK(several_read_one_stream)
{
	for (int kind = 0; kind < 2; kind++) {
		struct share s = {.left = 3};
		int other = kind ? tcp_pair(&s.f) : unix_pair(SOCK_STREAM, &s.f);
		for (int i = 0; i < 3; i++)
			CHECK_IS(ug_go(read_share, &s), 0);
		uint32_t sent = 0;
		for (int i = 0; i < 3000; i++) {
			size_t n = 1 + ug__random() % 20;
			CHECK_IS(write(other, "01234567890123456789", n), n);
			sent += (uint32_t)n;
			if (i % 16 == 0)
				UNTIL(load_seq(&s.got) == sent);
		}
		UNTIL(load_seq(&s.got) == sent);
		close(other);
		UNTIL(load_seq(&s.left) == 0);
		ug_fd_close(s.f);
	}
	return 0;
}

/* A stream in pieces of all sizes, with a reader and a writer that are each too slow at times. */
struct stream {
	ug_fd *from, *to;
	size_t total;
	uint32_t left;
};

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 31 + (i >> 8));
}

static int send_all(void *arg)
{
	struct stream *s = arg;
	unsigned char *buf = malloc(1 << 16);
	for (size_t at = 0; at < s->total;) {
		size_t n = 1 + ug__random() % (1 << (1 + ug__random() % 16));
		if (n > s->total - at)
			n = s->total - at;
		if (n > 1 << 16)
			n = 1 << 16;
		for (size_t i = 0; i < n; i++)
			buf[i] = byte_at(at + i);
		struct iovec v[2] = {{buf, n / 3}, {buf + n / 3, n - n / 3}};
		ssize_t w = ug__random() % 2 ? ug_fd_write(s->to, buf, n) : ug_fd_writev(s->to, v, 2);
		CHECK(w > 0 && (size_t)w <= n);
		at += (size_t)w;
	}
	ug_fd_close(s->to);
	free(buf);
	add_seq(&s->left, -1u);
	return 0;
}

static int receive_all(void *arg)
{
	struct stream *s = arg;
	unsigned char *buf = malloc(1 << 16);
	size_t at = 0;
	for (ssize_t n;; at += (size_t)n) {
		size_t want = 1 + ug__random() % (1 << (1 + ug__random() % 15));
		struct iovec v[2] = {{buf, want / 2}, {buf + want / 2, want - want / 2}};
		n = ug__random() % 2 ? ug_fd_read(s->from, buf, want) : ug_fd_readv(s->from, v, 2);
		CHECK(n >= 0);
		if (n == 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			CHECK_IS(buf[i], byte_at(at + (size_t)i));
		if (ug__random() % 256 == 0)
			CHECK_IS(ug_sleep(UG_MS / 10), 0);
	}
	CHECK_IS(at, s->total);
	ug_fd_close(s->from);
	free(buf);
	add_seq(&s->left, -1u);
	return 0;
}

IN_TASK(streams_arrive_whole)
{
	struct stream s[6];
	for (int i = 0; i < 6; i++) {
		int fds[2];
		s[i] = (struct stream){.total = 300000, .left = 2};
		if (i < 2) {
			/* a pipe whose flags are left alone on one side: poll(2) first */
			CHECK_IS(pipe2(fds, O_CLOEXEC), 0);
			CHECK_IS(ug_fd_adopt(fds[0], i ? UG_FD_NONBLOCK : 0, &s[i].from), 0);
			CHECK_IS(ug_fd_adopt(fds[1], i ? 0 : UG_FD_NONBLOCK, &s[i].to), 0);
			continue;
		}
		fds[1] = i < 4 ? tcp_pair(&s[i].from) : unix_pair(SOCK_STREAM, &s[i].from);
		CHECK_IS(ug_fd_adopt(fds[1], UG_FD_NONBLOCK, &s[i].to), 0);
	}
	for (int i = 0; i < 6; i++) {
		CHECK_IS(ug_go(send_all, &s[i]), 0);
		CHECK_IS(ug_go(receive_all, &s[i]), 0);
	}
	for (int i = 0; i < 6; i++)
		UNTIL(load_seq(&s[i].left) == 0);
	return 0;
}

IN_TASK(files_are_read_to_their_end)
{
	char name[] = "/tmp/ug-fdio-XXXXXX", buf[100];
	int fd = mkstemp(name);
	CHECK(fd >= 0);
	unlink(name);
	ug_fd *f;
	CHECK_IS(ug_fd_adopt(fd, UG_FD_NONBLOCK, &f), 0);
	CHECK_IS(ug_fd_read(f, buf, 100), 0);
	CHECK_IS(ug_fd_write(f, "hello", 5), 5);
	CHECK_IS(lseek(fd, 0, SEEK_SET), 0);
	CHECK_IS(ug_fd_read(f, buf, 3), 3);
	CHECK_IS(ug_fd_read(f, buf, 100), 2);
	CHECK_IS(ug_fd_read(f, buf, 100), 0);
	CHECK_IS(ug_fd_wait_readable(f), 0);
	CHECK_IS(ug_fd_wait_writable(f), 0);
	ug_fd_close(f);
	return 0;
}

static int hold_writer(void *arg)
{
	ug_fd *f = arg;
	static char much[1 << 20];
	size_t all = 0;
	for (ssize_t n; all < 4 * sizeof much; all += (size_t)n)
		CHECK((n = ug_fd_write(f, much, sizeof much)) > 0);
	return 0;
}

IN_TASK(a_full_pipe_parks_its_writer_and_not_its_worker)
{
	for (int flags = 0; flags < 2; flags++) {
		int fds[2];
		ug_fd *w;
		ug_task *t;
		CHECK_IS(pipe2(fds, O_CLOEXEC | O_NONBLOCK * (flags == 1)), 0);
		CHECK_IS(ug_fd_adopt(fds[1], 0, &w), 0);
		CHECK_IS(ug_go_task(hold_writer, w, NULL, &t), 0);
		UNTIL(waits(w, 1) || flags == 1);
		static char buf[1 << 16];
		size_t all = 0;
		while (all < (size_t)4 << 20) {
			ssize_t n = read(fds[0], buf, sizeof buf);
			if (n > 0)
				all += (size_t)n;
			ug_yield();
		}
		UG_WITH_TIMEOUT(SOON)
			CHECK_IS(ug_task_wait(t, NULL), 0);
		ug_task_unref(t);
		ug_fd_close(w);
		close(fds[0]);
	}
	return 0;
}

/* Its protocol is TCP's, but a packet is all that one read gets. */
IN_TASK(packets_of_a_raw_socket_are_all_read)
{
	enum { PACKETS = 4, HEAD = 20 };
	/* An address of its own in 127.0.0.0/8, for a raw socket gets all that comes to its address, whoever sends it;
	 * and until it has one, all that comes to any. */
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f400000 | ((uint32_t)getpid() & 0x3fffff))};
	unsigned char packet[HEAD] = {[12] = HEAD / 4 << 4, [13] = 4}; /* a reset, to nobody */
	char buf[2048];
	ug_fd *f;
	int in = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP), out = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
	if (in < 0 || out < 0) { /* not the superuser's */
		close(in);
		close(out);
		return 0;
	}
	CHECK_IS(bind(in, (struct sockaddr *)&to, sizeof to), 0);
	while (recv(in, buf, sizeof buf, MSG_DONTWAIT) >= 0)
		;
	CHECK_IS(ug_fd_adopt(in, UG_FD_NONBLOCK, &f), 0);
	register_it(f);
	for (int i = 0; i < PACKETS; i++)
		CHECK_IS(sendto(out, packet, HEAD, 0, (struct sockaddr *)&to, sizeof to), HEAD);
	for (int i = 0; i < PACKETS; i++)
		CHECK_IS(read_soon(f, buf, sizeof buf), 20 + HEAD);
	ug_fd_close(f);
	close(out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_read_is_followed_by_what_comes_later),
		cmocka_unit_test(an_end_that_came_with_data_is_seen),
		cmocka_unit_test(datagrams_behind_a_short_one_are_read),
		cmocka_unit_test(packets_of_a_raw_socket_are_all_read),
		cmocka_unit_test(bytes_behind_passed_descriptors_are_read),
		cmocka_unit_test(bytes_behind_urgent_data_are_read),
		cmocka_unit_test(data_is_found_after_others_have_used_the_edge),
		cmocka_unit_test(a_wait_behind_a_short_read_ends_with_what_comes_next),
		cmocka_unit_test(a_wait_for_readiness_is_not_fooled_by_an_old_edge),
		cmocka_unit_test(several_read_one_stream),
		cmocka_unit_test(streams_arrive_whole),
		cmocka_unit_test(files_are_read_to_their_end),
		cmocka_unit_test(a_full_pipe_parks_its_writer_and_not_its_worker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
