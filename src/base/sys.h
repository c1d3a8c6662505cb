/* SPDX-License-Identifier: MIT */
/*
 * System calls that answer -errno, in functions that never switch tasks: src/base holds the only readers of errno,
 * because its address must not outlive a wait.
 */
#ifndef UG_BASE_SYS_H
#define UG_BASE_SYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct iovec;

/* Any call by number, without libc. */
long ug__syscall(long nr, long a, long b, long c, long d, long e, long f);
/* A call through libc that answered -1: its errno, negated. To be used at once after the call, in src/base only. */
long ug__sys_result(long result);

/* Sleeps while *word == value, until the monotonic time `until` (INT64_MAX: no end). 0 woken or changed, -ETIMEDOUT,
 * -EINTR. */
int ug__futex_wait(uint32_t *word, uint32_t value, int64_t until);
/* Wakes at most n sleepers. */
void ug__futex_wake(uint32_t *word, int n);

/* These are repeated by themselves after EINTR. */
ssize_t ug__sys_read(int fd, void *buf, size_t n);
ssize_t ug__sys_write(int fd, const void *buf, size_t n);
ssize_t ug__sys_readv(int fd, const struct iovec *iov, int n);
ssize_t ug__sys_writev(int fd, const struct iovec *iov, int n);
/* On sockets: never wait, and never raise SIGPIPE. */
ssize_t ug__sys_recv(int fd, void *buf, size_t n);
ssize_t ug__sys_send(int fd, const void *buf, size_t n);
ssize_t ug__sys_recvv(int fd, const struct iovec *iov, int n);
ssize_t ug__sys_sendv(int fd, const struct iovec *iov, int n);
/* From the file's position, cached pages only; -EAGAIN, -EOPNOTSUPP … and 0 mean: ask in a way that may block. */
ssize_t ug__sys_readv_cached(int fd, const struct iovec *iov, int n);
/* Never repeated: the number is gone whatever close answers. */
int ug__sys_close(int fd);
/* Sets or clears O_NONBLOCK. */
int ug__sys_nonblock(int fd, int on);
/* Whether a socket is a TCP connection. */
int ug__sys_is_tcp(int fd);
/* poll(2) of one descriptor without waiting: revents, 0 or a negative code. */
int ug__sys_poll_now(int fd, short events);
/* The same, waiting until a monotonic time: 1, -ETIMEDOUT or a negative code. */
int ug__sys_poll_until(int fd, short events, int64_t until);
/* The beginning of a small file as text, NUL-terminated; its length or a negative code. */
int ug__sys_read_file(const char *path, char *buf, size_t size);
struct stat;
int ug__sys_fstat(int fd, struct stat *st);

/* The library's own broken invariants: one line on descriptor 2, then abort. */
#define ug__check(cond)                                                                                                \
	do {                                                                                                           \
		if (__builtin_expect(!(cond), 0))                                                                      \
			ug__broken(#cond, __FILE__, __LINE__);                                                         \
	} while (0)
__attribute__((noreturn, cold)) void ug__broken(const char *what, const char *file, int line);

/* Writes one formatted piece, at most 512 bytes, to a bare descriptor; for reports. Neither allocates nor locks. */
__attribute__((format(printf, 2, 3))) void ug__report(int fd, const char *format, ...);

#endif
