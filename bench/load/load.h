/* SPDX-License-Identifier: MIT */
/* What the parts of the load client share: the plan, the window that is measured, sockets, ends that are failures. */
#ifndef LOAD_H
#define LOAD_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "histogram.h"

enum { MESSAGE = 64, EVENTS = 256, MAX_THREADS = 64 };

#define SECOND INT64_C(1000000000)

/* What the command line asks for. Read-only once threads run. */
struct plan {
	struct sockaddr_in to;
	int connections, threads;
	int64_t warm, run; /* before the window, and the window: nanoseconds */
	double rate; /* messages a second, all threads together; 0: each as soon as the one before it is back */
	pid_t server; /* whose CPU time is read */
	int core; /* to run on; -1: any */
};

/* One thread of load; its counts are its own until it has ended. */
struct worker {
	pthread_t thread;
	int number, connections; /* `connections`: its share */
	_Atomic uint64_t done; /* units that ended within the window; written by the worker alone */
	struct histogram latency; /* of those */
};

extern struct plan plan;

/* Called by each worker once it is connected: waits for the others. */
void load_ready(void);
/* The window. Its ends lie beyond all time until the CPU clocks have been read there, however late that is: units and
 * CPU time are of the same window. Workers run until it has ended. */
extern _Atomic int64_t load_from, load_to;
static inline bool load_ended(int64_t now)
{
	return now >= atomic_load_explicit(&load_to, memory_order_relaxed);
}

int64_t load_now(void);
_Noreturn void load_fail(const char *what);
/* Ends with `what` and errno's name where `result` is negative. */
int load_must(int result, const char *what);
/* A TCP socket with TCP_NODELAY, non-blocking, neither bound nor connected. */
int load_socket(void);
/* The same, connected; waits. */
int load_connected(void);
/* Counts one unit that began at `from` and is done at `now`, where that is within the window. */
static inline void load_count(struct worker *w, int64_t from, int64_t now)
{
	if (now < atomic_load_explicit(&load_from, memory_order_relaxed) || load_ended(now))
		return;
	uint64_t done = atomic_load_explicit(&w->done, memory_order_relaxed);
	atomic_store_explicit(&w->done, done + 1, memory_order_relaxed);
	histogram_add(&w->latency, now - from);
}

/* The modes: bodies of a worker's thread, its argument a struct worker. */
void *trips_closed(void *worker);
void *trips_paced(void *worker);
void *visits(void *worker);
/* And one that is no load: connections that ask once and then stay. */
int crowd(void);

#endif
