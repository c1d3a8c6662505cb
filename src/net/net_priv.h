/* SPDX-License-Identifier: MIT */
/* What the files of net share. */
#ifndef UG_NET_NET_PRIV_H
#define UG_NET_NET_PRIV_H

#include "base/sys_net.h"
#include <netinet/in.h>
#include <sys/un.h>
#include <undergo/net.h>

/* The system's form of an address. */
union ug__sockaddr {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX for "tcp", "tcp4", "tcp6", "unix" and their like; -EINVAL. */
int ug__network_family(const char *network);
/* The path of a Unix socket, "@NAME": abstract. -EINVAL, -ENAMETOOLONG. */
int ug__addr_unix(const char *path, ug_addr *out);
/* ug_resolve for a network of streams and "host:port" (or a path). The addresses are in memory from malloc. */
int ug__resolve_all(const char *network, const char *address, ug_addr **out, size_t *count);

/* A connection over a socket, adopted with those flags; where this fails the socket stays the caller's. `remote` may be
 * NULL. */
int ug__sock_conn(int fd, int adopt_flags, const union ug__sockaddr *remote, ug_conn *out);
/* What both sides set on a TCP socket; listeners hand it on to what they accept. */
int ug__sock_set_defaults(int fd, int no_delay, int64_t keep_alive);
int ug__sock_set_int(int fd, int level, int name, int value);
int ug__sock_addr(ug_fd *f, int remote, ug_addr *out);

#endif
