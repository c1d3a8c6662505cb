/* SPDX-License-Identifier: MIT */
/*
 * Records of tasks that have not run, and where they come from.
 *
 * Records lie in chunks, mappings of 256 KiB that begin with what is known of them. A processor keeps free records of its own and
 * exchanges them in batches (record_priv.h). The last that came back are kept as they are, for who asks next: where one processor starts
 * tasks and another ends them, sharing each batch out and linking a new one missed the lines of all its records, under the lock, and
 * that was a third of the time. A batch more, or one that nobody asked for between two trims, is shared out to the
 * chunks that its records belong to, each of which says by its index where its chunk begins. A chunk of which all are free is empty.
 * Chunks are taken from in this order: those that are part free, last come first served; empty ones; bare ones, whose memory is the
 * system's; new ones.
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

/* Batches as they came back. */
#define WHOLE 16
static struct record *whole[WHOLE][UG__RECORDS_BATCH];
static uint32_t whole_count, whole_low;

static struct chunk *chunk_of(struct record *r)
{
	return (struct chunk *)(void *)((char *)(r - r->index) - offsetof(struct chunk, records));
}

#define FEW 8
static uint32_t mapped;

/* A new chunk, which is the caller's alone. Beyond a few its pages come with it, which is quicker than a fault for each. */
static struct chunk *chunk_new(void)
{
	int populate = add_relaxed(&mapped, 1u) < FEW ? 0 : MAP_POPULATE;
	struct chunk *c =
		mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | populate, -1, 0);
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

/* n records that were never used, from `from` on. */
static void take_fresh(struct chunk *c, uint32_t from, struct record **to, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		to[n - 1 - i] = &c->records[from + i];
		to[n - 1 - i]->index = (uint16_t)(from + i);
	}
}

/* Up to n of the chunk's list of free ones; the lock is held. Answers how many. */
static uint32_t take(struct chunk *c, struct record **to, uint32_t n)
{
	uint32_t got = 0;
	for (; got < n && c->free; got++) {
		to[got] = c->free;
		c->free = c->free->next;
	}
	return got;
}

/* The lock is held, and there is one. */
static struct record *const *take_whole(void)
{
	if (--whole_count < whole_low)
		whole_low = whole_count;
	return whole[whole_count];
}

/* The lock is held. */
static void share_out(struct record *const *from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct record *r = from[i];
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
}

/* Fills `to` with up to n free records, n being 1 or a batch, and answers with how many; 0: no memory. */
static uint32_t records_get(struct record **to, uint32_t n)
{
	ug__lock(&lock);
	if (n == UG__RECORDS_BATCH && whole_count) {
		memcpy(to, take_whole(), sizeof whole[0]);
		ug__unlock(&lock);
		return n;
	}
	struct chunk *c = open_one();
	if (!c && whole_count) { /* wanted by one who has no processor */
		share_out(take_whole(), UG__RECORDS_BATCH);
		c = open_one();
	}
	if (!c) {
		ug__unlock(&lock);
		struct chunk *made = chunk_new();
		if (!made)
			return 0;
		ug__lock(&lock);
		made->next = chunks;
		store_release(&chunks, made);
		list(&part_free, c = made);
	}
	uint32_t from = c->fresh, got = take(c, to, n);
	bool fresh = got == 0;
	if (fresh) {
		got = RECORDS - from < n ? RECORDS - from : n;
		store_relaxed(&c->fresh, from + got);
	}
	c->free_count -= got;
	if (c->free_count == 0)
		unlist(c);
	ug__unlock(&lock);
	if (fresh)
		take_fresh(c, from, to, got);
	return got;
}

UG__NOINLINE struct record *ug__record_more(struct proc *p)
{
	struct record *one;
	if (!p)
		return records_get(&one, 1) ? one : NULL;
	uint32_t n = records_get(p->records, UG__RECORDS_BATCH);
	if (n == 0)
		return NULL;
	p->record_count = n - 1;
	return p->records[n - 1];
}

void ug__records_put(struct record *const *from, uint32_t n)
{
	ug__lock(&lock);
	if (n == UG__RECORDS_BATCH && whole_count < WHOLE)
		memcpy(whole[whole_count++], from, sizeof whole[0]);
	else
		share_out(from, n);
	ug__unlock(&lock);
}

/* As many whole ones as nobody asked for since this was called last; answers how many are left. */
static uint32_t share_out_old(void)
{
	ug__lock(&lock);
	for (uint32_t n = whole_low; n && whole_count; n--) {
		share_out(take_whole(), UG__RECORDS_BATCH);
		ug__unlock(&lock);
		ug__lock(&lock);
	}
	uint32_t left = whole_low = whole_count;
	ug__unlock(&lock);
	return left;
}

size_t ug__records_trim(void)
{
	uint32_t left = share_out_old();
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
	return kept + left;
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
	mapped = 0;
	for (struct chunk *next; chunks; chunks = next) {
		next = chunks->next;
		munmap(chunks, CHUNK_BYTES);
	}
	part_free = empty = bare = NULL;
	empty_count = low = whole_count = whole_low = 0;
}
