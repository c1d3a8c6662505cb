/* SPDX-License-Identifier: MIT */
/*
 * chan-mpmc-8x8: eight senders and eight receivers in turn on a ring of 128, a compare-and-swap to lock and a store to
 * unlock for each item and side, and a switch of stacks wherever one finds the ring full or empty. One thread at any
 * number of processors: a ring whose lock changes cores costs more.
 */
#include "stacks.h"

enum { SIDES = 8, ROOM = 128 };

static struct {
	_Alignas(64) atomic_int lock;
	size_t in, out;
	int items[ROOM];
} ring;

static struct stack first, stacks[2 * SIDES];
static size_t each, running, ended, got;

/* To the next that has not ended, round and round: in the end, back to main. */
static void next(struct stack *from)
{
	running = (running + 1) % (size_t)(2 * SIDES);
	stack_switch(from, &stacks[running]);
}

/* Puts an item in, or takes one out; false: it is full, or empty. */
static inline bool turn(bool put, int *item)
{
	int free = 0;
	while (!atomic_compare_exchange_weak_explicit(&ring.lock, &free, 1, memory_order_acquire, memory_order_relaxed))
		free = 0;
	bool good = put ? ring.in - ring.out < ROOM : ring.in != ring.out;
	if (good && put)
		ring.items[ring.in++ % ROOM] = *item;
	else if (good)
		*item = ring.items[ring.out++ % ROOM];
	atomic_store_explicit(&ring.lock, 0, memory_order_release);
	return good;
}

static void send(void)
{
	struct stack *self = &stacks[running];
	for (size_t i = 0; i < each; i++)
		for (int item = (int)i; !turn(true, &item);)
			next(self);
	ended++;
	for (;;)
		next(self);
}

static void receive(void)
{
	struct stack *self = &stacks[running];
	for (;;) {
		int item;
		while (turn(false, &item))
			got++;
		if (ended == SIDES)
			stack_switch(self, &first);
		next(self);
	}
}

int main(int argc, char **argv)
{
	each = limit_size(argc, argv, 1000000);
	for (int i = 0; i < 2 * SIDES; i++)
		stacks[i] = stack_new(i % 2 ? receive : send);
	int64_t start = limit_now();
	stack_switch(&first, &stacks[0]);
	int status = limit_report_per("chan-mpmc-8x8", start, SIDES * each, "ns/item");
	return got == SIDES * each ? status : 1;
}
