/* SPDX-License-Identifier: MIT */
/*
 * No memory when a test says so: stands before the C library's calloc, realloc and aligned_alloc. Not where a sanitizer
 * has a calloc of its own: UG_POOR is 0 there.
 */
#ifndef TESTS_POOR_H
#define TESTS_POOR_H

#include "stack/announce.h"
#include <errno.h>
#include <malloc.h>
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
static int too_poor(void)
{
	if (poor <= 0)
		return 0;
	poor--;
	errno = ENOMEM;
	return 1;
}

static void *allocate(size_t align, size_t bytes)
{
	void *p;
	return too_poor() || posix_memalign(&p, align, bytes) ? NULL : p;
}

/* Not by malloc: compilers make calloc of malloc and memset. */
void *calloc(size_t n, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(n, size, &bytes) || bytes > PTRDIFF_MAX)
		return NULL;
	void *p = allocate(16, bytes);
	return p ? memset(p, 0, bytes) : NULL;
}

void *realloc(void *old, size_t bytes)
{
	void *p = allocate(16, bytes);
	size_t had = p && old ? malloc_usable_size(old) : 0;
	if (had) {
		memcpy(p, old, had < bytes ? had : bytes);
		free(old);
	}
	return p;
}

void *aligned_alloc(size_t align, size_t bytes)
{
	return allocate(align, bytes);
}
#endif

#endif
