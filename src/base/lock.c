/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a lock.
 *
 * Two cores that fight for one lock, that of a channel between eight senders and eight receivers say, take its line,
 * and those of what it guards, from each other's caches at every turn, which costs more than the sections. So who has
 * waited for a lock and finds it held still looks for it less often, this time and the next. The other core has it for
 * itself meanwhile, some thousand times in a row, and then it is the first one's turn. Who finds it free after a wait
 * looks a little more often the next time: a lock that is held for a small part of the time only is not waited for any
 * longer than that. One that is found held once in a while costs four pauses.
 *
 * Past that the holder has probably lost its core: the waiter gives its own away, then sleeps in short steps.
 */
#include "base/lock.h"

#include "base/clock.h"
#include "config.h"
#include UG_CPU_H
#include <sched.h>
#include <time.h>
#include <undergo/base.h>

/* In pauses of the processor's, of some 5 to 50 ns each: the first wait for a lock, the longest, and how many before
 * the core is given away. */
#define FIRST_WAIT 4
#define LONGEST_WAIT 1024
#define MOST_PAUSES 1024
#define YIELDS 10
/* What a wait becomes that was too short, and by what part the next is shorter else: so waits get longer where one in
 * forty or more is too short. */
#define GROWTH 4
#define DECAY 32
/* Who finds a lock held again so soon fights for it with another core, which may have had it for the longest wait. */
#define SOON (500 * UG_US)

static __thread int64_t last;
static __thread unsigned wait;
static __thread bool waited; /* for the lock that is wanted now, or it is not going to be told */

unsigned ug__spin_begin(unsigned pauses, bool once)
{
	int64_t now = ug__clock_real();
	if (now - last > SOON)
		wait = FIRST_WAIT;
	else
		wait -= wait / DECAY;
	last = now;
	waited = once;
	return pauses + 4 * wait;
}

void ug__spin_contended(void)
{
	wait = wait < LONGEST_WAIT / GROWTH ? wait * GROWTH : LONGEST_WAIT;
}

bool ug__spin(unsigned *left)
{
	if (*left < wait)
		return false;
	if (waited)
		ug__spin_contended();
	waited = true;
	for (unsigned i = 0; i < wait; i++)
		ug__relax();
	*left -= wait < *left ? wait : *left;
	return true;
}

void ug__spin_failed(void)
{
	wait = FIRST_WAIT;
}

UG__NOINLINE void ug__lock_slow(uint32_t *word)
{
	unsigned left = ug__spin_begin(MOST_PAUSES, false), yields = 0;
	while (!(load_relaxed(word) == 0 && ug__try_lock(word))) {
		if (ug__spin(&left))
			continue;
		if (yields++ < YIELDS) {
			sched_yield();
		} else {
			struct timespec step = {.tv_nsec = 50000};
			nanosleep(&step, NULL);
		}
	}
}
