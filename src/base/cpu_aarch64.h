/* SPDX-License-Identifier: MIT */
/* What of the processor has no portable spelling: aarch64. */
#ifndef UG_BASE_CPU_AARCH64_H
#define UG_BASE_CPU_AARCH64_H

/* Tells the core that it spins. */
static inline void ug__relax(void)
{
	__asm__ volatile("isb" ::: "memory");
}

#endif
