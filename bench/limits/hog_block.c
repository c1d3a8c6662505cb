/* SPDX-License-Identifier: MIT */
/*
 * hog-block: threads that block for 40 ms, one a processor, all there before, and one more that sleeps 1 ms at a time
 * by the kernel's exact timers and goes before threads that compute: how late the machine itself makes the millisecond.
 * Nothing is taken from a thread that blocks, and nobody has to find out that it does.
 */
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "limits.h"

enum { STARTS = 20, MOST = 256 };
static const int64_t MS = 1000000;

static atomic_llong worst;
static pthread_barrier_t begun, ended;

/* What a thread can ask for that wants to run on time: exact timers, and a short slice, by which it goes before those
 * of others (Linux 6.12; older ones take no notice). */
static void be_prompt(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = {.size = sizeof attr};
	prctl(PR_SET_TIMERSLACK, 1L, 0L, 0L, 0L);
	if (syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0) != 0 || attr.policy != 0)
		return;
	attr.size = sizeof attr;
	attr.runtime = 100000;
	syscall(SYS_sched_setattr, 0, &attr, 0);
}

static void *sleep_and_look(void *arg)
{
	be_prompt();
	for (;;) {
		int64_t start = limit_now();
		nanosleep(&(struct timespec){.tv_nsec = MS}, NULL);
		int64_t late = limit_now() - start - MS;
		if (late > worst) /* the only writer but for the reset between starts */
			worst = late;
	}
	return arg;
}

static void *block(void *arg)
{
	for (;;) {
		pthread_barrier_wait(&begun);
		usleep(40000);
		pthread_barrier_wait(&ended);
	}
	return arg;
}

int main(int argc, char **argv)
{
	double seen[STARTS];
	size_t starts = limit_size(argc, argv, STARTS), procs = (size_t)limit_procs();
	pthread_t thread;
	if (procs > MOST || pthread_barrier_init(&begun, NULL, (unsigned)procs + 1) != 0 ||
		pthread_barrier_init(&ended, NULL, (unsigned)procs + 1) != 0 ||
		pthread_create(&thread, NULL, sleep_and_look, NULL) != 0)
		return 1;
	for (size_t p = 0; p < procs; p++)
		if (pthread_create(&thread, NULL, block, NULL) != 0)
			return 1;
	for (size_t i = 0; i < starts; i++) {
		usleep(5000);
		worst = 0;
		pthread_barrier_wait(&begun);
		pthread_barrier_wait(&ended);
		usleep(5000); /* a sleep that became late has ended */
		seen[i] = (double)worst / (double)MS;
	}
	int status = 0;
	for (size_t i = 0; i < starts; i++)
		status |= limit_report("hog-block", seen[i], "ms");
	return status;
}
