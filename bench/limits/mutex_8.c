/* SPDX-License-Identifier: MIT */
/*
 * mutex-8: a lock and an unlock that nobody disputes: two locked instructions, because an unlock must see, as it lets
 * go, whether somebody has begun to wait. One thread at any number of processors: a lock that changes cores costs more.
 */
#include "limits.h"

static atomic_int mutex;
static size_t count;

int main(int argc, char **argv)
{
	size_t n = limit_size(argc, argv, 20000000);
	int64_t start = limit_now();
	for (size_t i = 0; i < n; i++) {
		int free = 0;
		if (!atomic_compare_exchange_strong_explicit(
			    &mutex, &free, 1, memory_order_acquire, memory_order_relaxed))
			return 1;
		count++;
		if (atomic_exchange_explicit(&mutex, 0, memory_order_release) != 1)
			return 1;
	}
	int status = limit_report_per("mutex-8", start, n, "ns/lock");
	return count == n ? status : 1;
}
