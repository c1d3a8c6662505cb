/* SPDX-License-Identifier: MIT */
/* One stream to several places, several streams as one. */
#include "io/io_priv.h"

static ssize_t tee_read(void *self, void *buf, size_t n)
{
	struct ug_tee *t = self;
	ssize_t got = ug_read(t->src_, buf, n);
	if (got > 0) {
		ssize_t e = ug_write(t->to_, buf, (size_t)got);
		if (e < 0)
			return e;
	}
	return got;
}

static const struct ug_reader_ops tee_ops = {.size = sizeof tee_ops, .read = tee_read};

ug_reader ug_tee_reader(struct ug_tee *t, ug_reader src, ug_writer to)
{
	*t = (struct ug_tee){src, to};
	return (ug_reader){&tee_ops, t};
}

static ssize_t multi_read(void *self, void *buf, size_t n)
{
	struct ug_readers *m = self;
	for (; m->left_; m->left_--, m->next_++) {
		ssize_t got = ug_read(*m->next_, buf, n);
		if (got != 0)
			return got;
	}
	return 0;
}

static int multi_write_to(void *self, ug_writer w, int64_t limit, int64_t *count)
{
	struct ug_readers *m = self;
	for (; m->left_; m->left_--, m->next_++) {
		int64_t went = 0;
		int e = ug_copy_upto(w, *m->next_, limit - *count, &went);
		*count += went;
		/* With the limit reached the reader may hold more: it stays the next one. */
		if (e < 0 || *count == limit)
			return e;
	}
	return 0;
}

static const struct ug_reader_ops multi_reader_ops = {
	.size = sizeof multi_reader_ops,
	.read = multi_read,
	.write_to = multi_write_to,
};

ug_reader ug_multi_reader(struct ug_readers *m, const ug_reader *list, size_t n)
{
	*m = (struct ug_readers){list, n};
	return (ug_reader){&multi_reader_ops, m};
}

static ssize_t multi_write(void *self, const void *buf, size_t n)
{
	struct ug_writers *m = self;
	for (size_t i = 0; i < m->n_; i++) {
		ssize_t e = ug_write(m->list_[i], buf, n);
		if (e < 0)
			return e;
	}
	return (ssize_t)n;
}

static const struct ug_writer_ops multi_writer_ops = {.size = sizeof multi_writer_ops, .write = multi_write};

ug_writer ug_multi_writer(struct ug_writers *m, const ug_writer *list, size_t n)
{
	*m = (struct ug_writers){list, n};
	return (ug_writer){&multi_writer_ops, m};
}

static ssize_t discard_write(void *self, const void *buf, size_t n)
{
	(void)self, (void)buf;
	return (ssize_t)n;
}

static const struct ug_writer_ops discard_ops = {.size = sizeof discard_ops, .write = discard_write};

ug_writer ug_discard(void)
{
	return (ug_writer){&discard_ops, NULL};
}
