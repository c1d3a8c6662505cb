/* SPDX-License-Identifier: MIT */
/*
 * Where stacks come from.
 *
 * Slots of one size lie side by side in slabs: one mapping of 64 MiB (or of 4 slots, where that is more, or of an
 * eighth of all slots of that size so far), reserved but not committed, with huge pages off, since one touched page
 * would else make 2 MiB resident. To make a mapping stops all other threads that ask for memory: so those who use many
 * stacks make few, and large ones. And each fault and each guard counts in its mapping, in words that cores then take
 * from each other: so where many are used, each core (modulo SHARES) takes fresh slots from a slab of its own, with a
 * page at its end that keeps the kernel from joining it with the next. A slot's pages are committed by touch. A free
 * slot is either
 *   warm   its pages are kept; it is on its size's list, linked through its own head, or
 *   cold   its pages are the system's again (or were never touched); its number is on its slab's list.
 * A slot is guarded once, before it is first used; guards stay when pages go. Who uses many fresh slots gets them in
 * batches, an eighth of those so far and at most 32, which one system call guards. Who asked keeps the batch, if he
 * can: its pages are in his core's cache.
 *
 * Guards. MADV_GUARD_INSTALL (Linux 6.13) costs a page-table entry and no mapping. Without it mprotect makes two more
 * mappings each (the guard, and the rest of the slot up to the next), of which a process may have vm.max_map_count
 * (65,530): three quarters of those are used, the program needs some for its threads and its heap. Beyond that a stack
 * has a canary: its lowest bytes are zero, and sched asks ug__stack_intact at each park.
 *
 * Trimming. The list of warm stacks remembers its low mark since the last trim: those were not needed, and half of them
 * are given back. So a burst's stacks go within some trims, and a steady coming and going keeps its own.
 *
 * Locks: one a size, held for a few instructions: mappings, guards and pages are made and given back outside of it, by
 * whoever has taken the slot off its list. Nobody else's lock is taken inside. The table of slabs has its own lock for
 * those who append, and is read without it by fault handlers and dumps; only its growth allocates under it.
 */
#include "stack/stack.h"

#include "base/atomic.h"
#include "base/chunks.h"
#include "base/lock.h"
#include "base/sys.h"
#include "stack/announce.h"
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(id) (void)(id)
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#ifndef PIDFD_SELF
#define PIDFD_SELF (-10000)
#endif

#define SLAB_BYTES ((size_t)64 << 20) /* at the least */
#define PAGE ((size_t)4096)
#define MPROTECT_GUARDS 24000
#define SIZES (UG__STACK_MAX_LOG - UG__STACK_MIN_LOG + 1)
#define TRIM_BATCH 256
#define FRESH_BATCH 32
#define SHARES 8
#define FEW 1024 /* so many fresh slots are taken by all cores from the same slabs */
#define UNGUARDED (UINT32_C(1) << 31)
#define SLOTS_MOST UINT16_MAX /* of a slab: struct ug__stack has their number */

_Static_assert(SLAB_BYTES >> UG__STACK_MIN_LOG <= SLOTS_MOST, "no slab has more slots than can be numbered");

struct ug__slab {
	char *base;
	struct ug__slab *next, *next_fresh; /* of the same size, with cold slots, with fresh ones */
	uint32_t slots;
	uint32_t fresh; /* slots from here on were never used */
	uint32_t cold_count;
	uint8_t log;
	uint32_t cold[]; /* numbers of cold slots below fresh; UNGUARDED or-ed */
};

static struct size {
	uint32_t lock;
	struct ug__stack *warm;
	size_t warm_count, low;
	struct ug__slab *cold; /* slabs with cold slots */
	struct ug__slab *fresh[SHARES]; /* those with fresh ones, by cores */
	uint32_t slots; /* of all slabs */
	uint32_t fresh_taken;
} sizes[SIZES];

/* Slabs by number. */
static struct ug__slab **table[UG__CHUNKS];
static uint32_t table_count, table_lock;
static uint32_t mprotect_guards;

static struct ug__slab **table_place(uint32_t i)
{
	uint32_t at;
	struct ug__slab **c = load_acquire(&table[ug__chunk_of(i, &at)]);
	return c ? c + at : NULL;
}

static int table_add(struct ug__slab *slab)
{
	uint32_t i = table_count, at;
	unsigned chunk = ug__chunk_of(i, &at);
	if (!table[chunk]) {
		struct ug__slab **c = calloc(ug__chunk_size(chunk), sizeof *c);
		if (!c)
			return -ENOMEM;
		store_release(&table[chunk], c);
	}
	*table_place(i) = slab;
	store_release(&table_count, i + 1);
	return 0;
}

/* How many slots a slab should have. so_far: those in other slabs. */
static uint32_t slots_wanted(unsigned log, uint32_t so_far)
{
	size_t slot = (size_t)1 << log;
	uint32_t slots = (uint32_t)(slot * 4 > SLAB_BYTES ? 4 : SLAB_BYTES / slot);
	return slots >= so_far / 8 ? slots : so_far / 8 < SLOTS_MOST ? so_far / 8 : SLOTS_MOST;
}

/* least: with fewer slots it is of no use. */
static struct ug__slab *slab_new(unsigned log, uint32_t slots, uint32_t least)
{
	size_t slot = (size_t)1 << log;
	struct ug__slab *slab = calloc(1, sizeof *slab + slots * sizeof slab->cold[0]);
	if (!slab)
		return NULL;
	char *base;
	while ((base = mmap(NULL, slots * slot + PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0)) == MAP_FAILED) {
		slots /= 2; /* where address space is limited (ulimit -v) */
		if (slots < least) {
			free(slab);
			return NULL;
		}
	}
	madvise(base, slots * slot, MADV_NOHUGEPAGE);
	mprotect(base + slots * slot, PAGE, PROT_NONE); /* keeps it a mapping of its own */
	*slab = (struct ug__slab){.base = base, .slots = slots, .log = (uint8_t)log};
	ug__lock(&table_lock);
	int error = table_add(slab);
	ug__unlock(&table_lock);
	if (error) {
		munmap(base, slots * slot + PAGE);
		free(slab);
		return NULL;
	}
	return slab;
}

static struct ug__stack *slot_head(const struct ug__slab *slab, uint32_t slot)
{
	return (struct ug__stack *)(void *)(slab->base + ((size_t)(slot + 1) << slab->log) - UG__STACK_HEAD);
}

/* 1: the slot's lowest page faults from now on. */
static int guard(char *base)
{
	if (madvise(base, PAGE, MADV_GUARD_INSTALL) == 0)
		return 1;
	if (add_relaxed(&mprotect_guards, 1u) >= MPROTECT_GUARDS)
		return 0;
	return mprotect(base, PAGE, PROT_NONE) == 0;
}

/* What is done to many slots takes one system call where there can be one, for who has to do it for a million of them.
 * r: that call's result. Whether it was done to all; *unknown: the kernel has said that it cannot. Short of memory it
 * only does less, this time. */
static bool all_done(long r, size_t all, uint32_t *unknown)
{
	if (r < 0 && r != -ENOMEM && r != -EFAULT && r != -EAGAIN && r != -EINTR)
		store_relaxed(unknown, 1u);
	return r == (long)all;
}

/* Guards n slots, the first one at base (Linux 6.15); false: not all of them. */
static bool guard_some(char *base, unsigned log, uint32_t n)
{
	static uint32_t unknown;
	struct iovec pages[FRESH_BATCH];
	if (load_relaxed(&unknown))
		return false;
	for (uint32_t i = 0; i < n; i++)
		pages[i] = (struct iovec){base + ((size_t)i << log), PAGE};
	long r = ug__syscall(SYS_process_madvise, PIDFD_SELF, (long)pages, n, MADV_GUARD_INSTALL, 0, 0);
	return all_done(r, n * PAGE, &unknown);
}

/* Makes n fresh slots ready from the first on, and links them. Their top pages come by faults, as heads are written. */
static struct ug__stack *set_up(struct ug__slab *slab, uint32_t first, uint32_t n)
{
	char *base = slab->base + ((size_t)first << slab->log);
	bool guarded = n > 1 && guard_some(base, slab->log, n);
	struct ug__stack *list = NULL;
	for (uint32_t slot = first + n; slot-- > first;) {
		struct ug__stack *s = slot_head(slab, slot);
		s->slab = slab;
		s->slot = (uint16_t)slot;
		s->log = slab->log;
		s->canary = !guarded && !guard(ug__stack_base(s));
		s->valgrind_id = VALGRIND_STACK_REGISTER(ug__stack_base(s), ug__stack_start(s) + UG__STACK_HEAD);
		s->next = list;
		list = s;
	}
	return list;
}

/* The size's lock is held, but not all the time; so it is in those that follow. */
static struct ug__stack *take_cold(struct size *z)
{
	struct ug__slab *slab = z->cold;
	uint32_t slot = slab->cold[--slab->cold_count];
	if (slab->cold_count == 0)
		z->cold = slab->next;
	ug__unlock(&z->lock);
	struct ug__stack *s = slot_head(slab, slot & ~UNGUARDED);
	s->slab = slab;
	s->slot = (uint16_t)slot;
	s->log = slab->log;
	s->canary = (slot & UNGUARDED) != 0;
	s->next = NULL;
	ug__lock(&z->lock);
	return s;
}

/* As many as seem to be wanted. */
static struct ug__stack *take_fresh(struct size *z, struct ug__slab **from)
{
	struct ug__slab *slab = *from;
	uint32_t slot = slab->fresh, n = 1 + z->fresh_taken / 8;
	if (n > FRESH_BATCH)
		n = FRESH_BATCH;
	if (n > slab->slots - slot)
		n = slab->slots - slot;
	store_release(&slab->fresh, slot + n);
	z->fresh_taken += n;
	if (slab->fresh == slab->slots)
		*from = slab->next_fresh;
	ug__unlock(&z->lock);
	struct ug__stack *s = set_up(slab, slot, n);
	ug__lock(&z->lock);
	return s;
}

/* Whose fresh slots this core takes first. */
static struct ug__slab **share_of(struct size *z)
{
	return &z->fresh[z->fresh_taken < FEW ? 0 : (unsigned)sched_getcpu() % SHARES];
}

/* The share itself, or another's that has some; NULL: there are none. */
static struct ug__slab **any_fresh(struct size *z, struct ug__slab **own)
{
	for (int i = 0; !*own && i < SHARES; i++)
		own = &z->fresh[i];
	return *own ? own : NULL;
}

/* A slab more for this share; false: there is no memory for one with so many slots. */
static bool grow(struct size *z, unsigned log, struct ug__slab **own, uint32_t slots, uint32_t least)
{
	ug__unlock(&z->lock);
	struct ug__slab *slab = slab_new(log, slots, least);
	ug__lock(&z->lock);
	if (!slab)
		return false;
	z->slots += slab->slots;
	slab->next_fresh = *own;
	*own = slab;
	return true;
}

static struct ug__stack *take_warm(struct size *z)
{
	struct ug__stack *s = z->warm;
	z->warm = s->next;
	s->next = NULL;
	if (--z->warm_count < z->low)
		z->low = z->warm_count;
	return s;
}

/* One that is there; NULL: a slab has to be made. own: takes fresh ones of this share only. */
static struct ug__stack *take(struct size *z, struct ug__slab **from)
{
	if (z->warm)
		return take_warm(z);
	if (z->cold)
		return take_cold(z);
	return from && *from ? take_fresh(z, from) : NULL;
}

/* Where there is no memory for a slab as large as is wanted, other cores' fresh slots come before what is left of the
 * address space, in ever smaller pieces. Each time others may have put something back meanwhile. */
static struct ug__stack *get_some(struct size *z, unsigned log)
{
	struct ug__slab **own = share_of(z);
	struct ug__stack *s = take(z, own);
	uint32_t wanted = slots_wanted(log, z->slots);
	if (!s) {
		bool grown = grow(z, log, own, wanted, wanted);
		s = take(z, grown ? own : any_fresh(z, own));
	}
	if (!s) {
		grow(z, log, own, wanted / 2, 1);
		s = take(z, any_fresh(z, own));
	}
	return s;
}

struct ug__stack *ug__stack_get_some(unsigned log)
{
	struct size *z = &sizes[log - UG__STACK_MIN_LOG];
	ug__lock(&z->lock);
	struct ug__stack *s = get_some(z, log);
	ug__unlock(&z->lock);
	return s;
}

struct ug__stack *ug__stack_get(unsigned log)
{
	struct ug__stack *s = ug__stack_get_some(log);
	for (struct ug__stack *next, *more = s ? s->next : NULL; more; more = next) {
		next = more->next;
		ug__stack_put(more);
	}
	return s;
}

void ug__stack_put(struct ug__stack *s)
{
	struct size *z = &sizes[s->log - UG__STACK_MIN_LOG];
	ug__lock(&z->lock);
	s->next = z->warm;
	z->warm = s;
	z->warm_count++;
	ug__unlock(&z->lock);
}

/* Takes up to TRIM_BATCH stacks that the low mark calls spare. */
static struct ug__stack *trim_take(struct size *z)
{
	ug__lock(&z->lock);
	size_t n = (z->low + 1) / 2;
	struct ug__stack *taken = NULL;
	for (n = n > TRIM_BATCH ? TRIM_BATCH : n; n; n--) {
		struct ug__stack *s = z->warm;
		z->warm = s->next;
		z->warm_count--;
		s->next = taken;
		taken = s;
	}
	z->low = z->warm_count;
	ug__unlock(&z->lock);
	return taken;
}

size_t ug__stack_trim(void)
{
	size_t kept = 0;
	for (struct size *z = sizes; z < sizes + SIZES; z++) {
		for (struct ug__stack *next, *s = trim_take(z); s; s = next) {
			next = s->next;
			struct ug__slab *slab = s->slab;
			uint32_t slot = s->slot | (s->canary ? UNGUARDED : 0);
			madvise(ug__stack_base(s) + PAGE, ((size_t)1 << s->log) - PAGE, MADV_DONTNEED);
			ug__lock(&z->lock);
			if (slab->cold_count == 0) {
				slab->next = z->cold;
				z->cold = slab;
			}
			slab->cold[slab->cold_count++] = slot;
			ug__unlock(&z->lock);
		}
		ug__lock(&z->lock);
		kept += z->warm_count;
		ug__unlock(&z->lock);
	}
	return kept;
}

int ug__stack_intact(const struct ug__stack *s, const void *sp)
{
	const char *base = ug__stack_base(s);
	static const char zeros[64];
	return (const char *)sp >= base + PAGE && memcmp(base, zeros, sizeof zeros) == 0;
}

struct ug__stack *ug__stack_at(const void *address)
{
	const char *a = address;
	uint32_t n = load_acquire(&table_count);
	for (uint32_t i = 0; i < n; i++) {
		struct ug__slab *slab = *table_place(i);
		if (a < slab->base || a >= slab->base + ((size_t)slab->slots << slab->log))
			continue;
		uint32_t slot = (uint32_t)((size_t)(a - slab->base) >> slab->log);
		return slot < load_acquire(&slab->fresh) ? slot_head(slab, slot) : NULL;
	}
	return NULL;
}

void ug__stack_each(void (*fn)(struct ug__stack *s, void *arg), void *arg)
{
	uint32_t n = load_acquire(&table_count);
	for (uint32_t i = 0; i < n; i++) {
		struct ug__slab *slab = *table_place(i);
		uint32_t fresh = load_acquire(&slab->fresh);
		for (uint32_t slot = 0; slot < fresh; slot++)
			fn(slot_head(slab, slot), arg);
	}
}

void ug__stack_end(void)
{
	for (uint32_t i = 0; i < table_count; i++) {
		struct ug__slab *slab = *table_place(i);
		ug__announce_unmapped(slab->base, (size_t)slab->slots << slab->log);
		munmap(slab->base, ((size_t)slab->slots << slab->log) + PAGE);
		free(slab);
	}
	for (int i = 0; i < UG__CHUNKS; i++) {
		free(table[i]);
		table[i] = NULL;
	}
	table_count = 0;
	mprotect_guards = 0;
	memset(sizes, 0, sizeof sizes);
}
