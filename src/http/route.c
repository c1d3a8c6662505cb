/* SPDX-License-Identifier: MIT */
/*
 * Which handler a request is for. The patterns are a tree by segments of the path; at each node a text goes before
 * {name}, and that before {name...}, and where a branch leads nowhere the next is tried, so the order in which routes
 * were added does not matter. A path is cut before it is decoded: an encoded slash is part of its segment.
 */
#include "http/server_priv.h"

#include "http/chars_priv.h"
#include "http/target_priv.h"
#include <stdlib.h>
#include <string.h>

struct node {
	struct node *next; /* beside it */
	struct node *texts, *any, *rest; /* below it */
	struct route *routes;
	char text[]; /* of a text, decoded */
};

/* ---- making ---- */

static void route_free(struct route *r)
{
	for (unsigned i = 0; i < r->nnames; i++)
		free(r->names[i]);
	free(r->method);
	free(r);
}

void ug__http_routes_free(struct node *n)
{
	if (!n)
		return;
	for (struct node *t = n->texts, *next; t; t = next) {
		next = t->next;
		ug__http_routes_free(t);
	}
	ug__http_routes_free(n->any);
	ug__http_routes_free(n->rest);
	for (struct route *r = n->routes, *next; r; r = next) {
		next = r->next;
		route_free(r);
	}
	free(n);
}

static struct node *node_new(const char *text, size_t n)
{
	struct node *node = calloc(1, sizeof *node + n + 1);
	if (node && n > 0)
		memcpy(node->text, text, n);
	return node;
}

static int add_name(struct route *r, const char *s, size_t n)
{
	if (n == 0 || r->nnames == PARAMS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!ug__http_is(s[i], UG__CH_URL) || s[i] == '.')
			return -EINVAL;
	for (unsigned i = 0; i < r->nnames; i++)
		if (strlen(r->names[i]) == n && memcmp(r->names[i], s, n) == 0)
			return -EINVAL;
	char *name = strndup(s, n);
	if (!name)
		return -ENOMEM;
	r->names[r->nnames++] = name;
	return 0;
}

/* The node below `at` for a segment, made where it is missing. */
static int descend(struct node *at, struct route *r, const char *s, size_t n, bool last, struct node **out)
{
	struct node **slot;
	if (n > 0 && s[0] == '{') {
		bool rest = n > 5 && memcmp(s + n - 4, "...}", 4) == 0;
		if (s[n - 1] != '}' || (rest && !last))
			return -EINVAL;
		UG_TRY(add_name(r, s + 1, n - (rest ? 5 : 2)));
		slot = rest ? &at->rest : &at->any;
		n = 0;
	} else {
		if (memchr(s, '{', n) || memchr(s, '}', n))
			return -EINVAL;
		for (slot = &at->texts; *slot; slot = &(*slot)->next)
			if (strlen((*slot)->text) == n && memcmp((*slot)->text, s, n) == 0)
				break;
	}
	if (!*slot)
		*slot = node_new(s, n);
	if (!*slot)
		return -ENOMEM;
	*out = *slot;
	return 0;
}

static int find_place(ug_http_server *s, struct route *r, const char *path, struct node **out)
{
	if (!s->routes && !(s->routes = node_new(NULL, 0)))
		return -ENOMEM;
	struct node *at = s->routes;
	if (*path != '/')
		return -EINVAL;
	while (*path) {
		const char *from = path + 1, *end = strchrnul(from, '/');
		UG_TRY(descend(at, r, from, (size_t)(end - from), *end == 0, &at));
		path = end;
	}
	*out = at;
	return 0;
}

static int route_add(ug_http_server *s, struct route *r, const char *method, size_t n, const char *path)
{
	struct node *at;
	for (size_t i = 0; i < n; i++)
		if (!ug__http_is(method[i], UG__CH_TOKEN))
			return -EINVAL;
	r->method = strndup(method, n);
	if (!r->method)
		return -ENOMEM;
	UG_TRY(find_place(s, r, path, &at));
	for (struct route *o = at->routes; o; o = o->next)
		if (strcmp(o->method, r->method) == 0)
			return -EEXIST;
	r->next = at->routes;
	at->routes = r;
	return 0;
}

int ug_http_route(ug_http_server *s, const char *pattern, ug_http_handler *handler, void *arg)
{
	if (!pattern || !handler)
		return -EINVAL;
	if (load_relaxed(&s->servings))
		return -EBUSY;
	const char *space = strchr(pattern, ' '), *path = pattern;
	if (space)
		for (path = space; *path == ' ';)
			path++;
	struct route *r = calloc(1, sizeof *r);
	if (!r)
		return -ENOMEM;
	r->handler = handler;
	r->arg = arg;
	int e = route_add(s, r, pattern, space ? (size_t)(space - pattern) : 0, path);
	if (e < 0)
		route_free(r);
	return e;
}

/* ---- finding ---- */

struct search {
	const char *base;
	struct ug__http_part *values;
	const char *method; /* NULL: any will do, none is taken; see allowed */
	const struct route *found;
	char *allowed; /* all methods that would have been taken, as a list */
	size_t len;
};

#define ALLOWED_MAX 200

static void allow(struct search *f, const char *method)
{
	size_t n = strlen(method);
	size_t at = 0, len;
	const char *item;
	while (ug__http_list_next(f->allowed, f->len, &at, &item, &len))
		if (len == n && memcmp(item, method, n) == 0)
			return;
	if (f->len + n + 3 > ALLOWED_MAX)
		return;
	if (f->len > 0) {
		memcpy(f->allowed + f->len, ", ", 2);
		f->len += 2;
	}
	memcpy(f->allowed + f->len, method, n + 1);
	f->len += n;
}

static bool end_here(struct search *f, const struct node *n)
{
	const struct route *get = NULL, *all = NULL;
	for (const struct route *r = n->routes; r; r = r->next) {
		if (!f->method) {
			allow(f, r->method);
			if (strcmp(r->method, "GET") == 0)
				allow(f, "HEAD");
			continue;
		}
		if (strcmp(r->method, f->method) == 0) {
			f->found = r;
			return true;
		}
		if (!*r->method)
			all = r;
		else if (strcmp(r->method, "GET") == 0)
			get = r;
	}
	if (f->method)
		f->found = get && strcmp(f->method, "HEAD") == 0 ? get : all;
	return f->found;
}

static bool is_text(const char *s, size_t n, const char *text)
{
	size_t i = 0;
	for (; i < n && *text; text++) {
		char c = s[i];
		if (c == '%') {
			c = (char)(ug__http_hex(s[i + 1]) << 4 | ug__http_hex(s[i + 2]));
			i += 2;
		}
		if (c != *text)
			return false;
		i++;
	}
	return i == n && !*text;
}

/* Looks for the rest of a path, which begins with "/" or is over. nvalues have been captured on the way. */
static bool find(struct search *f, const struct node *n, const char *s, const char *end, unsigned nvalues)
{
	if (s == end)
		return end_here(f, n);
	const char *from = s + 1, *slash = memchr(from, '/', (size_t)(end - from)), *to = slash ? slash : end;
	for (const struct node *t = n->texts; t; t = t->next)
		if (is_text(from, (size_t)(to - from), t->text) && find(f, t, to, end, nvalues))
			return true;
	if (n->any && to > from) {
		f->values[nvalues] = (struct ug__http_part){(uint32_t)(from - f->base), (uint32_t)(to - from)};
		if (find(f, n->any, to, end, nvalues + 1))
			return true;
	}
	if (n->rest) {
		f->values[nvalues] = (struct ug__http_part){(uint32_t)(from - f->base), (uint32_t)(end - from)};
		return end_here(f, n->rest);
	}
	return false;
}

static bool look(ug_http_server *s, struct work *w, struct search *f)
{
	struct ug__http_part p = w->head.path;
	const char *path = p.len ? w->base + p.at : "/", *end = path + (p.len ? p.len : 1);
	f->base = w->base;
	f->values = w->q.values;
	if (!s->routes || *path != '/')
		return false;
	bool found = find(f, s->routes, path, end, 0);
	if (p.len == 0) /* the "/" is not in the input */
		f->values[0] = (struct ug__http_part){0};
	return found;
}

int ug__http_route_find(ug_http_server *s, struct work *w, const char **allow_field)
{
	char method[UG__HTTP_METHOD_BYTES + 1];
	if (w->head.form == UG__HTTP_AUTHORITY) { /* CONNECT is for proxies, and has no path */
		*allow_field = "";
		return 405;
	}
	struct search f = {.method = method};
	memcpy(method, w->base + w->head.name.at, w->head.name.len);
	method[w->head.name.len] = 0;
	if (look(s, w, &f)) {
		w->q.route = f.found;
		return 0;
	}
	f = (struct search){.allowed = ug_http_alloc(&w->q, ALLOWED_MAX)};
	if (!f.allowed)
		return 503;
	look(s, w, &f);
	bool options = w->head.method == UG__HTTP_OPTIONS;
	if (f.len == 0 && !(options && w->head.form == UG__HTTP_ASTERISK))
		return 404;
	if (f.len > 0)
		allow(&f, "OPTIONS");
	*allow_field = f.len > 0 ? f.allowed : NULL;
	return options ? 204 : 405;
}
