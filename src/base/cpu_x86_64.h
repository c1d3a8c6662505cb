/* SPDX-License-Identifier: MIT */
/* What of the processor has no portable spelling: x86-64. */
#ifndef UG_BASE_CPU_X86_64_H
#define UG_BASE_CPU_X86_64_H

#define UG__LINE 64 /* bytes that a cache holds, and cores exchange, at a time */

/* Tells the core that it spins. */
static inline void ug__relax(void)
{
	__builtin_ia32_pause();
}

/* Asks for the line of `at`, to write there; any address will do. */
static inline void ug__prefetch_write(const void *at)
{
	__asm__ volatile("prefetchw %0" ::"m"(*(const char *)at));
}

/* A system call; it answers -errno. Nothing of libc is asked, nor its errno touched. */
static inline long ug__kernel(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* A thread-local pointer of the initial-exec model, of the thread that runs right here. What the compiler knows of it
 * from before a switch of stacks, its address too, may be another thread's; so it is not told what this is. */
#define UG__THREAD_LOAD(variable)                                                                                      \
	({                                                                                                             \
		void *value_;                                                                                          \
		__asm__ volatile("movq " #variable "@gottpoff(%%rip), %0\n\t"                                          \
				 "movq %%fs:(%0), %0"                                                                  \
				 : "=r"(value_)                                                                        \
				 :                                                                                     \
				 : "memory");                                                                          \
		value_;                                                                                                \
	})

#endif
