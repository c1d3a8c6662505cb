/* SPDX-License-Identifier: MIT */
#include "base/lock.h"

#include "config.h"
#include UG_CPU_H
#include <sched.h>
#include <time.h>

/* Longer than any critical section: who spins on past that waits for one that lost its core. */
#define SPINS 40
#define YIELDS 10

UG__NOINLINE void ug__lock_slow(uint32_t *word)
{
	for (int i = 0; !(load_relaxed(word) == 0 && ug__try_lock(word)); i++) {
		if (i < SPINS) {
			ug__relax();
		} else if (i < SPINS + YIELDS) {
			sched_yield();
		} else {
			struct timespec step = {.tv_nsec = 50000};
			nanosleep(&step, NULL);
		}
	}
}
