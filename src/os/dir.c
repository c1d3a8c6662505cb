/* SPDX-License-Identifier: MIT */
/*
 * Folders. The kernel has no way to read entries without waiting, so each buffer of them, some 1,000 entries, is one
 * hop to the blocking pool. A listing does all its work there in one hop: one call a file for what it is would cost
 * more in hops than in system calls.
 */
#include "os/dir_priv.h"

#include "base/sys.h"
#include "base/sys_file.h"
#include "os/file_priv.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const struct ug__dirent *ug__dirents_next(struct ug__dirents *d)
{
	while (d->at < d->end) {
		const struct ug__dirent *e = (const void *)(d->buf + d->at);
		d->at += e->size;
		if (strcmp(e->name, ".") != 0 && strcmp(e->name, "..") != 0)
			return e;
	}
	return NULL;
}

ssize_t ug__dirents_fill(int fd, void *buf)
{
	ssize_t n = ug__sys_getdents(fd, buf, UG__DIR_BUFFER);
	return n == -ENOENT ? 0 : n;
}

static int type_of(const struct ug__dirent *e)
{
	switch (e->type) {
	case DT_REG:
		return UG_TYPE_REGULAR;
	case DT_DIR:
		return UG_TYPE_DIR;
	case DT_LNK:
		return UG_TYPE_SYMLINK;
	case DT_FIFO:
		return UG_TYPE_FIFO;
	case DT_SOCK:
		return UG_TYPE_SOCKET;
	case DT_CHR:
		return UG_TYPE_CHAR;
	case DT_BLK:
		return UG_TYPE_BLOCK;
	default:
		return UG_TYPE_UNKNOWN;
	}
}

/* Entry by entry ------------------------------------------------------------------------------------------------- */

struct ug_dir {
	ug_file *file;
	struct ug__dirents entries;
	_Alignas(uint64_t) char buf[UG__DIR_BUFFER];
};

int ug_dir_open_file(ug_file *dir, ug_dir **out)
{
	ug_dir *d = malloc(sizeof *d);
	if (!d)
		return -ENOMEM;
	d->file = ug_file_ref(dir);
	d->entries = (struct ug__dirents){.buf = d->buf};
	*out = d;
	return 0;
}

int ug_dir_open(const char *path, ug_dir **out)
{
	ug_file *f;
	UG_TRY(ug_file_open(path, O_RDONLY | O_DIRECTORY, 0, &f));
	int e = ug_dir_open_file(f, out);
	ug_file_close(f);
	return e;
}

static int fill(void *arg)
{
	ug_dir *d = arg;
	return (int)ug__dirents_fill(d->file->number, d->buf);
}

int ug_dir_read(ug_dir *d, struct ug_dir_entry *out)
{
	const struct ug__dirent *e;
	while (!(e = ug__dirents_next(&d->entries))) {
		int n = ug_blocking(fill, d);
		if (n <= 0)
			return n;
		d->entries.at = 0;
		d->entries.end = (size_t)n;
	}
	*out = (struct ug_dir_entry){
		.name = e->name,
		.name_size = (uint32_t)strlen(e->name),
		.type = type_of(e),
		.ino = e->ino,
	};
	return 1;
}

int ug_dir_close(ug_dir *d)
{
	if (!d)
		return 0;
	ug_file_close(d->file);
	free(d);
	return 0;
}

void ug_dir_clean(ug_dir **d)
{
	(void)ug_dir_close(*d);
	*d = NULL;
}

/* A listing ------------------------------------------------------------------------------------------------------ */

struct listing {
	int dir;
	size_t limit, count;
	ug_buf items; /* of struct ug_dir_item, whose names are offsets into `names` until the end */
	ug_buf names; /* each with its NUL */
};

static void inform(int dir, const struct ug__dirent *e, struct ug_dir_item *item)
{
	struct stat st;
	item->info = (struct ug_file_info){.type = type_of(e), .ino = e->ino};
	item->error = ug__sys_fstatat(dir, e->name, AT_SYMLINK_NOFOLLOW, &st);
	if (item->error < 0)
		return;
	item->is_link = S_ISLNK(st.st_mode);
	struct stat target;
	if (item->is_link && ug__sys_fstatat(dir, e->name, 0, &target) == 0)
		st = target;
	ug__file_info_from(&st, &item->info);
}

static int list_entry(struct listing *l, const struct ug__dirent *e)
{
	if (l->limit && l->count == l->limit)
		return -EFBIG;
	size_t size = strlen(e->name);
	struct ug_dir_item item = {.name = (const char *)ug_buf_len(&l->names), .name_size = (uint32_t)size};
	inform(l->dir, e, &item);
	UG_TRY(ug_buf_append(&l->names, e->name, size + 1));
	UG_TRY(ug_buf_append(&l->items, &item, sizeof item));
	l->count++;
	return 0;
}

static int list_all(struct listing *l, int fd, char *buf)
{
	ssize_t n;
	while ((n = ug__dirents_fill(fd, buf)) > 0) {
		struct ug__dirents d = {.buf = buf, .end = (size_t)n};
		for (const struct ug__dirent *e; (e = ug__dirents_next(&d));)
			UG_TRY(list_entry(l, e));
	}
	return (int)n;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ug_dir_item *)a)->name, ((const struct ug_dir_item *)b)->name);
}

static int list_slow(void *arg)
{
	struct listing *l = arg;
	char *buf = malloc(UG__DIR_BUFFER);
	if (!buf)
		return -ENOMEM;
	/* A position of its own, as several may list the folder at once. It may be gone: then it has no entries. */
	int fd = ug__sys_open(l->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
	int e = fd == -ENOENT ? 0 : fd;
	if (fd >= 0) {
		e = list_all(l, fd, buf);
		ug__sys_close(fd);
	}
	free(buf);
	return e;
}

int ug_dir_list(ug_file *dir, size_t limit, struct ug_dir_listing *out)
{
	struct listing l = {.dir = dir->number, .limit = limit};
	int e = ug_blocking(list_slow, &l);
	if (e < 0) {
		ug_buf_done(&l.names);
		ug_buf_done(&l.items);
		return e;
	}
	size_t size;
	char *names = ug_buf_take(&l.names, &size);
	struct ug_dir_item *items = ug_buf_take(&l.items, &size);
	for (size_t i = 0; i < l.count; i++)
		items[i].name = names + (uintptr_t)items[i].name;
	if (l.count > 0)
		qsort(items, l.count, sizeof *items, by_name);
	*out = (struct ug_dir_listing){.items = items, .count = l.count, .store_ = names};
	return 0;
}

void ug_dir_listing_done(struct ug_dir_listing *list)
{
	if (!list)
		return;
	free(list->items);
	free(list->store_);
	*list = (struct ug_dir_listing){0};
}
