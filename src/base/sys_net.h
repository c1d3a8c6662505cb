/* SPDX-License-Identifier: MIT */
/* System calls on sockets, which answer -errno. All sockets made here are non-blocking and closed on exec. */
#ifndef UG_BASE_SYS_NET_H
#define UG_BASE_SYS_NET_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

struct addrinfo;

int ug__sys_socket(int family, int type, int protocol);
int ug__sys_bind(int fd, const struct sockaddr *sa, socklen_t size);
/* -EINPROGRESS: goes on; ug__sys_socket_error tells how it ended, once the socket is writable. */
int ug__sys_connect(int fd, const struct sockaddr *sa, socklen_t size);
int ug__sys_socket_error(int fd);
int ug__sys_listen(int fd, int backlog);
int ug__sys_accept(int fd, struct sockaddr *sa, socklen_t *size);
int ug__sys_shutdown(int fd, int how);
int ug__sys_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
/* Bytes in the send queue, not acknowledged yet. */
int ug__sys_unsent(int fd);
int ug__sys_getsockopt_int(int fd, int level, int name, int *out);
int ug__sys_getsockname(int fd, int remote, struct sockaddr *sa, socklen_t *size);

/* getaddrinfo, its result; where that is EAI_SYSTEM, *error is a negative code. Blocks. */
int ug__sys_getaddrinfo(
	const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out, int *error);

#endif
