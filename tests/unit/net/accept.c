/* SPDX-License-Identifier: MIT */
/* What goes wrong at accept is the end of one connection at the most, and never the listener's. */
#include "unit/task_test.h"

#include "unit/poor.h"
#include <sys/socket.h>
#include <sys/syscall.h>
#include <undergo/net.h>
#include <unistd.h>

/* Stands before the C library's: the next so many calls fail, and leave the queue alone. */
static int refuse_with;
static int refusals, refused;
int accept4(int fd, struct sockaddr *sa, socklen_t *size, int flags)
{
	if (__atomic_load_n(&refusals, __ATOMIC_RELAXED) > 0) {
		__atomic_fetch_sub(&refusals, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
		errno = refuse_with;
		return -1;
	}
	return (int)syscall(SYS_accept4, fd, sa, size, flags);
}

static ug_listener listen_and_dial(ug_conn *clients, int n)
{
	ug_listener l;
	ug_addr a;
	CHECK_IS(ug_listen("tcp4", "127.0.0.1:0", NULL, &l), 0);
	CHECK_IS(ug_listener_addr(l, &a), 0);
	for (int i = 0; i < n; i++)
		CHECK_IS(ug_dial_addr(&a, NULL, &clients[i]), 0);
	return l;
}

/* man 2 accept, "Error handling", and what various kernels are said there to return. */
TEST_ANYWHERE(errors_of_one_connection)
{
	static const int errors[] = {ECONNABORTED, EINTR, EPROTO, ENOPROTOOPT, ENETDOWN, ENETUNREACH, EHOSTDOWN,
		EHOSTUNREACH, ENONET, EPERM, ENOSR, ESOCKTNOSUPPORT, EPROTONOSUPPORT, ETIMEDOUT};
	for (size_t i = 0; i < UG_COUNT_OF(errors); i++) {
		ug_conn c, s;
		ug_listener l = listen_and_dial(&c, 1);
		refuse_with = errors[i];
		refusals = 2;
		int e = ug_accept(l, &s);
		if (e != 0)
			fprintf(stderr, "%s: ", ug_errname(-errors[i]));
		CHECK_IS(e, 0);
		ug_conn_close(s);
		ug_conn_close(c);
		ug_listener_close(l);
	}
	return 0;
}

/* Where a sandbox refuses the call itself, that is no reason to spin. */
TEST_ANYWHERE(refused_for_ever)
{
	ug_conn c, s;
	ug_listener l = listen_and_dial(&c, 1);
	refuse_with = EPERM;
	refused = 0;
	refusals = 1000000;
	UG_WITH_TIMEOUT(50 * UG_MS) {
		int e = ug_accept(l, &s);
		CHECK_IS(e, -ETIMEDOUT);
	}
	CHECK(refused < 1000);
	refusals = 0;
	CHECK_IS(ug_accept(l, &s), 0);
	ug_conn_close(s);
	ug_conn_close(c);
	ug_listener_close(l);
	return 0;
}

#if UG_POOR
/* Adopts the listener's number as often as there is room for in the descriptors' records: the next one needs memory. */
#define MOST 1000
static int use_up_records(ug_listener l, ug_fd **all)
{
	int n = 0, e;
	be_poor(1);
	while (n < MOST && (e = ug_fd_adopt(ug_fd_number(ug_listener_fd(l)), UG_FD_BORROW, &all[n])) == 0)
		n++;
	CHECK(n < MOST);
	CHECK_IS(e, -ENOMEM);
	return n;
}

/* An accept that has no memory closes its connection: shed knows, and takes no second one. */
TEST_ANYWHERE(without_memory_one_is_lost)
{
	ug_conn c[2], s;
	ug_fd *all[MOST];
	char byte = 0;
	ug_listener l = listen_and_dial(c, 2);
	int n = use_up_records(l, all);
	be_poor(1);
	CHECK_IS(ug_accept(l, &s), -ENOMEM);
	CHECK_IS(ug_listener_shed(l), 0);
	CHECK_IS(ug_accept(l, &s), 0);
	CHECK_IS(ug_conn_write(s, "x", 1), 1);
	CHECK_IS(ug_conn_read(c[0], &byte, 1), 0);
	CHECK_IS(ug_conn_read(c[1], &byte, 1), 1);
	CHECK_IS(ug_listener_shed(l), -EAGAIN);
	while (n > 0)
		ug_fd_close(all[--n]);
	ug_conn_close(s);
	for (int i = 0; i < 2; i++)
		ug_conn_close(c[i]);
	ug_listener_close(l);
	return 0;
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_of_one_connection),
		cmocka_unit_test(test_refused_for_ever),
#if UG_POOR
		cmocka_unit_test(test_without_memory_one_is_lost),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
