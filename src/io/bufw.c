/* SPDX-License-Identifier: MIT */
/*
 * The buffered writer. What does not fit goes out at once, together with what was buffered, in one writev where
 * a descriptor is behind: the bytes are not copied into the buffer first as Go's writer does, and it is one call less.
 *
 * An error sticks, since nobody knows how much of the buffer went: what came after it would be a stream with a hole. So
 * does that of a copy which dst made by itself: it may be dst's (Go's writer does the same).
 */
#include "io/io_priv.h"

#include <stdlib.h>
#include <string.h>

#define OWN_SIZE 4096

int ug_bufw_init(ug_bufw *b, ug_writer dst, void *buf, size_t size)
{
	if (buf && size == 0)
		return -EINVAL;
	int own = !buf;
	if (own) {
		size = size ? size : OWN_SIZE;
		buf = size <= PTRDIFF_MAX ? malloc(size) : NULL;
		if (!buf)
			return -ENOMEM;
	}
	*b = (ug_bufw){.dst_ = dst, .buf_ = buf, .size_ = size, .own_ = own};
	return 0;
}

void ug_bufw_done(ug_bufw *b)
{
	if (b->own_)
		free(b->buf_);
	*b = (ug_bufw){0};
}

void ug_bufw_reset(ug_bufw *b, ug_writer dst)
{
	b->dst_ = dst;
	b->end_ = 0;
	b->err_ = 0;
}

size_t ug_bufw_buffered(const ug_bufw *b)
{
	return b->end_;
}

size_t ug_bufw_available(const ug_bufw *b, void **room)
{
	if (room)
		*room = b->buf_ + b->end_;
	return b->size_ - b->end_;
}

void ug_bufw_commit(ug_bufw *b, size_t n)
{
	b->end_ += n;
}

int ug_bufw_flush(ug_bufw *b)
{
	if (b->err_ == 0 && b->end_)
		b->err_ = (int)ug__least(0, ug_write(b->dst_, b->buf_, b->end_));
	if (b->err_ == 0)
		b->end_ = 0;
	return b->err_;
}

ssize_t ug_bufw_write(ug_bufw *b, const void *data, size_t n)
{
	if (b->err_)
		return b->err_;
	if (n > PTRDIFF_MAX)
		return -EINVAL;
	if (n <= b->size_ - b->end_) {
		if (n)
			memcpy(b->buf_ + b->end_, data, n);
		b->end_ += n;
		return (ssize_t)n;
	}
	b->err_ = ug__write_both(b->dst_, b->buf_, b->end_, data, n);
	if (b->err_)
		return b->err_;
	b->end_ = 0;
	return (ssize_t)n;
}

static ssize_t bufw_write(void *self, const void *data, size_t n)
{
	return ug_bufw_write(self, data, n);
}

/* Fills the buffer first, so that a head that waits in it and a short body become one write; once more comes than that
 * holds, and dst has ways of its own, the rest does not pass through here. */
static int bufw_read_from(void *self, ug_reader r, int64_t limit, int64_t *count)
{
	ug_bufw *b = self;
	while (*count < limit) {
		if (b->end_ == b->size_ || b->err_)
			UG_TRY(ug_bufw_flush(b));
		if (b->end_ == 0 && b->dst_.ops && (b->dst_.ops->fd || b->dst_.ops->read_from)) {
			int64_t more;
			b->err_ = ug_copy_upto(b->dst_, r, limit - *count, &more);
			*count += more;
			return b->err_;
		}
		void *room;
		size_t size = ug_bufw_available(b, &room);
		ssize_t got = ug_read(r, room, (size_t)ug__least((int64_t)size, limit - *count));
		if (got <= 0)
			return (int)got;
		b->end_ += (size_t)got;
		*count += got;
	}
	return 0;
}

static const struct ug_writer_ops bufw_ops = {
	.size = sizeof bufw_ops,
	.write = bufw_write,
	.read_from = bufw_read_from,
};

ug_writer ug_bufw_writer(ug_bufw *b)
{
	return (ug_writer){&bufw_ops, b};
}
