/* SPDX-License-Identifier: MIT */
/*
 * undergo/net.h: addresses, names, connections, listeners. An echo server:
 *
 *	ug_listener l;
 *	UG_TRY(ug_listen("tcp", ":7777", NULL, &l));
 *	UG_GROUP(&g) {
 *		for (ug_conn c; (e = ug_accept(l, &c)) == 0;)
 *			ug_group_go_copy(&g, serve, &c, sizeof c);
 *	}
 *
 *	static int serve(void *arg)
 *	{
 *		UG_CLEAN(ug_conn_clean) ug_conn c = *(ug_conn *)arg;
 *		return ug_copy(ug_conn_writer(c), ug_conn_reader(c), NULL);
 *	}
 *
 * Every call that waits ends at the context's deadline with -ETIMEDOUT, at its cancellation with -ECANCELED. Any thread
 * may call anything here. Descriptors made here are non-blocking and closed on exec.
 */
#ifndef UNDERGO_NET_H
#define UNDERGO_NET_H

#include <undergo/base.h>
#include <undergo/io.h>
#include <undergo/sched.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iovec;
struct sockaddr;

/* Addresses -------------------------------------------------------------------------------------------------------- */

/* A value: copy it, zero it, fill it in. Compare it with ug_addr_compare. */
typedef struct ug_addr {
	uint16_t family; /* AF_INET, AF_INET6, AF_UNIX; 0: none, as both ends of an in-memory connection have */
	uint16_t port; /* in the host's byte order */
	uint32_t zone; /* AF_INET6: index of the interface of a link-local address, 0: none */
	uint8_t ip[16]; /* as on the wire; AF_INET: the first 4 */
	uint16_t path_size; /* AF_UNIX: bytes of `path`, 0: unnamed */
	char path[110]; /* AF_UNIX: a path with a NUL after it, or an abstract name, which starts with a NUL */
} ug_addr;

#define UG_ADDR_TEXT 160 /* room for any address that ug_addr_format writes, its NUL included */

/*
 * Reads an IP address and port: "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", ":80" (the unspecified address of
 * IPv6, which stands for "all" when it is listened on), or "unix:PATH", "unix:@ABSTRACT". No names of hosts or
 * services: ug_resolve. -EINVAL, -ENODEV (no such zone), -ENAMETOOLONG (a path over 107 bytes, an
 * abstract name over 108 with its '@'). Does not wait.
 */
int ug_addr_parse(const char *text, ug_addr *out);
/* Reads a bare IP address, "192.0.2.1", "::1", "fe80::1%eth0", and sets the port. -EINVAL, -ENODEV. Does not wait. RFC
 * 4291 2.2 */
int ug_addr_parse_ip(const char *text, uint16_t port, ug_addr *out);
/* Writes it as ug_addr_parse reads it, IPv6 in the short form of RFC 5952, NUL-terminated, cut to `size` bytes; answers
 * the length that the whole text has, as snprintf does. "mem" for none. */
int ug_addr_format(const ug_addr *a, char *buf, size_t size);
/* The same without the port. */
int ug_addr_format_ip(const ug_addr *a, char *buf, size_t size);
/* Below 0, 0, above 0: an order of all addresses; by family, address, zone, port. */
int ug_addr_compare(const ug_addr *a, const ug_addr *b);
/* 1 for 127.0.0.0/8, ::1, a Unix address and none; else 0. An IPv4 address mapped into IPv6 counts as what it maps. */
int ug_addr_is_loopback(const ug_addr *a);
/* To the system's form and back. `to`: bytes written to `sa`, which has `size`; -ERANGE where that is too few.
 * -EAFNOSUPPORT. */
int ug_addr_to_sockaddr(const ug_addr *a, struct sockaddr *sa, size_t size);
int ug_addr_from_sockaddr(const struct sockaddr *sa, size_t size, ug_addr *out);
/*
 * Splits "host:port", "[host]:port", "[host%zone]:port", ":port": the host goes to `host` (without brackets; of `size`
 * bytes), *port points into `text`. -EINVAL: no port, a colon too many, brackets that do not match; -ERANGE: no room.
 * Source: Go's net.SplitHostPort.
 */
int ug_host_port_split(const char *text, char *host, size_t size, const char **port);

/*
 * Finds the addresses of a host: `host` a name or an IP address, "" is the unspecified one; `port` a number or the name
 * of a service, "" is 0. `network` is "tcp" or "udp", "tcp4" and "udp4" for IPv4 alone, "tcp6" and "udp6". Up to `max`
 * go to `out`, best first (RFC 6724); answers how many there are, 1 or more. Waits for the system's resolver on the
 * blocking pool, unless the host is numeric; the wait is cut short by the context, the resolver goes on alone.
 * UG_ENOHOST, UG_EHOSTAGAIN, UG_EHOSTFAIL, -EINVAL (port, network), -ENOMEM. man 3 getaddrinfo
 */
int ug_resolve(const char *network, const char *host, const char *port, ug_addr *out, size_t max);

/* Connections ------------------------------------------------------------------------------------------------------
 * A value of two words, passed by value, like a reader; whatever carries bytes both ways can be one. */
typedef struct ug_conn ug_conn;
typedef struct ug_listener ug_listener;

enum ug_conn_option {
	UG_CONN_NODELAY = 1, /* TCP_NODELAY: 1 (as connections start) or 0 */
	UG_CONN_CORK, /* TCP_CORK: 1 holds back what does not fill a segment, 0 sends it */
	UG_CONN_LINGER, /* 0: close drops what is unsent and resets; -1, as at the start: it is sent after close */
	UG_CONN_READ_BUFFER, /* SO_RCVBUF, bytes */
	UG_CONN_WRITE_BUFFER, /* SO_SNDBUF, bytes */
};

struct ug_conn_ops {
	size_t size; /* sizeof this table, as the implementer compiled it */
	const struct ug_reader_ops *reader; /* both called with the connection's self; their close is not used */
	const struct ug_writer_ops *writer;
	ssize_t (*write_some)(void *self, const struct iovec *iov, int n); /* optional: a count from 1, or a code */
	int (*wait_readable)(void *self); /* optional */
	int (*shutdown_write)(void *self); /* optional */
	int (*set)(void *self, int option, int64_t value); /* optional */
	int (*addr)(void *self, int remote, ug_addr *out); /* optional */
	void (*ref)(void *self);
	void (*unref)(void *self);
	int (*close)(void *self); /* wakes those who wait in it, and drops a reference; may run more than once */
};
struct ug_conn {
	const struct ug_conn_ops *ops;
	void *self;
};

/* Reads at most n bytes: a count, 0 at the end, a negative code. Waits. */
ssize_t ug_conn_read(ug_conn c, void *buf, size_t n);
/* Writes all n bytes: n, or the code that stopped it, after which nobody knows how much went. -EPIPE, -ECONNRESET: the
 * other end is gone; no SIGPIPE. Waits. */
ssize_t ug_conn_write(ug_conn c, const void *buf, size_t n);
/* The same for n pieces, at most 1,024 (else -EINVAL); answers the sum of their sizes. */
ssize_t ug_conn_writev(ug_conn c, const struct iovec *iov, int n);
/* Waits until at least one byte of them went: how many did, or a negative code, with which none has. */
ssize_t ug_conn_write_some(ug_conn c, const struct iovec *iov, int n);
/* Waits until a read would not, or the other end is gone: for a connection that is idle, and should hold no buffer. 0
 * at once where the connection cannot say; rarely 0 too early, where another read took what had come, and then that
 * read waits. */
int ug_conn_wait_readable(ug_conn c);
/* Tells the other end that no more comes: its reads end with 0. Reading goes on. -ENOTSUP, -ENOTCONN. Does not wait. */
int ug_conn_shutdown_write(ug_conn c);
/* Sets an option (enum ug_conn_option). -ENOTSUP where the connection has no such thing, -EINVAL. Does not wait. */
int ug_conn_set(ug_conn c, int option, int64_t value);
/* Addresses of this end and of the other. Do not wait. */
int ug_conn_local(ug_conn c, ug_addr *out);
int ug_conn_remote(ug_conn c, ug_addr *out);
/* The connection as a reader and as a writer, which do not close it: ug_copy then lets the kernel move the bytes where
 * it can. */
ug_reader ug_conn_reader(ug_conn c);
ug_writer ug_conn_writer(ug_conn c);
/* Bytes that were written and that the other end's system has not taken yet; -ENOTSUP where the connection cannot say.
 * Does not wait. man tcp (SIOCOUTQ) */
int64_t ug_conn_unsent(ug_conn c);
/* The descriptor behind it, borrowed, for ug_select; NULL where there is none. */
ug_fd *ug_conn_fd(ug_conn c);
/* One more reference, for a connection that several tasks close when they please; answers c. */
ug_conn ug_conn_ref(ug_conn c);
void ug_conn_unref(ug_conn c);
/* Closes it: waits of other tasks on it end with -ECANCELED, later calls of those that hold a reference with -EBADF;
 * drops the caller's reference. What was written is still sent. Does not wait. Takes a zeroed one. 0. A second close by
 * who has no reference left may close a stranger's connection, as with close(2). */
int ug_conn_close(ug_conn c);
/* Closes *c and zeroes it; fits UG_CLEAN. */
void ug_conn_clean(ug_conn *c);

struct ug_dial_opts {
	const ug_addr *local; /* what to bind to first; NULL: the system chooses */
	int no_delay; /* TCP_NODELAY; 0: on, -1: off */
	int64_t keep_alive; /* silence before a probe, nanoseconds, rounded up to seconds; 0: 15 s, -1: no probes */
	uintptr_t reserved[6];
};

/*
 * Connects. `network` is "tcp", "tcp4", "tcp6", with the address as "host:port", or "unix" with a path ("@NAME":
 * abstract). The addresses of a name are tried one after the other; one that does not answer gets its share of the time
 * until the deadline, yet 2 s at least. Waits. The error of the last address: -ECONNREFUSED, -ENETUNREACH, -ETIMEDOUT,
 * …; those of ug_resolve; -EINVAL; -EMFILE. `opts` may be NULL.
 */
int ug_dial(const char *network, const char *address, const struct ug_dial_opts *opts, ug_conn *out);
/* The same to one address. */
int ug_dial_addr(const ug_addr *a, const struct ug_dial_opts *opts, ug_conn *out);
/* Makes a connection of a connected stream socket (from socketpair(2), say), and owns it unless it fails: -ENOTSOCK,
 * -EBADF, -ENOMEM. Does not wait. */
int ug_conn_adopt(int fd, ug_conn *out);

/* Listeners -------------------------------------------------------------------------------------------------------- */
struct ug_listener_ops {
	size_t size;
	int (*accept)(void *self, ug_conn *out);
	int (*shed)(void *self); /* optional */
	int (*addr)(void *self, ug_addr *out); /* optional */
	ug_fd *(*fd)(void *self); /* optional */
	void (*ref)(void *self);
	void (*unref)(void *self);
	int (*close)(void *self); /* as a connection's */
};
struct ug_listener {
	const struct ug_listener_ops *ops;
	void *self;
};

struct ug_listen_opts {
	int backlog; /* connections that wait to be accepted; 0: the system's limit (net.core.somaxconn) */
	int reuse_addr; /* SO_REUSEADDR; 0: on, -1: off */
	int reuse_port; /* SO_REUSEPORT; 0: off, 1: on */
	int v6_only; /* IPV6_V6ONLY; 0: off with "tcp" and on with "tcp6", 1: on */
	int no_delay; /* of the connections; as in ug_dial_opts */
	int64_t keep_alive;
	uint32_t unix_mode; /* permissions of the socket's file; 0: by the umask */
	uintptr_t reserved[6];
};

/*
 * Listens. `network` and `address` as in ug_dial; ":8080" listens on all addresses (of IPv4 alone where the system has
 * no IPv6), port 0 on one that the system picks, see ug_listener_addr. Close removes a Unix
 * socket's file, unless another stands there by now; a socket that is left from before and that nobody listens on is
 * replaced, any other file is -EADDRINUSE. Waits only for names and for that file. -EADDRINUSE, -EADDRNOTAVAIL,
 * -EACCES, those of ug_resolve, -EINVAL. `opts` may be NULL.
 */
int ug_listen(const char *network, const char *address, const struct ug_listen_opts *opts, ug_listener *out);
/* Makes a listener of a bare socket that listens already (handed over by a service manager, say), and owns it unless
 * it fails: -EINVAL where it does not listen, -ENOTSOCK, -EBADF, -ENOMEM. Does not wait. */
int ug_listener_adopt(int fd, ug_listener *out);

/* Waits for the next connection. -EBADF once closed, also for those who wait then; -EMFILE, -ENFILE, -ENOBUFS, -ENOMEM:
 * the connection stays queued, see ug_listener_shed; without memory it may have been closed. Before it says so it
 * pauses for 5 ms and tries once more, so that a loop may just call again. A connection that died in the queue, or that
 * a firewall refuses, is skipped. man 2 accept */
int ug_accept(ug_listener l, ug_conn *out);
/* Takes one queued connection and closes it, with a descriptor kept in reserve: what a server can do after -EMFILE, so
 * that its clients see an end. 0, also where accept has closed one already; -EAGAIN where none is queued; -EMFILE where
 * others were faster; -ENOTSUP. Does not wait. */
int ug_listener_shed(ug_listener l);
/* Where it listens, with the port that the system picked. Does not wait. */
int ug_listener_addr(ug_listener l, ug_addr *out);
/* The descriptor behind it, borrowed, for ug_select; NULL where there is none. */
ug_fd *ug_listener_fd(ug_listener l);
ug_listener ug_listener_ref(ug_listener l);
void ug_listener_unref(ug_listener l);
/* As ug_conn_close. Connections that are queued are reset. Does not wait, but for the file of a Unix socket. */
int ug_listener_close(ug_listener l);
/* Closes *l and zeroes it; fits UG_CLEAN. */
void ug_listener_clean(ug_listener *l);

/* In memory --------------------------------------------------------------------------------------------------------
 * Connections without sockets, for tests. They behave as TCP's do: writes wait while the buffer is full, a closed end
 * reads as 0 after what was written, and writing to it is -EPIPE. */

/* Makes two connected ends, each with a buffer of `buffer` bytes for what it receives (0: 64 KiB). -ENOMEM. Does not
 * wait. */
int ug_mem_pair(size_t buffer, ug_conn *a, ug_conn *b);
/* Makes a listener for ug_mem_dial, with room for `backlog` connections (0: 128) that wait to be accepted. -ENOMEM. */
int ug_mem_listen(size_t backlog, ug_listener *out);
/* Connects to it. Waits while its backlog is full. -ECONNREFUSED once it is closed; -EINVAL where it is none of
 * ug_mem_listen. */
int ug_mem_dial(ug_listener l, ug_conn *out);

#ifdef __cplusplus
}
#endif

#endif
