/* SPDX-License-Identifier: MIT */
/*
 * Timers and pollers as passive things: they answer what has become ready, and wake nobody. sched drives them.
 */
#ifndef UG_POLL_POLL_H
#define UG_POLL_POLL_H

#include "base/atomic.h"
#include "base/biased.h"
#include <stddef.h>
#include <stdint.h>
#include <undergo/base.h>

/* Timers -----------------------------------------------------------------------------------------------------------
 * A heap of armed timers with a lock of its own. `next` is when the earliest is due (UG_FOREVER: none) and may be read
 * by anyone at any time. A timer's fire runs with the lock held: when ug__timers_remove has answered, it is over. */
struct ug__timer_entry {
	int64_t when;
	size_t slot;
};

struct ug__timers {
	struct ug__biased lock;
	struct ug__bias bias;
	int64_t next;
	size_t count, dead, room; /* entries of the heap, those of them whose timer was stopped, and how many fit */
	struct ug__timer_entry *heap;
	struct ug__timer **slots;
	struct ug__timer *spilled; /* without room in the heap */
};

/* 1 where the timer is now the earliest, else 0. */
int ug__timers_add(struct ug__timers *h, struct ug__timer *t);
/* 1 removed; 0 it was not armed (any more). For a timer that some ug__timers_add got; takes the heap from it. */
int ug__timers_remove(struct ug__timer *t);
/* Fires all that are due at `now`; answers how many. */
size_t ug__timers_run(struct ug__timers *h, int64_t now);
/* Takes out all that `which` says, unfired. */
void ug__timers_drop(struct ug__timers *h, int (*which)(const struct ug__timer *t));
void ug__timers_end(struct ug__timers *h);

/* Pollers ----------------------------------------------------------------------------------------------------------
 * The contract of a back end. Readiness is edge-triggered: after `add`, each time a descriptor becomes readable or
 * writable (again), or was so at `add`, at least one event says so; events may be spurious, and may come late for a key
 * that was removed meanwhile: the key's user tells by its generation. The key UG__POLL_WAKE is `wake`'s own.
 *
 * own_thread: `wait` must be called by one thread only, for the poller's whole life, and that one must run no tasks;
 * else any number of threads may wait at once, and each event reaches one of them. All else: any thread. */
enum { UG__POLL_IN = 1, UG__POLL_OUT = 2, UG__POLL_HUP = 4 }; /* HUP: the other end has gone, or sent urgent data */
#define UG__POLL_WAKE UINT64_MAX

struct ug__event {
	uint64_t key;
	uint32_t what;
};

struct ug__poller {
	const char *name;
	int own_thread;
	/* 0, or a negative code: this kind cannot be had here. */
	int (*start)(void);
	void (*end)(void);
	/* Watches fd both ways under a key. -EPERM: of a kind that is always ready. */
	int (*add)(int fd, uint64_t key);
	/* No more events for the key but such as are on their way. Before the descriptor is closed. `last`: it is about
	 * to be. */
	void (*remove)(int fd, uint64_t key, int last);
	/* Up to n events into ev, waiting until the monotonic time `until` at most (0: not at all). How many;
	 * -EINTR. */
	int (*wait)(struct ug__event *ev, int n, int64_t until);
	/* Makes a wait that is under way, or the next, answer with UG__POLL_WAKE. */
	void (*wake)(void);
};

extern const struct ug__poller ug__poll_epoll;
extern const struct ug__poller ug__poll_uring;

#endif
