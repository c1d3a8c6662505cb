/* SPDX-License-Identifier: MIT */
/*
 * Connections over sockets. One is its descriptor, counted as that, and has no record of its own: of thousands of
 * connections each record is a miss when its turn comes.
 *
 * The address of the peer is kept beside it from accept or connect, because getpeername has none to tell once the peer
 * has reset the connection, which is when a log wants it.
 */
#include "net/net_priv.h"

#include "base/sys.h"
#include "sched/sched.h"
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

/* In the descriptor's room; family 0: ask the system. */
union remote {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};
_Static_assert(sizeof(union remote) <= UG__FD_ROOM, "it lies in the descriptor's record");

static ssize_t sock_read(void *self, void *buf, size_t n)
{
	return ug_fd_read(self, buf, n);
}

static ssize_t sock_write_some(void *self, const struct iovec *iov, int n)
{
	return ug_fd_writev(self, iov, n);
}

/* Mostly the socket takes it all. */
static ssize_t sock_write(void *self, const void *buf, size_t n)
{
	ssize_t put = n <= PTRDIFF_MAX ? ug_fd_write(self, buf, n) : -EINVAL;
	if (likely(put < 0 || (size_t)put == n))
		return put;
	ssize_t rest = ug_write(ug_fd_writer(self), (const char *)buf + put, n - (size_t)put);
	return rest < 0 ? rest : (ssize_t)n;
}

static ug_fd *sock_fd(void *self)
{
	return self;
}

static int sock_wait_readable(void *self)
{
	return ug__fd_await(self, 0);
}

static int sock_shutdown_write(void *self)
{
	int fd = ug__fd_use(self);
	UG_TRY(fd);
	int e = ug__sys_shutdown(fd, SHUT_WR);
	ug__fd_unuse(self);
	return e;
}

int ug__sock_set_int(int fd, int level, int name, int value)
{
	return ug__sys_setsockopt(fd, level, name, &value, sizeof value);
}

static int set_on(int fd, int option, int value)
{
	struct linger linger = {.l_onoff = value == 0};
	switch (option) {
	case UG_CONN_NODELAY:
		return ug__sock_set_int(fd, IPPROTO_TCP, TCP_NODELAY, value);
	case UG_CONN_CORK:
		return ug__sock_set_int(fd, IPPROTO_TCP, TCP_CORK, value);
	case UG_CONN_LINGER:
		if (value > 0) /* close(2) would wait so many seconds, O_NONBLOCK or not */
			return -EINVAL;
		return ug__sys_setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	case UG_CONN_READ_BUFFER:
		return ug__sock_set_int(fd, SOL_SOCKET, SO_RCVBUF, value);
	case UG_CONN_WRITE_BUFFER:
		return ug__sock_set_int(fd, SOL_SOCKET, SO_SNDBUF, value);
	default:
		return -EINVAL;
	}
}

static int sock_set(void *self, int option, int64_t value)
{
	if (value < -1 || value > INT32_MAX)
		return -EINVAL;
	int fd = ug__fd_use(self);
	UG_TRY(fd);
	int e = set_on(fd, option, (int)value);
	ug__fd_unuse(self);
	/* A Unix socket has none of TCP's options. */
	return e == -ENOPROTOOPT || e == -EOPNOTSUPP ? -ENOTSUP : e;
}

int ug__sock_addr(ug_fd *f, int remote, ug_addr *out)
{
	union ug__sockaddr sa;
	socklen_t size = sizeof sa;
	int fd = ug__fd_use(f);
	UG_TRY(fd);
	int e = ug__sys_getsockname(fd, remote, &sa.any, &size);
	ug__fd_unuse(f);
	UG_TRY(e);
	return ug_addr_from_sockaddr(&sa.any, size, out);
}

static int sock_addr(void *self, int remote, ug_addr *out)
{
	const union remote *r = ug__fd_room(self);
	if (remote && r->any.sa_family)
		return ug_addr_from_sockaddr(&r->any, sizeof *r, out);
	return ug__sock_addr(self, remote, out);
}

static void sock_ref(void *self)
{
	ug_fd_ref(self);
}

static void sock_unref(void *self)
{
	ug_fd_unref(self);
}

static int sock_close(void *self)
{
	(void)ug_fd_close(self);
	return 0;
}

static const struct ug_reader_ops reader_ops = {.size = sizeof reader_ops, .read = sock_read, .fd = sock_fd};
static const struct ug_writer_ops writer_ops = {.size = sizeof writer_ops, .write = sock_write, .fd = sock_fd};
static const struct ug_conn_ops conn_ops = {
	.size = sizeof conn_ops,
	.reader = &reader_ops,
	.writer = &writer_ops,
	.write_some = sock_write_some,
	.wait_readable = sock_wait_readable,
	.shutdown_write = sock_shutdown_write,
	.set = sock_set,
	.addr = sock_addr,
	.ref = sock_ref,
	.unref = sock_unref,
	.close = sock_close,
};

int ug__sock_conn(int fd, int adopt_flags, const union ug__sockaddr *remote, ug_conn *out)
{
	ug_fd *f;
	UG_TRY(ug__fd_adopt(fd, S_IFSOCK, adopt_flags, &f));
	if (remote && (remote->any.sa_family == AF_INET || remote->any.sa_family == AF_INET6))
		memcpy(ug__fd_room(f), remote, sizeof(union remote));
	*out = (ug_conn){&conn_ops, f};
	return 0;
}

int ug_conn_adopt(int fd, ug_conn *out)
{
	int type;
	UG_TRY(ug__sys_getsockopt_int(fd, SOL_SOCKET, SO_TYPE, &type));
	return ug__sock_conn(fd, UG_FD_NONBLOCK, NULL, out);
}

/* Go's defaults: data goes at once, and a peer that is silent for 15 s is asked whether it is there. */
int ug__sock_set_defaults(int fd, int no_delay, int64_t keep_alive)
{
	if (no_delay >= 0)
		UG_TRY(ug__sock_set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1));
	if (keep_alive < 0)
		return 0;
	int64_t seconds = keep_alive == 0 ? 15 : (keep_alive - 1) / UG_SECOND + 1;
	if (seconds > 32767) /* MAX_TCP_KEEPIDLE of Linux */
		return -EINVAL;
	UG_TRY(ug__sock_set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1));
	UG_TRY(ug__sock_set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)seconds));
	return ug__sock_set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, (int)seconds);
}
