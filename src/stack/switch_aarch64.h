/* SPDX-License-Identifier: MIT */
/*
 * The switch for aarch64; see switch_x86_64.h. The frame pointer x29 is saved by hand.
 */
#ifndef UG_STACK_SWITCH_AARCH64_H
#define UG_STACK_SWITCH_AARCH64_H

#include "stack/stack.h"

static inline int ug__switch_refused(void)
{
	return 0;
}

static inline __attribute__((always_inline)) void *ug__switch(
	struct ug__switch *from, struct ug__switch *to, void *pass)
{
	register struct ug__switch *x0 __asm__("x0") = from;
	register struct ug__switch *x1 __asm__("x1") = to;
	register void *x2 __asm__("x2") = pass;
	__asm__ volatile("adr x9, 1f\n\t"
			 "mov x10, sp\n\t"
			 "stp x10, x29, [x0]\n\t"
			 "str x9, [x0, #16]\n\t"
			 "ldp x10, x29, [x1]\n\t"
			 "ldr x16, [x1, #16]\n\t"
			 "mov sp, x10\n\t"
			 "br x16\n"
			 "1:\thint #36\n" /* bti j */
			 : "+r"(x0), "+r"(x1), "+r"(x2)
			 :
			 : "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
			 "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30",
			 "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11",
			 "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24",
			 "v25", "v26", "v27", "v28", "v29", "v30", "v31");
	return x2;
}

#endif
