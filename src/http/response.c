/* SPDX-License-Identifier: MIT */
/*
 * The answer to a request, from what a handler says about it to bytes in the batch.
 *
 * It starts OPEN: status and fields may change, and what is written waits in work->body. Three things settle it. The
 * handler returns: the length is known, and sent. The body outgrows its buffer, or is flushed: it goes on in chunks
 * (or, for HTTP/1.0, until the connection closes). The length was said beforehand: it goes out as it is written. As
 * long as it is OPEN, a handler that fails can still be answered for with a clean 500.
 */
#include "http/server_priv.h"

#include "http/chars_priv.h"
#include "http/text_priv.h"
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX (64u << 10)
#define HEAD_BYTES 320 /* at the most, without the fields */
#define TEXT_TYPE "text/plain; charset=utf-8"

void ug__http_response_init(struct work *w, struct conn *c)
{
	ug_http_response *r = &w->r;
	const struct ug__http_head *h = &w->head;
	r->c = c;
	r->stage = OPEN;
	r->bodyless = h->method == UG__HTTP_HEAD;
	r->close = h->close || (h->minor == 0 && !h->keep_alive);
	r->keep_alive = h->minor == 0;
	r->chunked = r->typed = r->torn = false;
	r->status = 200;
	r->length = -1;
	r->sent = 0;
	r->body_len = r->fields_len = 0;
}

/* ---- fields ---- */

int ug_http_status(ug_http_response *r, int status)
{
	if (status < 200 || status > 599)
		return -EINVAL;
	bool bodyless = ug__http_work_of(r)->head.method == UG__HTTP_HEAD || status == 204 || status == 304;
	/* What was written for a status without a body is not there any more. */
	if (r->stage != OPEN || (r->bodyless && !bodyless && r->sent > 0))
		return -EBUSY;
	r->status = (uint16_t)status;
	r->bodyless = bodyless;
	if (bodyless)
		r->body_len = 0;
	return 0;
}

static bool name_ok(const char *name)
{
	const char *s = name;
	while (ug__http_is(*s, UG__CH_TOKEN))
		s++;
	return s > name && !*s;
}

static bool value_ok(const char *value, size_t n)
{
	return n <= FIELDS_MAX && ug__http_skip_value(value, value + n) == value + n;
}

/* Fields that are more than text: OWN are the library's alone. */
enum field { OTHER, OWN, CONNECTION, TYPE };

/* By length first: to compare five names in turn took 150 instructions more for an answer with a type. */
static enum field field_of(const char *name, size_t n)
{
	switch (n) {
	case 4:
		return ug__http_same(name, n, "date") ? OWN : OTHER;
	case 10:
		return ug__http_same(name, n, "connection") ? CONNECTION : OTHER;
	case 12:
		return ug__http_same(name, n, "content-type") ? TYPE : OTHER;
	case 14:
		return ug__http_same(name, n, "content-length") ? OWN : OTHER;
	case 17:
		return ug__http_same(name, n, "transfer-encoding") ? OWN : OTHER;
	}
	return OTHER;
}

static int reserve(ug_http_response *r, size_t n)
{
	if (n <= r->fields_cap - r->fields_len)
		return 0;
	size_t cap = r->fields_cap ? 2 * r->fields_cap : 512;
	while (cap < r->fields_len + n)
		cap *= 2;
	char *bigger = cap <= FIELDS_MAX ? realloc(r->fields, cap) : NULL;
	if (!bigger)
		return -ENOMEM;
	r->fields = bigger;
	r->fields_cap = cap;
	return 0;
}

static int put_line(ug_http_response *r, const char *name, size_t n, const char *value, size_t m)
{
	UG_TRY(reserve(r, n + m + 4));
	char *p = r->fields + r->fields_len;
	memcpy(p, name, n);
	memcpy(p + n, ": ", 2);
	memcpy(p + n + 2, value, m);
	memcpy(p + n + 2 + m, "\r\n", 2);
	r->fields_len += n + m + 4;
	return 0;
}

int ug_http_add(ug_http_response *r, const char *name, const char *value)
{
	size_t n = strlen(name), m = strlen(value);
	enum field field = field_of(name, n);
	if (!name_ok(name) || !value_ok(value, m) || field == OWN || n > FIELDS_MAX)
		return -EINVAL;
	if (r->stage != OPEN)
		return -EBUSY;
	if (field == CONNECTION) {
		if (!ug__http_same(value, m, "close"))
			return -EINVAL;
		r->close = true;
		return 0;
	}
	UG_TRY(put_line(r, name, n, value, m));
	if (field == TYPE)
		r->typed = true;
	return 0;
}

int ug__http_add_lines(ug_http_response *r, const char *lines, size_t n)
{
	UG_TRY(reserve(r, n));
	memcpy(r->fields + r->fields_len, lines, n);
	r->fields_len += n;
	r->typed = true;
	return 0;
}

/* Takes out lines of that name, of the first `before` bytes. */
static void drop(ug_http_response *r, const char *name, size_t before)
{
	size_t n = strlen(name);
	for (size_t at = 0; at < before;) {
		char *line = r->fields + at, *end = (char *)memchr(line, '\n', before - at) + 1;
		size_t len = (size_t)(end - line);
		if (len <= n || line[n] != ':' || !ug__http_same_name(line, n, name)) {
			at += len;
			continue;
		}
		memmove(line, end, r->fields_len - at - len);
		r->fields_len -= len;
		before -= len;
	}
}

int ug_http_set(ug_http_response *r, const char *name, const char *value)
{
	size_t before = r->fields_len;
	UG_TRY(ug_http_add(r, name, value));
	drop(r, name, before); /* only now: a failure changes nothing */
	return 0;
}

/* ug_http_set of the Content-Type, whose name needs no questions, and which mostly was not set before. */
static int set_type(ug_http_response *r, const char *type)
{
	static const char name[] = "Content-Type";
	size_t m = strlen(type), before = r->fields_len;
	if (!value_ok(type, m))
		return -EINVAL;
	UG_TRY(put_line(r, name, sizeof name - 1, type, m));
	if (r->typed)
		drop(r, name, before);
	r->typed = true;
	return 0;
}

void ug__http_unset(ug_http_response *r, const char *name)
{
	drop(r, name, r->fields_len);
}

const char *ug__http_field_of(const ug_http_response *r, const char *name, size_t *n)
{
	const char *line = r->fields, *end = line + r->fields_len;
	size_t len = strlen(name);
	*n = 0;
	for (const char *next; line < end; line = next) {
		next = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1;
		if ((size_t)(next - line) <= len || line[len] != ':' || !ug__http_same_name(line, len, name))
			continue;
		*n = (size_t)(next - line) - len - 4;
		return line + len + 2;
	}
	return "";
}

int ug_http_length(ug_http_response *r, int64_t n)
{
	if (n < 0)
		return -EINVAL;
	if (r->stage != OPEN || r->sent > 0)
		return -EBUSY;
	r->length = n;
	return 0;
}

/* ---- the head ---- */

static char *put_date(struct work *w, char *p)
{
	int64_t wall = load_relaxed(&w->r.c->s->wall);
	if (w->date_at != wall) {
		ug__http_date_format(w->date, wall);
		w->date_at = wall;
	}
	memcpy(p, "\r\nDate: ", 8);
	memcpy(p + 8, w->date, UG__HTTP_DATE_LEN);
	return p + 8 + UG__HTTP_DATE_LEN;
}

/* Settles status, fields and framing, and puts the head into the batch, with `lines` besides. length -1: not known. */
static int commit_with(ug_http_response *r, int64_t length, const char *lines, size_t n)
{
	struct work *w = ug__http_work_of(r);
	bool content = length != 0 && r->status != 204 && r->status != 304;
	r->stage = STREAM;
	r->length = length;
	r->chunked = length < 0 && !r->bodyless && w->head.minor > 0;
	if ((length < 0 && !r->bodyless && !r->chunked) || load_relaxed(&r->c->s->stopping) ||
		!ug__http_body_skippable(w))
		r->close = true;
	if (OUT_BYTES - w->out_len < HEAD_BYTES)
		UG_TRY(ug__http_write(r->c, NULL, 0));
	char *head = w->out + w->out_len, *p = put_text(head, "HTTP/1.1 ");
	p = put_number(p, r->status);
	*p++ = ' ';
	p = put_text(p, ug_http_status_text(r->status));
	p = put_date(w, p);
	if (length >= 0 && r->status != 204) {
		p = put_text(p, "\r\nContent-Length: ");
		p = put_number(p, length);
	} else if (r->chunked) {
		p = put_text(p, "\r\nTransfer-Encoding: chunked");
	}
	if (content && !r->typed)
		p = put_text(p, "\r\nContent-Type: " TEXT_TYPE);
	if (r->close)
		p = put_text(p, "\r\nConnection: close");
	else if (r->keep_alive)
		p = put_text(p, "\r\nConnection: keep-alive");
	p = put_text(p, "\r\n");
	w->out_len += (uint32_t)(p - head);
	if (r->fields_len > 0)
		UG_TRY(ug__http_put(r->c, r->fields, r->fields_len));
	if (n > 0)
		UG_TRY(ug__http_put(r->c, lines, n));
	return ug__http_put(r->c, "\r\n", 2);
}

static int commit(ug_http_response *r, int64_t length)
{
	return commit_with(r, length, NULL, 0);
}

/* ---- the body ---- */

static int put_chunk(struct conn *c, const void *data, size_t n)
{
	char line[UG__CHUNK_HEAD_MAX];
	UG_TRY(ug__http_put(c, line, ug__http_chunk_head(line, n)));
	UG_TRY(ug__http_put(c, data, n));
	return ug__http_put(c, "\r\n", 2);
}

/* Sends on what waits in work->body. */
static int put_waiting(ug_http_response *r)
{
	struct work *w = ug__http_work_of(r);
	size_t n = r->body_len;
	if (n == 0)
		return 0;
	r->body_len = 0;
	return r->chunked ? put_chunk(r->c, w->body, n) : ug__http_put(r->c, w->body, n);
}

/* Once a part of an answer is lost, the rest is worth nothing. */
static int check(ug_http_response *r, int e)
{
	if (e < 0 && r->stage != OPEN)
		r->torn = r->close = true;
	return e;
}

static int send_piece(ug_http_response *r, const void *buf, size_t n)
{
	struct work *w = ug__http_work_of(r);
	if (r->stage == OPEN && r->length >= 0)
		UG_TRY(commit(r, r->length));
	bool gather = r->stage == OPEN || r->chunked;
	if (gather && n <= BODY_BYTES - r->body_len) {
		memcpy(w->body + r->body_len, buf, n);
		r->body_len += n;
		return 0;
	}
	if (r->stage == OPEN)
		UG_TRY(commit(r, -1));
	UG_TRY(put_waiting(r));
	if (r->chunked && n < BODY_BYTES) {
		memcpy(w->body, buf, n);
		r->body_len = n;
		return 0;
	}
	return r->chunked ? put_chunk(r->c, buf, n) : ug__http_put(r->c, buf, n);
}

static ssize_t body_write(void *self, const void *buf, size_t n)
{
	ug_http_response *r = self;
	if (r->stage == DONE || r->torn)
		return -EBUSY;
	if (n > INT64_MAX - (uint64_t)r->sent || (r->length >= 0 && (int64_t)n > r->length - r->sent))
		return -EINVAL;
	if (!r->bodyless)
		UG_TRY(check(r, send_piece(r, buf, n)));
	r->sent += (int64_t)n;
	return (ssize_t)n;
}

/* By hand. Small pieces, for they are gathered again. */
static int pump(ug_http_response *r, ug_reader src, int64_t limit, int64_t *count)
{
	char piece[1024];
	while (*count < limit) {
		int64_t n = limit - *count;
		ssize_t got = ug_read(src, piece, n < (int64_t)sizeof piece ? (size_t)n : sizeof piece);
		if (got <= 0)
			return (int)got;
		ssize_t e = body_write(r, piece, (size_t)got);
		if (e < 0)
			return (int)e;
		*count += got;
	}
	return 0;
}

static int body_read_from(void *self, ug_reader src, int64_t limit, int64_t *count)
{
	ug_http_response *r = self;
	*count = 0;
	if (r->stage == DONE || r->torn)
		return -EBUSY;
	if (r->bodyless || r->length < 0)
		return pump(r, src, limit, count);
	int64_t left = r->length - r->sent;
	int e = r->stage == OPEN ? commit(r, r->length) : 0;
	if (e == 0)
		e = ug__http_send_from(r->c, src, limit < left ? limit : left, count);
	r->sent += *count;
	return check(r, e);
}

int ug__http_begin(ug_http_response *r, int64_t length, const char *lines, size_t n)
{
	if (r->stage != OPEN || r->sent > 0)
		return -EBUSY;
	r->typed = true;
	return check(r, commit_with(r, length, lines, n));
}

int ug__http_body_from(ug_http_response *r, ug_reader src, int64_t n)
{
	int64_t count;
	int e = body_read_from(r, src, n, &count);
	return e == 0 && count < n ? UG_ESHORT : e;
}

ug_writer ug_http_writer(ug_http_response *r)
{
	static const struct ug_writer_ops ops = {
		.size = sizeof ops,
		.write = body_write,
		.read_from = body_read_from,
	};
	return (ug_writer){&ops, r};
}

int ug_http_flush(ug_http_response *r)
{
	int e = 0;
	if (r->stage == DONE || r->torn)
		return -EBUSY;
	if (r->stage == OPEN)
		e = commit(r, r->length);
	if (e == 0)
		e = put_waiting(r);
	if (e == 0)
		e = ug__http_write(r->c, NULL, 0);
	return check(r, e);
}

/* ---- whole answers ---- */

int ug_http_reply(ug_http_response *r, int status, const char *type, const void *data, size_t n)
{
	if (r->sent > 0)
		return -EBUSY;
	UG_TRY(ug_http_status(r, status));
	if (type)
		UG_TRY(set_type(r, type));
	if (status == 204 || status == 304)
		return 0;
	r->length = n > BODY_BYTES || r->bodyless ? (int64_t)n : -1;
	ssize_t e = n > 0 ? body_write(r, data, n) : 0;
	return e < 0 ? (int)e : 0;
}

int ug_http_text(ug_http_response *r, int status, const char *text)
{
	return ug_http_reply(r, status, NULL, text, strlen(text));
}

int ug_http_error(ug_http_response *r, int status, const char *text)
{
	char page[256], *p = put_number(page, status);
	*p++ = ' ';
	p = put_text(p, ug_http_status_text(status));
	*p++ = '\n';
	if (text) {
		size_t n = strlen(text), room = (size_t)(page + sizeof page - 1 - p);
		memcpy(p, text, n < room ? n : room);
		p += n < room ? n : room;
		*p++ = '\n';
	}
	return ug_http_reply(r, status, TEXT_TYPE, page, (size_t)(p - page));
}

int ug_http_redirect(ug_http_response *r, int status, const char *location)
{
	if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
		return -EINVAL;
	UG_TRY(ug_http_set(r, "Location", location));
	return ug_http_error(r, status, NULL);
}

void ug__http_response_fail(ug_http_response *r, int status, const char *reason)
{
	bool close = r->close;
	if (r->stage != OPEN) {
		r->torn = r->close = true;
		return;
	}
	ug__http_response_init(ug__http_work_of(r), r->c);
	/* After a fault of framing nobody knows where the next request begins; other faults are the handler's. */
	r->close = r->close || close;
	if (ug_http_error(r, status, reason) < 0)
		r->torn = r->close = true;
}

int ug__http_response_finish(ug_http_response *r)
{
	int e = 0, fault = r->stage == OPEN ? ug__http_body_fault(ug__http_work_of(r)) : 0;
	if (fault)
		ug__http_response_fail(r, fault, ug__http_work_of(r)->q.body.reason);
	if (r->stage == OPEN && !r->bodyless && r->length > 0)
		ug__http_response_fail(r, 500, NULL); /* a length was said, and nothing written */
	if (r->stage == OPEN) {
		bool has_length = r->status != 204 && r->status != 304;
		e = commit(r, r->length < 0 && has_length ? r->sent : r->length);
		if (e == 0)
			e = put_waiting(r);
	} else if (r->torn) {
		e = -EPIPE;
	} else if (r->chunked) {
		e = put_waiting(r);
		if (e == 0)
			e = ug__http_put(r->c, UG__CHUNK_LAST, sizeof UG__CHUNK_LAST - 1);
	} else if (!r->bodyless && r->length >= 0 && r->sent != r->length) {
		e = UG_ESHORT;
	}
	r->stage = DONE;
	return check(r, e);
}
