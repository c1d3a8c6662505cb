/* SPDX-License-Identifier: MIT */
/*
 * A histogram of times: 128 buckets to each power of two, so that a percentile is right within 0.8 %, at any size.
 *
 * Below 128 ns a bucket is 1 ns. No lock: each thread has its own, added up in the end.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
	HISTOGRAM_BITS = 7,
	HISTOGRAM_PART = 1 << HISTOGRAM_BITS,
	HISTOGRAM_SIZE = (64 - HISTOGRAM_BITS) * HISTOGRAM_PART
};

struct histogram {
	uint64_t count[HISTOGRAM_SIZE];
};

static inline void histogram_add(struct histogram *h, int64_t value)
{
	uint64_t v = value > 0 ? (uint64_t)value : 0;
	unsigned shift = 0;
	if (v >= HISTOGRAM_PART)
		shift = 63 - (unsigned)__builtin_clzll(v) - HISTOGRAM_BITS;
	/* v >> shift is below 128 only where shift is 0; else it is 128 to 255, one row above */
	size_t row = v < HISTOGRAM_PART ? 0 : shift + 1;
	h->count[row * HISTOGRAM_PART + ((v >> shift) & (HISTOGRAM_PART - 1))]++;
}

static inline void histogram_merge(struct histogram *into, const struct histogram *h)
{
	for (size_t i = 0; i < HISTOGRAM_SIZE; i++)
		into->count[i] += h->count[i];
}

/* The middle of the bucket in which the given share of all values, 0 to 1, is reached; 0 where there are none. */
static inline double histogram_at(const struct histogram *h, double share)
{
	uint64_t all = 0, seen = 0;
	for (size_t i = 0; i < HISTOGRAM_SIZE; i++)
		all += h->count[i];
	for (size_t i = 0; i < HISTOGRAM_SIZE; i++) {
		seen += h->count[i];
		if (seen == 0 || (double)seen < share * (double)all)
			continue;
		size_t row = i / HISTOGRAM_PART, part = i % HISTOGRAM_PART;
		if (row == 0)
			return (double)part;
		return ((double)(HISTOGRAM_PART + part) + 0.5) * (double)(UINT64_C(1) << (row - 1));
	}
	return 0;
}

#endif
