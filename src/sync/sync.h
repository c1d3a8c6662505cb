/* SPDX-License-Identifier: MIT */
/* What sync offers to higher floors beyond the public header. */
#ifndef UG_SYNC_SYNC_H
#define UG_SYNC_SYNC_H

#include <undergo/sync.h>

/* Locks whatever the context says: for cleanups, and for state that must be put right. */
void ug__mutex_lock_hard(ug_mutex *m);
/* Is it locked, by whomever? */
int ug__mutex_held(const ug_mutex *m);

#endif
