/* SPDX-License-Identifier: MIT */
/* What of the processor has no portable spelling: aarch64. */
#ifndef UG_BASE_CPU_AARCH64_H
#define UG_BASE_CPU_AARCH64_H

/* Tells the core that it spins. */
static inline void ug__relax(void)
{
	__asm__ volatile("isb" ::: "memory");
}

/* Asks for the line of `at`, to write there; any address will do. */
static inline void ug__prefetch_write(const void *at)
{
	__builtin_prefetch(at, 1);
}

/* A thread-local pointer of the initial-exec model, of the thread that runs right here. What the compiler knows of it
 * from before a switch of stacks, its address too, may be another thread's; so it is not told what this is. */
#define UG__THREAD_LOAD(variable)                                                                                      \
	({                                                                                                             \
		void *value_, *base_;                                                                                  \
		__asm__ volatile("mrs %1, tpidr_el0\n\t"                                                               \
				 "adrp %0, :gottprel:" #variable "\n\t"                                                \
				 "ldr %0, [%0, :gottprel_lo12:" #variable "]\n\t"                                      \
				 "ldr %0, [%1, %0]"                                                                    \
				 : "=&r"(value_), "=&r"(base_)                                                         \
				 :                                                                                     \
				 : "memory");                                                                          \
		value_;                                                                                                \
	})

#endif
