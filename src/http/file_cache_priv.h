/* SPDX-License-Identifier: MIT */
/* The files of a folder that are kept at hand, and what answers say of them. */
#ifndef UG_HTTP_FILE_CACHE_PRIV_H
#define UG_HTTP_FILE_CACHE_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <undergo/os.h>

#define UG__HTTP_ETAG_BYTES 48

/* What answers say about a version of a file. */
struct ug__http_facts {
	int64_t size;
	int64_t modified; /* seconds since 1970 */
	const char *type; /* static storage */
	char etag[UG__HTTP_ETAG_BYTES];
};

/* A version of a file that is kept. Nothing but `until`, the links and the references changes. */
struct ug__http_kept {
	struct ug__http_kept *next; /* in its bucket; like the next three, under the cache's lock */
	struct ug__http_kept *newer, *older;
	bool listed;
	uint32_t refs; /* atomic; one is the table's */
	uint32_t hash;
	int64_t until; /* atomic: how long it is believed */
	struct stat st;
	struct ug__http_facts facts;
	const char *lines, *bytes, *name; /* bytes: all of the file, or NULL */
	size_t lines_len; /* of what a whole answer says: fields, as lines */
	ug_file *file; /* where there are no bytes */
};

struct ug__http_file_cache;

/* time: how long a version is believed, files: how many are kept. -ENOMEM. */
int ug__http_file_cache_new(int64_t time, uint32_t files, struct ug__http_file_cache **out);
void ug__http_file_cache_free(struct ug__http_file_cache *c);

/* What is kept under the name, with a reference for the caller; NULL. *fresh: it is believed. */
struct ug__http_kept *ug__http_file_cache_get(struct ug__http_file_cache *c, const char *name, bool *fresh);
/* Whether that version is what stat found, having begun at `since`: then it is believed from then on. */
bool ug__http_file_cache_renew(
	struct ug__http_file_cache *c, struct ug__http_kept *k, const struct stat *st, int64_t since);
/* Whether stat tells versions of the file apart. */
bool ug__http_file_cache_wants(const struct stat *st);
/* Keeps a file that was found at `since`, with a reference for the caller. 1; 0: it is not kept after all, because it
 * changes or for want of memory; or a negative code. May wait. */
int ug__http_file_cache_put(struct ug__http_file_cache *c, const char *name, ug_file *file, const struct stat *st,
	const struct ug__http_facts *facts, int64_t since, struct ug__http_kept **out);
void ug__http_file_cache_drop(struct ug__http_file_cache *c, struct ug__http_kept *k);
void ug__http_kept_unref(struct ug__http_kept *k);
/* Lets go of what nobody has asked for lately; all: of everything. */
void ug__http_file_cache_tidy(struct ug__http_file_cache *c, bool all);

#endif
