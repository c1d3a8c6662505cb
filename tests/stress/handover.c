/* SPDX-License-Identifier: MIT */
/*
 * The litmus test of the hand-over (src/sched/enter.h): one thread goes in and out of sched as a worker does, another
 * takes its processor whenever it is outside, as the monitor does. Whoever holds the processor adds one to a counter
 * without any atomic addition, and writes its name beside it: if both ever hold it, additions get lost and the name
 * changes under its owner.
 *
 *	handover SECONDS        0 where nothing was lost and both sides had it often
 *	handover_bare SECONDS   the same program with a barrier that does nothing: 0 where something WAS lost, which
 *	                        shows that the
 *	                        first program would have seen it
 *
 * The code under test is the library's own: entry and exit are inlined from enter.h, the rest is linked; the bare
 * program has a membarrier.c of its own, which the linker takes in place of the library's.
 */
#include "sched/enter.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef BARE
int ug__membarrier_register(void)
{
	return 0;
}

int ug__membarrier(void)
{
	return 0;
}
#endif

enum { NOBODY, WORKER, TAKER };

static struct worker worker __attribute__((aligned(64)));
static struct proc proc;
static uint32_t given __attribute__((aligned(64))); /* the processor is the worker's again */
static uint32_t stop;

/* What the holder of the processor alone may touch. */
static struct {
	uint64_t count;
	uint32_t holder;
} held __attribute__((aligned(64)));

/* Lines that both sides write all the time: the worker's stores before its entry wait for them, and so does `in`. */
static struct line {
	uint32_t word;
} __attribute__((aligned(64))) noise[8];

struct tally {
	uint64_t held, lost, outside;
};

static void hold(uint32_t me, struct tally *t)
{
	store_relaxed(&held.holder, me);
	uint64_t count = load_relaxed(&held.count);
	for (int i = 0; i < 4; i++)
		compiler_barrier();
	store_relaxed(&held.count, count + 1);
	store_relaxed(&t->held, t->held + 1);
	if (load_relaxed(&held.holder) != me)
		t->lost++;
}

static void *work(void *arg)
{
	struct tally *t = arg;
	uint32_t n = 0;
	while (!load_relaxed(&stop)) {
		for (int i = 0; i < 8; i++)
			store_relaxed(&noise[i].word, n++);
		struct proc *p = ug__enter(&worker);
		if (p)
			hold(WORKER, t);
		ug__leave(&worker);
		for (uint32_t i = n % 1024 ? 0 : 2000; i; i--) /* user code, at times long enough to be caught there */
			compiler_barrier();
		if (p)
			continue;
		store_relaxed(&t->outside, t->outside + 1);
		while (!load_acquire(&given) && !load_relaxed(&stop))
			sched_yield();
		worker.proc = &proc;
		store_relaxed(&worker.taken, S->taken_none);
		store_release(&given, 0u);
	}
	return NULL;
}

static void *take(void *arg)
{
	struct tally *t = arg;
	uint32_t n = 0;
	while (!load_relaxed(&stop)) {
		for (int i = 0; i < 8; i++)
			store_relaxed(&noise[i].word, n++);
		if (!ug__take(&proc))
			continue;
		for (int i = 0; i < 20; i++)
			hold(TAKER, t);
		store_release(&given, 1u);
		while (load_acquire(&given) && !load_relaxed(&stop))
			sched_yield();
	}
	return NULL;
}

#ifndef BARE
static bool often(const struct tally *w)
{
	return load_relaxed(&w->held) >= 100000 && load_relaxed(&w->outside) >= 100;
}
#endif

int main(int argc, char **argv)
{
	int64_t seconds = argc > 1 ? atoi(argv[1]) : 10;
	struct tally w = {0}, k = {0};
	pthread_t threads[2];
	uint64_t lost = 0;
	cpu_set_t cores;
	if (sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) < 2) {
		puts("one core reorders nothing that its own threads could see");
		return 77;
	}
	S->taken_none = ug__membarrier_register() == 0 ? UG__TAKEN_NO : UG__TAKEN_FENCE;
	worker = (struct worker){.proc = &proc, .taken = S->taken_none};
	proc.worker = &worker;
	pthread_create(&threads[0], NULL, work, &w);
	pthread_create(&threads[1], NULL, take, &k);
	int64_t end = ug_now() + seconds * UG_SECOND;
	do {
		usleep(50000);
#ifdef BARE
		if (load_relaxed(&w.lost) + load_relaxed(&k.lost)) /* seen: that is all we want */
			end = 0;
	} while (ug_now() < end);
#else
	} while (ug_now() < end || (!often(&w) && ug_now() < end + 30 * UG_SECOND)); /* a slow machine gets more time */
#endif
	store_relaxed(&stop, 1u);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	lost = w.held + k.held - held.count + w.lost + k.lost;
	printf("%llu passes, %llu takes, %llu violations\n", (unsigned long long)w.held,
		(unsigned long long)(k.held / 20), (unsigned long long)lost);
#ifdef BARE
	return lost ? 0 : 1;
#else
	return lost || !often(&w) ? 1 : 0;
#endif
}
