/* SPDX-License-Identifier: MIT */
/*
 * The files below a folder. A request's path becomes a name (target.c), and the kernel opens it so that it cannot
 * leave the folder by any link. What has the marks of a probe (dot segments, encoded slashes, a link that leads out) also
 * costs the sender the connection.
 */
#include "http/server_priv.h"

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
};

void ug__http_files_free(struct files *f)
{
	for (struct files *next; f; f = next) {
		next = f->next;
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

static int open_in(const struct files *f, const char *name, ug_file **out, struct ug_file_info *info)
{
	return ug__file_open_beneath(f->root, name, O_RDONLY | O_NOCTTY, out, info);
}

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

/* The index file of a folder: 1 sent, 0 there is none, or a code. */
static int send_index(const struct files *f, ug_http_request *q, ug_http_response *r, const char *name)
{
	UG_CLEAN(ug_file_clean) ug_file *file = NULL;
	struct ug_file_info info;
	size_t n = strlen(name), m = strlen(f->index);
	if (m == 0)
		return 0;
	char *path = ug_http_alloc(q, n + m + 2), *p = path;
	if (!path)
		return -ENOMEM;
	p = mempcpy(p, name, n);
	*p++ = '/';
	memcpy(p, f->index, m + 1);
	int e = open_in(f, path, &file, &info);
	if (e == -ENOENT || e == -ENOTDIR || e == -EXDEV || e == -ELOOP)
		return 0;
	UG_TRY(e);
	if (info.type != UG_TYPE_REGULAR)
		return 0;
	e = ug__http_send(r, file, &info, f->index);
	return e < 0 ? e : 1;
}

static int send_folder(struct files *f, ug_http_request *q, ug_http_response *r, ug_file *dir, const char *name)
{
	int e = send_index(f, q, r, name);
	if (e < 0)
		return r->stage == OPEN ? cannot_open(r, e) : e;
	if (e > 0)
		return 0;
	if (!f->listing)
		return ug_http_error(r, 404, NULL);
	struct listing l = {.root = f->root, .dir = dir, .name = name, .show_hidden = f->show_hidden, .held = &f->held};
	return ug__http_listing(q, r, &l);
}

static int serve_file(ug_http_request *q, ug_http_response *r, void *arg)
{
	struct files *f = arg;
	struct ug__http_part p = q->values[q->route->nnames - 1];
	UG_CLEAN(ug_file_clean) ug_file *file = NULL;
	struct ug_file_info info;
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
	if (e == 0)
		e = open_in(f, name, &file, &info);
	if (e < 0)
		return cannot_open(r, e);
	if (info.type == UG_TYPE_DIR)
		return folder ? send_folder(f, q, r, file, name) : to_folder(q, r);
	if (info.type != UG_TYPE_REGULAR || folder)
		return ug_http_error(r, 404, NULL);
	return ug__http_send(r, file, &info, name);
}

int ug_http_files(ug_http_server *s, const char *pattern, const char *folder, const struct ug_http_files_opts *opts)
{
	static const struct ug_http_files_opts standard;
	const struct ug_http_files_opts *o = opts ? opts : &standard;
	size_t n = strlen(pattern);
	if (n < 4 || memcmp(pattern + n - 4, "...}", 4) != 0 || (o->index && strchr(o->index, '/')))
		return -EINVAL;
	struct files *f = calloc(1, sizeof *f);
	if (!f)
		return -ENOMEM;
	f->listing = !o->no_listing;
	f->show_hidden = o->show_hidden;
	ug__http_listings_init(&f->held);
	f->index = strdup(o->index ? o->index : "index.html");
	int e = f->index ? ug_file_open(folder, O_RDONLY | O_DIRECTORY, 0, &f->root) : -ENOMEM;
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
