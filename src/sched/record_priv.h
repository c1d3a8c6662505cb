/* SPDX-License-Identifier: MIT */
/* Records of tasks that have not run: a processor's own, and the batches in which it exchanges them (record.c). */
#ifndef UG_SCHED_RECORD_PRIV_H
#define UG_SCHED_RECORD_PRIV_H

#include "sched/sched_priv.h"

#include "config.h"
#include UG_CPU_H
#include <string.h>

/* Takes a batch back, or one. */
void ug__records_put(struct record *const *from, uint32_t n);

/* How many records ahead of their use lines are asked for: another core may have written them last. */
#define RECORDS_AHEAD 4

/* A record where the processor has none. p: the caller's, or NULL. */
struct record *ug__record_more(struct proc *p, bool wide);

/* Called with constants, one and the other: to find the processor's cache costs six instructions of 390 else. */
static inline __attribute__((always_inline)) struct record *cached(struct proc *p, bool wide)
{
	if (unlikely(!p || p->records[wide].count == 0))
		return ug__record_more(p, wide);
	struct record_cache *c = &p->records[wide];
	uint32_t n = --c->count;
	ug__prefetch_write(c->free[(n - RECORDS_AHEAD) % UG_COUNT_OF(c->free)]);
	return c->free[n];
}

/* p: the caller's, or NULL. wide: with room for copied arguments. */
static inline __attribute__((always_inline)) struct record *record_get(struct proc *p, bool wide)
{
	return wide ? cached(p, true) : cached(p, false);
}

/* At two batches the older one goes: what came back lately is warm, and old ones would keep their chunks from becoming
 * empty. */
static inline __attribute__((always_inline)) void cache(struct record_cache *c, struct record *r)
{
	c->free[c->count++] = r;
	if (likely(c->count < UG_COUNT_OF(c->free)))
		return;
	ug__records_put(c->free, UG__RECORDS_BATCH);
	memcpy(c->free, c->free + UG__RECORDS_BATCH, UG__RECORDS_BATCH * sizeof *c->free);
	c->count = UG__RECORDS_BATCH;
}

static inline void record_put(struct proc *p, struct record *r)
{
	store_relaxed(&r->fn, NULL);
	if (r->wide)
		cache(&p->records[1], r);
	else
		cache(&p->records[0], r);
}

#endif
