/* SPDX-License-Identifier: MIT */
/*
 * chan-pingpong: there and back with a value, two switches and two locked instructions, one a channel: the least by
 * which a channel that other threads may use at the same time can be taken. The lock is given back by a plain store.
 */
#include "stacks.h"

struct channel {
	_Alignas(64) atomic_int lock;
	size_t value;
};

static struct stack here, there;
static struct channel ping, pong;

static inline void put(struct channel *c, size_t value)
{
	while (atomic_exchange_explicit(&c->lock, 1, memory_order_acquire))
		;
	c->value = value;
	atomic_store_explicit(&c->lock, 0, memory_order_release);
}

static void other(void)
{
	for (;;) {
		put(&pong, ping.value);
		stack_switch(&there, &here);
	}
}

int main(int argc, char **argv)
{
	size_t n = limit_size(argc, argv, 2000000), sum = 0;
	there = stack_new(other);
	int64_t start = limit_now();
	for (size_t i = 0; i < n; i++) {
		put(&ping, i);
		stack_switch(&here, &there);
		sum += pong.value;
	}
	int status = limit_report_per("chan-pingpong", start, n, "ns/round-trip");
	return sum == n * (n - 1) / 2 ? status : 1;
}
