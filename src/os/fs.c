/* SPDX-License-Identifier: MIT */
/* Files by name. Names may have to be looked up on a disk, so each call is one hop to the blocking pool. */
#include "os/dir_priv.h"

#include "base/sys.h"
#include "base/sys_file.h"
#include "os/file_priv.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct call {
	const char *path, *other;
	mode_t mode;
	int flags;
	struct stat st;
};

static int stat_slow(void *arg)
{
	struct call *c = arg;
	return ug__sys_fstatat(AT_FDCWD, c->path, c->flags, &c->st);
}

static int stat_path(const char *path, int flags, struct ug_file_info *out)
{
	struct call c = {.path = path, .flags = flags};
	UG_TRY(ug_blocking(stat_slow, &c));
	ug__file_info_from(&c.st, out);
	return 0;
}

int ug_stat(const char *path, struct ug_file_info *out)
{
	return stat_path(path, 0, out);
}

int ug_lstat(const char *path, struct ug_file_info *out)
{
	return stat_path(path, AT_SYMLINK_NOFOLLOW, out);
}

static int rename_slow(void *arg)
{
	const struct call *c = arg;
	return ug__sys_renameat(AT_FDCWD, c->path, AT_FDCWD, c->other);
}

int ug_rename(const char *from, const char *to)
{
	struct call c = {.path = from, .other = to};
	return ug_blocking(rename_slow, &c);
}

static int symlink_slow(void *arg)
{
	const struct call *c = arg;
	return ug__sys_symlinkat(c->other, AT_FDCWD, c->path);
}

int ug_symlink(const char *target, const char *path)
{
	struct call c = {.path = path, .other = target};
	return ug_blocking(symlink_slow, &c);
}

/* Making folders ------------------------------------------------------------------------------------------------- */

static int mkdir_slow(void *arg)
{
	const struct call *c = arg;
	return ug__sys_mkdirat(AT_FDCWD, c->path, c->mode);
}

int ug_mkdir(const char *path, mode_t mode)
{
	struct call c = {.path = path, .mode = mode};
	return ug_blocking(mkdir_slow, &c);
}

static int make_or_find(const char *path, mode_t mode)
{
	int e = ug__sys_mkdirat(AT_FDCWD, path, mode);
	struct stat st;
	if (e != -EEXIST)
		return e;
	UG_TRY(ug__sys_fstatat(AT_FDCWD, path, 0, &st));
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

/* From the top down; the text is cut at each slash in turn. */
static int mkdir_all_slow(void *arg)
{
	const struct call *c = arg;
	char *path = strdup(c->path);
	if (!path)
		return -ENOMEM;
	int e = 0;
	for (char *at = path + strspn(path, "/"); e == 0 && *at;) {
		at += strcspn(at, "/");
		char slash = *at;
		*at = '\0';
		e = make_or_find(path, c->mode);
		*at = slash;
		at += strspn(at, "/");
	}
	free(path);
	return e;
}

int ug_mkdir_all(const char *path, mode_t mode)
{
	struct call c = {.path = path, .mode = mode};
	return *path ? ug_blocking(mkdir_all_slow, &c) : -ENOENT;
}

static int mkdtemp_slow(void *template)
{
	return ug__sys_mkdtemp(template);
}

int ug_temp_dir(const char *prefix, char *path, size_t size)
{
	const char *in = getenv("TMPDIR");
	if (!in || !*in)
		in = "/tmp";
	size_t in_size = strlen(in), prefix_size = strlen(prefix);
	if (in_size + 1 + prefix_size + sizeof "XXXXXX" > size)
		return -ERANGE;
	char *template = malloc(size);
	if (!template)
		return -ENOMEM;
	memcpy(template, in, in_size);
	template[in_size] = '/';
	memcpy(template + in_size + 1, prefix, prefix_size);
	memcpy(template + in_size + 1 + prefix_size, "XXXXXX", sizeof "XXXXXX");
	int e = ug_blocking(mkdtemp_slow, template);
	if (e == 0)
		strcpy(path, template);
	free(template);
	return e;
}

/* Removing ------------------------------------------------------------------------------------------------------- */

static int remove_one(int dir, const char *name)
{
	int e = ug__sys_unlinkat(dir, name, 0);
	if (e == 0 || e == -ENOENT)
		return e;
	/* unlink of a folder is EISDIR here and EPERM elsewhere; EPERM may also be a file's. */
	int e2 = ug__sys_unlinkat(dir, name, AT_REMOVEDIR);
	return e2 == -ENOTDIR ? e : e2;
}

static int remove_slow(void *arg)
{
	const struct call *c = arg;
	return remove_one(AT_FDCWD, c->path);
}

int ug_remove(const char *path)
{
	struct call c = {.path = path};
	return ug_blocking(remove_slow, &c);
}

static int remove_tree(int dir, const char *name);

/* Removes what one reading of the folder shows; 1 where that was something. */
static int empty_once(int dir, char *buf)
{
	int64_t at = ug__sys_lseek(dir, 0, SEEK_SET);
	UG_TRY(at < 0 ? at : 0);
	int removed = 0;
	ssize_t n;
	while ((n = ug__dirents_fill(dir, buf)) > 0) {
		struct ug__dirents d = {.buf = buf, .end = (size_t)n};
		for (const struct ug__dirent *e; (e = ug__dirents_next(&d));) {
			UG_TRY(remove_tree(dir, e->name));
			removed = 1;
		}
	}
	return n < 0 ? (int)n : removed;
}

/* A folder that changes while it is read may leave entries out, so it is read until it shows nothing. */
static int empty_folder(int dir, const char *name)
{
	int fd = ug__sys_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, 0);
	UG_TRY(fd);
	char *buf = malloc(UG__DIR_BUFFER);
	int e = buf ? 1 : -ENOMEM;
	while (e == 1)
		e = empty_once(fd, buf);
	free(buf);
	ug__sys_close(fd);
	return e;
}

static int is_full(int e)
{
	return e == -ENOTEMPTY || e == -EEXIST;
}

/* Folder by folder under an open parent, so that nobody can lead it elsewhere by a link put in the way. Others may
 * remove it, or put something else in its place, meanwhile: what counts is whether it is gone in the end. */
static int remove_tree(int dir, const char *name)
{
	int e = remove_one(dir, name), emptied = 0;
	if (is_full(e)) {
		emptied = empty_folder(dir, name);
		e = remove_one(dir, name);
	}
	if (is_full(e) && emptied < 0)
		e = emptied;
	return e == -ENOENT ? 0 : e;
}

static int remove_all_slow(void *arg)
{
	const struct call *c = arg;
	return remove_tree(AT_FDCWD, c->path);
}

int ug_remove_all(const char *path)
{
	struct call c = {.path = path};
	return ug_blocking(remove_all_slow, &c);
}

/* Whole files ---------------------------------------------------------------------------------------------------- */

int ug_read_file(const char *path, size_t limit, char **out, size_t *size)
{
	UG_CLEAN(ug_file_clean) ug_file *f = NULL;
	UG_TRY(ug_file_open(path, O_RDONLY, 0, &f));
	UG_CLEAN(ug_buf_done) ug_buf b = UG_ZERO;
	struct ug_file_info info;
	void *room;
	/* Room for all of it and for the read that finds the end. */
	if (ug_file_stat(f, &info) == 0 && info.size > 0 && (limit == 0 || (uint64_t)info.size <= limit))
		UG_TRY(ug_buf_reserve(&b, (size_t)info.size + 1, &room));
	UG_TRY(ug_read_all(ug_file_reader(f), limit, &b));
	UG_TRY(ug_buf_reserve(&b, 1, &room));
	*out = ug_buf_take(&b, size);
	return 0;
}

int ug_write_file(const char *path, const void *data, size_t size, mode_t mode)
{
	ug_file *f;
	UG_TRY(ug_file_open(path, O_WRONLY | O_CREAT | O_TRUNC, mode, &f));
	ssize_t n = ug_file_write(f, data, size);
	int e = ug_file_close(f);
	return n < 0 ? (int)n : e;
}
