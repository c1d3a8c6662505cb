/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing descriptors: try the call, park on EAGAIN (fd.c says when the try is left out).
 *
 * Three kinds. Sockets (MSG_DONTWAIT) and what else was made non-blocking: as above. Descriptors whose flags are not
 * ours to change (0, 1, 2 are shared with the shell): poll(2) says whether the call would wait, and a write is of
 * PIPE_BUF bytes at most, which a pipe that polls writable takes; should another process be quicker, the call blocks
 * this worker, and the monitor gives its processor to another. Files on a disk never say EAGAIN: reads of cached pages
 * are made here (RWF_NOWAIT), all else on the blocking pool.
 */
#include "sched/fd_priv.h"

#include <limits.h>
#include <poll.h>
#include <sys/uio.h>

struct io {
	ug_fd *f;
	const struct iovec *iov;
	int count;
	int side;
	ssize_t result;
};

/* A write that a pipe which polls writable takes whole. */
static ssize_t write_little(const struct io *io, int fd)
{
	for (const struct iovec *v = io->iov; v < io->iov + io->count; v++)
		if (v->iov_len)
			return ug__sys_write(fd, v->iov_base, v->iov_len < PIPE_BUF ? v->iov_len : PIPE_BUF);
	return 0;
}

static ssize_t call_now(const struct io *io, int fd)
{
	if (io->f->kind == FD_SOCKET)
		return io->side ? ug__sys_sendv(fd, io->iov, io->count) : ug__sys_recvv(fd, io->iov, io->count);
	if (io->side == 0)
		return ug__sys_readv(fd, io->iov, io->count);
	if (io->f->kind == FD_OTHER && !io->f->nonblock)
		return write_little(io, fd);
	return ug__sys_writev(fd, io->iov, io->count);
}

static int call_blocking(void *arg)
{
	struct io *io = arg;
	io->result = call_now(io, io->f->fd);
	return 0;
}

static ssize_t on_file(struct io *io, int fd)
{
	if (io->side == 0) {
		ssize_t n = ug__sys_readv_cached(fd, io->iov, io->count);
		if (n > 0)
			return n;
	}
	int e = ug_blocking(call_blocking, io);
	return e < 0 ? e : io->result;
}

static size_t total(const struct io *io)
{
	size_t n = 0;
	for (int i = 0; i < io->count; i++)
		n += io->iov[i].iov_len;
	return n;
}

/* The call, unless it is known that it would wait. */
static ssize_t try_now(struct io *io, int fd, uint32_t seen)
{
	ug_fd *f = io->f;
	if (ug__fd_drained(f, io->side, seen))
		return -EAGAIN;
	if (f->kind == FD_OTHER && !f->nonblock) {
		int ready = ug__sys_poll_now(fd, io->side ? POLLOUT : POLLIN);
		if (ready <= 0)
			return ready ? ready : -EAGAIN;
	}
	ssize_t n = call_now(io, fd);
	if (io->side == 0 && n > 0 && load_relaxed(&f->tcp) == TCP_YES && (size_t)n < total(io))
		store_relaxed(&f->drained, seen);
	return n;
}

static ssize_t on_stream(struct ug__task *t, struct io *io, int fd)
{
	for (;;) {
		uint32_t seen = load_acquire(&io->f->edges[io->side]);
		ssize_t n = try_now(io, fd, seen);
		if (n != -EAGAIN)
			return n;
		int e = ug__fd_wait(t, io->f, io->side, seen);
		if (e < 0)
			return e;
	}
}

static ssize_t transfer(struct io *io)
{
	struct ug__task *t = ug__wait_self();
	UG_TRY(ug__wait_check(t));
	int fd = ug__fd_use(io->f);
	if (fd < 0)
		return fd;
	ssize_t n = io->f->kind == FD_FILE ? on_file(io, fd) : on_stream(t, io, fd);
	ug__fd_unuse(io->f);
	return n;
}

int ug__fd_try(ug_fd *f, int side, int (*call)(int fd, void *arg), void *arg)
{
	struct ug__task *t = ug__wait_self();
	UG_TRY(ug__wait_check(t));
	int fd = ug__fd_use(f);
	UG_TRY(fd);
	for (int e = 0;; e = 0) {
		uint32_t seen = load_acquire(&f->edges[side]);
		e = call(fd, arg);
		if (e == -EAGAIN && (e = ug__fd_wait(t, f, side, seen)) == 0)
			continue;
		ug__fd_unuse(f);
		return e;
	}
}

ssize_t ug_fd_readv(ug_fd *f, const struct iovec *iov, int n)
{
	struct io io = {.f = f, .iov = iov, .count = n};
	return transfer(&io);
}

ssize_t ug_fd_writev(ug_fd *f, const struct iovec *iov, int n)
{
	struct io io = {.f = f, .iov = iov, .count = n, .side = 1};
	return transfer(&io);
}

ssize_t ug_fd_read(ug_fd *f, void *buf, size_t n)
{
	struct iovec v = {.iov_base = buf, .iov_len = n};
	return ug_fd_readv(f, &v, 1);
}

ssize_t ug_fd_write(ug_fd *f, const void *buf, size_t n)
{
	struct iovec v = {.iov_base = (void *)(uintptr_t)buf, .iov_len = n};
	return ug_fd_writev(f, &v, 1);
}
