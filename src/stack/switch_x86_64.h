/* SPDX-License-Identifier: MIT */
/*
 * The switch for x86-64: three words saved by hand (sp, bp, ip), all else declared as clobbered, so that the compiler
 * saves what lives at the place of the call and nothing more. Nothing is pushed: the frame's unwind information
 * stays right, and so does a red zone. The floating-point control words stay as they are (see the guide).
 */
#ifndef UG_STACK_SWITCH_X86_64_H
#define UG_STACK_SWITCH_X86_64_H

#include "stack/stack.h"

#ifdef __AVX512F__
#define UG__SWITCH_CLOBBERS_512                                                                                        \
	, "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",  \
		"xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define UG__SWITCH_CLOBBERS_512
#endif

/* Whether this thread has a shadow stack, which the switch does not know how to change. */
static inline int ug__switch_refused(void)
{
	unsigned long shadow = 0;
	__asm__ volatile("rdsspq %0" : "+r"(shadow)); /* does nothing where there is none */
	return shadow != 0;
}

static inline __attribute__((always_inline)) void *ug__switch(
	struct ug__switch *from, struct ug__switch *to, void *pass)
{
	__asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
			 "movq %%rsp, 0(%%rdi)\n\t"
			 "movq %%rbp, 8(%%rdi)\n\t"
			 "movq %%rax, 16(%%rdi)\n\t"
			 "movq 0(%%rsi), %%rsp\n\t"
			 "movq 8(%%rsi), %%rbp\n\t"
			 "jmpq *16(%%rsi)\n\t"
			 ".p2align 4\n"
			 "1:\tendbr64\n"
			 : "+D"(from), "+S"(to), "+d"(pass)
			 :
			 : "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory",
			 "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
			 "xmm11", "xmm12", "xmm13", "xmm14", "xmm15" UG__SWITCH_CLOBBERS_512);
	return pass;
}

#endif
