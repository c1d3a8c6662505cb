/* SPDX-License-Identifier: MIT */
/* What the tasks of a group note of themselves. */
#ifndef CONFORMANCE_GROUP_H
#define CONFORMANCE_GROUP_H

#include "actor.h"

struct shared {
	atomic_int started, ended, inside, most;
	atomic_int cancelled;
	int_chan ch;
	ug_group *group;
	int error;
};

static inline int note(void *p)
{
	struct shared *s = p;
	atomic_fetch_add(&s->started, 1);
	ug_yield();
	atomic_fetch_add(&s->ended, 1);
	return 0;
}

#endif
