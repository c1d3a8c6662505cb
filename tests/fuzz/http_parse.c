/* SPDX-License-Identifier: MIT */
/*
 * The parser of heads. Whatever the bytes, and however they are cut: it reads nothing outside them, every slice lies
 * inside the head, and the answer is that of all bytes at once. The first byte chooses the mode and the cuts.
 */
#include "http/parse_priv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 20
#define LIMIT 2048

#define must(cond)                                                                                                     \
	do {                                                                                                           \
		if (!(cond))                                                                                           \
			abort();                                                                                       \
	} while (0)

struct outcome {
	struct ug__http_head head;
	struct ug__http_field fields[FIELDS];
	ssize_t n;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct outcome *o, const char *in, size_t len, unsigned mode, size_t step)
{
	memset(o, 0, sizeof *o);
	if (mode & 1)
		ug__http_trailer_init(&o->head, o->fields, FIELDS, LIMIT);
	else
		ug__http_head_init(&o->head, o->fields, FIELDS, LIMIT);
	o->head.browser_urls = mode & 2;
	for (size_t n = step < len ? step : len;; n = n + step < len ? n + step : len) {
		char *copy = malloc(n ? n : 1);
		must(copy);
		memcpy(copy, in, n);
		o->n = ug__http_head_feed(&o->head, copy, n);
		free(copy);
		if (o->n != 0 || n == len)
			return;
	}
}

static void inside(const struct outcome *o, struct ug__http_part p)
{
	must(p.at <= (size_t)o->n && p.len <= (size_t)o->n - p.at);
}

static void whole(const struct outcome *o, const char *in)
{
	const struct ug__http_head *h = &o->head;
	must(h->nfields <= FIELDS && o->n >= 2 && o->n <= LIMIT);
	must(!memcmp(in + o->n - 2, "\r\n", 2));
	must(!memchr(in, 0, (size_t)o->n));
	must(!(h->chunked && h->content_length >= 0));
	inside(o, h->name);
	inside(o, h->target);
	inside(o, h->authority);
	inside(o, h->path);
	inside(o, h->query);
	for (uint32_t i = 0; i < h->nfields; i++) {
		inside(o, h->fields[i].name);
		inside(o, h->fields[i].value);
		must(h->fields[i].name.len > 0);
		must(in[h->fields[i].name.at + h->fields[i].name.len] == ':');
	}
	for (ssize_t i = 0; i < o->n; i++) /* no bare LF, no bare CR, no folded line */
		if (in[i] == '\n')
			must(i > 0 && in[i - 1] == '\r' && (i + 1 == o->n || (in[i + 1] != ' ' && in[i + 1] != '\t')));
		else if (in[i] == '\r')
			must(i + 1 < o->n && in[i + 1] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct outcome once, cut;
	if (size < 1 || size > 2 * LIMIT)
		return 0;
	const char *in = (const char *)data + 1;
	size_t len = size - 1, step = 1 + (data[0] >> 2);
	feed(&once, in, len, data[0], len ? len : 1);
	feed(&cut, in, len, data[0], step);
	must(once.n == cut.n);
	must(once.head.nfields == cut.head.nfields);
	must(!memcmp(once.fields, cut.fields, once.head.nfields * sizeof once.fields[0]));
	if (once.n < 0) {
		must(once.head.reason == cut.head.reason && once.head.status == cut.head.status);
		must(once.head.reason && once.head.status >= 400);
		return 0;
	}
	once.head.fields = cut.head.fields = NULL;
	once.head.seen = cut.head.seen = 0;
	must(!memcmp(&once.head, &cut.head, sizeof once.head));
	once.head.fields = once.fields;
	if (once.n > 0)
		whole(&once, in);
	return 0;
}
