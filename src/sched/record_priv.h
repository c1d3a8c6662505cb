/* SPDX-License-Identifier: MIT */
/* Records of tasks that have not run: a processor's own, and the batches in which it exchanges them (record.c). */
#ifndef UG_SCHED_RECORD_PRIV_H
#define UG_SCHED_RECORD_PRIV_H

#include "sched/sched_priv.h"

#define UG__RECORDS_BATCH 32

/* Up to *n free records, linked, and how many; NULL: no memory. */
struct record *ug__records_get(uint32_t *n);
/* Takes free records back, linked. */
void ug__records_put(struct record *batch);

/* p: the caller's, or NULL. */
static inline struct record *record_get(struct proc *p)
{
	if (likely(p && p->records)) {
		struct record *r = p->records;
		p->records = r->next;
		p->record_count--;
		return r;
	}
	uint32_t n = p ? UG__RECORDS_BATCH : 1;
	struct record *batch = ug__records_get(&n);
	if (p && batch) {
		p->records = batch->next;
		p->record_count = n - 1;
	}
	return batch;
}

/* At two batches the older one goes: what came back lately is warm, and old ones would keep their chunks from becoming empty. */
static inline void record_put(struct proc *p, struct record *r)
{
	store_relaxed(&r->fn, NULL);
	r->next = p->records;
	p->records = r;
	if (likely(++p->record_count < 2 * UG__RECORDS_BATCH))
		return;
	for (int i = 1; i < UG__RECORDS_BATCH; i++)
		r = r->next;
	ug__records_put(r->next);
	r->next = NULL;
	p->record_count = UG__RECORDS_BATCH;
}

#endif
