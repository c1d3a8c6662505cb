/* SPDX-License-Identifier: MIT */
/*
 * Listening. Linux hands the options of a listening socket down to the connections that come out of it, so TCP_NODELAY
 * and keep-alive cost nothing at accept.
 *
 * A process that is out of descriptors cannot accept, and so cannot even refuse: clients hang in the queue. A listener
 * therefore holds one descriptor in reserve; ug_listener_shed gives it up for the moment that it takes to accept a
 * connection and close it. And since many a loop just calls accept again, the call pauses before it says so.
 */
#include "net/net_priv.h"

#include "base/atomic.h"
#include "base/sys.h"
#include "base/sys_file.h"
#include "sched/sched.h"
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SHORTAGE_PAUSE (5 * UG_MS)
#define REFUSALS 16 /* in a row, before a pause: where it is the call that is refused, not its connection */

/* The file of a Unix socket that was bound here. By now another may stand at its path, which is not ours to remove. */
struct unix_file {
	char path[sizeof((struct sockaddr_un *)0)->sun_path + 1]; /* "": none */
	dev_t dev;
	ino_t ino;
};

struct listener {
	uint32_t refs;
	uint32_t closed;
	uint32_t dropped; /* 1: an accept that had no memory has closed its connection */
	int spare; /* -1: none, or in use */
	int adopt_flags; /* of what it accepts */
	ug_fd *fd;
	struct unix_file file;
};

/* Accepting ------------------------------------------------------------------------------------------------------ */

static int spare_open(void)
{
	return ug__sys_socket(AF_UNIX, SOCK_DGRAM, 0);
}

static int accept_now(int fd, void *arg)
{
	union ug__sockaddr *sa = arg;
	socklen_t size = sizeof *sa;
	return ug__sys_accept(fd, &sa->any, &size);
}

/* The connection had an error of its own before anybody saw it (man 2 accept: "Error handling"). */
static int is_of_connection(int e)
{
	switch (e) {
	case -EINTR:
	case -ECONNABORTED:
	case -EPROTO:
	case -ENOPROTOOPT:
	case -ENETDOWN:
	case -ENETUNREACH:
	case -EHOSTDOWN:
	case -EHOSTUNREACH:
	case -ENONET:
	case -ENOSR:
	case -ESOCKTNOSUPPORT:
	case -EPROTONOSUPPORT:
	case -ETIMEDOUT:
	case -EPERM: /* by a firewall */
		return 1;
	default:
		return 0;
	}
}

static int is_shortage(int e)
{
	return e == -EMFILE || e == -ENFILE || e == -ENOBUFS || e == -ENOMEM;
}

/* What to do after accept's error e: 0, try again; else the call's answer. */
static int accept_failed(int e, int *refusals, int *shortages)
{
	if (is_of_connection(e))
		return ++*refusals % REFUSALS == 0 ? ug_sleep(SHORTAGE_PAUSE) : 0;
	return is_shortage(e) && !(*shortages)++ ? ug_sleep(SHORTAGE_PAUSE) : e;
}

static int accept_fd(struct listener *l, union ug__sockaddr *sa)
{
	int refusals = 0, shortages = 0;
	for (;;) {
		UG_TRY(ug_ctx_err(NULL));
		int fd = ug__fd_try(l->fd, 0, accept_now, sa);
		if (fd >= 0)
			return fd;
		UG_TRY(accept_failed(fd, &refusals, &shortages));
	}
}

static int listener_accept(void *self, ug_conn *out)
{
	struct listener *l = self;
	union ug__sockaddr sa;
	int fd = accept_fd(l, &sa);
	if (fd < 0)
		return load_acquire(&l->closed) ? -EBADF : fd;
	int e = ug__sock_conn(fd, l->adopt_flags, &sa, out);
	if (e < 0) {
		ug__sys_close(fd);
		store_relaxed(&l->dropped, 1u);
	}
	return e;
}

static int listener_shed(void *self)
{
	struct listener *l = self;
	union ug__sockaddr sa;
	if (swap_acq_rel(&l->dropped, 0u))
		return 0; /* that was it */
	int spare = swap_acq_rel(&l->spare, -1);
	if (spare >= 0)
		ug__sys_close(spare);
	int fd = ug__fd_use(l->fd), listening = fd;
	if (listening >= 0) {
		fd = accept_now(listening, &sa);
		ug__fd_unuse(l->fd);
	}
	if (fd >= 0)
		ug__sys_close(fd);
	spare = spare_open();
	int old = spare >= 0 ? swap_acq_rel(&l->spare, spare) : -1;
	if (old >= 0)
		ug__sys_close(old);
	return fd < 0 ? fd : 0;
}

/* The rest of its table ------------------------------------------------------------------------------------------ */

static int listener_addr(void *self, ug_addr *out)
{
	return ug__sock_addr(((struct listener *)self)->fd, 0, out);
}

static ug_fd *listener_fd(void *self)
{
	return ((struct listener *)self)->fd;
}

static void listener_ref(void *self)
{
	add_relaxed(&((struct listener *)self)->refs, 1u);
}

static void listener_unref(void *self)
{
	struct listener *l = self;
	if (add_acq_rel(&l->refs, -1u) != 1)
		return;
	if (l->spare >= 0)
		ug__sys_close(l->spare);
	ug_fd_unref(l->fd);
	free(l);
}

static int remove_slow(void *arg)
{
	struct unix_file *f = arg;
	struct stat st;
	if (ug__sys_fstatat(AT_FDCWD, f->path, AT_SYMLINK_NOFOLLOW, &st) == 0 && st.st_dev == f->dev &&
		st.st_ino == f->ino)
		(void)ug__sys_unlinkat(AT_FDCWD, f->path, 0); /* it may be gone already */
	f->path[0] = '\0';
	return 0;
}

/* While its socket is open: nobody else's file gets the number of the inode. */
static void remove_file(struct unix_file *f)
{
	if (!f->path[0])
		return;
	UG_SHIELD {
		(void)ug_blocking(remove_slow, f);
	}
	if (f->path[0]) /* no thread could be had */
		remove_slow(f);
}

static int listener_close(void *self)
{
	struct listener *l = self;
	if (swap_acq_rel(&l->closed, 1u) == 0) {
		remove_file(&l->file);
		ug_fd_close(ug_fd_ref(l->fd));
	}
	listener_unref(l);
	return 0;
}

static const struct ug_listener_ops listener_ops = {
	.size = sizeof listener_ops,
	.accept = listener_accept,
	.shed = listener_shed,
	.addr = listener_addr,
	.fd = listener_fd,
	.ref = listener_ref,
	.unref = listener_unref,
	.close = listener_close,
};

static int listener_new(int fd, int adopt_flags, const struct unix_file *file, ug_listener *out)
{
	struct listener *l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	int e = ug__fd_adopt(fd, S_IFSOCK, adopt_flags, &l->fd);
	if (e < 0) {
		free(l);
		return e;
	}
	l->refs = 1;
	l->spare = spare_open();
	l->adopt_flags = ug__sys_is_tcp(fd) ? UG__FD_TCP : 0;
	if (file)
		l->file = *file;
	*out = (ug_listener){&listener_ops, l};
	return 0;
}

int ug_listener_adopt(int fd, ug_listener *out)
{
	int listens;
	UG_TRY(ug__sys_getsockopt_int(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens));
	return listens ? listener_new(fd, UG_FD_NONBLOCK, NULL, out) : -EINVAL;
}

/* Listening ------------------------------------------------------------------------------------------------------ */

struct bind_call {
	int fd;
	mode_t mode;
	socklen_t size;
	union ug__sockaddr sa;
	struct unix_file file;
};

/* A socket's file outlives a process that was killed: nobody answers there. What is no socket refuses connections
 * too. */
static int is_deserted(const struct bind_call *c)
{
	struct stat st;
	UG_TRY(ug__sys_fstatat(AT_FDCWD, c->sa.un.sun_path, AT_SYMLINK_NOFOLLOW, &st));
	if (!S_ISSOCK(st.st_mode))
		return 0;
	int fd = ug__sys_socket(AF_UNIX, SOCK_STREAM, 0);
	UG_TRY(fd);
	int e = ug__sys_connect(fd, &c->sa.any, c->size);
	ug__sys_close(fd);
	return e == -ECONNREFUSED;
}

/* Notes which file was made. Whoever finds it before its mode is right is refused anyhow: the socket does not listen
 * yet. */
static int finish_file(struct bind_call *c)
{
	struct stat st;
	UG_TRY(ug__sys_fstatat(AT_FDCWD, c->sa.un.sun_path, AT_SYMLINK_NOFOLLOW, &st));
	c->file.dev = st.st_dev;
	c->file.ino = st.st_ino;
	strcpy(c->file.path, c->sa.un.sun_path);
	int e = c->mode ? ug__sys_chmodat(AT_FDCWD, c->file.path, c->mode) : 0;
	if (e < 0)
		remove_slow(&c->file);
	return e;
}

static int bind_unix_slow(void *arg)
{
	struct bind_call *c = arg;
	const char *path = c->sa.un.sun_path;
	int e = ug__sys_bind(c->fd, &c->sa.any, c->size);
	if (e == -EADDRINUSE && path[0] && is_deserted(c) == 1) {
		UG_TRY(ug__sys_unlinkat(AT_FDCWD, path, 0));
		e = ug__sys_bind(c->fd, &c->sa.any, c->size);
	}
	return e == 0 && path[0] ? finish_file(c) : e;
}

static int prepare(int fd, const ug_addr *a, const struct ug_listen_opts *opts, int family)
{
	UG_TRY(ug__sock_set_defaults(fd, opts->no_delay, opts->keep_alive));
	if (opts->reuse_addr >= 0)
		UG_TRY(ug__sock_set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1));
	if (opts->reuse_port > 0)
		UG_TRY(ug__sock_set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1));
	if (a->family == AF_INET6)
		UG_TRY(ug__sock_set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, opts->v6_only > 0 || family == AF_INET6));
	return 0;
}

static int listen_socket(int fd, const ug_addr *a, const struct ug_listen_opts *opts, int family, ug_listener *out)
{
	struct bind_call c = {.fd = fd, .mode = (mode_t)(opts->unix_mode & 07777)};
	int size = ug_addr_to_sockaddr(a, &c.sa.any, sizeof c.sa);
	UG_TRY(size);
	c.size = (socklen_t)size;
	if (a->family == AF_UNIX) {
		UG_TRY(ug_blocking(bind_unix_slow, &c));
	} else {
		UG_TRY(prepare(fd, a, opts, family));
		UG_TRY(ug__sys_bind(fd, &c.sa.any, c.size));
	}
	/* The kernel cuts the backlog to its limit. */
	int e = ug__sys_listen(fd, opts->backlog > 0 ? opts->backlog : INT_MAX);
	if (e == 0)
		e = listener_new(fd, 0, &c.file, out);
	if (e < 0)
		remove_file(&c.file);
	return e;
}

static int listen_addr(const ug_addr *a, const struct ug_listen_opts *opts, int family, ug_listener *out)
{
	int fd = ug__sys_socket(a->family, SOCK_STREAM, 0);
	UG_TRY(fd);
	int e = listen_socket(fd, a, opts, family, out);
	if (e < 0)
		ug__sys_close(fd);
	return e;
}

/* A name's further addresses are for systems that lack the family of the first; one that is in use is an error. */
static int listen_any(
	const ug_addr *addrs, size_t count, const struct ug_listen_opts *opts, int family, ug_listener *out)
{
	int e = -EADDRNOTAVAIL;
	for (size_t i = 0; i < count && (e == -EADDRNOTAVAIL || e == -EAFNOSUPPORT); i++)
		e = listen_addr(&addrs[i], opts, family, out);
	return e;
}

int ug_listen(const char *network, const char *address, const struct ug_listen_opts *opts, ug_listener *out)
{
	static const struct ug_listen_opts none;
	ug_addr *addrs;
	size_t count;
	UG_TRY(ug__resolve_all(network, address, &addrs, &count));
	int e = listen_any(addrs, count, opts ? opts : &none, ug__network_family(network), out);
	free(addrs);
	return e;
}
