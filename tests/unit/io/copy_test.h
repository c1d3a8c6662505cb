/* SPDX-License-Identifier: MIT */
/*
 * What may stand on either side of a copy, with a task at the other end of it. A spy sits at each descriptor: it shows
 * it as the library's own readers and writers do, and counts the bytes that go by hand.
 */
#ifndef COPY_TEST_H
#define COPY_TEST_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io_test.h"

enum kind { FILE_KIND, PIPE_KIND, UNIX_KIND, TCP_KIND, MEMORY_KIND, KINDS };

/* One side of a copy, with whoever feeds it or collects from it. */
struct side {
	enum kind kind;
	ug_fd *mine, *other;
	struct ug_memory memory;
	ug_buf got;
	int64_t by_hand, calls;
	ug_task *helper;
	const char *data;
	size_t n;
};

static inline int check(int result)
{
	if (result < 0)
		perror("a system call of the test");
	CHECK(result >= 0);
	return result;
}

static inline ug_fd *adopt(int fd)
{
	ug_fd *f = NULL;
	CHECK_IS(ug_fd_adopt(check(fd), UG_FD_NONBLOCK, &f), 0);
	return f;
}

static inline int temporary(int flags)
{
	char name[] = "/var/tmp/undergo-copy-XXXXXX"; /* rather not in memory, as /tmp may be */
	int fd = check(mkstemp(name));
	int again = check(open(name, O_RDWR | O_CLOEXEC | flags));
	close(fd);
	unlink(name);
	return again;
}

/* Whether its file system tells without waiting what is in memory: one that is all in memory does not. */
static inline int tells(int fd)
{
	char byte;
	return preadv2(fd, &(struct iovec){.iov_base = &byte, .iov_len = 1}, 1, 0, RWF_NOWAIT) == 1;
}

/* Both ends of a connection over the loopback interface. */
static inline void tcp_pair(int ends[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof a;
	int l = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	check(bind(l, (struct sockaddr *)&a, sizeof a));
	check(listen(l, 1));
	check(getsockname(l, (struct sockaddr *)&a, &size));
	ends[0] = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	check(connect(ends[0], (struct sockaddr *)&a, sizeof a));
	ends[1] = check(accept4(l, NULL, NULL, SOCK_CLOEXEC));
	close(l);
}

/* ends[0] is read from, ends[1] written to. */
static inline void make_pair(enum kind kind, int ends[2])
{
	if (kind == PIPE_KIND)
		check(pipe2(ends, O_CLOEXEC));
	else if (kind == UNIX_KIND)
		check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	else
		tcp_pair(ends);
}

/* Spies ----------------------------------------------------------------------------------------------------------- */

static inline ssize_t spy_read(void *self, void *buf, size_t n)
{
	struct side *s = self;
	ssize_t got = ug_fd_read(s->mine, buf, n);
	s->by_hand += got > 0 ? got : 0;
	s->calls++;
	return got;
}

static inline ssize_t spy_write(void *self, const void *buf, size_t n)
{
	struct side *s = self;
	ssize_t put = ug_write(ug_fd_writer(s->mine), buf, n);
	s->by_hand += put > 0 ? put : 0;
	s->calls++;
	return put;
}

static inline ug_fd *spy_fd(void *self)
{
	return ((struct side *)self)->mine;
}

static inline ug_reader side_reader(struct side *s)
{
	static const struct ug_reader_ops ops = {.size = sizeof ops, .read = spy_read, .fd = spy_fd};
	return s->kind == MEMORY_KIND ? ug_memory_reader(&s->memory, s->data, s->n) : (ug_reader){&ops, s};
}

static inline ug_writer side_writer(struct side *s)
{
	static const struct ug_writer_ops ops = {.size = sizeof ops, .write = spy_write, .fd = spy_fd};
	return s->kind == MEMORY_KIND ? ug_buf_writer(&s->got) : (ug_writer){&ops, s};
}

/* Sides ----------------------------------------------------------------------------------------------------------- */

static inline int feed(void *arg)
{
	struct side *s = arg;
	uint64_t seed = s->n;
	for (size_t at = 0; at < s->n;) {
		size_t piece = 1 + next_random(&seed) % 20000;
		piece = piece < s->n - at ? piece : s->n - at;
		if (ug_write(ug_fd_writer(s->other), s->data + at, piece) < 0)
			break;
		at += piece;
	}
	ug_fd_close(s->other);
	return 0;
}

static inline int collect(void *arg)
{
	struct side *s = arg;
	char buf[5000];
	ssize_t n;
	while ((n = ug_fd_read(s->other, buf, sizeof buf)) > 0)
		CHECK_IS(ug_buf_append(&s->got, buf, (size_t)n), 0);
	CHECK_IS(n, 0);
	ug_fd_close(s->other);
	return 0;
}

static inline void open_source(struct side *s, enum kind kind, const char *data, size_t n)
{
	*s = (struct side){.kind = kind, .data = data, .n = n};
	int ends[2];
	if (kind == MEMORY_KIND)
		return;
	if (kind == FILE_KIND) {
		s->mine = adopt(temporary(0));
		CHECK_IS(pwrite(ug_fd_number(s->mine), data, n, 0), n);
		return;
	}
	make_pair(kind, ends);
	s->mine = adopt(ends[0]);
	s->other = adopt(ends[1]);
	CHECK_IS(ug_go_task(feed, s, NULL, &s->helper), 0);
}

static inline void open_target(struct side *s, enum kind kind)
{
	*s = (struct side){.kind = kind};
	int ends[2];
	if (kind == MEMORY_KIND)
		return;
	if (kind == FILE_KIND) {
		s->mine = adopt(temporary(0));
		return;
	}
	make_pair(kind, ends);
	s->mine = adopt(ends[1]);
	s->other = adopt(ends[0]);
	CHECK_IS(ug_go_task(collect, s, NULL, &s->helper), 0);
}

static inline void end_helper(struct side *s)
{
	int result;
	ug_fd_close(s->mine);
	if (!s->helper)
		return;
	CHECK_IS(ug_task_wait(s->helper, &result), 0);
	ug_task_unref(s->helper);
}

/* Closes the target and compares what came with n bytes at data. */
static inline void close_target(struct side *s, const char *data, size_t n)
{
	if (s->kind == FILE_KIND) {
		int fd = ug_fd_number(s->mine);
		void *room;
		size_t size = (size_t)lseek(fd, 0, SEEK_END);
		CHECK_IS(ug_buf_reserve(&s->got, size, &room), 0);
		CHECK_IS(pread(fd, room, size, 0), size);
		ug_buf_commit(&s->got, size);
	}
	end_helper(s);
	CHECK_IS(ug_buf_len(&s->got), n);
	CHECK(memcmp(ug_buf_bytes(&s->got), data, n) == 0);
	ug_buf_done(&s->got);
}

/* From each kind of side into the middle of a file, whose own position must stay. */
static inline void copy_into_the_middle(enum kind from, const char *data, size_t n)
{
	struct side in;
	struct ug_offset o;
	int64_t went;
	char *got = malloc(n + 10);
	ug_fd *to = adopt(temporary(0));
	int fd = ug_fd_number(to);
	CHECK_IS(pwrite(fd, "0123456789", 10, 0), 10);
	CHECK_IS(lseek(fd, 3, SEEK_SET), 3);
	open_source(&in, from, data, n);
	CHECK_IS(ug_copy(ug_offset_writer(&o, ug_fd_writer_at(to), 5), side_reader(&in), &went), 0);
	CHECK_IS(went, n);
	CHECK_IS(lseek(fd, 0, SEEK_CUR), 3);
	CHECK_IS(pread(fd, got, n + 10, 0), n + 5);
	CHECK(memcmp(got, "01234", 5) == 0 && memcmp(got + 5, data, n) == 0);
	ug_fd_close(to);
	end_helper(&in);
	free(got);
}

#endif
