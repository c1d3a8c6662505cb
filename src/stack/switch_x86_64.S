/* SPDX-License-Identifier: MIT */
/* The first frame of every stack on x86-64: %rdx is what was passed, %rbp the function. No caller, so unwinders stop
 * here. */
	.text
	.globl	ug__switch_entry
	.hidden	ug__switch_entry
	.type	ug__switch_entry, @function
	.p2align 4
ug__switch_entry:
	.cfi_startproc
	.cfi_undefined rip
	endbr64
	movq	%rbp, %rax
	xorl	%ebp, %ebp
	movq	%rdx, %rdi
	call	*%rax
	ud2
	.cfi_endproc
	.size	ug__switch_entry, . - ug__switch_entry
	.section .note.GNU-stack, "", @progbits
