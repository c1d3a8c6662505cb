/* SPDX-License-Identifier: MIT */
/*
 * Records of tasks that have not run, and where they come from.
 *
 * Records lie in chunks, mappings of 256 KiB that begin with what is known of them. A processor keeps free records of its own and
 * exchanges them in batches (record_priv.h); a batch that comes back is shared out to the chunks that its records belong to, each of which
 * says by its index where its chunk begins. A chunk of which all are free is empty. Chunks are taken from in this order: those
 * that are part free, last come first served; empty ones; bare ones, whose memory is the system's; new ones.
 *
 * Trimming, as that of stacks: of the empty chunks that were not needed since the last trim half become bare, so that a burst of starts
 * does not hold its memory for ever: a million tasks that have started and wait would keep 176 bytes each. A chunk stays mapped
 * and keeps its first page until the runtime's end, because dumps walk through all of them without a lock. What they read
 * of a bare one is zeros: no task.
 *
 * One lock, held for a walk over 32 records at the most; pages are touched and given back outside of it, by whoever has taken
 * them off the lists.
 */
#include "sched/record_priv.h"

#include <sys/mman.h>

#define CHUNK_BYTES ((size_t)256 << 10)
#define PAGE ((size_t)4096)

struct chunk {
	struct chunk *next; /* all of them */
	struct chunk *next_listed, **listed; /* in one of the three lists, or in none: all in use */
	struct record *free;
	uint32_t free_count; /* on that list, and from fresh on */
	uint32_t fresh; /* from here on never used, or bare */
	struct record records[];
};

#define RECORDS ((uint32_t)((CHUNK_BYTES - sizeof(struct chunk)) / sizeof(struct record)))

static uint32_t lock;
static struct chunk *chunks, *part_free, *empty, *bare;
static uint32_t empty_count, low;

static struct chunk *chunk_of(struct record *r)
{
	return (struct chunk *)(void *)((char *)(r - r->index) - offsetof(struct chunk, records));
}

/* A new chunk, which is the caller's alone. */
static struct chunk *chunk_new(void)
{
	struct chunk *c = mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c == MAP_FAILED)
		return NULL;
	c->free_count = RECORDS;
	return c;
}

static void list(struct chunk **l, struct chunk *c)
{
	c->next_listed = *l;
	if (*l)
		(*l)->listed = &c->next_listed;
	c->listed = l;
	*l = c;
}

static void unlist(struct chunk *c)
{
	*c->listed = c->next_listed;
	if (c->next_listed)
		c->next_listed->listed = c->listed;
}

/* One that has free records, listed as such; the lock is held. NULL: a new one has to be made. */
static struct chunk *open_one(void)
{
	struct chunk *c = part_free;
	if (c)
		return c;
	if (empty) {
		c = empty;
		if (--empty_count < low)
			low = empty_count;
	} else if (bare) {
		c = bare;
	} else {
		return NULL;
	}
	unlist(c);
	list(&part_free, c);
	return c;
}

/* Links n records that were never used, from r on. */
static struct record *link_fresh(struct chunk *c, uint32_t from, uint32_t n)
{
	for (uint32_t i = from; i < from + n; i++) {
		c->records[i].index = (uint16_t)i;
		c->records[i].next = i + 1 < from + n ? &c->records[i + 1] : NULL;
	}
	return &c->records[from];
}

/* Unlinks up to *n records from the chunk's list of free ones. */
static struct record *take(struct chunk *c, uint32_t *n)
{
	struct record *first = c->free, *last = first;
	uint32_t got = 1;
	while (got < *n && last->next) {
		last = last->next;
		got++;
	}
	c->free = last->next;
	last->next = NULL;
	*n = got;
	return first;
}

struct record *ug__records_get(uint32_t *n)
{
	ug__lock(&lock);
	struct chunk *c = open_one();
	if (!c) {
		ug__unlock(&lock);
		struct chunk *made = chunk_new();
		if (!made)
			return NULL;
		ug__lock(&lock);
		made->next = chunks;
		store_release(&chunks, made);
		list(&part_free, c = made);
	}
	uint32_t from = c->fresh;
	struct record *batch = c->free ? take(c, n) : NULL;
	if (!batch) {
		*n = RECORDS - from < *n ? RECORDS - from : *n;
		store_relaxed(&c->fresh, from + *n);
	}
	c->free_count -= *n;
	if (c->free_count == 0)
		unlist(c);
	ug__unlock(&lock);
	return batch ? batch : link_fresh(c, from, *n);
}

void ug__records_put(struct record *batch)
{
	ug__lock(&lock);
	for (struct record *next, *r = batch; r; r = next) {
		next = r->next;
		struct chunk *c = chunk_of(r);
		r->next = c->free;
		c->free = r;
		if (c->free_count++ == 0)
			list(&part_free, c);
		if (c->free_count == RECORDS) {
			unlist(c);
			list(&empty, c);
			empty_count++;
		}
	}
	ug__unlock(&lock);
}

size_t ug__records_trim(void)
{
	ug__lock(&lock);
	struct chunk *taken = NULL;
	for (uint32_t n = (low + 1) / 2; n; n--) {
		struct chunk *c = empty;
		unlist(c);
		list(&taken, c);
		empty_count--;
	}
	uint32_t kept = low = empty_count;
	ug__unlock(&lock);
	for (struct chunk *next; taken; taken = next) {
		next = taken->next_listed;
		taken->free = NULL;
		store_relaxed(&taken->fresh, 0u);
		madvise((char *)taken + PAGE, CHUNK_BYTES - PAGE, MADV_DONTNEED);
		ug__lock(&lock);
		list(&bare, taken);
		ug__unlock(&lock);
	}
	return kept;
}

void ug__each_record(void (*fn)(const struct record *r, void *arg), void *arg)
{
	for (struct chunk *c = load_acquire(&chunks); c; c = c->next)
		for (uint32_t i = 0, n = load_relaxed(&c->fresh); i < n; i++)
			if (load_relaxed(&c->records[i].fn))
				fn(&c->records[i], arg);
}

void ug__records_end(void)
{
	for (struct chunk *next; chunks; chunks = next) {
		next = chunks->next;
		munmap(chunks, CHUNK_BYTES);
	}
	part_free = empty = bare = NULL;
	empty_count = low = 0;
}
