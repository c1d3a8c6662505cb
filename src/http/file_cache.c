/* SPDX-License-Identifier: MIT */
/*
 * Files kept at hand, by name: those of up to BYTES_MAX with their bytes, larger ones open; all with what answers say
 * of them.
 *
 * Belief. What is kept is believed for `time` from when it was looked at. Then the name is opened anew, as if nothing
 * were kept, with all that the kernel checks on the way (permissions, links that lead out); where that finds the same
 * version, the one that is kept goes on. So a change is seen within `time`, whatever it was: written over, replaced,
 * renamed, removed, forbidden, a folder on its way exchanged. A file that is asked for less often than that costs what
 * it costs without a cache.
 *	Rejected: fstatat instead of an open. It follows links out of the folder, and asks for no permission.
 *	Rejected: inotify. It tells late, can overflow, is no use on network file systems, and needs a watch a folder.
 *
 * Versions are told apart by device, inode, size and the times of change of contents and inode. That is of no use
 *   while the file may change again within the same step of its file system's clock: so nothing is kept that changed
 *   just now; for files that the kernel makes up (/proc, /sys): those take no blocks on a disk, and nothing is kept
 *   that has none.
 * The bytes are those of that version: stat after the read says the same as before.
 *
 * Bounds. Two lists, those with bytes and those with a descriptor, each in the order of use, each with its limit; the
 * last in order goes first. What was not asked for during LINGER goes, by the server's watch, so that a removed file's
 * blocks are given back; all goes with the last connection, and where anybody of the server is short of descriptors.
 *
 * The lock guards the table, the lists and `listed`; a short run of instructions: nothing is opened, closed, read or
 * freed under it. Who has a reference may read all but the links without it.
 *	Measured: one lock for the folder, taken once a request; shards would guard against contention that two
 *	processors do not show.
 */
#include "http/file_cache_priv.h"

#include "base/atomic.h"
#include "base/lock.h"
#include "base/sys.h"
#include "http/date_priv.h"
#include "http/text_priv.h"
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define BYTES_MAX (8 << 10) /* more is sent by the kernel at less cost */
#define LINGER (2 * UG_SECOND)
#define DESCRIPTORS_PART 64 /* of those that the process may have, one in so many */
#define STEP (40 * UG_MS) /* of a file system's clock, at the most, */
#define COARSE_STEP (2100 * UG_MS) /* where it counts whole seconds (FAT: two) */
#define TIDY_BATCH 64 /* let go of under one taking of the lock */

struct list {
	struct ug__http_kept *newest, *oldest;
	uint32_t count, most;
};

struct ug__http_file_cache {
	uint32_t lock;
	uint32_t mask; /* of buckets */
	int64_t time;
	struct list with_bytes, with_file;
	struct ug__http_kept *buckets[];
};

static uint32_t least(uint64_t a, uint64_t b)
{
	return (uint32_t)(a < b ? a : b);
}

int ug__http_file_cache_new(int64_t time, uint32_t files, struct ug__http_file_cache **out)
{
	struct rlimit r;
	uint64_t descriptors = getrlimit(RLIMIT_NOFILE, &r) == 0 ? r.rlim_cur : 0;
	uint32_t buckets = 64;
	while (buckets < files && buckets < 1u << 20)
		buckets *= 2;
	struct ug__http_file_cache *c = calloc(1, sizeof *c + buckets * sizeof *c->buckets);
	if (!c)
		return -ENOMEM;
	c->mask = buckets - 1;
	c->time = time;
	c->with_bytes.most = files;
	c->with_file.most = least(files, descriptors / DESCRIPTORS_PART);
	*out = c;
	return 0;
}

void ug__http_file_cache_free(struct ug__http_file_cache *c)
{
	if (!c)
		return;
	ug__http_file_cache_tidy(c, true);
	free(c);
}

void ug__http_kept_unref(struct ug__http_kept *k)
{
	if (!k || add_acq_rel(&k->refs, -1u) != 1)
		return;
	(void)ug_file_close(k->file); /* it was only read */
	free(k);
}

/* ---- the table and the lists; the lock is held ---- */

/* FNV-1a. Whoever finds names that collide makes a chain of as many as are kept, no more. */
static uint32_t hash_of(const char *name)
{
	uint32_t h = 2166136261u;
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return h;
}

static struct list *list_of(struct ug__http_file_cache *c, const struct ug__http_kept *k)
{
	return k->bytes ? &c->with_bytes : &c->with_file;
}

static void unlink_from(struct list *l, struct ug__http_kept *k)
{
	*(k->newer ? &k->newer->older : &l->newest) = k->older;
	*(k->older ? &k->older->newer : &l->oldest) = k->newer;
}

static void link_first(struct list *l, struct ug__http_kept *k)
{
	k->newer = NULL;
	k->older = l->newest;
	*(l->newest ? &l->newest->newer : &l->oldest) = k;
	l->newest = k;
}

static struct ug__http_kept *find(struct ug__http_file_cache *c, const char *name, uint32_t hash)
{
	struct ug__http_kept *k = c->buckets[hash & c->mask];
	while (k && (k->hash != hash || strcmp(k->name, name) != 0))
		k = k->next;
	return k;
}

/* Takes it out and puts it on the chain of what is to be let go of once the lock is. */
static void take_out(struct ug__http_file_cache *c, struct ug__http_kept *k, struct ug__http_kept **gone)
{
	struct ug__http_kept **at = &c->buckets[k->hash & c->mask];
	struct list *l = list_of(c, k);
	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	unlink_from(l, k);
	l->count--;
	k->listed = false;
	k->next = *gone;
	*gone = k;
}

static void let_go(struct ug__http_kept *gone)
{
	for (struct ug__http_kept *next; gone; gone = next) {
		next = gone->next;
		ug__http_kept_unref(gone);
	}
}

/* ---- finding ---- */

struct ug__http_kept *ug__http_file_cache_get(struct ug__http_file_cache *c, const char *name, bool *fresh)
{
	uint32_t hash = hash_of(name);
	ug__lock(&c->lock);
	struct ug__http_kept *k = find(c, name, hash);
	if (k) {
		struct list *l = list_of(c, k);
		add_relaxed(&k->refs, 1u);
		if (k != l->newest) {
			unlink_from(l, k);
			link_first(l, k);
		}
	}
	ug__unlock(&c->lock);
	*fresh = k && ug_now() < load_relaxed(&k->until);
	return k;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_version(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
		same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}

bool ug__http_file_cache_renew(
	struct ug__http_file_cache *c, struct ug__http_kept *k, const struct stat *st, int64_t since)
{
	bool same = same_version(&k->st, st);
	if (same)
		store_relaxed(&k->until, ug_time_add(since, c->time));
	return same;
}

void ug__http_file_cache_drop(struct ug__http_file_cache *c, struct ug__http_kept *k)
{
	struct ug__http_kept *gone = NULL;
	ug__lock(&c->lock);
	if (k->listed)
		take_out(c, k, &gone);
	ug__unlock(&c->lock);
	let_go(gone);
}

/* ---- keeping ---- */

static int64_t in_ns(struct timespec t)
{
	const int64_t most = INT64_MAX / UG_SECOND - 1;
	int64_t seconds = t.tv_sec < 0 ? 0 : t.tv_sec > most ? most : t.tv_sec;
	return seconds * UG_SECOND + t.tv_nsec;
}

bool ug__http_file_cache_wants(const struct stat *st)
{
	struct timespec now;
	if (st->st_size == 0 || st->st_blocks == 0)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t step = st->st_ctim.tv_nsec ? STEP : COARSE_STEP, last = in_ns(now) - step;
	return in_ns(st->st_mtim) < last && in_ns(st->st_ctim) < last;
}

static char *put_lines(char *p, const struct ug__http_facts *facts)
{
	p = put_text(p, "ETag: ");
	p = put_text(p, facts->etag);
	p = put_text(p, "\r\nLast-Modified: ");
	ug__http_date_format(p, facts->modified);
	p = put_text(p + UG__HTTP_DATE_LEN, "\r\nAccept-Ranges: bytes\r\nContent-Type: ");
	p = put_text(p, facts->type);
	return put_text(p, "\r\n");
}

static struct ug__http_kept *kept_new(const char *name, const struct stat *st, const struct ug__http_facts *facts)
{
	size_t name_len = strlen(name), lines = 256 + strlen(facts->type);
	size_t bytes = st->st_size <= BYTES_MAX ? (size_t)st->st_size : 0;
	struct ug__http_kept *k = malloc(sizeof *k + name_len + 1 + lines + bytes);
	if (!k)
		return NULL;
	char *at = (char *)(k + 1);
	*k = (struct ug__http_kept){.refs = 1, .hash = hash_of(name), .st = *st, .facts = *facts, .name = at};
	at = memcpy(at, name, name_len + 1);
	k->lines = at + name_len + 1;
	char *end = put_lines(at + name_len + 1, facts);
	k->lines_len = (size_t)(end - k->lines);
	k->bytes = bytes ? end : NULL;
	return k;
}

/* 1; 0: the file has changed meanwhile; or a negative code. */
static int read_bytes(char *to, ug_file *file, const struct stat *st)
{
	struct stat after;
	for (int64_t at = 0; at < st->st_size;) {
		ssize_t n = ug_file_read_at(file, to + at, (size_t)(st->st_size - at), at);
		if (n <= 0)
			return (int)n;
		at += n;
	}
	UG_TRY(ug__sys_fstat(ug_fd_number(ug_file_fd(file)), &after));
	return same_version(st, &after);
}

/* In place of what was there under that name. */
static void put_in(struct ug__http_file_cache *c, struct ug__http_kept *k)
{
	struct ug__http_kept *gone = NULL;
	struct list *l = list_of(c, k);
	ug__lock(&c->lock);
	struct ug__http_kept *before = find(c, k->name, k->hash);
	if (before)
		take_out(c, before, &gone);
	while (l->count >= l->most && l->oldest)
		take_out(c, l->oldest, &gone);
	if (l->most > 0) {
		struct ug__http_kept **bucket = &c->buckets[k->hash & c->mask];
		add_relaxed(&k->refs, 1u);
		k->listed = true;
		k->next = *bucket;
		*bucket = k;
		link_first(l, k);
		l->count++;
	}
	ug__unlock(&c->lock);
	let_go(gone);
}

int ug__http_file_cache_put(struct ug__http_file_cache *c, const char *name, ug_file *file, const struct stat *st,
	const struct ug__http_facts *facts, int64_t since, struct ug__http_kept **out)
{
	struct ug__http_kept *k = kept_new(name, st, facts);
	if (!k)
		return 0;
	int e = k->bytes ? read_bytes((char *)(uintptr_t)k->bytes, file, st) : 1;
	if (e <= 0) {
		ug__http_kept_unref(k);
		return e;
	}
	k->file = k->bytes ? NULL : ug_file_ref(file);
	k->until = ug_time_add(since, c->time);
	put_in(c, k);
	*out = k;
	return 1;
}

/* ---- letting go ---- */

static bool tidy_list(struct ug__http_file_cache *c, struct list *l, int64_t before)
{
	struct ug__http_kept *gone = NULL;
	int n = 0;
	ug__lock(&c->lock);
	for (; n < TIDY_BATCH && l->oldest && load_relaxed(&l->oldest->until) < before; n++)
		take_out(c, l->oldest, &gone);
	ug__unlock(&c->lock);
	let_go(gone);
	return n == TIDY_BATCH;
}

void ug__http_file_cache_tidy(struct ug__http_file_cache *c, bool all)
{
	int64_t before = all ? INT64_MAX : ug_now() - LINGER;
	while (tidy_list(c, &c->with_bytes, before))
		;
	while (tidy_list(c, &c->with_file, before))
		;
}
