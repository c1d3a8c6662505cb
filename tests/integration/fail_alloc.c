/* SPDX-License-Identifier: MIT */
/*
 * To be preloaded: allocations FAIL_FROM to FAIL_FROM + FAIL_COUNT - 1 of the process fail, counted from the start of
 * main's libraries. The C library's own are among them, so what it does without memory is seen too.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t align, size_t size);

static long from, count, made;

static long number(const char *name)
{
	const char *text = getenv(name);
	return text ? atol(text) : 0;
}

__attribute__((constructor)) static void begin(void)
{
	from = number("FAIL_FROM");
	count = number("FAIL_COUNT");
}

static int fails(void)
{
	if (count == 0)
		return 0;
	long i = __atomic_add_fetch(&made, 1, __ATOMIC_RELAXED);
	if (i < from || i - from >= count)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	return fails() ? NULL : __libc_memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
	void *p = fails() ? NULL : __libc_memalign(align, size);
	if (!p)
		return ENOMEM;
	*out = p;
	return 0;
}
