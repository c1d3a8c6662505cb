/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing descriptors: try the call, park on EAGAIN (fd.c says when the try is left out).
 *
 * Three kinds. Sockets (MSG_DONTWAIT) and what else was made non-blocking: as above. Descriptors whose flags are not
 * ours to change (0, 1, 2 are shared with the shell): poll(2) says whether the call would wait, and a write is of
 * PIPE_BUF bytes at most, which a pipe that polls writable takes; should another process be quicker, the call blocks
 * this worker, and the monitor gives its processor to another. Files on a disk never say EAGAIN: reads of cached pages
 * are made here (RWF_NOWAIT), all else on the blocking pool.
 *
 * Frames. Where thousands of tasks wait in a read, each line of each frame between the caller's buffer and the switch
 * is a miss when its task goes on. So a public call has all of the common way, one piece to or from a socket, in its
 * own frame, and the wait below it is one (ug__wait_locked); what else there is lies in functions of its own.
 */
#include "sched/fd_priv.h"

#include <limits.h>
#include <poll.h>
#include <sys/uio.h>

#define INLINE inline __attribute__((always_inline))

/* A write that a pipe which polls writable takes whole. */
static ssize_t write_little(int fd, const struct iovec *iov, int n)
{
	for (const struct iovec *v = iov; v < iov + n; v++)
		if (v->iov_len)
			return ug__sys_write(fd, v->iov_base, v->iov_len < PIPE_BUF ? v->iov_len : PIPE_BUF);
	return 0;
}

static ssize_t call_now(const ug_fd *f, int side, int fd, const struct iovec *iov, int n)
{
	if (f->kind == FD_SOCKET)
		return side ? ug__sys_sendv(fd, iov, n) : ug__sys_recvv(fd, iov, n);
	if (side == 0)
		return ug__sys_readv(fd, iov, n);
	if (f->kind == FD_OTHER && !f->nonblock)
		return write_little(fd, iov, n);
	return ug__sys_writev(fd, iov, n);
}

struct file_io {
	ug_fd *f;
	const struct iovec *iov;
	int count, side;
	ssize_t result;
};

static int call_blocking(void *arg)
{
	struct file_io *io = arg;
	io->result = call_now(io->f, io->side, io->f->fd, io->iov, io->count);
	return 0;
}

static UG__NOINLINE ssize_t on_file(ug_fd *f, int side, int fd, const struct iovec *iov, int n)
{
	if (side == 0) {
		ssize_t got = ug__sys_readv_cached(fd, iov, n);
		if (got > 0)
			return got;
	}
	struct file_io io = {.f = f, .iov = iov, .count = n, .side = side};
	int e = ug_blocking(call_blocking, &io);
	return e < 0 ? e : io.result;
}

static INLINE size_t total(const struct iovec *iov, int n)
{
	size_t sum = 0;
	for (int i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

/* What is no single piece of a socket's. */
static UG__NOINLINE ssize_t try_other(const ug_fd *f, int side, int fd, const struct iovec *iov, int n)
{
	if (f->kind == FD_OTHER && !f->nonblock) {
		int ready = ug__sys_poll_now(fd, side ? POLLOUT : POLLIN);
		if (ready <= 0)
			return ready ? ready : -EAGAIN;
	}
	return call_now(f, side, fd, iov, n);
}

/* The call, unless it is known that it would wait. */
static INLINE ssize_t try_now(ug_fd *f, int side, int fd, const struct iovec *iov, int n, uint32_t seen)
{
	if (ug__fd_drained(f, side, seen))
		return -EAGAIN;
	ssize_t done;
	if (unlikely(f->kind != FD_SOCKET || n != 1))
		done = try_other(f, side, fd, iov, n);
	else if (side)
		done = ug__sys_send(fd, iov->iov_base, iov->iov_len);
	else
		done = ug__sys_recv(fd, iov->iov_base, iov->iov_len);
	if (side == 0 && done > 0 && load_relaxed(&f->tcp) == TCP_YES && (size_t)done < total(iov, n))
		store_relaxed(&f->drained, seen);
	return done;
}

static INLINE ssize_t on_stream(struct ug__task *t, ug_fd *f, int side, int fd, const struct iovec *iov, int n)
{
	for (bool waited = false;; waited = true) {
		uint32_t seen = load_acquire(&f->edges[side]);
		ssize_t done = try_now(f, side, fd, iov, n, seen);
		if (likely(done != -EAGAIN)) {
			if (waited && side == 0)
				ug__give_way_to_readers(t);
			return done;
		}
		int e = ug__fd_wait(t, f, side, seen);
		if (e < 0)
			return e;
	}
}

static INLINE ssize_t transfer(ug_fd *f, int side, const struct iovec *iov, int n)
{
	struct ug__task *t = ug__wait_self();
	UG_TRY(ug__wait_check(t));
	int fd = ug__fd_use(f);
	if (fd < 0)
		return fd;
	ssize_t done = f->kind == FD_FILE ? on_file(f, side, fd, iov, n) : on_stream(t, f, side, fd, iov, n);
	ug__fd_done(f);
	return done;
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
	return transfer(f, 0, iov, n);
}

ssize_t ug_fd_writev(ug_fd *f, const struct iovec *iov, int n)
{
	return transfer(f, 1, iov, n);
}

ssize_t ug_fd_read(ug_fd *f, void *buf, size_t n)
{
	struct iovec v = {.iov_base = buf, .iov_len = n};
	return transfer(f, 0, &v, 1);
}

ssize_t ug_fd_write(ug_fd *f, const void *buf, size_t n)
{
	struct iovec v = {.iov_base = (void *)(uintptr_t)buf, .iov_len = n};
	return transfer(f, 1, &v, 1);
}
