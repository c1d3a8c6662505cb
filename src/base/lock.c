/* SPDX-License-Identifier: MIT */
#include "base/lock.h"

#include "base/sys.h"
#include "config.h"
#include UG_CPU_H

/* About 1 us: critical sections are shorter, so spinning on past that means that the holder lost its core. */
#define SPINS 40

UG__NOINLINE void ug__lock_slow(uint32_t *word)
{
	for (int i = 0; i < SPINS; i++) {
		if (load_relaxed(word) == 0 && ug__try_lock(word))
			return;
		ug__relax();
	}
	/* From here on the word says 2 while held, so that the holder wakes one; that one takes it as 2 again, which costs a wake
	 * too many at most and never one too few. */
	while (swap_acq_rel(word, 2u) != 0)
		ug__futex_wait(word, 2, INT64_MAX);
}

UG__NOINLINE void ug__unlock_slow(uint32_t *word)
{
	ug__futex_wake(word, 1);
}
