/* SPDX-License-Identifier: MIT */
/*
 * A small explorer of interleavings. The code under test is the library's own source, compiled against atomic_shim.h,
 * so that each atomic operation is a point at which another thread may go on instead. "Threads" are stacks of this one
 * program; a run is a sequence of choices at those points, and the explorer makes all runs with at most so many
 * switches away from a thread that could have gone on (context-bounded search: M. Musuvathi and S. Qadeer, "Iterative
 * Context Bounding for Systematic Testing of Multithreaded Programs", 2007), or random ones, with any number of
 * switches.
 *
 * Stores that are not sequentially consistent may be delayed besides, each for the price of one switch: they stay in
 * the thread's store buffer until its next operation that drains it, as on x86. (A weaker machine may do more; what it
 * may do is not explored.)
 */
#ifndef MODEL_EXPLORE_H
#define MODEL_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model {
	const char *name;
	void (*set_up)(void); /* puts all memory back to the start, calls model_thread */
	const char *(*check)(void); /* once nothing can go on any more: NULL, or what is wrong */
	void (*step)(void); /* at each point: an invariant to look at, by model_fail; may be NULL */
	void (*switched)(int from, int to); /* keeps the thread-locals; -1: none; may be NULL */
	int switches; /* bound of the exhaustive search */
	/* Whether a store there may be delayed; NULL: none is. Not where the code under test reads without an atomic
	 * operation what it has itself written: such a read does not look into the buffer. */
	bool (*may_delay)(const volatile void *at);
};

/* A run that broke something is made again, and each step of it printed, where MODEL_TRACE is in the environment. */

/* Explores within `seconds` of the processor's time; prints a line. 0: nothing found; 1: a run broke something, which
 * was printed; 2: time ran out first. */
int model_explore(const struct model *m, int seconds);
/* Random runs for so many seconds, likewise. 0 or 1. */
int model_wander(const struct model *m, int seconds);

/* In set_up, or in a thread. */
void model_thread(const char *name, void (*fn)(void *arg), void *arg);
/* A piece of memory that is a stack (of a task): two threads on one of them is an error. */
void model_stack(const char *name, void *base, size_t size);

/* In threads. */
int model_self(void);
/* Another may go on from here. */
void model_point(void);
/* Waits until the condition holds; in runs where it never does, the thread stands there at the end. */
void model_wait(bool (*holds)(const void *arg), const void *arg);
/* Others first: goes on when some other thread has made a step. */
void model_yield(void);
/* 0 to n - 1, each explored. */
int model_choose(int n);
/* A system call begins: the thread's own stores become visible, another thread may go on. */
void model_call(void);
/* All stores of all threads become visible. */
void model_barrier(void);
__attribute__((noreturn, format(printf, 1, 2))) void model_fail(const char *format, ...);

/* What the shim calls: the place in the source, the address, its size (1, 2, 4 or 8). */
uint64_t model_load(const char *where, const volatile void *at, size_t size);
void model_store(const char *where, volatile void *at, size_t size, uint64_t value, bool drain);
uint64_t model_swap(const char *where, volatile void *at, size_t size, uint64_t value);
uint64_t model_add(const char *where, volatile void *at, size_t size, uint64_t value);
bool model_cas(const char *where, volatile void *at, volatile void *expected, size_t size, uint64_t value);

#endif
