/* SPDX-License-Identifier: MIT */
/* Where io_uring is refused, as in most containers, epoll takes over without a word. */
#include <undergo/sched.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static int refuse_io_uring(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = UG_COUNT_OF(code), .filter = code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int write_one(void *arg)
{
	return (int)ug_fd_write(arg, "x", 1);
}

static int speak(void *arg)
{
	char *dump = arg, byte;
	int s[2], out[2];
	ug_fd *a, *b;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) != 0 || pipe(out) != 0)
		return -EMFILE;
	UG_TRY(ug_fd_adopt(s[0], UG_FD_NONBLOCK, &a));
	UG_TRY(ug_fd_adopt(s[1], UG_FD_NONBLOCK, &b));
	UG_TRY(ug_go(write_one, b));
	ssize_t n = ug_fd_read(a, &byte, 1);
	ug_dump(out[1]);
	ssize_t got = read(out[0], dump, 4095);
	dump[got > 0 ? got : 0] = 0;
	close(out[0]);
	close(out[1]);
	ug_fd_close(a);
	ug_fd_close(b);
	return (int)n;
}

static void epoll_takes_over(void **state)
{
	(void)state;
	static char dump[4096];
	if (refuse_io_uring() != 0)
		skip();
	assert_int_equal(setenv("UG_POLLER", "uring", 1), 0);
	assert_int_equal(ug_run(speak, dump, NULL), 1);
	assert_non_null(strstr(dump, "poller epoll"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(epoll_takes_over)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
