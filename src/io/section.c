/* SPDX-License-Identifier: MIT */
/*
 * Sections and offsets: streams over things that are read and written by offset.
 *
 * A section's bytes end before its file does, so it must not show the descriptor to whoever asks. Its write_to copies,
 * under its own limit, from a reader that does: the same section under a second table.
 */
#include "io/io_priv.h"

static ssize_t section_read(void *self, void *buf, size_t n)
{
	struct ug_section *s = self;
	if (s->at_ >= s->end_)
		return 0;
	ssize_t got = ug_read_at(s->src_, buf, (size_t)ug__least((int64_t)n, s->end_ - s->at_), s->at_);
	if (got > 0)
		s->at_ += got;
	return got;
}

static ug_fd *section_fd(void *self)
{
	struct ug_section *s = self;
	return s->src_.ops->fd ? s->src_.ops->fd(s->src_.self) : NULL;
}

static int64_t *section_position(void *self)
{
	return &((struct ug_section *)self)->at_;
}

static const struct ug_reader_ops within_ops = {
	.size = sizeof within_ops,
	.read = section_read,
	.fd = section_fd,
	.position = section_position,
};

ug_reader ug__section_within(struct ug_section *s)
{
	return (ug_reader){&within_ops, s};
}

static int section_write_to(void *self, ug_writer w, int64_t limit, int64_t *count)
{
	struct ug_section *s = self;
	if (s->at_ >= s->end_)
		return 0;
	if (!s->src_.ops)
		return -EINVAL;
	return ug_copy_upto(w, ug__section_within(s), ug__least(limit, s->end_ - s->at_), count);
}

static const struct ug_reader_ops section_ops = {
	.size = sizeof section_ops,
	.read = section_read,
	.write_to = section_write_to,
};

ug_reader ug_section_reader(struct ug_section *s, ug_reader_at src, int64_t offset, int64_t n)
{
	if (offset < 0)
		offset = 0;
	if (n < 0)
		n = 0;
	*s = (struct ug_section){.src_ = src, .at_ = offset, .end_ = offset + ug__least(n, INT64_MAX - offset)};
	return (ug_reader){&section_ops, s};
}

static ssize_t offset_write(void *self, const void *buf, size_t n)
{
	struct ug_offset *o = self;
	ssize_t put = ug_write_at(o->dst_, buf, n, o->at_);
	if (put > 0)
		o->at_ += put;
	return put;
}

static ug_fd *offset_fd(void *self)
{
	struct ug_offset *o = self;
	return o->dst_.ops && o->dst_.ops->fd ? o->dst_.ops->fd(o->dst_.self) : NULL;
}

static int64_t *offset_position(void *self)
{
	return &((struct ug_offset *)self)->at_;
}

static const struct ug_writer_ops offset_ops = {
	.size = sizeof offset_ops,
	.write = offset_write,
	.fd = offset_fd,
	.position = offset_position,
};

ug_writer ug_offset_writer(struct ug_offset *o, ug_writer_at dst, int64_t offset)
{
	*o = (struct ug_offset){.dst_ = dst, .at_ = offset};
	return (ug_writer){&offset_ops, o};
}
