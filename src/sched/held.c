/* SPDX-License-Identifier: MIT */
/*
 * Held counts: one more on a counter that its holder has not written there.
 *
 * Who counts himself into a shared word and out again (a reader of a lock) pays two locked instructions, and on several
 * cores moves the word's cache line each time. A worker instead notes the word's address in a place of its own, `held`,
 * and whoever needs the true sum (a writer, who is rare) looks at the places of all workers. The task must not leave
 * its thread so: before it leaves its stack the count is settled, added to the word, and is then an ordinary one
 * (ug__held_settle). So only what runs holds one, and there are as many places as workers, not as tasks.
 *
 *	holder                                  collector
 *	held = word                (a)          word says: no more    (c)
 *	[fence]
 *	word says: no more?        (b)          held == word anywhere?    (d)
 *
 * One of the two sees the other where a full barrier stands on both sides. The collector's is the locked instruction of
 * (c). The holder's is one where there are several processors. Where there is one, two tasks that have processors never
 * run side by side, so program order does, but for one whose processor is taken meanwhile. The taking asks for it and
 * passes a barrier in all threads (enter.h), and whoever has it next collects after that. In the holder the barrier
 * stands before (a), and he finds that he was asked, which he looks for after (b), and takes back what he holds; or it
 * stands after (a), and what he holds is seen. Without a processor he holds nothing new (ug__has_proc). A collector who
 * has none, be it a plain thread, runs beside one who does not fence: he passes the barrier in all threads himself.
 *
 * Letting go is two plain stores with a look at the word in between: held = word | LEAVING; somebody waits?; held = 0.
 * The word may be gone with the last store, so it is looked at before. A collector who is about to sleep says so in the
 * word, passes a barrier in all threads, and then waits until nobody is LEAVING (ug__held_told): those looked before
 * the barrier and are gone in a few instructions; all others look after it, and will wake the collector.
 *
 * Settling is marked too (SETTLING), and a collector waits until it is done: it would find the count in both places,
 * and so count one that another has let go of meanwhile. Who settles looks for nobody; whoever lets go of what was
 * settled does, as ever.
 *
 * A runtime that ends forgets what its workers held.
 *
 * Rejected: counts a processor, changed inside. A task that counts itself in on one processor and out on another leaves
 * two of them out of balance, in tables that would have to say for which word. A place in a table by the task's address
 * (as in Dice and Kogan, "BRAVO", 2019): the collector walks a table for all tasks instead of a few workers.
 */
#include "sched/enter.h"

#include "base/clock.h"
#include "config.h"
#include UG_CPU_H
#include <sched.h>

/* Counts that each look at a worker's place must have saved, or noting them there is not worth while. */
#define A_WORKER 4

/* Never for a plain thread: it notes nothing, and does not keep the runtime from ending meanwhile. */
uint32_t ug__held_pays(void)
{
	return ug__worker() && !S->taken_none ? A_WORKER * load_relaxed(&S->worker_count) : UINT32_MAX;
}

/* What it waits for lasts for some instructions. */
static void wait_while(const struct worker *w, uintptr_t held)
{
	for (int i = 0; load_acquire(&w->held) == held; i++) {
		if (i < 100)
			ug__relax();
		else
			sched_yield();
	}
}

static uint32_t count(const uint32_t *word)
{
	uint32_t n = 0;
	const struct ug__worker_head *me = ug__worker_head();
	if (S->procs_count == 1 && !(me && ug__has_proc(me)))
		(void)ug__membarrier();
	for (struct worker *w = load_acquire(&S->workers); w; w = w->next) {
		uintptr_t held = load_seq(&w->held);
		if (unlikely(held == ((uintptr_t)word | UG__HELD_SETTLING)))
			wait_while(w, held);
		n += (held & ~(uintptr_t)UG__HELD_LEAVING) == (uintptr_t)word;
	}
	return n;
}

/* Workers go with their runtime; a plain thread does not keep it from ending but by a visit. */
uint32_t ug__held_count(const uint32_t *word)
{
	if (ug__worker())
		return count(word);
	if (!ug__visit())
		return 0;
	uint32_t n = count(word);
	ug__visit_end();
	return n;
}

void ug__held_told(const uint32_t *word)
{
	uint32_t nothing = 0;
	bool here = ug__worker() != NULL;
	if (!here && !ug__visit())
		return;
	/* Refused (a sandbox since the start): no core keeps a store to itself for that long. */
	if (ug__membarrier() < 0)
		ug__futex_wait(&nothing, 0, ug__clock_real() + UG_MS);
	for (struct worker *w = load_acquire(&S->workers); w; w = w->next)
		wait_while(w, (uintptr_t)word | UG__HELD_LEAVING);
	if (!here)
		ug__visit_end();
}
