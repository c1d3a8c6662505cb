/* SPDX-License-Identifier: MIT */
/* A loop of 10 M small bodies over all processors: what one costs. */
#include "bench.h"
#include <stdatomic.h>

enum { GRAIN = 16384 }; /* some 10 us: cores that ask for the next piece seldom meet */

static atomic_size_t next;
static atomic_uint_fast64_t total;
static size_t bodies;

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

static uint64_t piece(size_t from, size_t to)
{
	uint64_t sum = 0;
	for (size_t i = from; i < to; i++)
		sum += mix(i);
	return sum;
}

static int part(void *arg)
{
	(void)arg;
	uint64_t sum = 0;
	size_t from;
	while ((from = atomic_fetch_add(&next, GRAIN)) < bodies)
		sum += piece(from, from + GRAIN < bodies ? from + GRAIN : bodies);
	atomic_fetch_add(&total, sum);
	return 0;
}

static int parfor(void)
{
	ug_group g;
	bodies = bench_size(10000000);
	int64_t start = bench_now();
	UG_GROUP(&g)
		for (int p = ug_procs(); p > 0; p--)
			bench_must(ug_group_go(&g, part, NULL));
	bench_report_per(start, bodies, "ns/body");
	bench_check(total == piece(0, bodies), "bodies lost");
	return 0;
}

BENCH("parfor", parfor)
