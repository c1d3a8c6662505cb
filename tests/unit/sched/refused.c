/* SPDX-License-Identifier: MIT */
/* System calls that a sandbox refuses: what else does the work takes over without a word. */
#include <undergo/sched.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Each refusal holds for all threads and for the rest of the process. */
static int refuse(int call, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = UG_COUNT_OF(code), .filter = code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
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
	if (refuse(SYS_io_uring_setup, EPERM) != 0)
		skip();
	assert_int_equal(setenv("UG_POLLER", "uring", 1), 0);
	assert_int_equal(ug_run(speak, dump, NULL), 1);
	assert_non_null(strstr(dump, "poller epoll"));
}

static int sleep_long(void *arg)
{
	(void)arg;
	return ug_sleep(300 * UG_MS);
}

static int64_t cpu_time(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * UG_SECOND + t.tv_nsec;
}

/* Sandboxes older than epoll_pwait2 refuse it with EPERM; an idle worker then waits by other means, and does not spin. */
static void idle_without_epoll_pwait2(void **state)
{
	(void)state;
#ifdef SYS_epoll_pwait2
	if (refuse(SYS_epoll_pwait2, EPERM) != 0)
		skip();
	assert_int_equal(setenv("UG_POLLER", "epoll", 1), 0);
	int64_t before = cpu_time();
	assert_int_equal(ug_run(sleep_long, NULL, NULL), 0);
	assert_true(cpu_time() - before < 100 * UG_MS);
#else
	skip();
#endif
}

static int work_for(int64_t time)
{
	for (int64_t end = ug_now() + time; ug_now() < end;)
		;
	return 0;
}

/* The only spare is used up, and the monitor asks for another one each tick. */
static int ask_in_vain(void *refused)
{
	if (refuse(SYS_clone3, EAGAIN) != 0 || refuse(SYS_clone, EAGAIN) != 0)
		return 0;
	*(bool *)refused = true;
	UG_TRY(ug_pin());
	work_for(20 * UG_MS);
	size_t before = mallinfo2().uordblks;
	work_for(300 * UG_MS);
	return mallinfo2().uordblks < before + 8192 ? 0 : -ENOMEM;
}

static void no_thread_to_be_had_costs_no_memory(void **state)
{
	(void)state;
	bool refused = false;
	assert_int_equal(ug_run(ask_in_vain, &refused, NULL), 0);
	if (!refused)
		skip();
	assert_int_equal(ug_run(sleep_long, NULL, NULL), -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(epoll_takes_over),
		cmocka_unit_test(idle_without_epoll_pwait2),
		cmocka_unit_test(no_thread_to_be_had_costs_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
