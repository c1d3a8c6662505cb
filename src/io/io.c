/* SPDX-License-Identifier: MIT */
/*
 * The calls that every reader and writer is used by. All else goes through ug_read and ug_write, so the promises of the
 * ops tables are checked here once: a count over what was asked for would make later arithmetic run out of a
 * buffer, and a short write that went unseen would be a hole in the stream.
 */
#include "io/io_priv.h"

#include <string.h>

ssize_t ug_read(ug_reader r, void *buf, size_t n)
{
	if (!r.ops)
		return -EINVAL;
	if (n == 0)
		return 0;
	if (n > PTRDIFF_MAX)
		n = PTRDIFF_MAX;
	ssize_t got = r.ops->read(r.self, buf, n);
	return got > (ssize_t)n ? -EIO : got;
}

ssize_t ug_read_at_least(ug_reader r, void *buf, size_t n, size_t min)
{
	if (min > n || n > PTRDIFF_MAX)
		return -EINVAL;
	size_t have = 0;
	while (have < min) {
		ssize_t got = ug_read(r, (char *)buf + have, n - have);
		if (got < 0)
			return got;
		if (got == 0)
			return have ? UG_ESHORT : 0;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

ssize_t ug_read_full(ug_reader r, void *buf, size_t n)
{
	return ug_read_at_least(r, buf, n, n);
}

ssize_t ug_write(ug_writer w, const void *buf, size_t n)
{
	if (!w.ops || n > PTRDIFF_MAX)
		return -EINVAL;
	for (size_t done = 0; done < n;) {
		ssize_t put = w.ops->write(w.self, (const char *)buf + done, n - done);
		if (put < 0)
			return put;
		if (put == 0 || (size_t)put > n - done)
			return UG_ENOPROGRESS;
		done += (size_t)put;
	}
	return (ssize_t)n;
}

ssize_t ug_write_text(ug_writer w, const char *text)
{
	return ug_write(w, text, strlen(text));
}

int ug_reader_close(ug_reader r)
{
	return r.ops && r.ops->close ? r.ops->close(r.self) : 0;
}

int ug_writer_close(ug_writer w)
{
	return w.ops && w.ops->close ? w.ops->close(w.self) : 0;
}

ssize_t ug_read_at(ug_reader_at r, void *buf, size_t n, int64_t offset)
{
	if (!r.ops || offset < 0)
		return -EINVAL;
	if (n > PTRDIFF_MAX)
		n = PTRDIFF_MAX;
	/* The kernel refuses what reaches beyond the last offset. */
	n = (size_t)ug__least((int64_t)n, INT64_MAX - offset);
	if (n == 0)
		return 0;
	ssize_t got = r.ops->read_at(r.self, buf, n, offset);
	return got > (ssize_t)n ? -EIO : got;
}

ssize_t ug_write_at(ug_writer_at w, const void *buf, size_t n, int64_t offset)
{
	if (!w.ops || offset < 0 || n > PTRDIFF_MAX || (int64_t)n > INT64_MAX - offset)
		return -EINVAL;
	for (size_t done = 0; done < n;) {
		ssize_t put = w.ops->write_at(w.self, (const char *)buf + done, n - done, offset + (int64_t)done);
		if (put < 0)
			return put;
		if (put == 0 || (size_t)put > n - done)
			return UG_ENOPROGRESS;
		done += (size_t)put;
	}
	return (ssize_t)n;
}
