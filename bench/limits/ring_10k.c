/* SPDX-License-Identifier: MIT */
/*
 * ring-10k: 10,000 stacks of 256 KiB each, of which one page is in use, and a value that goes from each to the next:
 * the next one's channel says who waits there, the value is put into its variable, and its stack switched to. One
 * locked instruction for the channel that is sent to, and one for the channel that is waited on. Nothing is queued and
 * nobody can come between.
 *
 * What is left is mostly one miss of the address translation and some of the cache, one after the other: who comes next
 * is known only when its channel has been read. Pages 256 KiB apart have their entries in the page table on lines of
 * their own.
 */
#include "stacks.h"

#include <sys/mman.h>

enum { TASKS = 10000, STACK = 256 * 1024, TOP = 512 };

struct task;

struct channel {
	_Alignas(64) atomic_int lock;
	struct task *waits;
};

struct task {
	struct stack regs;
	struct channel *in, *out;
	size_t value;
};

static struct channel channels[TASKS];
static inline void lock(struct channel *c)
{
	while (atomic_exchange_explicit(&c->lock, 1, memory_order_acquire))
		;
}

static inline void unlock(struct channel *c)
{
	atomic_store_explicit(&c->lock, 0, memory_order_release);
}

/* Sends the value, and waits for the next one. */
static inline void hop(struct task *me, size_t value)
{
	lock(me->out);
	struct task *next = me->out->waits;
	me->out->waits = NULL;
	next->value = value;
	unlock(me->out);
	lock(me->in);
	me->in->waits = me;
	unlock(me->in);
	stack_switch(&me->regs, &next->regs);
}

/* Its record lies where its frames begin. */
static void pass_on(void)
{
	struct task *me = (struct task *)(void *)((char *)__builtin_frame_address(0) + 16);
	for (;;)
		hop(me, me->value);
}

int main(int argc, char **argv)
{
	size_t laps = limit_size(argc, argv, 5000000) / TASKS, sum = 0;
	size_t bytes = (size_t)TASKS * STACK;
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED || madvise(memory, bytes, MADV_NOHUGEPAGE) < 0)
		return 1;
	struct task *first = NULL;
	for (size_t i = 0; i < TASKS; i++) {
		struct task *t = (struct task *)(void *)(memory + (i + 1) * STACK - TOP);
		first = i ? first : t;
		t->in = &channels[i];
		t->out = &channels[(i + 1) % TASKS];
		t->in->waits = t;
		t->regs = (struct stack){.sp = (char *)t - 8, .ip = (void *)pass_on};
	}
	/* The first lap starts them. */
	channels[0].waits = NULL;
	int64_t start = 0;
	for (size_t i = 0; i <= laps; i++) {
		if (i == 1)
			start = limit_now();
		hop(first, i);
		sum += first->value;
	}
	int status = limit_report_per("ring-10k", start, laps * TASKS, "ns/hop");
	return sum == laps * (laps + 1) / 2 ? status : 1;
}
