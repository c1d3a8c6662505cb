/* SPDX-License-Identifier: MIT */
/* Descriptors: adopted, read, written, waited for, closed under those who wait. */
#include "actor.h"
#include <fcntl.h>
#include <sys/socket.h>

struct pair {
	ug_fd *a, *b;
};

static struct pair pair_of_sockets(void)
{
	int fd[2] = {-1, -1};
	struct pair p = {NULL, NULL};
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	CHECK_EQ(ug_fd_adopt(fd[0], UG_FD_NONBLOCK, &p.a), 0);
	CHECK_EQ(ug_fd_adopt(fd[1], UG_FD_NONBLOCK, &p.b), 0);
	return p;
}

static int echo(void *p)
{
	struct pair *s = p;
	char buf[4096];
	ssize_t n;
	while ((n = ug_fd_read(s->b, buf, sizeof buf)) > 0)
		for (ssize_t done = 0; done < n;) {
			ssize_t e = ug_fd_write(s->b, buf + done, (size_t)(n - done));
			if (e < 0)
				return (int)e;
			done += e;
		}
	return (int)n;
}

static void echo_over_a_socket(void)
{
	struct pair s = pair_of_sockets();
	struct actor a;
	start(&a, echo, &s);
	for (int i = 0; i < 100; i++) {
		char out[100], in[100] = {0};
		memset(out, i, sizeof out);
		CHECK_EQ(ug_fd_write(s.a, out, sizeof out), sizeof out);
		size_t got = 0;
		while (got < sizeof in) {
			ssize_t n = ug_fd_read(s.a, in + got, sizeof in - got);
			if (!CHECK(n > 0))
				break;
			got += (size_t)n;
		}
		CHECK(memcmp(in, out, sizeof in) == 0);
	}
	CHECK_EQ(ug_fd_close(s.a), 0);
	CHECK_EQ(join(&a), 0);
	CHECK_EQ(ug_fd_close(s.b), 0);
}

struct reader {
	struct actor actor;
	ug_fd *fd;
};

static int read_it(void *p)
{
	struct reader *r = p;
	char byte;
	int e = (int)ug_fd_read(r->fd, &byte, 1);
	ug_fd_unref(r->fd);
	return e;
}

static void closing_wakes_who_waits(void)
{
	for (int round = 0; round < 10; round++) {
		struct pair s = pair_of_sockets();
		struct reader r[2];
		for (int i = 0; i < 2; i++) {
			r[i].fd = ug_fd_ref(s.a);
			start(&r[i].actor, read_it, &r[i]);
		}
		if (round)
			settle();
		CHECK_EQ(ug_fd_close(s.a), 0);
		for (int i = 0; i < 2; i++) {
			int e = join(&r[i].actor);
			CHECK(e == -ECANCELED || e == -EBADF);
		}
		CHECK_EQ(ug_fd_close(s.b), 0);
	}
	CHECK_EQ(ug_fd_close(NULL), 0);
	ug_fd_unref(NULL);
}

static void closed_descriptors_answer_so(void)
{
	struct pair s = pair_of_sockets();
	ug_fd *again = ug_fd_ref(s.a);
	char byte;
	CHECK(ug_fd_number(again) >= 0);
	CHECK_EQ(ug_fd_close(s.a), 0);
	CHECK_EQ(ug_fd_number(again), -EBADF);
	CHECK_EQ(ug_fd_read(again, &byte, 1), -EBADF);
	CHECK_EQ(ug_fd_write(again, &byte, 1), -EBADF);
	CHECK_EQ(ug_fd_wait_readable(again), -EBADF);
	ug_fd_unref(again);
	CHECK_EQ(ug_fd_close(s.b), 0);
	ug_fd *none = NULL;
	CHECK_EQ(ug_fd_adopt(-1, 0, &none), -EBADF);
	CHECK_EQ(ug_fd_adopt(1 << 20, 0, &none), -EBADF);
	CHECK(none == NULL);
}

static void borrowed_descriptors_stay_open(void)
{
	int fd[2] = {-1, -1};
	ug_fd *f = NULL;
	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(ug_fd_adopt(fd[1], UG_FD_BORROW | UG_FD_NONBLOCK, &f), 0);
	CHECK_EQ(ug_fd_write(f, "x", 1), 1);
	CHECK_EQ(ug_fd_close(f), 0);
	CHECK(fcntl(fd[1], F_GETFD) >= 0);
	CHECK_EQ(ug_fd_adopt(fd[1], 0, &f), 0);
	ug_fd_unref(f); /* the last reference closes */
	CHECK_EQ(fcntl(fd[1], F_GETFD), -1);
	CHECK_EQ(close(fd[0]), 0);
}

static const char zeros[1 << 22];

struct writer {
	ug_fd *fd;
	ug_ctx *_Atomic scope;
	ssize_t went, after;
};

static int write_in_scope(void *p)
{
	struct writer *w = p;
	ug_ctx c;
	ug_ctx_push(&c);
	atomic_store(&w->scope, &c);
	w->went = ug_fd_write(w->fd, zeros, sizeof zeros);
	w->after = ug_fd_write(w->fd, zeros, sizeof zeros);
	ug_ctx_pop(&c);
	return 0;
}

/* A write that has begun answers what went, not the error of its context. */
static void partial_io_answers_its_count(void)
{
	struct pair s = pair_of_sockets();
	struct writer w = {.fd = s.a};
	struct actor a;
	char byte;
	start(&a, write_in_scope, &w);
	CHECK_EQ(ug_fd_read(s.b, &byte, 1), 1); /* it has begun */
	settle();
	CHECK_EQ(ug_ctx_cancel(atomic_load(&w.scope), 0), 1);
	join(&a);
	CHECK(w.went > 0 && w.went < (ssize_t)sizeof zeros);
	CHECK_EQ(w.after, -ECANCELED);
	CHECK_EQ(ug_fd_close(s.a), 0);
	CHECK_EQ(ug_fd_close(s.b), 0);
}

static const struct CMUnitTest tests[] = {
	ALL(echo_over_a_socket),
	ALL(closing_wakes_who_waits),
	ALL(closed_descriptors_answer_so),
	ALL(borrowed_descriptors_stay_open),
	ALL(partial_io_answers_its_count),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
