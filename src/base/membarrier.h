/* SPDX-License-Identifier: MIT */
/* The barrier that all threads of the process pass at once. membarrier.c is a file by itself so that a test can leave
 * it out. */
#ifndef UG_BASE_MEMBARRIER_H
#define UG_BASE_MEMBARRIER_H

/* 0 where the kernel has it; to be called before the library's first thread: registering is cheap then. */
int ug__membarrier_register(void);
/* 0, or a negative code: refused (a sandbox since), or no memory. */
int ug__membarrier(void);

#endif
