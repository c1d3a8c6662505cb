/* SPDX-License-Identifier: MIT */
/* Two stacks, and the shortest way between them: three words, while the compiler saves what else lives at that
 * place. */
#ifndef LIMITS_STACKS_H
#define LIMITS_STACKS_H

#include "limits.h"

#ifndef __x86_64__
#error "the bare switch is written for x86-64 alone"
#endif

struct stack {
	void *sp, *bp, *ip;
};

static inline __attribute__((always_inline)) void stack_switch(struct stack *from, struct stack *to)
{
	__asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
			 "movq %%rsp, 0(%%rdi)\n\t"
			 "movq %%rbp, 8(%%rdi)\n\t"
			 "movq %%rax, 16(%%rdi)\n\t"
			 "movq 0(%%rsi), %%rsp\n\t"
			 "movq 8(%%rsi), %%rbp\n\t"
			 "jmpq *16(%%rsi)\n"
			 "1:\n"
			 : "+D"(from), "+S"(to)
			 :
			 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc",
			 "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
			 "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

/* The first switch to it calls body, which never returns. */
static inline struct stack stack_new(void (*body)(void))
{
	enum { SIZE = 64 * 1024 };
	char *memory = aligned_alloc(64, SIZE);
	if (!memory)
		exit(1);
	return (struct stack){.sp = memory + SIZE - 8, .ip = (void *)body};
}

#endif
