/* SPDX-License-Identifier: MIT */
/* What of the processor has no portable spelling: x86-64. */
#ifndef UG_BASE_CPU_X86_64_H
#define UG_BASE_CPU_X86_64_H

/* Tells the core that it spins. */
static inline void ug__relax(void)
{
	__builtin_ia32_pause();
}

#endif
