/* SPDX-License-Identifier: MIT */
/*
 * Memory as reader and writer: the caller's bytes, and a buffer that grows.
 *
 * The growing buffer holds data_[start_, end_). Invariant: with memory there is always room for one byte at end_, so a
 * text's NUL never needs memory. Room is made by moving the contents to the front where at least half of the memory
 * before them is free, else by doubling: so the bytes moved stay within a constant factor of the bytes appended.
 */
#include "io/io_priv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 64
#define LEAST_READ 512 /* less room than that is not worth a read */

void ug_buf_done(ug_buf *b)
{
	free(b->data_);
	*b = (ug_buf){0};
}

void ug_buf_reset(ug_buf *b)
{
	b->start_ = b->end_ = 0;
}

const void *ug_buf_bytes(const ug_buf *b)
{
	return b->data_ ? b->data_ + b->start_ : (const unsigned char *)"";
}

size_t ug_buf_len(const ug_buf *b)
{
	return b->end_ - b->start_;
}

const char *ug_buf_text(ug_buf *b)
{
	if (!b->data_)
		return "";
	b->data_[b->end_] = 0;
	return (const char *)b->data_ + b->start_;
}

static size_t room(const ug_buf *b)
{
	return b->data_ ? b->cap_ - b->end_ - 1 : 0;
}

int ug_buf_reserve(ug_buf *b, size_t n, void **out)
{
	if (room(b) < n || !b->data_) {
		size_t have = ug_buf_len(b);
		if (n >= PTRDIFF_MAX - have)
			return -ENOMEM;
		size_t need = have + n + 1;
		bool grow = need > b->cap_ || b->start_ < b->cap_ / 2;
		if (b->start_)
			memmove(b->data_, b->data_ + b->start_, have);
		b->start_ = 0;
		b->end_ = have;
		if (grow) {
			size_t cap = b->cap_ < FIRST_SIZE ? FIRST_SIZE : b->cap_ * 2;
			if (cap < need)
				cap = need;
			unsigned char *data = realloc(b->data_, cap);
			if (!data)
				return -ENOMEM;
			b->data_ = data;
			b->cap_ = cap;
		}
	}
	*out = b->data_ + b->end_;
	return 0;
}

void ug_buf_commit(ug_buf *b, size_t n)
{
	b->end_ += n;
}

int ug_buf_append(ug_buf *b, const void *data, size_t n)
{
	if (n == 0)
		return 0;
	void *to;
	UG_TRY(ug_buf_reserve(b, n, &to));
	memcpy(to, data, n);
	b->end_ += n;
	return 0;
}

void ug_buf_consume(ug_buf *b, size_t n)
{
	if (n < ug_buf_len(b))
		b->start_ += n;
	else
		ug_buf_reset(b);
}

void ug_buf_truncate(ug_buf *b, size_t n)
{
	if (n < ug_buf_len(b))
		b->end_ = b->start_ + n;
}

void *ug_buf_take(ug_buf *b, size_t *n)
{
	unsigned char *data = b->data_;
	*n = ug_buf_len(b);
	if (data) {
		memmove(data, data + b->start_, *n);
		data[*n] = 0;
	}
	*b = (ug_buf){0};
	return data;
}

static ssize_t buf_read(void *self, void *to, size_t n)
{
	ug_buf *b = self;
	n = (size_t)ug__least((int64_t)n, (int64_t)ug_buf_len(b));
	if (n)
		memcpy(to, b->data_ + b->start_, n);
	ug_buf_consume(b, n);
	return (ssize_t)n;
}

static int buf_write_to(void *self, ug_writer w, int64_t limit, int64_t *count)
{
	ug_buf *b = self;
	size_t n = (size_t)ug__least(limit, (int64_t)ug_buf_len(b));
	ssize_t e = ug_write(w, ug_buf_bytes(b), n);
	if (e < 0)
		return (int)e;
	ug_buf_consume(b, n);
	*count = e;
	return 0;
}

static const struct ug_reader_ops buf_reader_ops = {
	.size = sizeof buf_reader_ops,
	.read = buf_read,
	.write_to = buf_write_to,
};

ug_reader ug_buf_reader(ug_buf *b)
{
	return (ug_reader){&buf_reader_ops, b};
}

static ssize_t buf_write(void *self, const void *data, size_t n)
{
	int e = ug_buf_append(self, data, n);
	return e < 0 ? e : (ssize_t)n;
}

static int buf_read_from(void *self, ug_reader r, int64_t limit, int64_t *count)
{
	ug_buf *b = self;
	while (*count < limit) {
		size_t want = (size_t)ug__least(LEAST_READ, limit - *count);
		void *to;
		UG_TRY(ug_buf_reserve(b, want, &to));
		ssize_t got = ug_read(r, to, (size_t)ug__least((int64_t)room(b), limit - *count));
		if (got <= 0)
			return (int)got;
		b->end_ += (size_t)got;
		*count += got;
	}
	return 0;
}

static const struct ug_writer_ops buf_writer_ops = {
	.size = sizeof buf_writer_ops,
	.write = buf_write,
	.read_from = buf_read_from,
};

ug_writer ug_buf_writer(ug_buf *b)
{
	return (ug_writer){&buf_writer_ops, b};
}

int ug_read_all(ug_reader r, size_t limit, ug_buf *into)
{
	int64_t most = limit && limit < PTRDIFF_MAX ? (int64_t)limit : INT64_MAX, count;
	UG_TRY(ug_copy_upto(ug_buf_writer(into), r, most, &count));
	if (count < most)
		return 0;
	char more;
	ssize_t e = ug_read(r, &more, 1);
	return e > 0 ? UG_ETOOLONG : (int)e;
}

static ssize_t memory_read(void *self, void *buf, size_t n)
{
	struct ug_memory *m = self;
	n = (size_t)ug__least((int64_t)n, (int64_t)(m->end_ - m->at_));
	if (n)
		memcpy(buf, m->data_ + m->at_, n);
	m->at_ += n;
	return (ssize_t)n;
}

static int memory_write_to(void *self, ug_writer w, int64_t limit, int64_t *count)
{
	struct ug_memory *m = self;
	size_t n = (size_t)ug__least(limit, (int64_t)(m->end_ - m->at_));
	if (n == 0)
		return 0;
	ssize_t e = ug_write(w, m->data_ + m->at_, n);
	if (e < 0)
		return (int)e;
	m->at_ += n;
	*count = e;
	return 0;
}

static const struct ug_reader_ops memory_ops = {
	.size = sizeof memory_ops,
	.read = memory_read,
	.write_to = memory_write_to,
};

ug_reader ug_memory_reader(struct ug_memory *m, const void *data, size_t n)
{
	*m = (struct ug_memory){data, 0, n};
	return (ug_reader){&memory_ops, m};
}

static ssize_t memory_read_at(void *self, void *buf, size_t n, int64_t offset)
{
	const struct ug_memory *m = self;
	if (offset >= (int64_t)m->end_)
		return 0;
	n = (size_t)ug__least((int64_t)n, (int64_t)m->end_ - offset);
	memcpy(buf, m->data_ + offset, n);
	return (ssize_t)n;
}

static const struct ug_reader_at_ops memory_at_ops = {.size = sizeof memory_at_ops, .read_at = memory_read_at};

ug_reader_at ug_memory_reader_at(struct ug_memory *m, const void *data, size_t n)
{
	*m = (struct ug_memory){data, 0, n};
	return (ug_reader_at){&memory_at_ops, m};
}
