/* SPDX-License-Identifier: MIT */
/*
 * What a kernel has to do for stacks that were never used: a page at the top of each 256 KiB, by a fault, and a guard
 * at the bottom, by a call for 32 of them (Linux 6.15). Each thread has its share in a mapping of its own.
 */
#ifndef LIMITS_SLOTS_H
#define LIMITS_SLOTS_H

#include "limits.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SLOTS_MOST = 64, SLOT = 256 * 1024, SLOT_PAGE = 4096, SLOTS_BATCH = 32, SLOTS_GUARD = 102, SLOTS_SELF = -10000 };

struct slots {
	pthread_t thread;
	char *memory;
	size_t count;
	int64_t end; /* none are made after it */
	bool bad;
};

static inline bool slots_guard(char *page, size_t n)
{
	struct iovec pages[SLOTS_BATCH];
	for (size_t i = 0; i < n; i++)
		pages[i] = (struct iovec){page + i * SLOT, SLOT_PAGE};
	return syscall(SYS_process_madvise, SLOTS_SELF, pages, n, SLOTS_GUARD, 0) == (long)(n * SLOT_PAGE);
}

static inline void slots_commit(char *first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*(volatile char *)(first + (i + 1) * SLOT - 1) = 0;
}

static inline void *slots_share(void *arg)
{
	struct slots *s = arg;
	for (size_t i = 0; i < s->count && !s->bad && limit_now() < s->end; i += SLOTS_BATCH) {
		size_t n = s->count - i < SLOTS_BATCH ? s->count - i : SLOTS_BATCH;
		char *first = s->memory + i * SLOT;
		s->bad = !slots_guard(first, n);
		slots_commit(first, n);
	}
	return NULL;
}

/* Makes n of them, or as many as can be made in `most` ns; false: not here. */
static inline bool slots_make(size_t n, int64_t most)
{
	static struct slots shares[SLOTS_MOST];
	size_t procs = (size_t)limit_procs();
	if (procs > SLOTS_MOST)
		return false;
	bool good = true;
	int64_t end = limit_now() + most;
	for (size_t i = 0; i < procs; i++) {
		struct slots *s = &shares[i];
		*s = (struct slots){.count = n / procs, .end = end};
		/* A page that nobody may touch keeps the kernel from making one mapping of two. */
		size_t bytes = s->count * SLOT;
		s->memory = mmap(NULL, bytes + SLOT_PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (s->memory == MAP_FAILED || madvise(s->memory, bytes, MADV_NOHUGEPAGE) < 0 ||
			mprotect(s->memory + bytes, SLOT_PAGE, PROT_NONE) < 0 ||
			pthread_create(&s->thread, NULL, slots_share, s) != 0)
			return false;
	}
	for (size_t i = 0; i < procs; i++) {
		pthread_join(shares[i].thread, NULL);
		good &= !shares[i].bad;
	}
	return good;
}

#endif
