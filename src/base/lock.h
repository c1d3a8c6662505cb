/* SPDX-License-Identifier: MIT */
/*
 * The lock of short critical sections, one 32-bit word that starts 0. A holder never parks and never calls back into user code, and
 * but for the growth of a table holds it for some 100 instructions; yet the kernel may take the
 * holder's thread off its core meanwhile, and so one who finds it held spins a little, then sleeps.
 *
 * 0 free, 1 held, 2 held and someone may sleep. Source of the protocol: U. Drepper, "Futexes Are Tricky", mutex 2.
 */
#ifndef UG_BASE_LOCK_H
#define UG_BASE_LOCK_H

#include "base/atomic.h"
#include <stdint.h>

void ug__lock_slow(uint32_t *word);
void ug__unlock_slow(uint32_t *word);

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
	if (unlikely(swap_acq_rel(word, 0u) == 2))
		ug__unlock_slow(word);
}

#endif
