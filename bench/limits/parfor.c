/* SPDX-License-Identifier: MIT */
/*
 * parfor: the loop, split by hand into as many equal parts as processors, on threads that are there before and spin
 * until it begins: the bodies themselves.
 */
#include <pthread.h>

#include "limits.h"

enum { MAX_PROCS = 256 };

struct part {
	pthread_t thread;
	size_t from, to;
	uint64_t sum;
};

static _Alignas(64) atomic_size_t waiting, done;
static _Alignas(64) atomic_bool begun;

/* The small body: the finaliser of MurmurHash3. */
static inline uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccd;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53;
	x ^= x >> 33;
	return x;
}

static void *run(void *arg)
{
	struct part *p = arg;
	uint64_t sum = 0;
	atomic_fetch_add(&waiting, 1);
	while (!atomic_load_explicit(&begun, memory_order_acquire))
		;
	for (size_t i = p->from; i < p->to; i++)
		sum += mix(i);
	p->sum = sum;
	atomic_fetch_add(&done, 1);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct part parts[MAX_PROCS];
	size_t n = limit_size(argc, argv, 10000000), procs = (size_t)limit_procs();
	uint64_t sum = 0, want = 0;
	if (procs > MAX_PROCS)
		return 1;
	for (size_t i = 0; i < procs; i++)
		parts[i] = (struct part){.from = n * i / procs, .to = n * (i + 1) / procs};
	for (size_t i = 1; i < procs; i++)
		if (pthread_create(&parts[i].thread, NULL, run, &parts[i]) != 0)
			return 1;
	while (atomic_load(&waiting) < procs - 1)
		;
	int64_t start = limit_now();
	atomic_store_explicit(&begun, true, memory_order_release);
	run(&parts[0]);
	while (atomic_load_explicit(&done, memory_order_acquire) < procs)
		;
	int status = limit_report_per("parfor", start, n, "ns/body");
	for (size_t i = 0; i < procs; i++)
		sum += parts[i].sum;
	for (size_t i = 0; i < n; i++)
		want += mix(i);
	return sum == want ? status : 1;
}
