/* SPDX-License-Identifier: MIT */
/*
 * A lock that a worker takes without a locked instruction as long as no other thread wants it.
 *
 * A channel between tasks that take turns on one processor is locked and unlocked by one thread all the time, and the
 * locked instruction that the lock of base/lock.h costs each time was most of what a send into a buffer costs. So a
 * lock that one worker has taken often enough in a row becomes its own: it says that it holds it by a plain store to a
 * place of its own, and unlocks by another. Any other thread takes the word, as ever, then takes the lock away from its
 * owner:
 *
 *	owner                                   another
 *	owned = the lock                        word 0 -> 1                 (one at a time)
 *	compiler barrier                        owner = the same, asked
 *	owner still me? then it is held         for a moment: owner 0? then it is given up   (acquire)
 *	…                                       owner = 0
 *	owned = NULL (release)                  membarrier
 *	                                        wait while owned == the lock
 *	asked? owner asked -> 0 (release),      …, word = 0
 *	then waits for the word
 *
 * An owner that goes on using the lock comes back to it soon, finds out that it is asked, and gives it up: all his
 * sections come before. So two workers that fight for one lock hand it over at the price of two cache misses, and each
 * has it without locked instructions for most of its turn; who waits stays away for longer then (base/lock.c). An owner
 * that has gone elsewhere does not answer, and the lock is taken by force.
 *
 * membarrier makes each running thread pass a full barrier: either the owner sees that it is it no more, and takes the
 * word as everybody does, or the other sees what it holds, and waits for the end of that section (acquire, with the
 * release above). A lock is given to a worker while it holds the word, so that all who had it before are ordered
 * before; its ends are ordered before the next one's by the same pair.
 *
 * Force costs a system call that interrupts the other cores, some µs, as much as some hundred locked instructions. A
 * lock that was taken so is given again only after twice as many runs of turns, up to 16,384 turns (biased.c), so that
 * whoever comes, and however often, that cost becomes small beside theirs; each time that it is given up soon makes up
 * for one of force. A run is of turns in a row, but others may come between two runs: else a lock that is fought for
 * would never be given again once its owner has lost its core a few times. Where turns are short it is the lock of
 * base/lock.h, with two more comparisons.
 *
 * Several may be held at a time (select holds the locks of all its channels); they are dropped in the order opposite to
 * that in which they were taken. The order in which they are taken excludes deadlocks whether owned or not, because
 * another waits for the end of one section, not for the owner.
 *
 * Places of workers are never freed: the owner of a lock may have ended, with its runtime even.
 *
 * Rejected: one place for all sections of a worker ("busy"). Who takes a lock away while it holds others would wait for
 * an owner that waits for one of those. A place in the lock itself: an owner that was interrupted before its store
 * would write over its successor's.
 */
#ifndef UG_BASE_BIASED_H
#define UG_BASE_BIASED_H

#include "base/lock.h"
#include "config.h"
#include UG_CPU_H
#include <stddef.h>

/* What every section writes, in the line of what the lock guards; all 0 at first. */
struct ug__biased {
	uint32_t word;
	uint32_t run; /* who took the word last, << 16, and how many turns are left of its run; under the word */
};
/* And what few do, in another. */
struct ug__bias {
	uint32_t owner; /* a worker's number, perhaps asked to give up (biased.c); 0: nobody */
	uint16_t forced; /* how often more it was taken by force than soon given up, 0 to a limit; under the word */
	uint16_t runs; /* of turns, until it is given again; under the word */
};

#define UG__OWNED_MOST 7
/* What a worker holds without the word; by itself, and read by others. */
struct ug__owner {
	const struct ug__biased *locks[UG__OWNED_MOST];
	uint32_t n; /* by itself */
	uint32_t id;
} __attribute__((aligned(64)));

/* This thread's; NULL: it owns no locks. Of the initial-exec model: a library that is opened by dlopen takes it from
 * the surplus that libc keeps for such. */
extern __thread struct ug__owner *ug__this_owner __attribute__((tls_model("initial-exec")));
/* biased.c. This thread gets a place, if there is one, and gives it back. Only where ug__membarrier_register has
 * answered 0. */
void ug__owner_begin(void);
void ug__owner_end(void);
/* The rest of ug__biased_try: waiting for the word, and what is to be done where somebody owns the lock, or the caller
 * may come to. */
void ug__biased_lock_rest(struct ug__biased *l, struct ug__bias *b, int got);

/* Takes the lock where that needs no call. *owned: the caller's place where the lock is its own, or NULL, for
 * ug__biased_unlock. */
enum { UG__BIASED_LOCKED, UG__BIASED_TURN, UG__BIASED_NOT }; /* the others: ug__biased_lock_rest is left to do */
static inline int ug__biased_try(struct ug__biased *l, struct ug__bias *b, struct ug__owner **owned)
{
	struct ug__owner *h = UG__THREAD_LOAD(ug__this_owner);
	uint32_t me = h ? h->id : 0;
	*owned = NULL;
	if (me && load_relaxed(&b->owner) == me && h->n < UG__OWNED_MOST) {
		store_relaxed(&h->locks[h->n], l);
		compiler_barrier();
		if (likely(load_relaxed(&b->owner) == me)) {
			h->n++;
			*owned = h;
			return UG__BIASED_LOCKED;
		}
		store_relaxed(&h->locks[h->n], NULL);
	}
	if (unlikely(!ug__try_lock(&l->word)))
		return UG__BIASED_NOT;
	if (unlikely(load_relaxed(&b->owner) || l->run - (me << 16) - 1 >= UINT16_MAX))
		return UG__BIASED_TURN;
	l->run--;
	return UG__BIASED_LOCKED;
}

/* Answers the caller's place where the lock is the caller's own, or NULL: for ug__biased_unlock. */
static inline struct ug__owner *ug__biased_lock(struct ug__biased *l, struct ug__bias *b)
{
	struct ug__owner *owned;
	int got = ug__biased_try(l, b, &owned);
	if (unlikely(got != UG__BIASED_LOCKED))
		ug__biased_lock_rest(l, b, got);
	return owned;
}

/* By the thread that has it: no task waits in between. */
static inline void ug__biased_unlock(struct ug__biased *l, struct ug__owner *h)
{
	if (h)
		store_release(&h->locks[--h->n], NULL);
	else
		ug__unlock(&l->word);
}

/* The same for who has not kept what ug__biased_lock answered. */
static inline void ug__biased_drop(struct ug__biased *l)
{
	struct ug__owner *h = UG__THREAD_LOAD(ug__this_owner);
	ug__biased_unlock(l, h && h->n && load_relaxed(&h->locks[h->n - 1]) == l ? h : NULL);
}

#endif
