/* SPDX-License-Identifier: MIT */
/*
 * A copy asks in this order: descriptors on both sides, and the kernel moves the bytes; the reader's write_to; the
 * writer's read_from; a buffer. Each of them may stop where it can do no more, and the next goes on from there.
 *
 * Wrappers keep the fast ways by passing the question on: a limit's write_to is a copy of what lies behind it, with
 * its own limit and the caller's, whichever is less. That is why write_to and read_from carry a limit, and a
 * count that holds on failure too: without them each wrapper would have to be known here by name, as io.LimitedReader
 * is in Go's sendfile.
 */
#include "io/io_priv.h"

#include <stdlib.h>

/* By hand, through `size` bytes at buf. */
static int pump(ug_writer dst, ug_reader src, int64_t limit, void *buf, size_t size, int64_t *count)
{
	while (*count < limit) {
		ssize_t n = ug_read(src, buf, (size_t)ug__least((int64_t)size, limit - *count));
		if (n <= 0)
			return (int)n;
		ssize_t e = ug_write(dst, buf, (size_t)n);
		if (e < 0)
			return (int)e;
		*count += n;
	}
	return 0;
}

static int pump_own(ug_writer dst, ug_reader src, int64_t limit, int64_t *count)
{
	size_t size = (size_t)ug__least(UG__IO_CHUNK, limit - *count);
	void *buf = malloc(size);
	if (!buf)
		return -ENOMEM;
	int e = pump(dst, src, limit, buf, size, count);
	free(buf);
	return e;
}

static int copy(ug_writer dst, ug_reader src, int64_t limit, void *buf, size_t size, int64_t *count)
{
	if (!dst.ops || !src.ops || limit < 0)
		return -EINVAL;
	if (limit == 0)
		return 0;
	if (src.ops->fd && dst.ops->fd) {
		int e = ug__copy_by_kernel(dst, src, limit, count);
		if (e)
			return e < 0 ? e : 0;
	}
	if (src.ops->write_to || dst.ops->read_from) {
		int64_t more = 0;
		int e = src.ops->write_to ? src.ops->write_to(src.self, dst, limit - *count, &more)
					  : dst.ops->read_from(dst.self, src, limit - *count, &more);
		*count += more;
		return e;
	}
	return buf ? pump(dst, src, limit, buf, size, count) : pump_own(dst, src, limit, count);
}

/* The count is the caller's on every way out. */
static int counted(ug_writer dst, ug_reader src, int64_t limit, void *buf, size_t size, int64_t *count)
{
	int64_t n = 0;
	int e = copy(dst, src, limit, buf, size, &n);
	if (count)
		*count = n;
	return e;
}

int ug_copy(ug_writer dst, ug_reader src, int64_t *count)
{
	return counted(dst, src, INT64_MAX, NULL, 0, count);
}

int ug_copy_upto(ug_writer dst, ug_reader src, int64_t limit, int64_t *count)
{
	return counted(dst, src, limit, NULL, 0, count);
}

int ug_copy_n(ug_writer dst, ug_reader src, int64_t n, int64_t *count)
{
	int64_t went = 0;
	int e = counted(dst, src, n, NULL, 0, &went);
	if (count)
		*count = went;
	return e == 0 && went < n ? UG_ESHORT : e;
}

int ug_copy_buffer(ug_writer dst, ug_reader src, void *buf, size_t size, int64_t *count)
{
	if (!buf || size == 0)
		return -EINVAL;
	return counted(dst, src, INT64_MAX, buf, size, count);
}
