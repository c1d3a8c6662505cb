/* SPDX-License-Identifier: MIT */
/* The slow side of biased locks: taking the word, giving a lock to a worker and taking it away. biased.h tells how. */
#include "base/biased.h"

#include "base/membarrier.h"
#include "config.h"
#include UG_CPU_H
#include <sched.h>
#include <time.h>
#include <undergo/base.h>

/* So often in a row a worker takes the word before the lock is its own. */
#define TURNS 512
/* So many such runs it takes, a power of two that grows up to this one. */
#define DOUBLINGS 5
/* Looks whether the owner has given the lock up, before it is taken by force: below 1 µs, for the force costs some 10
 * where the owner runs, and only as much as this where its core is idle. An answer is four lines that go from core to
 * core, 0.2 µs between neighbours and more than 1 between sockets: so twice as many after each force, up to these, as
 * the turns between two of them are more too. */
#define LOOKS 16
#define LOOK_DOUBLINGS 3
/* Pauses while the owner's section lasts, before the core is given away: the owner may have lost its own. */
#define PAUSES 100
#define MOST_OWNERS 1024
#define ASKED (UINT32_C(1) << 31) /* beside the owner's number: it is to give the lock up */

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

/* An owner that comes for its lock, and is asked for it. Who asked may not wait for that any more, and the lock may be
 * another's: hence by compare-and-swap. */
static void give_up(struct ug__bias *b, uint32_t me)
{
	uint32_t asked = me | ASKED;
	if (me && load_relaxed(&b->owner) == asked)
		cas_acq_rel(&b->owner, &asked, 0u);
}

/* Answers after how many looks; `most`: it is not. */
static int given_up_after(const struct ug__bias *b, int most)
{
	for (int i = 0; i < most; i++) {
		if (load_acquire(&b->owner) == 0)
			return i;
		ug__relax();
	}
	return most;
}

static void take_by_force(const struct ug__biased *l, struct ug__bias *b, uint32_t owner)
{
	const struct ug__owner *h = &owners[owner - 1];
	store_relaxed(&b->owner, 0u);
	barrier();
	for (int i = 0; i < UG__OWNED_MOST; i++)
		for (int pauses = 0; load_acquire(&h->locks[i]) == l; pauses++) {
			if (pauses < PAUSES)
				ug__relax();
			else
				sched_yield();
		}
}

/* The word is the caller's. */
static void take_away(const struct ug__biased *l, struct ug__bias *b, uint32_t owner)
{
	store_relaxed(&b->owner, owner | ASKED);
	int most = LOOKS << (b->forced < LOOK_DOUBLINGS ? b->forced : LOOK_DOUBLINGS);
	int looks = given_up_after(b, most);
	if (looks < most) {
		ug__spin_contended();
		/* Half as many looks are to be enough the next time. */
		if (b->forced && 2 * looks < LOOKS << b->forced)
			b->forced--;
		return;
	}
	take_by_force(l, b, owner);
	if (b->forced < DOUBLINGS)
		b->forced++;
	b->runs = (uint16_t)((1u << b->forced) - 1);
}

UG__NOINLINE void ug__biased_lock_rest(struct ug__biased *l, struct ug__bias *b, int got)
{
	const struct ug__owner *h = ug__this_owner;
	uint32_t me = h ? h->id : 0;
	if (got == UG__BIASED_NOT) {
		give_up(b, me);
		ug__lock_slow(&l->word);
	}
	uint32_t owner = load_relaxed(&b->owner);
	if (!owner && l->run - (me << 16) - 1 < UINT16_MAX) {
		l->run--;
		return;
	}
	if (owner && owner != me) {
		take_away(l, b, owner);
	} else if (!owner) {
		if (me && l->run >> 16 == me && !load_relaxed(&refused)) {
			if (b->runs)
				b->runs--;
			else
				store_relaxed(&b->owner, me);
		}
		l->run = me << 16 | (uint32_t)TURNS;
	}
}
