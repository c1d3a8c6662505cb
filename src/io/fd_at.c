/* SPDX-License-Identifier: MIT */
/*
 * Files read and written by offset. What is in memory is read on the spot, the rest on the blocking pool. Writes go
 * there whole: they may wait for a journal or for memory, and RWF_NOWAIT would stop them in the middle, where lines
 * that several tasks append could tear.
 */
#include "io/io_priv.h"

#include "base/sys.h"
#include "base/sys_file.h"
#include <sys/stat.h>
#include <unistd.h>

struct transfer {
	int fd;
	char *buf;
	size_t n;
	int64_t offset;
	ssize_t result;
};

static int read_slowly(void *arg)
{
	struct transfer *t = arg;
	t->result = ug__sys_pread(t->fd, t->buf, t->n, t->offset);
	return 0;
}

static int write_slowly(void *arg)
{
	struct transfer *t = arg;
	for (size_t done = 0; done < t->n;) {
		ssize_t put = ug__sys_pwrite(t->fd, t->buf + done, t->n - done, t->offset);
		if (put <= 0) {
			t->result = put < 0 ? put : -EIO;
			return 0;
		}
		done += (size_t)put;
		t->offset += t->offset < 0 ? 0 : put;
	}
	t->result = (ssize_t)t->n;
	return 0;
}

static ssize_t on_pool(ug_fn *fn, struct transfer *t)
{
	int e = ug_blocking(fn, t);
	return e < 0 ? e : t->result;
}

/* RWF_NOWAIT answers 0 in the middle of a file on Linux 5.9 and 5.10 (man 2 preadv2, BUGS). */
static int at_end(const struct transfer *t)
{
	struct stat st;
	int64_t offset = t->offset < 0 ? ug__sys_lseek(t->fd, 0, SEEK_CUR) : t->offset;
	return ug__sys_fstat(t->fd, &st) == 0 && st.st_size > 0 && offset >= st.st_size;
}

static ssize_t pread_fd(struct transfer *t)
{
	ssize_t got = ug__sys_pread_nowait(t->fd, t->buf, t->n, t->offset);
	if (got > 0 || (got == 0 && at_end(t)))
		return got;
	if (got == 0 || got == -EAGAIN || got == -EOPNOTSUPP || got == -ENOSYS || got == -EINVAL)
		return on_pool(read_slowly, t);
	return got;
}

ssize_t ug__fd_pread(ug_fd *f, void *buf, size_t n, int64_t offset)
{
	UG_TRY(ug_ctx_err(NULL));
	if (n == 0)
		return 0;
	struct transfer t = {.fd = ug__fd_use(f), .buf = buf, .n = n, .offset = offset < 0 ? -1 : offset};
	if (t.fd < 0)
		return t.fd;
	ssize_t got = pread_fd(&t);
	ug__fd_unuse(f);
	return got;
}

ssize_t ug__fd_pwrite(ug_fd *f, const void *buf, size_t n, int64_t offset)
{
	struct transfer t = {
		.fd = ug__fd_use(f),
		.buf = (char *)(uintptr_t)buf,
		.n = n,
		.offset = offset < 0 ? -1 : offset,
	};
	if (t.fd < 0)
		return t.fd;
	ssize_t put = n ? on_pool(write_slowly, &t) : 0;
	ug__fd_unuse(f);
	return put;
}

static ssize_t fd_read_at(void *self, void *buf, size_t n, int64_t offset)
{
	return ug__fd_pread(self, buf, n, offset);
}

static ssize_t fd_write_at(void *self, const void *buf, size_t n, int64_t offset)
{
	return ug__fd_pwrite(self, buf, n, offset);
}

static ug_fd *itself(void *self)
{
	return self;
}

static const struct ug_reader_at_ops reader_at_ops = {
	.size = sizeof reader_at_ops,
	.read_at = fd_read_at,
	.fd = itself,
};

static const struct ug_writer_at_ops writer_at_ops = {
	.size = sizeof writer_at_ops,
	.write_at = fd_write_at,
	.fd = itself,
};

ug_reader_at ug_fd_reader_at(ug_fd *f)
{
	return (ug_reader_at){f ? &reader_at_ops : NULL, f};
}

ug_writer_at ug_fd_writer_at(ug_fd *f)
{
	return (ug_writer_at){f ? &writer_at_ops : NULL, f};
}
