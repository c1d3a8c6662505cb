/* SPDX-License-Identifier: MIT */
/* Limits and counters: wrappers that look at how much goes through, and pass copies on to what they wrap. */
#include "io/io_priv.h"

static ssize_t limit_read(void *self, void *buf, size_t n)
{
	struct ug_limit *l = self;
	if (l->left <= 0)
		return 0;
	ssize_t got = ug_read(l->src_, buf, (size_t)ug__least((int64_t)n, l->left));
	if (got > 0)
		l->left -= got;
	return got;
}

static int limit_write_to(void *self, ug_writer w, int64_t limit, int64_t *count)
{
	struct ug_limit *l = self;
	if (l->left <= 0)
		return 0;
	int e = ug_copy_upto(w, l->src_, ug__least(limit, l->left), count);
	l->left -= *count;
	return e;
}

static const struct ug_reader_ops limit_ops = {
	.size = sizeof limit_ops,
	.read = limit_read,
	.write_to = limit_write_to,
};

ug_reader ug_limit_reader(struct ug_limit *l, ug_reader src, int64_t n)
{
	*l = (struct ug_limit){.src_ = src, .left = n};
	return (ug_reader){&limit_ops, l};
}

static ssize_t count_read(void *self, void *buf, size_t n)
{
	struct ug_count *c = self;
	ssize_t got = ug_read(c->src_, buf, n);
	if (got > 0)
		c->bytes += got;
	return got;
}

static int count_write_to(void *self, ug_writer w, int64_t limit, int64_t *count)
{
	struct ug_count *c = self;
	int e = ug_copy_upto(w, c->src_, limit, count);
	c->bytes += *count;
	return e;
}

static const struct ug_reader_ops count_reader_ops = {
	.size = sizeof count_reader_ops,
	.read = count_read,
	.write_to = count_write_to,
};

ug_reader ug_count_reader(struct ug_count *c, ug_reader src)
{
	*c = (struct ug_count){.src_ = src};
	return (ug_reader){&count_reader_ops, c};
}

static ssize_t count_write(void *self, const void *buf, size_t n)
{
	struct ug_count *c = self;
	ssize_t put = ug_write(c->dst_, buf, n);
	if (put > 0)
		c->bytes += put;
	return put;
}

static int count_read_from(void *self, ug_reader r, int64_t limit, int64_t *count)
{
	struct ug_count *c = self;
	int e = ug_copy_upto(c->dst_, r, limit, count);
	c->bytes += *count;
	return e;
}

static const struct ug_writer_ops count_writer_ops = {
	.size = sizeof count_writer_ops,
	.write = count_write,
	.read_from = count_read_from,
};

ug_writer ug_count_writer(struct ug_count *c, ug_writer dst)
{
	*c = (struct ug_count){.dst_ = dst};
	return (ug_writer){&count_writer_ops, c};
}
