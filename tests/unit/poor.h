/* SPDX-License-Identifier: MIT */
/*
 * No memory when a test says so: stands before the C library's calloc. Not where a sanitizer has a calloc of its own:
 * UG_POOR is 0 there.
 */
#ifndef TESTS_POOR_H
#define TESTS_POOR_H

#include "stack/announce.h"
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#if defined(UG__ASAN) || defined(UG__TSAN)
#define UG_POOR 0
#else
#define UG_POOR 1
#endif

/* So many of the calling thread's next calls fail. */
static __thread int poor;
static __attribute__((noinline, unused)) void be_poor(int times)
{
	poor = times;
	__asm__ volatile("" ::: "memory");
}

#if UG_POOR
/* aligned_alloc, because compilers make calloc of malloc and memset. */
void *calloc(size_t n, size_t size)
{
	size_t bytes;
	if (poor > 0 || __builtin_mul_overflow(n, size, &bytes) || bytes > PTRDIFF_MAX) {
		poor -= poor > 0;
		errno = ENOMEM;
		return NULL;
	}
	void *p = aligned_alloc(16, (bytes + 15) / 16 * 16);
	return p ? memset(p, 0, bytes) : NULL;
}
#endif

#endif
