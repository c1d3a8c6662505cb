/* SPDX-License-Identifier: MIT */
#include "stack/stack.h"

void ug__switch_entry(void);

void ug__switch_init(struct ug__switch *s, void *start)
{
	s->sp = start;
	s->bp = NULL;
	s->ip = (void *)(uintptr_t)ug__switch_entry;
}
