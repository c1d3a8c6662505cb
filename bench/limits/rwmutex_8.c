/* SPDX-License-Identifier: MIT */
/*
 * rwmutex-8: a reader notes in a place of its thread's own that it reads, looks whether a writer has come, and clears
 * the place; one of a hundred sets the word, looks at the places of all threads, and clears the word. At 1 processor no
 * barrier stands between note and look; at more than one that is a locked instruction, and a thread a processor does it
 * at the same time: none waits for the others but writers for readers that are inside. Nothing is called, nobody
 * queues, no deadline is looked at.
 */
#include <pthread.h>

#include "limits.h"

enum { MOST = 64 };

static struct place {
	_Alignas(64) atomic_size_t reads;
	pthread_t thread;
	bool bad;
} places[MOST];
static _Alignas(64) atomic_int writer;
static long count;
static size_t procs, each;

static inline void note(struct place *p)
{
	if (procs > 1)
		atomic_exchange_explicit(&p->reads, 1, memory_order_seq_cst);
	else
		atomic_store_explicit(&p->reads, 1, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
}

static void read_lock(struct place *p)
{
	for (note(p); atomic_load_explicit(&writer, memory_order_seq_cst); note(p)) {
		atomic_store_explicit(&p->reads, 0, memory_order_release);
		while (atomic_load_explicit(&writer, memory_order_acquire))
			;
	}
}

static void write_lock(void)
{
	int none = 0;
	while (!atomic_compare_exchange_weak_explicit(&writer, &none, 1, memory_order_seq_cst, memory_order_relaxed))
		none = 0;
	for (size_t i = 0; i < procs; i++)
		while (atomic_load_explicit(&places[i].reads, memory_order_seq_cst))
			;
}

static void *run(void *arg)
{
	struct place *p = arg;
	for (size_t i = 0; i < each; i++) {
		if (i % 100 == 99) {
			write_lock();
			count++;
			atomic_exchange_explicit(&writer, 0, memory_order_release);
		} else {
			read_lock(p);
			p->bad |= *(volatile long *)&count < 0;
			atomic_store_explicit(&p->reads, 0, memory_order_release);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	procs = (size_t)limit_procs();
	if (procs > MOST)
		return 1;
	each = limit_size(argc, argv, 20000000) / procs;
	int64_t start = limit_now();
	for (size_t i = 1; i < procs; i++)
		if (pthread_create(&places[i].thread, NULL, run, &places[i]) != 0)
			return 1;
	run(&places[0]);
	for (size_t i = 1; i < procs; i++)
		pthread_join(places[i].thread, NULL);
	int status = limit_report_per("rwmutex-8", start, each * procs, "ns/lock");
	return count == (long)(procs * (each / 100)) && !places[0].bad ? status : 1;
}
