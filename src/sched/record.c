/* SPDX-License-Identifier: MIT */
/*
 * Records of tasks that have not run, and where they come from.
 *
 * There are two kinds, each with a pool of its own: narrow ones, a cache line, and wide ones, which have room for
 * copied arguments or for a wait. Most tasks are started with neither, and where a million are, most of the memory need
 * not be cleared, written and read.
 *
 * Records lie in chunks, mappings of 256 KiB that begin with what is known of them. A processor keeps free records of
 * its own and exchanges them in batches (record_priv.h). The last that came back are kept as they are, for who asks
 * next: where one processor starts tasks and another ends them, sharing each batch out and linking a new one missed the
 * lines of all its records, under the lock, and that was a third of the time. A batch more, or one that nobody asked
 * for between two trims, is shared out to the chunks that its records belong to, each of which says by its index where
 * its chunk begins. A chunk of which all are free is empty. Chunks are taken from in this order: those that are part
 * free, last come first served; empty ones; bare ones, whose memory is the system's; new ones.
 *
 * Trimming, as that of stacks: of the empty chunks that were not needed since the last trim half become bare, so that a
 * burst of starts does not hold its memory for ever: a million tasks that have started and wait would keep 64 or 176
 * bytes each. A chunk stays mapped and keeps its first page until the runtime's end, because dumps walk through all of
 * them without a lock. What they read of a bare one is zeros: no task.
 *
 * One lock a pool, held for a walk over 32 records at the most; pages are touched and given back outside of it, by
 * whoever has taken them off the lists.
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
	char records[] __attribute__((aligned(64)));
};

#define WHOLE 16

struct pool {
	uint32_t lock;
	uint32_t bytes, room; /* of a record; records of a chunk */
	uint32_t mapped;
	struct chunk *chunks, *part_free, *empty, *bare;
	uint32_t empty_count, low;
	uint32_t whole_count, whole_low;
	struct record *whole[WHOLE][UG__RECORDS_BATCH]; /* batches as they came back */
};

#define POOL(size)                                                                                                     \
	{                                                                                                              \
		.bytes = (size), .room = (uint32_t)((CHUNK_BYTES - sizeof(struct chunk)) / (size))                     \
	}

static struct pool pools[2] = {POOL(sizeof(struct record)), POOL(sizeof(struct record) + UG_COPY_MAX)};

static struct record *record_at(const struct pool *z, struct chunk *c, uint32_t i)
{
	return (struct record *)(void *)(c->records + (size_t)i * z->bytes);
}

static struct chunk *chunk_of(const struct pool *z, struct record *r)
{
	return (struct chunk *)(void *)((char *)r - (size_t)r->index * z->bytes - offsetof(struct chunk, records));
}

#define FEW 8

/* A new chunk, which is the caller's alone. Beyond a few its pages come with it, which is quicker than a fault for
 * each. */
static struct chunk *chunk_new(struct pool *z)
{
	int populate = add_relaxed(&z->mapped, 1u) < FEW ? 0 : MAP_POPULATE;
	struct chunk *c =
		mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | populate, -1, 0);
	if (c == MAP_FAILED)
		return NULL;
	c->free_count = z->room;
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
static struct chunk *open_one(struct pool *z)
{
	struct chunk *c = z->part_free;
	if (c)
		return c;
	if (z->empty) {
		c = z->empty;
		if (--z->empty_count < z->low)
			z->low = z->empty_count;
	} else if (z->bare) {
		c = z->bare;
	} else {
		return NULL;
	}
	unlist(c);
	list(&z->part_free, c);
	return c;
}

/* n records that were never used, from `from` on. */
static void take_fresh(const struct pool *z, struct chunk *c, uint32_t from, struct record **to, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct record *r = to[n - 1 - i] = record_at(z, c, from + i);
		r->index = (uint16_t)(from + i);
		r->wide = z != pools;
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
static struct record *const *take_whole(struct pool *z)
{
	if (--z->whole_count < z->whole_low)
		z->whole_low = z->whole_count;
	return z->whole[z->whole_count];
}

/* The lock is held. */
static void share_out(struct pool *z, struct record *const *from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct record *r = from[i];
		struct chunk *c = chunk_of(z, r);
		r->next = c->free;
		c->free = r;
		if (c->free_count++ == 0)
			list(&z->part_free, c);
		if (c->free_count == z->room) {
			unlist(c);
			list(&z->empty, c);
			z->empty_count++;
		}
	}
}

/* Fills `to` with up to n free records, n being 1 or a batch, and answers with how many; 0: no memory. */
static uint32_t records_get(struct pool *z, struct record **to, uint32_t n)
{
	ug__lock(&z->lock);
	if (n == UG__RECORDS_BATCH && z->whole_count) {
		memcpy(to, take_whole(z), sizeof z->whole[0]);
		ug__unlock(&z->lock);
		return n;
	}
	struct chunk *c = open_one(z);
	if (!c && z->whole_count) { /* wanted by one who has no processor */
		share_out(z, take_whole(z), UG__RECORDS_BATCH);
		c = open_one(z);
	}
	if (!c) {
		ug__unlock(&z->lock);
		struct chunk *made = chunk_new(z);
		if (!made)
			return 0;
		ug__lock(&z->lock);
		made->next = z->chunks;
		store_release(&z->chunks, made);
		list(&z->part_free, c = made);
	}
	uint32_t from = c->fresh, got = take(c, to, n);
	bool fresh = got == 0;
	if (fresh) {
		uint32_t room = z->room - from;
		got = room < n ? room : n;
		store_relaxed(&c->fresh, from + got);
	}
	c->free_count -= got;
	if (c->free_count == 0)
		unlist(c);
	ug__unlock(&z->lock);
	if (fresh)
		take_fresh(z, c, from, to, got);
	return got;
}

UG__NOINLINE struct record *ug__record_more(struct proc *p, bool wide)
{
	struct record *one;
	if (!p)
		return records_get(&pools[wide], &one, 1) ? one : NULL;
	struct record_cache *c = &p->records[wide];
	uint32_t n = records_get(&pools[wide], c->free, UG__RECORDS_BATCH);
	if (n == 0)
		return NULL;
	c->count = n - 1;
	return c->free[n - 1];
}

void ug__records_put(struct record *const *from, uint32_t n)
{
	struct pool *z = &pools[from[0]->wide];
	ug__lock(&z->lock);
	if (n == UG__RECORDS_BATCH && z->whole_count < WHOLE)
		memcpy(z->whole[z->whole_count++], from, sizeof z->whole[0]);
	else
		share_out(z, from, n);
	ug__unlock(&z->lock);
}

/* As many whole ones as nobody asked for since this was called last; answers how many are left. */
static uint32_t share_out_old(struct pool *z)
{
	ug__lock(&z->lock);
	for (uint32_t n = z->whole_low; n && z->whole_count; n--) {
		share_out(z, take_whole(z), UG__RECORDS_BATCH);
		ug__unlock(&z->lock);
		ug__lock(&z->lock);
	}
	uint32_t left = z->whole_low = z->whole_count;
	ug__unlock(&z->lock);
	return left;
}

static size_t trim(struct pool *z)
{
	uint32_t left = share_out_old(z);
	ug__lock(&z->lock);
	struct chunk *taken = NULL;
	for (uint32_t n = (z->low + 1) / 2; n; n--) {
		struct chunk *c = z->empty;
		unlist(c);
		list(&taken, c);
		z->empty_count--;
	}
	uint32_t kept = z->low = z->empty_count;
	ug__unlock(&z->lock);
	for (struct chunk *next; taken; taken = next) {
		next = taken->next_listed;
		taken->free = NULL;
		store_relaxed(&taken->fresh, 0u);
		madvise((char *)taken + PAGE, CHUNK_BYTES - PAGE, MADV_DONTNEED);
		ug__lock(&z->lock);
		list(&z->bare, taken);
		ug__unlock(&z->lock);
	}
	return kept + left;
}

size_t ug__records_trim(void)
{
	return trim(&pools[0]) + trim(&pools[1]);
}

void ug__each_record(void (*fn)(const struct record *r, void *arg), void *arg)
{
	for (struct pool *z = pools; z < pools + UG_COUNT_OF(pools); z++)
		for (struct chunk *c = load_acquire(&z->chunks); c; c = c->next)
			for (uint32_t i = 0, n = load_relaxed(&c->fresh); i < n; i++)
				if (load_relaxed(&record_at(z, c, i)->fn))
					fn(record_at(z, c, i), arg);
}

void ug__records_end(void)
{
	for (struct pool *z = pools; z < pools + UG_COUNT_OF(pools); z++) {
		for (struct chunk *next; z->chunks; z->chunks = next) {
			next = z->chunks->next;
			munmap(z->chunks, CHUNK_BYTES);
		}
		*z = (struct pool){.bytes = z->bytes, .room = z->room};
	}
}
