/* SPDX-License-Identifier: MIT */
/*
 * The lock of short critical sections, one 32-bit word that starts 0. A holder never parks and never calls back into
 * user code, and but for the growth of a table holds it for a short run of instructions; yet the kernel may take the
 * holder's thread off its core meanwhile. So one who finds it held spins for some time, then gives its core away, then
 * sleeps in short steps (lock.c): nobody is ever woken, and the unlock is a plain store.
 *
 * Rejected: a futex with a count of sleepers. Its unlock is a second locked instruction, paid at every channel
 * operation for a case that needs the kernel to interrupt just those.
 */
#ifndef UG_BASE_LOCK_H
#define UG_BASE_LOCK_H

#include "base/atomic.h"
#include <stdbool.h>
#include <stdint.h>

void ug__lock_slow(uint32_t *word);

/*
 * Spinning for what another core has, for locks of any kind: unsigned left = ug__spin_begin(n, …); while (!taken &&
 * ug__spin(&left)) … Each wait is longer than the one before, up to a limit. Where this thread has spun with success a
 * moment ago it goes on from there, and may pause for longer than n times (lock.c). false: it has. Who then sleeps
 * instead says ug__spin_failed. once: who then finds the lock free tries for it once, and never comes back to tell that
 * the wait was too short; so each counts as such. Who knows otherwise that another core is using the lock says
 * ug__spin_contended: the next wait is longer.
 */
unsigned ug__spin_begin(unsigned pauses, bool once);
bool ug__spin(unsigned *left);
void ug__spin_failed(void);
void ug__spin_contended(void);

static inline int ug__try_lock(uint32_t *word)
{
	uint32_t free = 0;
	return cas_acq_rel(word, &free, 1u);
}

static inline void ug__lock(uint32_t *word)
{
	if (unlikely(!ug__try_lock(word)))
		ug__lock_slow(word);
}

static inline void ug__unlock(uint32_t *word)
{
	store_release(word, 0u);
}

#endif
