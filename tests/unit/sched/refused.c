/* SPDX-License-Identifier: MIT */
/* System calls that a sandbox refuses: what else does the work takes over without a word. */
#include "little_space.h"
#include "sched_test.h"

#include "sched/sched_priv.h"
#include "stack/announce.h"
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <undergo/sync.h>
#include <unistd.h>

#ifdef UG__ASAN
/* The search for leaks needs a thread. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}
#endif

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

/* Sandboxes older than epoll_pwait2 refuse it with EPERM; an idle worker then waits by other means, and does not
 * spin. */
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

static void little_address_space_is_enough(void **state)
{
	(void)state;
#if defined(UG__TSAN) || defined(UG__ASAN)
	skip();
#endif
	assert_int_equal(run_in_little_space(sleep_long, NULL, NULL), 0);
	assert_int_equal(run_in_little_space(sleep_long, NULL, &(struct ug_opts){.stack_size = 64 << 20}), -ENOMEM);
}

/* A ring that is refused later on: descriptors are dead, but nobody spins. */
static int lose_the_ring(void *arg)
{
	int64_t *used = arg;
	int s[2];
	ug_fd *f;
	if (refuse(SYS_io_uring_enter, EPERM) != 0)
		return 0;
	CHECK_IS(pipe(s), 0);
	CHECK_IS(ug_fd_adopt(s[0], UG_FD_NONBLOCK, &f), 0);
	int64_t before = cpu_time();
	UG_WITH_TIMEOUT(300 * UG_MS)
		CHECK_IS(ug_fd_wait_readable(f), -ETIMEDOUT);
	*used = cpu_time() - before;
	ug_fd_close(f);
	close(s[1]);
	return 0;
}

static void a_ring_lost_later_costs_no_time(void **state)
{
	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int64_t used = 0;
		setenv("UG_POLLER", "uring", 1);
		int e = ug_run(lose_the_ring, &used, NULL);
		_exit(e || used > 100 * UG_MS);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static int answer(void *arg)
{
	(void)arg;
	return 1;
}

#define CALLS 1000
static uint32_t calls_left;

static int call(void *wrong)
{
	int e = ug_blocking(answer, NULL);
	if (e != -EAGAIN)
		add_seq((uint32_t *)wrong, 1u);
	add_seq(&calls_left, -1u);
	return 0;
}

/* Of many at once none is left behind by another that was told that there is no thread. */
static int call_without_threads(void *arg)
{
	if (!*(bool *)arg)
		return 0;
	uint32_t wrong = 0;
	store_seq(&calls_left, (uint32_t)CALLS);
	for (int i = 0; i < CALLS; i++)
		UG_TRY(ug_go(call, &wrong));
	UNTIL(load_seq(&calls_left) == 0);
	return wrong ? -EIO : 0;
}

/* The only spare is used up, and the monitor asks for another one each tick. */
static int ask_in_vain(void *refused)
{
	UNTIL(ug_pin() == 0); /* until then the spare's thread may not be there yet */
	ug_unpin();
	if (refuse(SYS_clone3, EAGAIN) != 0 || refuse(SYS_clone, EAGAIN) != 0)
		return 0;
	*(bool *)refused = true;
	UG_TRY(call_without_threads(refused));
	UNTIL(ug_pin() == 0); /* the spare may have been used, and come back */
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

/* No thread can be made whose stack is larger than all addresses; unlike a filter, this can be taken back. */
static bool refuse_threads(bool refused)
{
	static pthread_attr_t attr;
	static size_t usual;
	if (!usual) {
		CHECK_IS(pthread_getattr_default_np(&attr), 0);
		CHECK_IS(pthread_attr_getstacksize(&attr, &usual), 0);
	}
	return pthread_attr_setstacksize(&attr, refused ? (size_t)1 << 56 : usual) == 0 &&
		pthread_setattr_default_np(&attr) == 0;
}

static uint32_t hanging, callers;

/* The one call for which there was a thread. It hangs until those that came later are done. */
static int hang(void *unused)
{
	(void)unused;
	store_seq(&hanging, 1u);
	while (load_seq(&hanging) != 2)
		usleep(1000);
	while (ug__blocking_busy() != 1 + load_seq(&callers))
		usleep(1000);
	usleep(20000); /* until they have been refused, and wait */
	CHECK(refuse_threads(false));
	for (int i = 0; load_seq(&callers); i++) {
		if (i > 5000)
			return -ETIMEDOUT;
		usleep(1000);
	}
	return 0;
}

static int call_hang(void *unused)
{
	(void)unused;
	return ug_blocking(hang, NULL);
}

static int call_late(void *unused)
{
	(void)unused;
	CHECK_IS(ug_blocking(answer, NULL), 1);
	add_seq(&callers, -1u);
	return 0;
}

static int call_beside_one_that_hangs(void *arg)
{
	bool alone = *(bool *)arg;
	store_seq(&hanging, 0u);
	ug_task *first = start(call_hang, NULL);
	UNTIL(load_seq(&hanging) == 1);
	UNTIL(ug_pin() == 0); /* until then the spare's thread may not be there yet */
	ug_unpin();
	CHECK(refuse_threads(true));
	int e = 0;
	UG_WITH_TIMEOUT(50 * UG_MS)
		e = ug_blocking(answer, NULL);
	CHECK_IS(e, -ETIMEDOUT);
	if (alone)
		work_for(1300 * UG_MS); /* the monitor sleeps then */
	store_seq(&callers, alone ? 1u : 4u);
	store_seq(&hanging, 2u);
	for (int i = 0; !alone && i < 3; i++)
		CHECK_IS(ug_go(call_late, NULL), 0);
	call_late(NULL);
	return finish(first);
}

/* Threads can be had again, and each call gets one, though none of the pool's ends its call. */
static void a_thread_refused_is_asked_for_again(void **state)
{
	(void)state;
	for (int alone = 0; alone < 2; alone++)
		assert_int_equal(ug_run(call_beside_one_that_hangs, &(bool){alone}, &(struct ug_opts){.procs = 1}), 0);
}

static uint32_t made, answered;

static int count(void *unused)
{
	(void)unused;
	usleep(100);
	add_seq(&made, 1u);
	return 1;
}

static int call_with_little_time(void *unused)
{
	(void)unused;
	for (int i = 0; i < 30; i++) {
		int e = 0;
		UG_WITH_TIMEOUT(ug__random() % 4096 * UG_US)
			e = ug_blocking(count, NULL);
		CHECK(e == 1 || e == -ETIMEDOUT || e == -EAGAIN);
		add_seq(&answered, (uint32_t)(e == 1));
	}
	add_seq(&callers, -1u);
	return 0;
}

/* Those that ask again, find a thread and are taken back, all at once: each call is made and answered, or neither. */
static int call_while_threads_come_and_go(void *unused)
{
	(void)unused;
	made = answered = 0;
	store_seq(&callers, 20u);
	for (int i = 0; i < 20; i++)
		CHECK_IS(ug_go(call_with_little_time, NULL), 0);
	for (int i = 0; load_seq(&callers); i++) {
		CHECK(refuse_threads(i % 8 != 0));
		CHECK_IS(ug_sleep(UG_MS), 0);
	}
	CHECK(refuse_threads(false));
	CHECK_IS(load_seq(&made), load_seq(&answered));
	UNTIL(ug__blocking_busy() == 0);
	return 0;
}

static void threads_come_and_go(void **state)
{
	(void)state;
	assert_int_equal(ug_run(call_while_threads_come_and_go, NULL, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ring_lost_later_costs_no_time),
		cmocka_unit_test(epoll_takes_over),
		cmocka_unit_test(idle_without_epoll_pwait2),
		cmocka_unit_test(little_address_space_is_enough),
		cmocka_unit_test(a_thread_refused_is_asked_for_again),
		cmocka_unit_test(threads_come_and_go),
		cmocka_unit_test(no_thread_to_be_had_costs_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
