/* SPDX-License-Identifier: MIT */
/* What of the processor has no portable spelling: aarch64. */
#ifndef UG_BASE_CPU_AARCH64_H
#define UG_BASE_CPU_AARCH64_H

#define UG__LINE 64 /* bytes that a cache holds, and cores exchange, at a time */

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

/* A system call; it answers -errno. Nothing of libc is asked, nor its errno touched. */
static inline long ug__kernel(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
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
