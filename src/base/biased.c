/* SPDX-License-Identifier: MIT */
/* The slow side of biased locks: taking the word, giving a lock to a worker and taking it away. biased.h tells how. */
#include "base/biased.h"

#include "base/membarrier.h"
#include "config.h"
#include UG_CPU_H
#include <sched.h>
#include <time.h>
#include <undergo/base.h>

/* So often in a row a worker takes the word before the lock is its own; twice that for each time it was taken away, so
 * often at most. */
#define TURNS 512
#define DOUBLINGS 5
/* Pauses while the owner's section lasts, before the core is given away: the owner may have lost its own. */
#define PAUSES 100
#define MOST_OWNERS 1024

static uint32_t lock;
static struct ug__owner owners[MOST_OWNERS];
static uint32_t free_ids[MOST_OWNERS], free_count, used;
static uint32_t refused; /* membarrier is not to be had any more */

__thread struct ug__owner *ug__this_owner;

void ug__owner_begin(void)
{
	uint32_t id = 0;
	ug__lock(&lock);
	if (free_count)
		id = free_ids[--free_count];
	else if (used < MOST_OWNERS)
		id = ++used;
	ug__unlock(&lock);
	if (id == 0)
		return;
	owners[id - 1].id = id;
	ug__this_owner = &owners[id - 1];
}

void ug__owner_end(void)
{
	if (!ug__this_owner)
		return;
	ug__lock(&lock);
	free_ids[free_count++] = ug__this_owner->id;
	ug__unlock(&lock);
	ug__this_owner = NULL;
}

/* Without the system call (a sandbox since the start): no store stays in a core's buffer for that long. */
static void barrier(void)
{
	if (ug__membarrier() == 0)
		return;
	store_relaxed(&refused, 1u);
	struct timespec long_enough = {.tv_nsec = 10 * UG_MS};
	nanosleep(&long_enough, NULL);
}

/* The word is the caller's. */
static void take_away(const struct ug__biased *l, struct ug__bias *b, uint32_t owner)
{
	const struct ug__owner *h = &owners[owner - 1];
	store_relaxed(&b->owner, 0u);
	if (b->revoked < DOUBLINGS)
		b->revoked++;
	barrier();
	for (int i = 0; i < UG__OWNED_MOST; i++)
		for (int pauses = 0; load_acquire(&h->locks[i]) == l; pauses++) {
			if (pauses < PAUSES)
				ug__relax();
			else
				sched_yield();
		}
}

UG__NOINLINE void ug__biased_lock_rest(struct ug__biased *l, struct ug__bias *b, int got)
{
	const struct ug__owner *h = ug__this_owner;
	uint32_t me = h ? h->id : 0;
	if (got == UG__BIASED_NOT)
		ug__lock_slow(&l->word);
	uint32_t owner = load_relaxed(&b->owner);
	if (!owner && l->run - (me << 16) - 1 < UINT16_MAX) {
		l->run--;
		return;
	}
	if (owner && owner != me) {
		take_away(l, b, owner);
	} else if (!owner) {
		if (me && l->run >> 16 == me && !load_relaxed(&refused))
			store_relaxed(&b->owner, me);
		l->run = me << 16 | (uint32_t)TURNS << b->revoked;
	}
}
