/* SPDX-License-Identifier: MIT */
/* Descriptors as readers and writers; the standard streams. */
#include "io/io_priv.h"

#include <sys/uio.h>

static ssize_t fd_read(void *self, void *buf, size_t n)
{
	return ug_fd_read(self, buf, n);
}

static ssize_t write_all(ug_fd *f, const void *buf, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t put = ug_fd_write(f, (const char *)buf + done, n - done);
		if (put <= 0)
			return put < 0 ? put : UG_ENOPROGRESS;
		done += (size_t)put;
	}
	return (ssize_t)n;
}

static ssize_t fd_write(void *self, const void *buf, size_t n)
{
	return write_all(self, buf, n);
}

static ug_fd *fd_itself(void *self)
{
	return self;
}

static int fd_close(void *self)
{
	return ug_fd_close(self);
}

static const struct ug_reader_ops fd_reader_ops = {
	.size = sizeof fd_reader_ops,
	.read = fd_read,
	.fd = fd_itself,
	.close = fd_close,
};

static const struct ug_writer_ops fd_writer_ops = {
	.size = sizeof fd_writer_ops,
	.write = fd_write,
	.fd = fd_itself,
	.close = fd_close,
};

ug_reader ug_fd_reader(ug_fd *f)
{
	return (ug_reader){f ? &fd_reader_ops : NULL, f};
}

ug_writer ug_fd_writer(ug_fd *f)
{
	return (ug_writer){f ? &fd_writer_ops : NULL, f};
}

int ug__write_both(ug_writer w, const void *a, size_t a_size, const void *b, size_t b_size)
{
	ug_fd *f = w.ops && w.ops->fd && !w.ops->position && a_size && b_size ? w.ops->fd(w.self) : NULL;
	if (f) {
		struct iovec both[2] = {{(void *)(uintptr_t)a, a_size}, {(void *)(uintptr_t)b, b_size}};
		ssize_t put = ug_fd_writev(f, both, 2);
		if (put < 0)
			return (int)put;
		size_t of_a = (size_t)ug__least(put, (int64_t)a_size), of_b = (size_t)put - of_a;
		a = (const char *)a + of_a;
		a_size -= of_a;
		b = (const char *)b + of_b;
		b_size -= of_b;
	}
	if (a_size)
		UG_TRY(ug_write(w, a, a_size));
	if (b_size)
		UG_TRY(ug_write(w, b, b_size));
	return 0;
}

/*
 * The standard streams are adopted at their first use, by whoever is first, for the life of the process. The program
 * may have closed them before: then each use answers that.
 */
struct stream {
	ug_once once;
	int number;
	ug_fd *f;
};
static struct stream streams[3] = {{.number = 0}, {.number = 1}, {.number = 2}};

static int adopt(void *arg)
{
	struct stream *s = arg;
	return ug_fd_adopt(s->number, UG_FD_BORROW, &s->f);
}

static ssize_t stream_read(void *self, void *buf, size_t n)
{
	struct stream *s = self;
	UG_TRY(ug_once_do(&s->once, adopt, s));
	return ug_fd_read(s->f, buf, n);
}

static ssize_t stream_write(void *self, const void *buf, size_t n)
{
	struct stream *s = self;
	UG_TRY(ug_once_do(&s->once, adopt, s));
	return write_all(s->f, buf, n);
}

static ug_fd *stream_fd(void *self)
{
	struct stream *s = self;
	return ug_once_do(&s->once, adopt, s) == 0 ? s->f : NULL;
}

static const struct ug_reader_ops stream_reader_ops = {
	.size = sizeof stream_reader_ops,
	.read = stream_read,
	.fd = stream_fd,
};

static const struct ug_writer_ops stream_writer_ops = {
	.size = sizeof stream_writer_ops,
	.write = stream_write,
	.fd = stream_fd,
};

ug_reader ug_stdin(void)
{
	return (ug_reader){&stream_reader_ops, &streams[0]};
}

ug_writer ug_stdout(void)
{
	return (ug_writer){&stream_writer_ops, &streams[1]};
}

ug_writer ug_stderr(void)
{
	return (ug_writer){&stream_writer_ops, &streams[2]};
}
