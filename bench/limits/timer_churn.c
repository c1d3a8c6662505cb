/* SPDX-License-Identifier: MIT */
/*
 * timer-churn: what to arm and to stop a timer cannot do without: the clock is read once, for a timeout counts from
 * now; the heap of a processor is locked twice, by a compare-and-swap and a store, for any thread may stop a timer; and
 * the timer goes into the heap's next place and out of it. No heap is kept in order, no context opened, nothing called.
 * A thread a processor.
 */
#include <pthread.h>

#include "limits.h"

enum { LIVE = 100000, MOST = 64 };

static struct heap {
	_Alignas(64) atomic_int lock;
	size_t live;
	struct entry {
		int64_t when;
		void *timer;
	} entries[LIVE + 1];
	pthread_t thread;
	size_t count;
	int64_t first;
} heaps[MOST];

static inline void lock(struct heap *h)
{
	int free = 0;
	while (!atomic_compare_exchange_weak_explicit(&h->lock, &free, 1, memory_order_acquire, memory_order_relaxed))
		free = 0;
}

static inline void unlock(struct heap *h)
{
	atomic_store_explicit(&h->lock, 0, memory_order_release);
}

static void *churn(void *arg)
{
	struct heap *h = arg;
	uint32_t r = (uint32_t)(h - heaps) + 1;
	for (size_t i = 0; i < h->count; i++) {
		r ^= r << 13;
		r ^= r >> 17;
		r ^= r << 5;
		int64_t when = limit_now() + (int64_t)r;
		lock(h);
		h->entries[h->live++] = (struct entry){when, h};
		if (when < h->first)
			h->first = when;
		unlock(h);
		lock(h);
		h->entries[--h->live].timer = NULL;
		unlock(h);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	size_t procs = (size_t)limit_procs(), n = limit_size(argc, argv, 5000000) / procs;
	if (procs > MOST)
		return 1;
	for (size_t p = 0; p < procs; p++) {
		heaps[p].count = n;
		heaps[p].live = LIVE / procs;
	}
	int64_t start = limit_now();
	for (size_t p = 1; p < procs; p++)
		if (pthread_create(&heaps[p].thread, NULL, churn, &heaps[p]) != 0)
			return 1;
	churn(&heaps[0]);
	for (size_t p = 1; p < procs; p++)
		pthread_join(heaps[p].thread, NULL);
	int status = limit_report_per("timer-churn", start, n * procs, "ns/arm+stop");
	return heaps[0].live == LIVE / procs ? status : 1;
}
