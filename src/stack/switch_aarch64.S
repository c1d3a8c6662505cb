/* SPDX-License-Identifier: MIT */
/* The first frame of every stack on aarch64: x2 is what was passed, x29 the function. No caller, so unwinders stop
 * here. */
	.text
	.globl	ug__switch_entry
	.hidden	ug__switch_entry
	.type	ug__switch_entry, %function
	.p2align 4
ug__switch_entry:
	.cfi_startproc
	.cfi_undefined x30
	hint	#36
	mov	x9, x29
	mov	x29, #0
	mov	x30, #0
	mov	x0, x2
	blr	x9
	brk	#1
	.cfi_endproc
	.size	ug__switch_entry, . - ug__switch_entry
	.section .note.GNU-stack, "", %progbits
