/* SPDX-License-Identifier: MIT */
/* A head to the parser, in one piece, byte by byte, and cut in two at every place. */
#ifndef TESTS_HTTP_FEED_H
#define TESTS_HTTP_FEED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "http/parse_priv.h"
#include <undergo/base.h>

#define FIELDS 8
#define LIMIT 512

struct outcome {
	struct ug__http_head head;
	struct ug__http_field fields[FIELDS];
	ssize_t n;
};

/* Feeds the first `first` bytes, then `step` more each time, each time from fresh memory of exactly that size. */
static inline void feed(
	struct outcome *o, const char *in, size_t len, size_t first, size_t step, bool trailer, bool browser)
{
	memset(o, 0, sizeof *o);
	if (trailer)
		ug__http_trailer_init(&o->head, o->fields, FIELDS, LIMIT);
	else
		ug__http_head_init(&o->head, o->fields, FIELDS, LIMIT);
	o->head.browser_urls = browser;
	for (size_t n = first < len ? first : len;; n = n + step < len ? n + step : len) {
		char *copy = malloc(n ? n : 1);
		memcpy(copy, in, n);
		o->n = ug__http_head_feed(&o->head, copy, n);
		free(copy);
		if (o->n != 0 || n == len)
			return;
	}
}

static inline void same(const struct outcome *a, const struct outcome *b)
{
	struct ug__http_head x = a->head, y = b->head;
	assert_int_equal(a->n, b->n);
	assert_ptr_equal(x.reason, y.reason);
	x.fields = y.fields = NULL;
	x.seen = y.seen = 0; /* how far it looked is the one thing that the cuts decide */
	if (a->n < 0) /* a refusal promises its status and reason alone */
		assert_int_equal(x.status, y.status);
	else
		assert_memory_equal(&x, &y, sizeof x);
	assert_memory_equal(a->fields, b->fields, x.nfields * sizeof a->fields[0]);
}

static inline void run_as(struct outcome *o, const char *in, size_t len, bool trailer, bool browser)
{
	struct outcome other;
	feed(o, in, len, len, 1, trailer, browser);
	feed(&other, in, len, 0, 1, trailer, browser);
	same(o, &other);
	for (size_t cut = 1; cut < len; cut++) {
		feed(&other, in, len, cut, len, trailer, browser);
		same(o, &other);
	}
}

static inline void run(struct outcome *o, const char *in, size_t len)
{
	run_as(o, in, len, false, false);
}

#define RUN(o, text) run((o), (text), sizeof(text) - 1)

static inline void is(const char *in, struct ug__http_part p, const char *want)
{
	assert_int_equal(p.len, strlen(want));
	assert_memory_equal(in + p.at, want, p.len);
}

#endif
