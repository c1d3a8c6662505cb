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
struct record *ug__record_more(struct proc *p);

/* p: the caller's, or NULL. */
static inline struct record *record_get(struct proc *p)
{
	if (unlikely(!p || p->record_count == 0))
		return ug__record_more(p);
	uint32_t n = --p->record_count;
	ug__prefetch_write(p->records[(n - RECORDS_AHEAD) % UG_COUNT_OF(p->records)]);
	return p->records[n];
}

/* At two batches the older one goes: what came back lately is warm, and old ones would keep their chunks from becoming empty. */
static inline void record_put(struct proc *p, struct record *r)
{
	store_relaxed(&r->fn, NULL);
	p->records[p->record_count++] = r;
	if (likely(p->record_count < UG_COUNT_OF(p->records)))
		return;
	ug__records_put(p->records, UG__RECORDS_BATCH);
	memcpy(p->records, p->records + UG__RECORDS_BATCH, UG__RECORDS_BATCH * sizeof *p->records);
	p->record_count = UG__RECORDS_BATCH;
}

#endif
