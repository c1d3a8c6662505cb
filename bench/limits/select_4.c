/* SPDX-License-Identifier: MIT */
/* select-4: the locks of four channels, each taken by one locked instruction and given back by a store, and a switch to
 * the one who sends. Without the look at who waits, the order in which cases are tried, and the sender's own lock. */
#include "stacks.h"

static struct stack here, there;
static struct {
	_Alignas(64) atomic_int lock;
} channels[4];
static size_t value;

static void feed(void)
{
	for (;;) {
		value++;
		stack_switch(&there, &here);
	}
}

int main(int argc, char **argv)
{
	size_t n = limit_size(argc, argv, 2000000);
	there = stack_new(feed);
	int64_t start = limit_now();
	for (size_t i = 0; i < n; i++) {
		for (int k = 0; k < 4; k++)
			while (atomic_exchange_explicit(&channels[k].lock, 1, memory_order_acquire))
				;
		for (int k = 0; k < 4; k++)
			atomic_store_explicit(&channels[k].lock, 0, memory_order_release);
		stack_switch(&here, &there);
	}
	int status = limit_report_per("select-4", start, n, "ns/select");
	return value == n ? status : 1;
}
