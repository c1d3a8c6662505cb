/* SPDX-License-Identifier: MIT */
/*
 * Connecting. The addresses of a name are tried in the order that the resolver gives, one at a time; each gets an equal
 * share of the time that is left, yet 2 s at least, so that a silent first address does not use it all up (Go:
 * partialDeadline).
 */
#include "net/net_priv.h"

#include "base/sys.h"
#include "sched/sched.h"
#include <stdlib.h>

#define LEAST_SHARE (2 * UG_SECOND)

static int64_t share_of(int64_t deadline, size_t left)
{
	if (deadline == UG_FOREVER)
		return UG_FOREVER;
	int64_t now = ug_now(), share = (deadline - now) / (int64_t)left;
	int64_t end = ug_time_add(now, share > LEAST_SHARE ? share : LEAST_SHARE);
	return end < deadline ? end : deadline;
}

/* Waits for the end of a connect that goes on. */
static int finish(ug_fd *f)
{
	ug_addr remote;
	int e;
	do {
		UG_TRY(ug_fd_wait_writable(f));
		int fd = ug__fd_use(f);
		UG_TRY(fd);
		e = ug__sys_socket_error(fd);
		ug__fd_unuse(f);
		UG_TRY(e);
		/* Readiness may be a false report: only a connected socket has a peer. */
		e = ug__sock_addr(f, 1, &remote);
	} while (e == -ENOTCONN);
	return e;
}

/* The system may give the socket the very port that it connects to, where nobody listens there: it is connected to
 * itself then (RFC 9293 3.5, simultaneous open). */
static int is_own_peer(ug_fd *f)
{
	ug_addr local, remote;
	return ug__sock_addr(f, 0, &local) == 0 && ug__sock_addr(f, 1, &remote) == 0 && local.family != AF_UNIX &&
		ug_addr_compare(&local, &remote) == 0;
}

static int prepare(int fd, const ug_addr *a, const struct ug_dial_opts *opts)
{
	if (a->family != AF_UNIX)
		UG_TRY(ug__sock_set_defaults(fd, opts->no_delay, opts->keep_alive));
	if (!opts->local)
		return 0;
	union ug__sockaddr sa;
	int size = ug_addr_to_sockaddr(opts->local, &sa.any, sizeof sa);
	UG_TRY(size);
	return ug__sys_bind(fd, &sa.any, (socklen_t)size);
}

/* A Unix socket has no connection under way: while the listener's queue is full it just says no. */
static int connect_start(int fd, const union ug__sockaddr *sa, socklen_t size)
{
	int e;
	for (int64_t pause = UG_MS; (e = ug__sys_connect(fd, &sa->any, size)) == -EAGAIN; pause *= 2)
		UG_TRY(ug_sleep(pause < 50 * UG_MS ? pause : 50 * UG_MS));
	return e;
}

static int dial_socket(int fd, const ug_addr *a, const struct ug_dial_opts *opts, ug_conn *out)
{
	union ug__sockaddr sa;
	int size = ug_addr_to_sockaddr(a, &sa.any, sizeof sa);
	UG_TRY(size);
	UG_TRY(prepare(fd, a, opts));
	int e = connect_start(fd, &sa, (socklen_t)size);
	int goes_on = e == -EINPROGRESS || e == -EINTR;
	if (e < 0 && !goes_on)
		return e;
	UG_TRY(ug__sock_conn(fd, 0, &sa, out));
	return goes_on;
}

int ug_dial_addr(const ug_addr *a, const struct ug_dial_opts *opts, ug_conn *out)
{
	static const struct ug_dial_opts none;
	if (!opts)
		opts = &none;
	UG_TRY(ug_ctx_err(NULL));
	int fd = ug__sys_socket(a->family, SOCK_STREAM, 0);
	UG_TRY(fd);
	ug_conn c;
	int e = dial_socket(fd, a, opts, &c);
	if (e < 0) {
		ug__sys_close(fd);
		return e;
	}
	ug_fd *f = ug_conn_fd(c);
	e = e ? finish(f) : 0;
	if (e == 0 && !opts->local && is_own_peer(f))
		e = -ECONNREFUSED;
	if (e < 0)
		ug_conn_close(c);
	else
		*out = c;
	return e;
}

static int dial_any(const ug_addr *addrs, size_t count, const struct ug_dial_opts *opts, ug_conn *out)
{
	int64_t deadline = ug_ctx_deadline(NULL);
	int e = -EADDRNOTAVAIL;
	for (size_t i = 0; i < count; i++) {
		UG_TRY(ug_ctx_err(NULL));
		ug_ctx scope;
		ug_ctx_push_deadline(&scope, share_of(deadline, count - i));
		e = ug_dial_addr(&addrs[i], opts, out);
		ug_ctx_pop(&scope);
		if (e == 0)
			break;
	}
	return e;
}

int ug_dial(const char *network, const char *address, const struct ug_dial_opts *opts, ug_conn *out)
{
	ug_addr *addrs;
	size_t count;
	UG_TRY(ug__resolve_all(network, address, &addrs, &count));
	int e = dial_any(addrs, count, opts, out);
	free(addrs);
	return e;
}
