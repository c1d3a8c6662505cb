/* SPDX-License-Identifier: MIT */
/*
 * Files that never keep a worker waiting.
 *
 * What may be a matter of memory alone is tried on the worker: an open along cached names (RESOLVE_CACHED), a read of
 * cached pages (RWF_NOWAIT, in io). Each says so where it would have to wait, and then the same call goes to the
 * blocking pool. A hop there and back costs several times what an open along cached names does.
 *
 * Close gives the disk space of a removed file back, which takes long for a large one, and on network file systems it
 * flushes; so a file that was open for writing closes on the pool, one that was read closes on the spot.
 *
 * What is no disk file (FIFOs, terminals, sockets) waits by the poller. One fstat at the open says which of the two a
 * file is, and what a server that sends it has to know of it.
 *
 * Every open has O_NONBLOCK. For disk files it means nothing; a FIFO opened for reading would else hold a thread until
 * a writer comes, where nothing could cut the wait short. A read of such a FIFO waits for the writer instead: before it
 * has come, read(2) answers 0, as if at the end, but poll(2) is silent. One opened for writing has nothing to poll: the
 * task tries again and again, so that its context can end that, and no thread of the pool is held.
 */
#include "os/file_priv.h"

#include "base/atomic.h"
#include "base/sys.h"
#include "base/sys_file.h"
#include "io/io.h"
#include "os/os.h"
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)

enum kind {
	KIND_DISK,
	KIND_STREAM,
	KIND_NEW_FIFO, /* whose writer may not have come */
};

/* Opening -------------------------------------------------------------------------------------------------------- */

struct open_call {
	int dir, flags;
	const char *path;
	mode_t mode;
	uint64_t resolve;
};

#define LONGEST_PAUSE (50 * UG_MS)
#define TRY_AGAIN (-EAGAIN)

/* ENXIO is a FIFO's without a reader, but also a socket's and that of a device without a driver. */
static int is_fifo(const struct open_call *c)
{
	struct stat st;
	return ug__sys_fstatat(c->dir, c->path, 0, &st) == 0 && S_ISFIFO(st.st_mode);
}

static int open_slow(void *arg)
{
	const struct open_call *c = arg;
	/* With O_PATH openat2 takes no other flag. */
	int nonblock = c->flags & O_PATH ? 0 : O_NONBLOCK;
	int fd = ug__sys_open(c->dir, c->path, c->flags | nonblock, c->mode, c->resolve);
	return fd == -ENXIO && !(c->flags & O_NONBLOCK) && is_fifo(c) ? TRY_AGAIN : fd;
}

/* A FIFO without a reader, a lease that must be broken first: these want to be waited for. */
static int open_patiently(struct open_call *c)
{
	int64_t pause = UG_MS;
	for (;;) {
		int fd = ug_blocking(open_slow, c);
		if (fd != TRY_AGAIN || c->flags & O_NONBLOCK)
			return fd;
		UG_TRY(ug_sleep(pause));
		pause = 2 * pause < LONGEST_PAUSE ? 2 * pause : LONGEST_PAUSE;
	}
}

int ug__open(int dir, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	if (!path)
		return -EINVAL;
	UG_TRY(ug_ctx_err(NULL));
	flags |= O_CLOEXEC;
	int makes = flags & (O_CREAT | O_TRUNC) || (flags & O_TMPFILE) == O_TMPFILE;
	if (!makes) {
		int nonblock = flags & O_PATH ? 0 : O_NONBLOCK;
		int fd = ug__sys_open(dir, path, flags | nonblock, mode, resolve | RESOLVE_CACHED);
		/* The names are not cached, the kernel is too old, the container forbids openat2, a FIFO has no
		 * reader. */
		if (fd != -EAGAIN && fd != -EINVAL && fd != -ENOSYS && fd != -EPERM && fd != -ENXIO)
			return fd;
	}
	struct open_call c = {.dir = dir, .flags = flags, .path = path, .mode = mode, .resolve = resolve};
	return open_patiently(&c);
}

static enum kind kind_of(mode_t mode, int open_flags)
{
	if (S_ISFIFO(mode))
		return open_flags & O_NONBLOCK ? KIND_STREAM : KIND_NEW_FIFO;
	return S_ISCHR(mode) || S_ISSOCK(mode) ? KIND_STREAM : KIND_DISK;
}

static int file_new(int number, int adopt_flags, int open_flags, ug_file **out, struct stat *st)
{
	UG_TRY(ug__sys_fstat(number, st));
	ug_file *f = malloc(sizeof *f);
	if (!f)
		return -ENOMEM;
	*f = (ug_file){.refs = 1, .number = number, .kind = kind_of(st->st_mode, open_flags), .flags = open_flags};
	int e = ug__fd_adopt(number, st->st_mode, adopt_flags, &f->fd);
	if (e < 0) {
		free(f);
		return e;
	}
	*out = f;
	return 0;
}

static int open_stat(
	int dir, const char *path, int flags, mode_t mode, uint64_t resolve, ug_file **out, struct stat *st)
{
	int fd = ug__open(dir, path, flags, mode, resolve);
	UG_TRY(fd);
	int e = file_new(fd, flags & O_PATH ? 0 : UG_FD_NONBLOCK, flags, out, st);
	if (e < 0)
		ug__sys_close(fd);
	return e;
}

static int open_new(int dir, const char *path, int flags, mode_t mode, uint64_t resolve, ug_file **out)
{
	struct stat st;
	return open_stat(dir, path, flags, mode, resolve, out, &st);
}

int ug_file_open(const char *path, int flags, mode_t mode, ug_file **out)
{
	return open_new(AT_FDCWD, path, flags, mode, 0, out);
}

int ug_file_create(const char *path, ug_file **out)
{
	return open_new(AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC, 0666, 0, out);
}

int ug_file_open_at(ug_file *dir, const char *path, int flags, mode_t mode, ug_file **out)
{
	return open_new(dir->number, path, flags, mode, 0, out);
}

int ug_file_open_beneath(ug_file *dir, const char *path, int flags, mode_t mode, ug_file **out)
{
	return open_new(dir->number, path, flags, mode, BENEATH, out);
}

int ug__file_open_beneath(ug_file *dir, const char *path, int flags, ug_file **out, struct stat *st)
{
	return open_stat(dir->number, path, flags, 0, BENEATH, out, st);
}

int ug_file_adopt(int fd, ug_file **out)
{
	struct stat st;
	int flags = ug__sys_open_flags(fd);
	UG_TRY(flags);
	return file_new(fd, fd > 2 && !(flags & O_PATH) ? UG_FD_NONBLOCK : 0, flags, out, &st);
}

/* Closing -------------------------------------------------------------------------------------------------------- */

struct close_call {
	ug_fd *fd; /* NULL once it is closed */
	int result;
};

static int close_slow(void *arg)
{
	struct close_call *c = arg;
	c->result = ug_fd_close(c->fd);
	c->fd = NULL;
	return 0;
}

static int close_fd(const ug_file *f)
{
	if ((f->flags & O_ACCMODE) == O_RDONLY || f->flags & O_PATH)
		return ug_fd_close(f->fd);
	struct close_call c = {.fd = f->fd};
	UG_SHIELD {
		(void)ug_blocking(close_slow, &c);
	}
	if (c.fd) /* no thread could be had */
		close_slow(&c);
	return c.result;
}

ug_file *ug_file_ref(ug_file *f)
{
	add_relaxed(&f->refs, 1u);
	return f;
}

int ug_file_close(ug_file *f)
{
	if (!f || add_acq_rel(&f->refs, -1u) != 1)
		return 0;
	int e = close_fd(f);
	free(f);
	return e;
}

void ug_file_clean(ug_file **f)
{
	(void)ug_file_close(*f);
	*f = NULL;
}

/* Reading and writing -------------------------------------------------------------------------------------------- */

static ssize_t read_new_fifo(ug_file *f, void *buf, size_t n)
{
	UG_TRY(ug_fd_wait_readable(f->fd));
	store_relaxed(&f->kind, (uint32_t)KIND_STREAM);
	return ug_fd_read(f->fd, buf, n);
}

ssize_t ug_file_read(ug_file *f, void *buf, size_t n)
{
	switch (load_relaxed(&f->kind)) {
	case KIND_DISK:
		return ug__fd_pread(f->fd, buf, n, -1);
	case KIND_NEW_FIFO:
		return read_new_fifo(f, buf, n);
	default:
		return ug_fd_read(f->fd, buf, n);
	}
}

ssize_t ug_file_read_at(ug_file *f, void *buf, size_t n, int64_t offset)
{
	return offset < 0 ? -EINVAL : ug__fd_pread(f->fd, buf, n, offset);
}

ssize_t ug_file_write(ug_file *f, const void *buf, size_t n)
{
	if (n > SSIZE_MAX)
		return -EINVAL;
	return load_relaxed(&f->kind) == KIND_DISK ? ug__fd_pwrite(f->fd, buf, n, -1)
						   : ug_write(ug_fd_writer(f->fd), buf, n);
}

ssize_t ug_file_write_at(ug_file *f, const void *buf, size_t n, int64_t offset)
{
	if (offset < 0 || n > SSIZE_MAX || f->flags & O_APPEND)
		return -EINVAL;
	return ug__fd_pwrite(f->fd, buf, n, offset);
}

/* The rest ------------------------------------------------------------------------------------------------------- */

int64_t ug_file_seek(ug_file *f, int64_t offset, int whence)
{
	return ug__sys_lseek(f->number, offset, whence);
}

struct size_call {
	int fd;
	int64_t size;
};

static int truncate_slow(void *arg)
{
	const struct size_call *c = arg;
	return ug__sys_ftruncate(c->fd, c->size);
}

int ug_file_truncate(ug_file *f, int64_t size)
{
	struct size_call c = {.fd = f->number, .size = size};
	return ug_blocking(truncate_slow, &c);
}

static int sync_slow(void *f)
{
	return ug__sys_fsync(((ug_file *)f)->number);
}

int ug_file_sync(ug_file *f)
{
	return ug_blocking(sync_slow, f);
}

void ug__file_info_from(const struct stat *st, struct ug_file_info *out)
{
	static const uint8_t types[16] = {
		[S_IFIFO >> 12] = UG_TYPE_FIFO,
		[S_IFCHR >> 12] = UG_TYPE_CHAR,
		[S_IFDIR >> 12] = UG_TYPE_DIR,
		[S_IFBLK >> 12] = UG_TYPE_BLOCK,
		[S_IFREG >> 12] = UG_TYPE_REGULAR,
		[S_IFLNK >> 12] = UG_TYPE_SYMLINK,
		[S_IFSOCK >> 12] = UG_TYPE_SOCKET,
	};
	*out = (struct ug_file_info){
		.type = types[(st->st_mode & S_IFMT) >> 12],
		.mode = st->st_mode & 07777,
		.size = st->st_size,
		.mtime = (int64_t)st->st_mtim.tv_sec * UG_SECOND + st->st_mtim.tv_nsec,
		.dev = st->st_dev,
		.ino = st->st_ino,
		.links = st->st_nlink,
		.uid = st->st_uid,
		.gid = st->st_gid,
	};
}

int ug_file_stat(ug_file *f, struct ug_file_info *out)
{
	struct stat st;
	UG_TRY(ug__sys_fstatat(f->number, "", AT_EMPTY_PATH, &st));
	ug__file_info_from(&st, out);
	return 0;
}

/* As reader and writer ------------------------------------------------------------------------------------------- */

ug_fd *ug_file_fd(ug_file *f)
{
	return f->fd;
}

static ssize_t op_read(void *f, void *buf, size_t n)
{
	return ug_file_read(f, buf, n);
}

static ssize_t op_write(void *f, const void *buf, size_t n)
{
	return ug_file_write(f, buf, n);
}

static ssize_t op_read_at(void *f, void *buf, size_t n, int64_t offset)
{
	return ug_file_read_at(f, buf, n, offset);
}

static ssize_t op_write_at(void *f, const void *buf, size_t n, int64_t offset)
{
	return ug_file_write_at(f, buf, n, offset);
}

static ug_fd *op_fd(void *f)
{
	return ((ug_file *)f)->fd;
}

static int op_close(void *f)
{
	return ug_file_close(f);
}

ug_reader ug_file_reader(ug_file *f)
{
	static const struct ug_reader_ops ops = {.size = sizeof ops, .read = op_read, .fd = op_fd, .close = op_close};
	return (ug_reader){&ops, f};
}

ug_writer ug_file_writer(ug_file *f)
{
	static const struct ug_writer_ops ops = {.size = sizeof ops, .write = op_write, .fd = op_fd, .close = op_close};
	return (ug_writer){&ops, f};
}

ug_reader_at ug_file_reader_at(ug_file *f)
{
	static const struct ug_reader_at_ops ops = {.size = sizeof ops, .read_at = op_read_at, .fd = op_fd};
	return (ug_reader_at){&ops, f};
}

ug_writer_at ug_file_writer_at(ug_file *f)
{
	static const struct ug_writer_at_ops ops = {.size = sizeof ops, .write_at = op_write_at, .fd = op_fd};
	return (ug_writer_at){&ops, f};
}
