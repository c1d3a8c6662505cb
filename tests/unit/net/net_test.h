/* SPDX-License-Identifier: MIT */
/* What the tests of net share. */
#ifndef NET_TEST_H
#define NET_TEST_H

#include "unit/task_test.h"

#include <sys/resource.h>
#include <undergo/net.h>
#include <unistd.h>

/* Listens; the address to dial goes to `text`. */
static inline ug_listener listen_on(const char *address, const struct ug_listen_opts *opts, char text[UG_ADDR_TEXT])
{
	ug_listener l;
	ug_addr a;
	CHECK_IS(ug_listen("tcp", address, opts, &l), 0);
	CHECK_IS(ug_listener_addr(l, &a), 0);
	CHECK(a.port != 0);
	ug_addr_format(&a, text, UG_ADDR_TEXT);
	return l;
}

/* Lets no more descriptors be opened; answers the limit that was, to set again. */
static inline struct rlimit no_more_descriptors(void)
{
	struct rlimit before, none;
	CHECK_IS(getrlimit(RLIMIT_NOFILE, &before), 0);
	int lowest = dup(0); /* every number below is taken */
	close(lowest);
	none = (struct rlimit){.rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max};
	CHECK_IS(setrlimit(RLIMIT_NOFILE, &none), 0);
	return before;
}

/* The name of a socket in a folder of the test's own. */
static char socket_folder[] = "/tmp/undergo-test-XXXXXX", path[64];

static inline int make_socket_folder(void **state)
{
	(void)state;
	if (!mkdtemp(socket_folder))
		return -1;
	snprintf(path, sizeof path, "%s/socket", socket_folder);
	return 0;
}

static inline int remove_socket_folder(void **state)
{
	(void)state;
	return rmdir(socket_folder);
}

#endif
