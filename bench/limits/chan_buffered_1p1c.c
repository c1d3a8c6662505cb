/* SPDX-License-Identifier: MIT */
/*
 * chan-buffered-1p1c: the ring alone, room for 128.
 *
 * At 1 processor one thread fills it and empties it, a compare-and-swap to lock and a store to unlock for each item and
 * side: what a channel costs that any number of threads may use, before anybody waits or is switched to. At more than
 * one, a sender and a receiver on threads of their own with a ring that has no lock and knows of one of each, which a
 * channel does not: what moving items between two cores costs.
 */
#include <pthread.h>

#include "limits.h"

enum { ROOM = 128 };

static struct {
	_Alignas(64) atomic_size_t in;
	_Alignas(64) atomic_size_t out;
	_Alignas(64) atomic_int lock;
	int items[ROOM];
} ring;

static int count;

static inline void lock(void)
{
	int free = 0;
	while (!atomic_compare_exchange_weak_explicit(&ring.lock, &free, 1, memory_order_acquire, memory_order_relaxed))
		free = 0;
}

static inline void unlock(void)
{
	atomic_store_explicit(&ring.lock, 0, memory_order_release);
}

static inline size_t seen(atomic_size_t *position, memory_order order)
{
	return atomic_load_explicit(position, order);
}

/* The positions are the lock's here: no order but its own. */
static int64_t one_thread(void)
{
	int64_t sum = 0;
	for (int sent = 0, got = 0; got < count;) {
		for (; sent < count && sent - got < ROOM; sent++) {
			lock();
			size_t in = seen(&ring.in, memory_order_relaxed);
			ring.items[in % ROOM] = sent;
			atomic_store_explicit(&ring.in, in + 1, memory_order_relaxed);
			unlock();
		}
		for (; got < sent; got++) {
			lock();
			size_t out = seen(&ring.out, memory_order_relaxed);
			sum += ring.items[out % ROOM];
			atomic_store_explicit(&ring.out, out + 1, memory_order_relaxed);
			unlock();
		}
	}
	return sum;
}

static void *produce(void *arg)
{
	size_t out = 0; /* as last seen: looked at again only where the ring seems full */
	for (size_t in = 0; in < (size_t)count; in++) {
		while (in - out == ROOM)
			out = seen(&ring.out, memory_order_acquire);
		ring.items[in % ROOM] = (int)in;
		atomic_store_explicit(&ring.in, in + 1, memory_order_release);
	}
	return arg;
}

static int64_t two_threads(void)
{
	pthread_t producer;
	int64_t sum = 0;
	size_t in = 0;
	if (pthread_create(&producer, NULL, produce, NULL) != 0)
		exit(1);
	for (size_t out = 0; out < (size_t)count; out++) {
		while (in == out)
			in = seen(&ring.in, memory_order_acquire);
		sum += ring.items[out % ROOM];
		atomic_store_explicit(&ring.out, out + 1, memory_order_release);
	}
	pthread_join(producer, NULL);
	return sum;
}

int main(int argc, char **argv)
{
	count = (int)limit_size(argc, argv, 10000000);
	int64_t start = limit_now();
	int64_t sum = limit_procs() == 1 ? one_thread() : two_threads();
	int status = limit_report_per("chan-buffered-1p1c", start, (size_t)count, "ns/item");
	return sum == (int64_t)count * (count - 1) / 2 ? status : 1;
}
