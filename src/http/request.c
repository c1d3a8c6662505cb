/* SPDX-License-Identifier: MIT */
/* What a handler can ask of a request. Values of fields are texts in the input buffer; what is decoded goes to
 * scratch. */
#include "http/server_priv.h"

#include "http/chars_priv.h"
#include "http/target_priv.h"
#include <stdlib.h>
#include <string.h>

struct block {
	struct block *next;
	max_align_t data[];
};

void ug__http_request_init(struct work *w, struct conn *c)
{
	ug_http_request *q = &w->q;
	q->c = c;
	q->route = NULL;
	q->scratch_used = 0;
	q->blocks = NULL;
	ug__http_body_init(w, c);
}

void ug__http_request_done(struct work *w)
{
	for (struct block *b = w->q.blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	w->q.blocks = NULL;
}

void *ug_http_alloc(ug_http_request *q, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	if (n <= SCRATCH_BYTES) {
		size_t rounded = (n + align - 1) / align * align;
		if (rounded <= SCRATCH_BYTES - q->scratch_used) {
			void *p = q->c->work->scratch + q->scratch_used;
			q->scratch_used += rounded;
			return p;
		}
	}
	struct block *b = n < PTRDIFF_MAX ? malloc(sizeof *b + n) : NULL;
	if (!b)
		return NULL;
	b->next = q->blocks;
	q->blocks = b;
	return b->data;
}

const char *ug__http_text_of(struct work *w, struct ug__http_part p)
{
	if (p.len == 0)
		return "";
	w->base[p.at + p.len] = 0;
	return w->base + p.at;
}

const char *ug_http_method(ug_http_request *q)
{
	struct work *w = q->c->work;
	return ug__http_text_of(w, w->head.name);
}

const char *ug_http_target(ug_http_request *q)
{
	struct work *w = q->c->work;
	return ug__http_text_of(w, w->head.target);
}

/* A decoded copy; NULL where there is no memory. The parser has seen that every % has its digits. */
static const char *decoded(ug_http_request *q, const char *s, size_t n, bool plus)
{
	char *out = ug_http_alloc(q, n + 1);
	if (out && ug__http_decode(s, n, plus, out) < 0)
		return NULL;
	return out;
}

const char *ug_http_path(ug_http_request *q)
{
	struct work *w = q->c->work;
	struct ug__http_part p = w->head.path;
	const char *path = p.len ? decoded(q, w->base + p.at, p.len, false) : "/";
	return path ? path : "";
}

const char *ug_http_host(ug_http_request *q)
{
	struct work *w = q->c->work;
	struct ug__http_part p = w->head.authority;
	char *out = p.len ? ug_http_alloc(q, p.len + 1) : NULL;
	if (!out)
		return "";
	memcpy(out, w->base + p.at, p.len);
	out[p.len] = 0;
	return out;
}

const char *ug_http_param(ug_http_request *q, const char *name)
{
	for (unsigned i = 0; q->route && i < q->route->nnames; i++)
		if (strcmp(q->route->names[i], name) == 0)
			return decoded(q, q->c->work->base + q->values[i].at, q->values[i].len, false);
	return NULL;
}

/* Whether the n bytes at s, once decoded, are the name. */
static bool names(const char *s, size_t n, const char *name)
{
	for (size_t i = 0; i < n; name++) {
		char c = s[i];
		if (c == '%') {
			c = (char)(ug__http_hex(s[i + 1]) << 4 | ug__http_hex(s[i + 2]));
			i += 3;
		} else {
			c = c == '+' ? ' ' : c;
			i++;
		}
		if (*name == 0 || c != *name)
			return false;
	}
	return *name == 0;
}

const char *ug_http_query(ug_http_request *q, const char *name)
{
	struct work *w = q->c->work;
	const char *s = w->base + w->head.query.at, *end = s + w->head.query.len;
	while (s < end) {
		const char *amp = memchr(s, '&', (size_t)(end - s)), *stop = amp ? amp : end;
		const char *eq = memchr(s, '=', (size_t)(stop - s)), *key_end = eq ? eq : stop;
		if (key_end > s && names(s, (size_t)(key_end - s), name))
			return eq ? decoded(q, eq + 1, (size_t)(stop - eq - 1), true) : "";
		s = stop + 1;
	}
	return NULL;
}

const char *ug_http_header(ug_http_request *q, const char *name, unsigned i)
{
	struct work *w = q->c->work;
	for (uint32_t f = 0; f < w->head.nfields; f++) {
		const struct ug__http_field *field = &w->fields[f];
		if (ug__http_same_name(w->base + field->name.at, field->name.len, name) && i-- == 0)
			return ug__http_text_of(w, field->value);
	}
	return NULL;
}

int ug_http_remote(ug_http_request *q, ug_addr *out)
{
	return ug_conn_remote(q->c->net, out);
}
