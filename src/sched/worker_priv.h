/* SPDX-License-Identifier: MIT */
/* What workers, their sleep and the monitor share. */
#ifndef UG_SCHED_WORKER_PRIV_H
#define UG_SCHED_WORKER_PRIV_H

#include "sched/sched_priv.h"

/* Picks between two looks of the loop at timers, poller and the global queue. */
#define BUDGET 64

void ug__search_done(struct worker *w);
int ug__poll(struct worker *w); /* dispatches events that have come; how many, wakes not counted */
void ug__spare_back(struct worker *w);
bool ug__work_anywhere(void);

#endif
