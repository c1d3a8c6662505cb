/* SPDX-License-Identifier: MIT */
#include "base/sys.h"

#include "base/atomic.h"
#include "base/retry_priv.h"
#include "config.h"
#include UG_CPU_H
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

UG__NOINLINE long ug__sys_result(long result)
{
	return result < 0 ? -errno : result;
}

long ug__syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	return ug__kernel(nr, a, b, c, d, e, f);
}

int ug__futex_wait(uint32_t *word, uint32_t value, int64_t until)
{
	struct timespec ts = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
	/* WAIT_BITSET takes an absolute time on the monotonic clock; plain WAIT would take a relative one. */
	long r = ug__syscall(SYS_futex, (long)word, FUTEX_WAIT_BITSET_PRIVATE, (long)value,
		until == INT64_MAX ? 0 : (long)&ts, 0, (long)FUTEX_BITSET_MATCH_ANY);
	return r == -EAGAIN ? 0 : (int)r;
}

void ug__futex_wake(uint32_t *word, int n)
{
	ug__syscall(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, n, 0, 0, 0);
}

UG__NOINLINE ssize_t ug__sys_read(int fd, void *buf, size_t n)
{
	return RETRY(read(fd, buf, n));
}

UG__NOINLINE ssize_t ug__sys_write(int fd, const void *buf, size_t n)
{
	return RETRY(write(fd, buf, n));
}

UG__NOINLINE ssize_t ug__sys_readv(int fd, const struct iovec *iov, int n)
{
	return RETRY(readv(fd, iov, n));
}

UG__NOINLINE ssize_t ug__sys_writev(int fd, const struct iovec *iov, int n)
{
	return RETRY(writev(fd, iov, n));
}

/*
 * What servers live on, without libc's functions: those are points at which a thread may be cancelled, and each costs
 * two locked instructions where there are threads; its syscall() shifts seven arguments. Sanitizers look into libc's,
 * and know no others.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define THROUGH_LIBC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define THROUGH_LIBC 1
#endif
#endif
#ifdef THROUGH_LIBC
#define RECV(fd, buf, n, flags) ug__sys_result(recv(fd, buf, n, flags))
#define SEND(fd, buf, n, flags) ug__sys_result(send(fd, buf, n, flags))
#else
#define RECV(fd, buf, n, flags) ug__kernel(SYS_recvfrom, fd, (long)(buf), (long)(n), flags, 0, 0)
#define SEND(fd, buf, n, flags) ug__kernel(SYS_sendto, fd, (long)(buf), (long)(n), flags, 0, 0)
#endif

UG__NOINLINE ssize_t ug__sys_recv(int fd, void *buf, size_t n)
{
	ssize_t r;
	do
		r = RECV(fd, buf, n, MSG_DONTWAIT);
	while (unlikely(r == -EINTR));
	return r;
}

UG__NOINLINE ssize_t ug__sys_send(int fd, const void *buf, size_t n)
{
	ssize_t r;
	do
		r = SEND(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (unlikely(r == -EINTR));
	return r;
}

UG__NOINLINE ssize_t ug__sys_recvv(int fd, const struct iovec *iov, int n)
{
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};
	return RETRY(recvmsg(fd, &m, MSG_DONTWAIT));
}

UG__NOINLINE ssize_t ug__sys_sendv(int fd, const struct iovec *iov, int n)
{
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};
	return RETRY(sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL));
}

UG__NOINLINE ssize_t ug__sys_readv_cached(int fd, const struct iovec *iov, int n)
{
	return RETRY(preadv2(fd, iov, n, -1, RWF_NOWAIT));
}

int ug__sys_read_file(const char *path, char *buf, size_t size)
{
	int fd = (int)ug__syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return fd;
	ssize_t n = ug__sys_read(fd, buf, size - 1);
	ug__sys_close(fd);
	if (n >= 0)
		buf[n] = 0;
	return (int)n;
}

UG__NOINLINE int ug__sys_fstat(int fd, struct stat *st)
{
	return (int)ug__sys_result(fstat(fd, st));
}

UG__NOINLINE int ug__sys_close(int fd)
{
	return (int)ug__sys_result(close(fd));
}

UG__NOINLINE int ug__sys_nonblock(int fd, int on)
{
	long flags = ug__sys_result(fcntl(fd, F_GETFL));
	if (flags < 0)
		return (int)flags;
	long wanted = on ? flags | O_NONBLOCK : flags & ~(long)O_NONBLOCK;
	return wanted == flags ? 0 : (int)ug__sys_result(fcntl(fd, F_SETFL, (int)wanted));
}

UG__NOINLINE int ug__sys_is_tcp(int fd)
{
	int protocol = 0, type = 0;
	socklen_t n = sizeof protocol, m = sizeof type;
	return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &n) == 0 && protocol == IPPROTO_TCP &&
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &m) == 0 && type == SOCK_STREAM;
}

UG__NOINLINE int ug__sys_poll_now(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	long r = RETRY(poll(&p, 1, 0));
	return r < 0 ? (int)r : p.revents;
}

UG__NOINLINE int ug__sys_poll_until(int fd, short events, int64_t until)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		struct timespec now = {0}, left = {0};
		clock_gettime(CLOCK_MONOTONIC, &now);
		int64_t ns = until - ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
		if (until != INT64_MAX && ns > 0)
			left = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
		long r = ug__sys_result(ppoll(&p, 1, until == INT64_MAX ? NULL : &left, NULL));
		if (r > 0)
			return 1;
		if (r == 0)
			return -ETIMEDOUT;
		if (r != -EINTR)
			return (int)r;
	}
}

void ug__report(int fd, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n > (int)sizeof text - 1)
		n = (int)sizeof text - 1;
	for (char *at = text; n > 0;) {
		ssize_t wrote = ug__sys_write(fd, at, (size_t)n);
		if (wrote <= 0)
			return;
		at += wrote;
		n -= (int)wrote;
	}
}

void ug__broken(const char *what, const char *file, int line)
{
	ug__report(2, "undergo: broken invariant: %s (%s:%d)\n", what, file, line);
	abort();
}
