/* SPDX-License-Identifier: MIT */
/*
 * errno right after a wait that ended on another thread. A compiler that keeps the address of errno across the wait
 * reads and writes that of the thread which the task has left. errno_moves.py compiles this file in several ways, and
 * once with UG_KEEP_ERRNO, where it has to fail: else it would prove nothing.
 *
 * Ends with 0: right each time, after enough moves. 1: wrong. 3: the task never moved.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <undergo/base.h>
#include <undergo/sched.h>
#include <undergo/sync.h>

typedef UG_CHAN(int) int_chan;

enum { MOVES = 15 };

static int_chan ping = UG_NIL, pong = UG_NIL;
static int wrong, moves, done;

static long thread(void)
{
	return syscall(SYS_gettid);
}

/* Keeps errno of every thread at a value that the check never expects. */
static int disturb(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
		errno = EPERM;
		ug_yield();
	}
	return 0;
}

static void *answer(void *arg)
{
	(void)arg;
	for (int v; ug_recv(ping, &v) == 0;)
		if (ug_send(pong, &v) < 0)
			break;
	return NULL;
}

/* One round: an error before the wait, a wait, an error after it, all in one function that a compiler may look
 * through. */
static int round_trip(int way)
{
	long before = thread();
	close(-1);
	int first = errno;
	int v = way;
	if (way % 3 == 0)
		ug_yield();
	else if (way % 3 == 1)
		(void)ug_sleep(50 * UG_US);
	else if (ug_send(ping, &v) < 0 || ug_recv(pong, &v) < 0)
		return -EIO;
	int fd = open("/nonexistent/file", O_RDONLY | O_CLOEXEC);
	int second = errno;
	if (fd >= 0)
		close(fd);
	if (first != EBADF || second != ENOENT)
		wrong++;
	errno = EDOM;
	if (way % 2)
		ug_yield();
	else
		(void)ug_sleep(20 * UG_US);
	errno = ERANGE; /* has to go where the thread is now */
	if (*ug_errno_location() != ERANGE)
		wrong++;
	if (thread() != before)
		moves++;
	return 0;
}

static int app(void *arg)
{
	(void)arg;
	pthread_t partner;
	ug_group g;
	UG_TRY(ug_chan_new(&ping, 0));
	UG_TRY(ug_chan_new(&pong, 0));
	if (pthread_create(&partner, NULL, answer, NULL))
		return -EAGAIN;
	UG_GROUP(&g) {
		for (int i = 0; i < 3; i++)
			UG_TRY(ug_group_go(&g, disturb, NULL));
		int64_t end = ug_now() + 20 * UG_SECOND;
		for (int i = 0; moves < MOVES && ug_now() < end; i++)
			UG_TRY(round_trip(i));
		__atomic_store_n(&done, 1, __ATOMIC_RELAXED);
	}
	ug_close(ping);
	pthread_join(partner, NULL);
	return 0;
}

int main(void)
{
	const struct ug_opts opts = {.procs = 2};
	int e = ug_run(app, NULL, &opts);
	printf("%d rounds on another thread, %d wrong\n", moves, wrong);
	if (e < 0) {
		printf("%s\n", ug_strerror(e));
		return 2;
	}
	return wrong ? 1 : moves < MOVES ? 3 : 0;
}
