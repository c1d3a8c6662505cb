/* SPDX-License-Identifier: MIT */
/*
 * The body of a request, as a reader. What came with the head is in the input buffer; the rest of a piece whose length
 * is known is read straight into the caller's memory. A fault sticks, with the status that answers it.
 */
#include "http/server_priv.h"

#include <string.h>

#define SKIP_BYTES (256 << 10) /* of a body nobody wanted: reading so much is cheaper than a new connection */

void ug__http_body_init(struct work *w, struct conn *c)
{
	const struct ug__http_head *h = &w->head;
	struct body *b = &w->q.body;
	b->kind = h->chunked ? BODY_CHUNKED : h->content_length > 0 ? BODY_LENGTH : BODY_NONE;
	b->continue_due = h->expect_continue && b->kind != BODY_NONE;
	b->ended = b->kind == BODY_NONE;
	b->failed = false;
	b->left = b->kind == BODY_LENGTH ? h->content_length : 0;
	b->got = 0;
	b->max = c->s->limits.max_body;
	if (b->kind == BODY_CHUNKED)
		ug__http_chunk_init(&b->chunk, c->s->limits.max_fields, TRAILER_BYTES);
}

static int fail(struct body *b, unsigned status, const char *reason, int e)
{
	if (!b->failed) {
		b->failed = true;
		b->status = (uint16_t)status;
		b->reason = reason;
	}
	return e;
}

/* A read of the connection went wrong. */
static int lost(struct conn *c, struct body *b, ssize_t e)
{
	if (e == 0)
		return fail(b, 400, "the body ended early", UG_ESHORT);
	if (ug__http_is_cut(c))
		return fail(b, 408, "the body came too slowly", (int)e);
	return (int)e;
}

/* Up to n bytes of a piece of `left` bytes: from the buffer, else from the connection. */
static ssize_t take(struct conn *c, struct body *b, void *buf, size_t n, int64_t left)
{
	struct work *w = c->work;
	size_t there = w->in_end - w->in_start;
	if (n > INT32_MAX)
		n = INT32_MAX;
	if ((int64_t)n > left)
		n = (size_t)left;
	if (there > 0) {
		n = n < there ? n : there;
		memcpy(buf, w->in + w->in_start, n);
		w->in_start += (uint32_t)n;
		return (ssize_t)n;
	}
	ssize_t got = ug__http_recv(c, buf, n);
	return got > 0 ? got : lost(c, b, got);
}

static ssize_t read_length(struct conn *c, struct body *b, void *buf, size_t n)
{
	if (b->left > b->max - b->got)
		return fail(b, 413, "the body is too large", UG_ETOOLONG);
	ssize_t got = take(c, b, buf, n, b->left);
	if (got > 0) {
		b->left -= got;
		b->ended = b->left == 0;
	}
	return got;
}

/* More framing is needed than there is. */
static int fill(struct conn *c, struct body *b)
{
	struct work *w = c->work;
	ssize_t room = ug__http_room(w);
	if (room < 0)
		return fail(b, 431, "the trailer is too large", UG_ETOOLONG);
	ssize_t got = ug__http_recv(c, w->in + w->in_end, (size_t)room);
	if (got <= 0)
		return lost(c, b, got);
	w->in_end += (uint32_t)got;
	return 0;
}

static ssize_t read_chunked(struct conn *c, struct body *b, void *buf, size_t n)
{
	struct work *w = c->work;
	for (;;) {
		size_t used;
		int step = ug__http_chunk_step(&b->chunk, w->in + w->in_start, w->in_end - w->in_start, &used);
		w->in_start += (uint32_t)used;
		if (step < 0)
			return fail(b, b->chunk.status, b->chunk.reason, step);
		if (step == UG__CHUNK_END) {
			b->ended = true;
			return 0;
		}
		if (step == UG__CHUNK_MORE) {
			UG_TRY(fill(c, b));
			continue;
		}
		if ((int64_t)b->chunk.left > b->max - b->got)
			return fail(b, 413, "the body is too large", UG_ETOOLONG);
		ssize_t got = take(c, b, buf, n, (int64_t)b->chunk.left);
		if (got > 0)
			ug__http_chunk_took(&b->chunk, (uint64_t)got);
		return got;
	}
}

static ssize_t body_read(void *self, void *buf, size_t n)
{
	ug_http_request *q = self;
	struct body *b = &q->body;
	if (b->failed)
		return b->status == 413 || b->status == 431 ? UG_ETOOLONG : UG_EPROTO_HTTP;
	if (b->ended || n == 0)
		return 0;
	if (b->continue_due) {
		b->continue_due = false;
		/* Bytes of the body that are here already say that the client did not wait (RFC 9110 10.1.1). */
		if (q->c->work->in_end == q->c->work->in_start && q->c->work->r.stage == OPEN)
			UG_TRY(ug__http_put(q->c, "HTTP/1.1 100 Continue\r\n\r\n", 25));
	}
	ssize_t got = b->kind == BODY_LENGTH ? read_length(q->c, b, buf, n) : read_chunked(q->c, b, buf, n);
	if (got > 0)
		b->got += got;
	return got;
}

ug_reader ug_http_body(ug_http_request *q)
{
	static const struct ug_reader_ops ops = {.size = sizeof ops, .read = body_read};
	return (ug_reader){&ops, q};
}

int64_t ug_http_body_size(ug_http_request *q)
{
	switch (q->body.kind) {
	case BODY_NONE:
		return 0;
	case BODY_LENGTH:
		return q->c->work->head.content_length;
	default:
		return -1;
	}
}

void ug_http_limit_body(ug_http_request *q, int64_t max_body)
{
	q->body.max = max_body < 0 ? UG_FOREVER : max_body;
}

bool ug__http_body_skippable(const struct work *w)
{
	const struct body *b = &w->q.body;
	if (b->ended)
		return true;
	if (b->failed || b->continue_due)
		return false;
	return b->kind == BODY_CHUNKED || b->left <= SKIP_BYTES;
}

bool ug__http_body_skip(struct work *w)
{
	struct body *b = &w->q.body;
	char away[1024];
	if (!ug__http_body_skippable(w))
		return false;
	if (!b->ended)
		b->max = b->got + SKIP_BYTES;
	while (!b->ended)
		if (body_read(&w->q, away, sizeof away) <= 0 && !b->ended)
			return false;
	return true;
}

int ug__http_body_fault(struct work *w)
{
	struct body *b = &w->q.body;
	bool sized = b->kind == BODY_LENGTH; /* it has nothing malformed, and need not be waited for at the end */
	if (b->ended || b->failed || (w->r.close && sized) || ug__http_body_skip(w))
		return 0;
	return b->failed && (b->status == 400 || b->status == 431) ? b->status : 0;
}
