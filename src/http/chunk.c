/* SPDX-License-Identifier: MIT */
/*
 * The strict decoder of the chunked transfer coding (RFC 9112 7.1), and the line that the encoder needs.
 *
 * The decoder reads framing only. It tells the caller how many bytes of data follow, and the caller moves them: from
 * its buffer, or straight from the socket into the reader's memory. State is kept by the byte, so that every cut of the
 * input gives the same answer; only the trailer section, which is short and rare, is wanted in one piece, because it is
 * read by the parser of heads, under the same rules and limits.
 *
 * Chunk extensions are refused. RFC 9112 7.1.1 asks a recipient to ignore those that it does not know, and nobody knows
 * any: no client in use sends them. What does send them are attacks: servers disagree about where an extension ends
 * (quoted strings, bare CR or LF inside), which splits one body into two requests, and an extension without end costs
 * the receiver bytes that no body limit counts. Refusing them all is the one reading on which nobody can disagree.
 *
 * A size has at most 16 digits, leading zeros included, and fits in 63 bits.
 */
#include "http/chunk_priv.h"

#include "http/chars_priv.h"
#include <undergo/base.h>

enum { SIZE, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, END, REFUSED };

#define DIGITS_MAX 16

void ug__http_chunk_init(struct ug__http_chunk *c, uint32_t trailer_fields, uint32_t trailer_bytes)
{
	*c = (struct ug__http_chunk){.state = SIZE};
	ug__http_trailer_init(&c->trailer, NULL, trailer_fields, trailer_bytes);
}

static int refuse(struct ug__http_chunk *c, unsigned status, const char *reason)
{
	c->state = REFUSED;
	c->status = (uint16_t)status;
	c->reason = reason;
	return UG_EPROTO_HTTP;
}

static int size_byte(struct ug__http_chunk *c, char b)
{
	if (ug__http_is(b, UG__CH_HEX)) {
		if (c->digits == DIGITS_MAX || c->left > (uint64_t)INT64_MAX >> 4)
			return refuse(c, 400, "chunk size too large");
		c->left = c->left << 4 | ug__http_hex(b);
		c->digits++;
		return 0;
	}
	if (c->digits == 0)
		return refuse(c, 400, "chunk without a size");
	if (b == '\r') {
		c->state = SIZE_LF;
		return 0;
	}
	if (b == ';')
		return refuse(c, 400, "chunk extension");
	return refuse(c, 400, b == '\n' ? "bare LF as line end" : "malformed chunk size");
}

static int framing_byte(struct ug__http_chunk *c, char b)
{
	switch (c->state) {
	case SIZE:
		return size_byte(c, b);
	case SIZE_LF:
		if (b != '\n')
			return refuse(c, 400, "bare CR");
		c->state = c->left ? DATA : TRAILER;
		return 0;
	case DATA_CR:
		if (b != '\r')
			return refuse(c, 400, b == '\n' ? "bare LF as line end" : "chunk longer than its size");
		c->state = DATA_LF;
		return 0;
	default: /* DATA_LF */
		if (b != '\n')
			return refuse(c, 400, "bare CR");
		c->state = SIZE;
		c->digits = 0;
		return 0;
	}
}

static int trailer(struct ug__http_chunk *c, const char *in, size_t len, size_t *used)
{
	ssize_t n = ug__http_head_feed(&c->trailer, in, len);
	if (n < 0)
		return refuse(c, c->trailer.status, c->trailer.reason);
	if (n == 0)
		return UG__CHUNK_MORE;
	*used += (size_t)n;
	c->state = END;
	return UG__CHUNK_END;
}

int ug__http_chunk_step(struct ug__http_chunk *c, const char *in, size_t len, size_t *used)
{
	*used = 0;
	while (c->state != DATA) {
		if (c->state == REFUSED)
			return UG_EPROTO_HTTP;
		if (c->state == END)
			return UG__CHUNK_END;
		if (c->state == TRAILER)
			return trailer(c, in + *used, len - *used, used);
		if (*used == len)
			return UG__CHUNK_MORE;
		int err = framing_byte(c, in[(*used)++]);
		if (err < 0)
			return err;
	}
	return UG__CHUNK_DATA;
}

void ug__http_chunk_took(struct ug__http_chunk *c, uint64_t n)
{
	c->left -= n;
	if (c->left == 0)
		c->state = DATA_CR;
}

size_t ug__http_chunk_head(char out[UG__CHUNK_HEAD_MAX], uint64_t n)
{
	size_t digits = 1, len;
	while (digits < DIGITS_MAX && n >> (4 * digits))
		digits++;
	for (len = 0; len < digits; len++)
		out[len] = "0123456789abcdef"[n >> (4 * (digits - 1 - len)) & 15];
	out[len++] = '\r';
	out[len++] = '\n';
	return len;
}
