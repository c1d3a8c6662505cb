/* SPDX-License-Identifier: MIT */
/*
 * The files below a folder. A request's path becomes a name (target.c), and the kernel opens it so that it cannot leave
 * the folder by any link. What has the marks of a probe (dot segments, encoded slashes, a link that leads out) also
 * costs the sender the connection. What is asked for often is kept at hand (file_cache.c).
 */
#include "http/server_priv.h"

#include "http/file_cache_priv.h"
#include "http/target_priv.h"
#include "os/os.h"
#include <stdlib.h>
#include <string.h>

struct files {
	struct files *next;
	ug_file *root;
	char *index; /* "": none */
	bool listing, show_hidden;
	ug_sem held; /* of listings */
	struct ug__http_file_cache *cache; /* NULL: none */
};

#define CACHE_TIME (100 * UG_MS)
#define CACHE_FILES 1024

void ug__http_files_free(struct files *f)
{
	for (struct files *next; f; f = next) {
		next = f->next;
		ug__http_file_cache_free(f->cache);
		ug_file_close(f->root);
		free(f->index);
		free(f);
	}
}

/* The answer to a name that cannot be opened. */
static int cannot_open(ug_http_response *r, int e)
{
	switch (e) {
	case -EXDEV:
	case -ELOOP:
		ug_http_set(r, "Connection", "close");
		return ug_http_error(r, 404, NULL);
	case -ENOENT:
	case -ENOTDIR:
	case -ENAMETOOLONG:
	case -ENXIO:
		return ug_http_error(r, 404, NULL);
	case -EACCES:
	case -EPERM:
		return ug_http_error(r, 403, NULL);
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
		return ug_http_error(r, 503, NULL);
	default:
		return e;
	}
}

static void tidy(const struct files *f, bool all)
{
	if (f->cache)
		ug__http_file_cache_tidy(f->cache, all);
}

void ug__http_files_tidy(struct files *f, bool all)
{
	for (; f; f = f->next)
		tidy(f, all);
}

static int open_in(const struct files *f, const char *name, ug_file **out, struct stat *st)
{
	int e = ug__file_open_beneath(f->root, name, O_RDONLY | O_NOCTTY, out, st);
	if (e != -EMFILE && e != -ENFILE && e != -ENOMEM)
		return e;
	tidy(f, true);
	return ug__file_open_beneath(f->root, name, O_RDONLY | O_NOCTTY, out, st);
}

/* ---- what is kept ---- */

/* A name that was looked up: a version that is kept, and believed, or else the open file. */
struct found {
	struct ug__http_kept *kept;
	ug_file *file;
	struct stat st;
	int64_t since;
};

static void found_done(struct found *w)
{
	ug__http_kept_unref(w->kept);
	(void)ug_file_close(w->file);
}

/* 1; 0: nothing that would be believed. */
static int find_kept(const struct files *f, const char *name, struct found *w)
{
	bool fresh = false;
	if (f->cache)
		w->kept = ug__http_file_cache_get(f->cache, name, &fresh);
	return fresh;
}

/* After find_kept. */
static int find_open(const struct files *f, const char *name, struct found *w)
{
	w->since = ug_now();
	int e = open_in(f, name, &w->file, &w->st);
	if (w->kept && (e < 0 || !ug__http_file_cache_renew(f->cache, w->kept, &w->st, w->since))) {
		ug__http_file_cache_drop(f->cache, w->kept);
		ug__http_kept_unref(w->kept);
		w->kept = NULL;
	}
	return e;
}

static int keep(
	const struct files *f, ug_http_response *r, struct found *w, const struct ug_file_info *info, const char *name)
{
	struct ug__http_facts facts;
	if (!f->cache || !ug__http_file_cache_wants(&w->st) || !ug__http_facts_of(r->c->s, w->file, info, name, &facts))
		return 0;
	return ug__http_file_cache_put(f->cache, name, w->file, &w->st, &facts, w->since, &w->kept);
}

/* A regular file. */
static int send_found(const struct files *f, ug_http_response *r, struct found *w, const char *name)
{
	if (!w->kept) {
		struct ug_file_info info;
		ug__file_info_from(&w->st, &info);
		int e = keep(f, r, w, &info, name);
		if (e <= 0)
			return e < 0 ? e : ug__http_send(r, w->file, &info, name);
	}
	int e = ug__http_send_kept(r, w->kept);
	if (e == UG_ESHORT)
		ug__http_file_cache_drop(f->cache, w->kept);
	return e;
}

/* ---- folders ---- */

/* To the same path with a slash behind it. Never with two in front, which would name a host. */
static int to_folder(ug_http_request *q, ug_http_response *r)
{
	const struct work *w = q->c->work;
	const char *path = w->base + w->head.path.at, *query = w->base + w->head.query.at;
	size_t n = w->head.path.len, m = w->head.query.len;
	while (n > 1 && path[0] == '/' && path[1] == '/') {
		path++;
		n--;
	}
	char *location = ug_http_alloc(q, n + m + 3), *p = location;
	if (!location)
		return -ENOMEM;
	p = mempcpy(p, path, n);
	*p++ = '/';
	if (m > 0) {
		*p++ = '?';
		p = mempcpy(p, query, m);
	}
	*p = 0;
	return ug_http_redirect(r, 301, location);
}

/* The name of a folder's index file; NULL: no memory. */
static const char *index_name(const struct files *f, ug_http_request *q, const char *name)
{
	size_t n = strlen(name), m = strlen(f->index);
	char *path = ug_http_alloc(q, n + m + 2), *p = path;
	if (!path)
		return NULL;
	p = mempcpy(p, name, n);
	*p++ = '/';
	memcpy(p, f->index, m + 1);
	return path;
}

/* The index file of a folder: 1 sent, 0 there is none, or a code. */
static int send_index(const struct files *f, ug_http_response *r, const char *name, struct found *w)
{
	int e = find_open(f, name, w);
	if (e == -ENOENT || e == -ENOTDIR || e == -EXDEV || e == -ELOOP)
		return 0;
	UG_TRY(e);
	if (!S_ISREG(w->st.st_mode))
		return 0;
	e = send_found(f, r, w, name);
	return e < 0 ? e : 1;
}

static int list_folder(struct files *f, ug_http_request *q, ug_http_response *r, ug_file *dir, const char *name)
{
	if (!f->listing)
		return ug_http_error(r, 404, NULL);
	struct listing l = {.root = f->root, .dir = dir, .name = name, .show_hidden = f->show_hidden, .held = &f->held};
	return ug__http_listing(q, r, &l);
}

/* The folder itself has been opened: there is no index without it, and it is listed where there is none. */
static int send_folder(struct files *f, ug_http_request *q, ug_http_response *r, const char *name)
{
	UG_CLEAN(found_done) struct found dir = {0}, index = {0};
	const char *path = *f->index ? index_name(f, q, name) : "";
	if (!path)
		return -ENOMEM;
	if (*path && find_kept(f, path, &index))
		return send_found(f, r, &index, path);
	int e = find_open(f, name, &dir);
	if (e < 0)
		return cannot_open(r, e);
	if (!S_ISDIR(dir.st.st_mode))
		return ug_http_error(r, 404, NULL);
	e = *path ? send_index(f, r, path, &index) : 0;
	if (e < 0)
		return r->stage == OPEN ? cannot_open(r, e) : e;
	return e > 0 ? 0 : list_folder(f, q, r, dir.file, name);
}

static int send_file(struct files *f, ug_http_request *q, ug_http_response *r, const char *name)
{
	UG_CLEAN(found_done) struct found w = {0};
	if (find_kept(f, name, &w))
		return send_found(f, r, &w, name);
	int e = find_open(f, name, &w);
	if (e < 0)
		return cannot_open(r, e);
	if (S_ISDIR(w.st.st_mode))
		return to_folder(q, r);
	return S_ISREG(w.st.st_mode) ? send_found(f, r, &w, name) : ug_http_error(r, 404, NULL);
}

static int serve_file(ug_http_request *q, ug_http_response *r, void *arg)
{
	struct files *f = arg;
	struct ug__http_part p = q->values[q->route->nnames - 1];
	bool folder;
	char *name = ug_http_alloc(q, p.len + 3);
	if (!name)
		return -ENOMEM;
	int e = ug__http_body_fault(q->c->work);
	if (e)
		return UG_EPROTO_HTTP;
	e = ug__http_path_name(q->c->work->base + p.at, p.len, f->show_hidden, name, p.len + 3, &folder);
	if (e == -EINVAL) {
		ug_http_set(r, "Connection", "close");
		return ug_http_error(r, 400, NULL);
	}
	if (e < 0)
		return cannot_open(r, e);
	return folder ? send_folder(f, q, r, name) : send_file(f, q, r, name);
}

int ug_http_files(ug_http_server *s, const char *pattern, const char *folder, const struct ug_http_files_opts *opts)
{
	static const struct ug_http_files_opts standard;
	const struct ug_http_files_opts *o = opts ? opts : &standard;
	size_t n = strlen(pattern);
	if (n < 4 || memcmp(pattern + n - 4, "...}", 4) != 0 || (o->index && strchr(o->index, '/')) ||
		o->cache_time < -1)
		return -EINVAL;
	struct files *f = calloc(1, sizeof *f);
	if (!f)
		return -ENOMEM;
	f->listing = !o->no_listing;
	f->show_hidden = o->show_hidden;
	ug__http_listings_init(&f->held);
	f->index = strdup(o->index ? o->index : "index.html");
	int e = f->index ? ug_file_open(folder, O_RDONLY | O_DIRECTORY, 0, &f->root) : -ENOMEM;
	if (e == 0 && o->cache_time >= 0)
		e = ug__http_file_cache_new(o->cache_time ? o->cache_time : CACHE_TIME,
			o->cache_files ? o->cache_files : CACHE_FILES, &f->cache);
	char *route = e == 0 ? malloc(n + 5) : NULL;
	if (route) {
		strcpy(route, strchr(pattern, ' ') ? "" : "GET ");
		strcat(route, pattern);
		e = ug_http_route(s, route, serve_file, f);
		free(route);
	} else if (e == 0) {
		e = -ENOMEM;
	}
	if (e < 0) {
		ug__http_files_free(f);
		return e;
	}
	f->next = s->files;
	s->files = f;
	return 0;
}
