/* SPDX-License-Identifier: MIT */
/*
 * The buffered reader: buf_[start_, end_) is what src gave and nobody took yet.
 *
 * No error is kept. Where src fails the call says so, what is buffered stays, and the next call that runs out of it
 * asks again: a deadline that passed in the middle of a line costs nothing of the line. last_ is the byte that
 * ug_bufr_unread_byte would give back, -1 where there is none; its place in the buffer is the one before start_, or,
 * where nothing is buffered, any.
 */
#include "io/io_priv.h"

#include <stdlib.h>
#include <string.h>

#define OWN_SIZE 4096

int ug_bufr_init(ug_bufr *b, ug_reader src, void *buf, size_t size)
{
	if (buf && size == 0)
		return -EINVAL;
	if (!buf) {
		size = size ? size : OWN_SIZE;
		void *own = size <= PTRDIFF_MAX ? malloc(size) : NULL;
		if (!own)
			return -ENOMEM;
		*b = (ug_bufr){.buf_ = own, .own_ = 1};
	} else {
		*b = (ug_bufr){.buf_ = buf};
	}
	b->src_ = src;
	b->size_ = size;
	b->last_ = -1;
	return 0;
}

void ug_bufr_done(ug_bufr *b)
{
	if (b->own_)
		free(b->buf_);
	*b = (ug_bufr){.last_ = -1};
}

void ug_bufr_reset(ug_bufr *b, ug_reader src)
{
	b->src_ = src;
	b->start_ = b->end_ = 0;
	b->last_ = -1;
}

static size_t held(const ug_bufr *b)
{
	return b->end_ - b->start_;
}

/* Takes n bytes, at least one, of what is held. */
static const unsigned char *take(ug_bufr *b, size_t n)
{
	const unsigned char *data = b->buf_ + b->start_;
	b->start_ += n;
	b->last_ = data[n - 1];
	return data;
}

size_t ug_bufr_buffered(const ug_bufr *b, const void **data)
{
	if (data)
		*data = b->buf_ + b->start_;
	return held(b);
}

ssize_t ug_bufr_fill(ug_bufr *b)
{
	if (b->start_ && (held(b) == 0 || b->end_ == b->size_)) {
		memmove(b->buf_, b->buf_ + b->start_, held(b));
		b->end_ = held(b);
		b->start_ = 0;
	}
	if (b->end_ == b->size_)
		return UG_ETOOLONG;
	b->last_ = -1;
	ssize_t got = ug_read(b->src_, b->buf_ + b->end_, b->size_ - b->end_);
	if (got > 0)
		b->end_ += (size_t)got;
	return got;
}

ssize_t ug_bufr_read(ug_bufr *b, void *buf, size_t n)
{
	if (n == 0)
		return 0;
	if (held(b) == 0 && n >= b->size_) {
		ssize_t got = ug_read(b->src_, buf, n);
		b->start_ = b->end_ = 0;
		b->last_ = got > 0 ? ((unsigned char *)buf)[got - 1] : -1;
		return got;
	}
	if (held(b) == 0) {
		ssize_t got = ug_bufr_fill(b);
		if (got <= 0)
			return got;
	}
	n = n < held(b) ? n : held(b);
	memcpy(buf, take(b, n), n);
	return (ssize_t)n;
}

ssize_t ug_bufr_peek(ug_bufr *b, size_t n, const void **data)
{
	b->last_ = -1;
	if (n > b->size_)
		return UG_ETOOLONG;
	if (b->size_ - b->start_ < n) {
		memmove(b->buf_, b->buf_ + b->start_, held(b));
		b->end_ = held(b);
		b->start_ = 0;
	}
	while (held(b) < n) {
		ssize_t got = ug_bufr_fill(b);
		if (got < 0)
			return got;
		if (got == 0)
			n = held(b);
	}
	*data = b->buf_ + b->start_;
	return (ssize_t)n;
}

int64_t ug_bufr_discard(ug_bufr *b, int64_t n)
{
	if (n < 0)
		return -EINVAL;
	for (int64_t left = n; left > 0;) {
		if (held(b) == 0) {
			ssize_t got = ug_bufr_fill(b);
			if (got <= 0)
				return left < n ? n - left : got;
		}
		size_t some = (size_t)ug__least(left, (int64_t)held(b));
		take(b, some);
		left -= (int64_t)some;
	}
	return n;
}

int ug_bufr_read_byte(ug_bufr *b, unsigned char *byte)
{
	if (held(b) == 0) {
		ssize_t got = ug_bufr_fill(b);
		if (got <= 0)
			return (int)got;
	}
	*byte = *take(b, 1);
	return 1;
}

int ug_bufr_unread_byte(ug_bufr *b)
{
	if (b->last_ < 0)
		return -EINVAL;
	if (held(b) == 0)
		b->start_ = b->end_ = 1;
	b->buf_[--b->start_] = (unsigned char)b->last_;
	b->last_ = -1;
	return 0;
}

/* The length up to and with the next delimiter, in what is held from `from` on; 0: none there. */
static size_t find(const ug_bufr *b, unsigned char delimiter, size_t from)
{
	const unsigned char *data = b->buf_ + b->start_;
	const unsigned char *at = memchr(data + from, delimiter, held(b) - from);
	return at ? (size_t)(at - data) + 1 : 0;
}

ssize_t ug_bufr_read_until(ug_bufr *b, unsigned char delimiter, const char **data)
{
	size_t n, looked = 0;
	while ((n = find(b, delimiter, looked)) == 0) {
		looked = held(b);
		ssize_t got = ug_bufr_fill(b);
		if (got < 0)
			return got;
		if (got == 0) {
			if (looked == 0)
				return 0;
			n = looked;
			break;
		}
	}
	*data = (const char *)take(b, n);
	return (ssize_t)n;
}

int ug_bufr_read_line(ug_bufr *b, const char **line, size_t *n)
{
	const char *data;
	ssize_t got = ug_bufr_read_until(b, '\n', &data);
	if (got <= 0)
		return (int)got;
	size_t length = (size_t)got;
	if (data[length - 1] == '\n') {
		length--;
		if (length && data[length - 1] == '\r')
			length--;
	}
	*line = data;
	*n = length;
	return 1;
}

ssize_t ug_bufr_append_until(ug_bufr *b, unsigned char delimiter, size_t limit, ug_buf *into)
{
	if (limit == 0 || limit > PTRDIFF_MAX)
		limit = PTRDIFF_MAX;
	for (size_t total = 0;;) {
		if (held(b) == 0) {
			int32_t last = total ? b->last_ : -1;
			ssize_t got = ug_bufr_fill(b);
			if (got < 0)
				return got;
			if (got == 0) {
				b->last_ = last;
				return (ssize_t)total;
			}
		}
		size_t n = find(b, delimiter, 0), some = n ? n : held(b);
		if (some > limit - total) {
			n = 0;
			some = limit - total;
			if (some == 0)
				return UG_ETOOLONG;
		}
		UG_TRY(ug_buf_append(into, b->buf_ + b->start_, some));
		take(b, some);
		total += some;
		if (n)
			return (ssize_t)total;
	}
}

static ssize_t bufr_read(void *self, void *buf, size_t n)
{
	return ug_bufr_read(self, buf, n);
}

static int bufr_write_to(void *self, ug_writer w, int64_t limit, int64_t *count)
{
	ug_bufr *b = self;
	size_t n = (size_t)ug__least(limit, (int64_t)held(b));
	if (n) {
		UG_TRY(ug_write(w, b->buf_ + b->start_, n));
		take(b, n);
		*count = (int64_t)n;
	}
	if (*count == limit)
		return 0;
	b->last_ = -1;
	int64_t more;
	int e = ug_copy_upto(w, b->src_, limit - *count, &more);
	*count += more;
	return e;
}

static const struct ug_reader_ops bufr_ops = {
	.size = sizeof bufr_ops,
	.read = bufr_read,
	.write_to = bufr_write_to,
};

ug_reader ug_bufr_reader(ug_bufr *b)
{
	return (ug_reader){&bufr_ops, b};
}
