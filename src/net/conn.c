/* SPDX-License-Identifier: MIT */
/* Connections and listeners as values: each call goes to the table of whoever made it. */
#include "net/net_priv.h"

#include "base/sys_net.h"
#include "sched/sched.h"
#include <limits.h>
#include <string.h>
#include <sys/uio.h>

ssize_t ug_conn_read(ug_conn c, void *buf, size_t n)
{
	if (!c.ops)
		return -EBADF;
	return n == 0 ? 0 : c.ops->reader->read(c.self, buf, n);
}

ssize_t ug_conn_write(ug_conn c, const void *buf, size_t n)
{
	if (!c.ops)
		return -EBADF;
	return n == 0 ? 0 : c.ops->writer->write(c.self, buf, n);
}

ssize_t ug_conn_write_some(ug_conn c, const struct iovec *iov, int n)
{
	if (!c.ops)
		return -EBADF;
	if (n < 0 || n > IOV_MAX)
		return -EINVAL;
	/* An empty piece in front would be taken for the end by whoever asks for "some". */
	for (; n > 0 && iov->iov_len == 0; n--)
		iov++;
	if (n == 0)
		return 0;
	return c.ops->write_some ? c.ops->write_some(c.self, iov, n)
				 : c.ops->writer->write(c.self, iov->iov_base, iov->iov_len);
}

/* What is left of the pieces, `skip` bytes of the first having gone, as far as it has room in `window`. */
#define WINDOW 16
static int window_of(const struct iovec *iov, int n, size_t skip, struct iovec *window)
{
	n = n < WINDOW ? n : WINDOW;
	memcpy(window, iov, (size_t)n * sizeof *iov);
	window[0].iov_base = (char *)window[0].iov_base + skip;
	window[0].iov_len -= skip;
	return n;
}

ssize_t ug_conn_writev(ug_conn c, const struct iovec *iov, int n)
{
	size_t skip = 0;
	ssize_t sum = 0;
	for (;;) {
		struct iovec window[WINDOW];
		ssize_t r = skip == 0 ? ug_conn_write_some(c, iov, n)
				      : ug_conn_write_some(c, window, window_of(iov, n, skip, window));
		if (r < 0)
			return r;
		sum += r;
		skip += (size_t)r;
		for (; n > 0 && skip >= iov->iov_len; n--)
			skip -= iov++->iov_len;
		if (n == 0)
			return sum;
	}
}

int ug_conn_wait_readable(ug_conn c)
{
	if (!c.ops)
		return -EBADF;
	return c.ops->wait_readable ? c.ops->wait_readable(c.self) : 0;
}

int ug_conn_shutdown_write(ug_conn c)
{
	if (!c.ops)
		return -EBADF;
	return c.ops->shutdown_write ? c.ops->shutdown_write(c.self) : -ENOTSUP;
}

int ug_conn_set(ug_conn c, int option, int64_t value)
{
	if (!c.ops)
		return -EBADF;
	return c.ops->set ? c.ops->set(c.self, option, value) : -ENOTSUP;
}

static int conn_addr(ug_conn c, int remote, ug_addr *out)
{
	if (!c.ops)
		return -EBADF;
	if (c.ops->addr)
		return c.ops->addr(c.self, remote, out);
	*out = (ug_addr){0};
	return 0;
}

int ug_conn_local(ug_conn c, ug_addr *out)
{
	return conn_addr(c, 0, out);
}

int ug_conn_remote(ug_conn c, ug_addr *out)
{
	return conn_addr(c, 1, out);
}

ug_reader ug_conn_reader(ug_conn c)
{
	return (ug_reader){c.ops ? c.ops->reader : NULL, c.self};
}

ug_writer ug_conn_writer(ug_conn c)
{
	return (ug_writer){c.ops ? c.ops->writer : NULL, c.self};
}

ug_fd *ug_conn_fd(ug_conn c)
{
	return c.ops && c.ops->reader->fd ? c.ops->reader->fd(c.self) : NULL;
}

ug_conn ug_conn_ref(ug_conn c)
{
	if (c.ops)
		c.ops->ref(c.self);
	return c;
}

void ug_conn_unref(ug_conn c)
{
	if (c.ops)
		c.ops->unref(c.self);
}

int ug_conn_close(ug_conn c)
{
	return c.ops ? c.ops->close(c.self) : 0;
}

void ug_conn_clean(ug_conn *c)
{
	(void)ug_conn_close(*c);
	*c = (ug_conn){0};
}

/* Listeners ------------------------------------------------------------------------------------------------------ */

int ug_accept(ug_listener l, ug_conn *out)
{
	return l.ops ? l.ops->accept(l.self, out) : -EBADF;
}

int ug_listener_shed(ug_listener l)
{
	if (!l.ops)
		return -EBADF;
	return l.ops->shed ? l.ops->shed(l.self) : -ENOTSUP;
}

int ug_listener_addr(ug_listener l, ug_addr *out)
{
	if (!l.ops)
		return -EBADF;
	if (l.ops->addr)
		return l.ops->addr(l.self, out);
	*out = (ug_addr){0};
	return 0;
}

ug_fd *ug_listener_fd(ug_listener l)
{
	return l.ops && l.ops->fd ? l.ops->fd(l.self) : NULL;
}

ug_listener ug_listener_ref(ug_listener l)
{
	if (l.ops)
		l.ops->ref(l.self);
	return l;
}

void ug_listener_unref(ug_listener l)
{
	if (l.ops)
		l.ops->unref(l.self);
}

int ug_listener_close(ug_listener l)
{
	return l.ops ? l.ops->close(l.self) : 0;
}

void ug_listener_clean(ug_listener *l)
{
	(void)ug_listener_close(*l);
	*l = (ug_listener){0};
}

int64_t ug_conn_unsent(ug_conn c)
{
	ug_fd *f = ug_conn_fd(c);
	int fd = f ? ug__fd_use(f) : -ENOTSUP;
	if (fd < 0)
		return fd;
	int n = ug__sys_unsent(fd);
	ug__fd_unuse(f);
	return n < 0 ? -ENOTSUP : n;
}
