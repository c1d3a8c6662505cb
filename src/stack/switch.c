/* SPDX-License-Identifier: MIT */
#include "stack/stack.h"

void ug__switch_entry(void);

void ug__switch_init(struct ug__switch *s, void *start, void (*main)(void *pass))
{
	s->sp = start;
	s->bp = (void *)(uintptr_t)main; /* the entry calls what it finds there, and then has no frame pointer */
	s->ip = (void *)(uintptr_t)ug__switch_entry;
}
