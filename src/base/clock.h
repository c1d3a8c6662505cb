/* SPDX-License-Identifier: MIT */
/* The monotonic clock behind ug_now, which simulated time can replace. */
#ifndef UG_BASE_CLOCK_H
#define UG_BASE_CLOCK_H

#include <stdint.h>

/* Replaces the clock by the value at `time` until called with NULL. Only while no task runs. */
void ug__clock_virtual(const int64_t *time);

/* The kernel's own, for its time-outs. */
int64_t ug__clock_real(void);

#endif
