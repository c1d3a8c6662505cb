/* SPDX-License-Identifier: MIT */
#include "base/sys_net.h"

#include "base/atomic.h"
#include "base/sys.h"
#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <sys/ioctl.h>

UG__NOINLINE int ug__sys_socket(int family, int type, int protocol)
{
	return (int)ug__sys_result(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
}

UG__NOINLINE int ug__sys_bind(int fd, const struct sockaddr *sa, socklen_t size)
{
	return (int)ug__sys_result(bind(fd, sa, size));
}

UG__NOINLINE int ug__sys_connect(int fd, const struct sockaddr *sa, socklen_t size)
{
	return (int)ug__sys_result(connect(fd, sa, size));
}

UG__NOINLINE int ug__sys_unsent(int fd)
{
	int bytes = 0;
	int r = (int)ug__sys_result(ioctl(fd, SIOCOUTQ, &bytes));
	return r < 0 ? r : bytes;
}

UG__NOINLINE int ug__sys_getsockopt_int(int fd, int level, int name, int *out)
{
	int value = 0;
	socklen_t size = sizeof value;
	int r = (int)ug__sys_result(getsockopt(fd, level, name, &value, &size));
	if (r == 0)
		*out = value;
	return r;
}

int ug__sys_socket_error(int fd)
{
	int error = 0;
	int r = ug__sys_getsockopt_int(fd, SOL_SOCKET, SO_ERROR, &error);
	return r < 0 ? r : -error;
}

UG__NOINLINE int ug__sys_listen(int fd, int backlog)
{
	return (int)ug__sys_result(listen(fd, backlog));
}

UG__NOINLINE int ug__sys_accept(int fd, struct sockaddr *sa, socklen_t *size)
{
	return (int)ug__sys_result(accept4(fd, sa, size, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

UG__NOINLINE int ug__sys_shutdown(int fd, int how)
{
	return (int)ug__sys_result(shutdown(fd, how));
}

UG__NOINLINE int ug__sys_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	return (int)ug__sys_result(setsockopt(fd, level, name, value, size));
}

UG__NOINLINE int ug__sys_getsockname(int fd, int remote, struct sockaddr *sa, socklen_t *size)
{
	return (int)ug__sys_result(remote ? getpeername(fd, sa, size) : getsockname(fd, sa, size));
}

UG__NOINLINE int ug__sys_getaddrinfo(
	const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out, int *error)
{
	int e = getaddrinfo(host, port, hints, out);
	if (e == EAI_SYSTEM)
		*error = (int)ug__sys_result(-1);
	return e;
}
