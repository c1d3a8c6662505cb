/* SPDX-License-Identifier: MIT */
/*
 * What the sanitizers are told of stacks and switches. Without a sanitizer all of it is empty.
 *
 * Each side of a switch has a struct ug__announce: a thread's own stack, or a task's. Right before a switch the one
 * that leaves calls ug__announce_switch(mine, to), or (NULL, to) if it never comes back; right after it, on the new
 * stack, ug__announce_arrived(mine). A race-detector fiber is made with the stack's first use and destroyed by another.
 */
#ifndef UG_STACK_ANNOUNCE_H
#define UG_STACK_ANNOUNCE_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UG__ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define UG__TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define UG__ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define UG__TSAN 1
#endif

struct ug__announce {
#ifdef UG__TSAN
	void *fiber;
#endif
#ifdef UG__ASAN
	void *fake;
	const void *bottom;
	size_t size;
#endif
	char unused;
};

#ifdef UG__TSAN
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#endif
#ifdef UG__ASAN
void __sanitizer_start_switch_fiber(void **fake, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *fake, const void **bottom, size_t *size);
void __asan_unpoison_memory_region(void const volatile *address, size_t size);
#endif

/* The thread's own stack; bounds come with the first arrival from another. */
static inline void ug__announce_thread(struct ug__announce *a)
{
	(void)a;
#ifdef UG__TSAN
	a->fiber = __tsan_get_current_fiber();
#endif
#ifdef UG__ASAN
	a->fake = NULL;
	a->bottom = NULL;
	a->size = 0;
#endif
}

static inline void ug__announce_new(struct ug__announce *a, void *bottom, size_t size)
{
	(void)a;
	(void)bottom;
	(void)size;
#ifdef UG__TSAN
	a->fiber = __tsan_create_fiber(0);
#endif
#ifdef UG__ASAN
	a->fake = NULL;
	a->bottom = bottom;
	a->size = size;
	__asan_unpoison_memory_region(bottom, size);
#endif
}

/* Memory that had stacks goes back to the system, and may come again as something else. */
static inline void ug__announce_unmapped(void *base, size_t size)
{
	(void)base;
	(void)size;
#ifdef UG__ASAN
	__asan_unpoison_memory_region(base, size);
#endif
}

static inline void ug__announce_gone(struct ug__announce *a)
{
	(void)a;
#ifdef UG__TSAN
	__tsan_destroy_fiber(a->fiber);
#endif
}

static inline __attribute__((always_inline)) void ug__announce_switch(
	struct ug__announce *mine, struct ug__announce *to)
{
	(void)mine;
	(void)to;
#ifdef UG__ASAN
	__sanitizer_start_switch_fiber(mine ? &mine->fake : NULL, to->bottom, to->size);
#endif
#ifdef UG__TSAN
	__tsan_switch_to_fiber(to->fiber, 0);
#endif
}

/* `from`: whose stack was left, where that is a thread's whose bounds are not known yet; else NULL. */
static inline __attribute__((always_inline)) void ug__announce_arrived(
	struct ug__announce *mine, struct ug__announce *from)
{
	(void)mine;
	(void)from;
#ifdef UG__ASAN
	const void *bottom;
	size_t size;
	__sanitizer_finish_switch_fiber(mine->fake, &bottom, &size);
	if (from && !from->bottom) {
		from->bottom = bottom;
		from->size = size;
	}
#endif
}

#endif
