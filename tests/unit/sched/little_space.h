/* SPDX-License-Identifier: MIT */
/* A runtime that finds little address space. Not for sanitizers, which need terabytes of it. */
#ifndef LITTLE_SPACE_H
#define LITTLE_SPACE_H

#include "unit/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* Runs fn with so much more address space than is in use, and some in the heap: it is stacks that shall be lacking. */
static inline int run_in_space(size_t bytes, ug_fn *fn, void *arg, const struct ug_opts *opts)
{
	void *heap = malloc(100 << 10);
	__asm__ volatile("" : : "r"(heap) : "memory"); /* or it is left out */
	free(heap);
	char text[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	pthread_attr_t attr;
	struct rlimit before, limit;
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	limit = before;
	limit.rlim_cur = strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE) + bytes;
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, 128 << 10), 0);
	assert_int_equal(pthread_setattr_default_np(&attr), 0);
	assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
	int e = ug_run(fn, arg, opts);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	return e;
}

/* With enough for some stacks and threads, but not for what is reserved where there is plenty. */
static inline int run_in_little_space(ug_fn *fn, void *arg, const struct ug_opts *opts)
{
	return run_in_space(20 << 20, fn, arg, opts);
}

#endif
