/* SPDX-License-Identifier: MIT */
#include "explore.h"

#include "stack/stack.h"
#include "stack/switch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS 8
#define STACKS 16
#define STACK_SIZE ((size_t)64 << 10)
#define BUFFERED 16
#define STEPS 20000 /* a run that takes more is an endless one */

struct delayed {
	volatile void *at;
	size_t size;
	uint64_t value;
};

static struct thread {
	const char *name;
	void (*fn)(void *arg);
	void *arg;
	struct ug__switch regs;
	bool (*holds)(const void *arg); /* NULL: it can go on */
	const void *holds_arg;
	bool yielded, over;
	int on; /* the stack where it stands; -1: its own */
	const char *where; /* its last operation */
	struct delayed buffer[BUFFERED];
	int buffered;
} threads[THREADS];

static char own_stacks[THREADS][STACK_SIZE] __attribute__((aligned(64)));

static struct known {
	const char *name;
	char *base;
	size_t size;
} stacks[STACKS];

static const struct model *model;
static int thread_count, stack_count, current, spent;
static struct ug__switch outside;
static long step_count;
static bool failed, wandering, tracing;
static char why[512];

/* Choices of this run: made ones are replayed, then new ones are appended, each the first of its kind. */
struct choice {
	uint16_t taken, of;
};
static struct choice choices[STEPS];
static int choice_count, replayed;
static uint64_t random_state = 1;

static uint32_t draw(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 33) % n;
}

static int choose(int n, int likely_first)
{
	if (n <= 1 || choice_count >= STEPS)
		return 0;
	struct choice *c = &choices[choice_count++];
	if (choice_count > replayed) {
		int taken = !wandering || (likely_first && draw((uint32_t)likely_first)) ? 0 : (int)draw((uint32_t)n);
		*c = (struct choice){.taken = (uint16_t)taken, .of = (uint16_t)n};
	}
	return c->taken;
}

static void end_run(void)
{
	struct ug__switch nowhere;
	ug__switch(&nowhere, &outside, NULL);
	__builtin_unreachable();
}

void model_fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	failed = true;
	if (current >= 0)
		end_run();
	abort();
}

/* Store buffers
 * ------------------------------------------------------------------------------------------------------ */

static void write_through(volatile void *at, size_t size, uint64_t value)
{
	memcpy((void *)(uintptr_t)at, &value, size); /* little-endian: the low bytes come first */
}

static void drain(struct thread *t)
{
	for (int i = 0; i < t->buffered; i++)
		write_through(t->buffer[i].at, t->buffer[i].size, t->buffer[i].value);
	t->buffered = 0;
}

void model_call(void)
{
	model_point();
	drain(&threads[current]);
}

void model_barrier(void)
{
	model_point();
	for (int i = 0; i < thread_count; i++)
		drain(&threads[i]);
}

/* Scheduling
 * --------------------------------------------------------------------------------------------------------- */

int model_self(void)
{
	return current;
}

static bool can_go_on(struct thread *t)
{
	if (t->over || t->yielded)
		return false;
	if (t->holds && !t->holds(t->holds_arg))
		return false;
	return true;
}

static void note_stack(struct thread *t)
{
	char *sp = __builtin_frame_address(0);
	t->on = -1;
	for (int i = 0; i < stack_count; i++)
		if (sp >= stacks[i].base && sp < stacks[i].base + stacks[i].size)
			t->on = i;
	for (struct thread *o = threads; t->on >= 0 && o < threads + thread_count; o++)
		if (o != t && !o->over && o->on == t->on)
			model_fail("%s and %s stand on the stack %s", t->name, o->name, stacks[t->on].name);
}

static void go_on_with(int next)
{
	struct thread *from = &threads[current], *to = &threads[next];
	if (next == current)
		return;
	int was = current;
	current = next;
	if (model->switched)
		model->switched(was, next);
	ug__switch(&from->regs, &to->regs, NULL);
}

/* Whoever goes on next; the current thread comes first where it can. */
static void schedule(bool must_leave)
{
	int list[THREADS], n = 0;
	struct thread *t = &threads[current];
	bool free_choice = must_leave || !can_go_on(t);
	if (++step_count > STEPS)
		model_fail("endless: more than %d steps", STEPS);
	if (!free_choice)
		list[n++] = current;
	if (free_choice || wandering || spent < model->switches)
		for (int i = 1; i <= thread_count; i++) {
			int other = (current + i) % thread_count;
			if (other != current && can_go_on(&threads[other]))
				list[n++] = other;
		}
	if (n == 0 && t->yielded) /* nobody to give way to */
		list[n++] = current;
	if (n == 0)
		end_run();
	int taken = choose(n, free_choice ? 0 : 12);
	if (taken && !free_choice)
		spent++;
	go_on_with(list[taken]);
}

/* The current thread has come to a point: those that gave way to it may try again. */
static struct thread *arrive(void)
{
	struct thread *t = &threads[current];
	for (int i = 0; i < thread_count; i++)
		if (i != current)
			threads[i].yielded = false;
	note_stack(t);
	return t;
}

void model_point(void)
{
	arrive();
	if (model->step)
		model->step();
	schedule(false);
}

/* Before an operation on memory: another may go on first. */
static struct thread *operate(const char *where)
{
	int me = current;
	threads[me].where = where;
	model_point();
	if (tracing)
		printf("    %-10s %s\n", threads[me].name, where);
	return &threads[me];
}

static void trace(const char *what, const volatile void *at, uint64_t value)
{
	if (tracing)
		printf("               %s %p %#llx\n", what, (const void *)(uintptr_t)at, (unsigned long long)value);
}

void model_wait(bool (*holds)(const void *arg), const void *arg)
{
	struct thread *t = arrive();
	drain(t);
	t->holds = holds;
	t->holds_arg = arg;
	schedule(false);
	t->holds = NULL;
}

void model_yield(void)
{
	struct thread *t = arrive();
	drain(t);
	t->yielded = true;
	schedule(true);
	t->yielded = false;
}

int model_choose(int n)
{
	return choose(n, 0);
}

/* Memory
 * ------------------------------------------------------------------------------------------------------------- */

uint64_t model_load(const char *where, const volatile void *at, size_t size)
{
	struct thread *t = operate(where);
	uint64_t value = 0;
	memcpy(&value, (const void *)(uintptr_t)at, size);
	for (int i = 0; i < t->buffered; i++)
		if (t->buffer[i].at == at)
			value = t->buffer[i].value;
	value = size == 8 ? value : value & ((UINT64_C(1) << (size * 8)) - 1);
	trace("load", at, value);
	return value;
}

void model_store(const char *where, volatile void *at, size_t size, uint64_t value, bool drains)
{
	struct thread *t = operate(where);
	trace(drains ? "store, drains" : "store", at, value);
	if (drains || !model->may_delay || !model->may_delay(at)) {
		drain(t);
		write_through(at, size, value);
		return;
	}
	/* Behind one that is delayed all are: the buffer is first in, first out. */
	if (t->buffered == 0) {
		if ((!wandering && spent >= model->switches) || choose(2, 4) == 0) {
			write_through(at, size, value);
			return;
		}
		spent++;
	}
	if (t->buffered == BUFFERED) {
		drain(t);
		write_through(at, size, value);
		return;
	}
	trace("delayed", at, value);
	t->buffer[t->buffered++] = (struct delayed){.at = at, .size = size, .value = value};
}

uint64_t model_swap(const char *where, volatile void *at, size_t size, uint64_t value)
{
	drain(operate(where));
	uint64_t old = 0;
	memcpy(&old, (const void *)(uintptr_t)at, size);
	write_through(at, size, value);
	return old;
}

uint64_t model_add(const char *where, volatile void *at, size_t size, uint64_t value)
{
	drain(operate(where));
	uint64_t old = 0;
	memcpy(&old, (const void *)(uintptr_t)at, size);
	write_through(at, size, old + value);
	return old;
}

bool model_cas(const char *where, volatile void *at, volatile void *expected, size_t size, uint64_t value)
{
	drain(operate(where));
	if (memcmp((const void *)(uintptr_t)at, (const void *)(uintptr_t)expected, size) == 0) {
		write_through(at, size, value);
		return true;
	}
	memcpy((void *)(uintptr_t)expected, (const void *)(uintptr_t)at, size);
	return false;
}

/* Runs
 * --------------------------------------------------------------------------------------------------------------- */

void model_stack(const char *name, void *base, size_t size)
{
	stacks[stack_count++] = (struct known){.name = name, .base = base, .size = size};
}

static void thread_main(void *pass)
{
	(void)pass;
	threads[current].fn(threads[current].arg);
	model_point(); /* with stores that are still delayed */
	struct thread *t = &threads[current];
	drain(t);
	t->over = true;
	schedule(true);
	abort();
}

void model_thread(const char *name, void (*fn)(void *arg), void *arg)
{
	struct thread *t = &threads[thread_count];
	*t = (struct thread){.name = name, .fn = fn, .arg = arg, .on = -1};
	ug__switch_init(&t->regs, own_stacks[thread_count++] + STACK_SIZE - 64, thread_main);
}

/* One run; true: it was fine. */
static bool run(void)
{
	thread_count = stack_count = spent = choice_count = 0;
	step_count = 0;
	failed = false;
	current = -1;
	model->set_up();
	current = choose(thread_count, 0);
	if (model->switched)
		model->switched(-1, current);
	ug__switch(&outside, &threads[current].regs, NULL);
	if (model->switched)
		model->switched(current, -1);
	current = -1;
	if (!failed) {
		for (int i = 0; i < thread_count; i++)
			drain(&threads[i]);
		const char *wrong = model->check();
		if (wrong) {
			failed = true;
			snprintf(why, sizeof why, "%s", wrong);
		}
	}
	return !failed;
}

static void report(void)
{
	printf("%s: %s\n", model->name, why);
	for (int i = 0; i < thread_count; i++)
		printf("  %-10s %s, %s%s%s\n", threads[i].name, threads[i].over ? "is over" : "waits or could go on",
			threads[i].where ? threads[i].where : "not begun", threads[i].on >= 0 ? ", on the stack " : "",
			threads[i].on >= 0 ? stacks[threads[i].on].name : "");
	if (!getenv("MODEL_TRACE"))
		return;
	tracing = true;
	replayed = choice_count;
	run();
	tracing = false;
}

/* The next run in order: the last choice that has another alternative takes it, what follows is open. */
static bool next_choices(void)
{
	while (choice_count > 0 && choices[choice_count - 1].taken + 1 >= choices[choice_count - 1].of)
		choice_count--;
	if (choice_count == 0)
		return false;
	choices[choice_count - 1].taken++;
	replayed = choice_count;
	return true;
}

/* Of this process: what else the machine does decides nothing. */
static time_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec;
}

int model_explore(const struct model *m, int seconds)
{
	time_t end = now() + seconds;
	long runs = 0;
	model = m;
	wandering = false;
	replayed = 0;
	do {
		runs++;
		if (!run()) {
			report();
			return 1;
		}
		if (runs % 256 == 0 && now() >= end) {
			printf("%s: %ld runs with at most %d switches, not all\n", m->name, runs, m->switches);
			return 2;
		}
	} while (next_choices());
	printf("%s: all %ld runs with at most %d switches\n", m->name, runs, m->switches);
	return 0;
}

int model_wander(const struct model *m, int seconds)
{
	time_t end = now() + seconds;
	long runs = 0;
	model = m;
	wandering = true;
	replayed = 0;
	for (; runs % 256 || now() < end; runs++) {
		random_state = (uint64_t)runs * 2654435761u + 88172645463325252u;
		if (!run()) {
			report();
			return 1;
		}
	}
	printf("%s: %ld random runs\n", m->name, runs);
	return 0;
}
