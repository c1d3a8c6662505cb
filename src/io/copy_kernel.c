/* SPDX-License-Identifier: MIT */
/*
 * Copies between two descriptors, by the kernel.
 *
 *	from \ to   file               pipe      socket
 *	file        copy_file_range,   splice    sendfile
 *	            then sendfile
 *	pipe        splice             splice    splice
 *	socket      splice, over a     splice    splice, over a
 *	            pipe between                 pipe between
 *
 * Never a call that could block a worker: a socket must have O_NONBLOCK, splice is told not to wait for pipes, and what
 * touches a disk goes to the blocking pool, unless all that it will read is in memory (asked by RWF_NOWAIT, at both
 * ends of the piece). All else, a terminal say, is left to read and write.
 *
 * What a file's beginning says to that is believed for WARM_TIME, by all who copy from the same descriptor: a file that
 * is sent again and again is not asked about each time. Pages that were in use do not leave memory that soon, unless
 * somebody throws them out; then the one call that was made in this belief waits for the disk, as one does whose middle
 * is missing, and the monitor gives its processor away.
 *
 * Kernels refuse in many ways: copy_file_range answers EXDEV, EINVAL, ENOSYS, EIO on some network file systems, EBADF
 * with O_APPEND, EPERM under seccomp; sendfile EINVAL with O_APPEND. A refusal leaves both positions where the
 * bytes are that went, so it needs no diagnosis: the next way goes on there, the last of them is read and write, and an
 * error that was real meets those again. The same holds for an answer of 0: /proc has files that seem empty to
 * copy_file_range, so only a read that answers 0 is the end.
 *
 * Bytes that left a socket for the pipe between and cannot leave that one (the file refuses to be spliced to) are taken
 * out by hand and written.
 */
#include "io/io_priv.h"

#include "base/atomic.h"
#include "base/sys.h"
#include "base/sys_file.h"
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RANGE_STEP (16 << 20) /* bytes a call from file to file: between calls the context is looked at */
#define FILE_STEP (1 << 20)
#define PAGE 4096
#define WARM_PAGES UINT64_C(1023)
#define WARM_TIME (10 * UG_MS)
#define SPLICE_STEP (64 << 10) /* what a pipe holds */

enum kind { UNKNOWN, OTHER, FILE_KIND, PIPE_KIND, SOCKET_KIND };

struct side {
	ug_fd *f;
	int64_t *position; /* NULL: the descriptor's own */
	enum kind kind;
};

enum way { RANGE, SENDFILE, SPLICE };

/* One system call, as it travels to the blocking pool. */
struct step {
	enum way way;
	int in, out;
	int64_t *in_at, *out_at;
	size_t n;
};

/* These calls have no MSG_NOSIGNAL. The library's threads block SIGPIPE, a plain thread need not. */
static bool may_write(void)
{
	struct ug__worker_head *w = ug__worker_head();
	return w && w->cur;
}

static bool nonblocking(int fd)
{
	int flags = ug__sys_open_flags(fd);
	return flags >= 0 && (flags & O_NONBLOCK);
}

static enum kind kind_of(int fd)
{
	struct stat st;
	if (ug__sys_fstat(fd, &st) < 0)
		return UNKNOWN;
	if (S_ISREG(st.st_mode))
		return FILE_KIND;
	if (S_ISFIFO(st.st_mode))
		return PIPE_KIND;
	return S_ISSOCK(st.st_mode) && nonblocking(fd) ? SOCKET_KIND : OTHER;
}

/* What a descriptor of ours is does not change, so it is asked once. A borrowed one's O_NONBLOCK may. */
static bool look(struct side *s, ug_fd *f, int64_t *position)
{
	uint8_t *note = ug__fd_note(f);
	enum kind kind = note ? load_relaxed(note) : UNKNOWN;
	if (kind == UNKNOWN) {
		kind = kind_of(ug_fd_number(f));
		if (note && kind != OTHER)
			store_relaxed(note, (uint8_t)kind);
	}
	*s = (struct side){.f = f, .position = position, .kind = kind};
	return kind == FILE_KIND || (!position && (kind == PIPE_KIND || kind == SOCKET_KIND));
}

static int do_step(void *arg)
{
	const struct step *s = arg;
	long r;
	do {
		if (s->way == RANGE)
			r = ug__syscall(
				SYS_copy_file_range, s->in, (long)s->in_at, s->out, (long)s->out_at, (long)s->n, 0);
		else if (s->way == SENDFILE)
			r = ug__syscall(SYS_sendfile, s->out, s->in, (long)s->in_at, (long)s->n, 0, 0);
		else
			r = ug__syscall(SYS_splice, s->in, (long)s->in_at, s->out, (long)s->out_at, (long)s->n,
				SPLICE_F_NONBLOCK);
	} while (r == -EINTR);
	return (int)r;
}

/* 1: the byte is in memory, 0: there is none, or a negative code. */
static ssize_t probe(int fd, int64_t offset)
{
	char byte;
	return ug__sys_pread_nowait(fd, &byte, 1, offset);
}

/* Whether n bytes there are in memory, as far as their ends can tell. */
static bool look_cached(int fd, int64_t from, size_t n)
{
	struct stat st;
	if (from < 0 || probe(fd, from) < 0)
		return false;
	int64_t more = ug__least((int64_t)n, INT64_MAX - from) - 1;
	if (more <= 0)
		return true;
	ssize_t last = probe(fd, from + more);
	if (last != 0)
		return last > 0;
	/* The file ends before. */
	return ug__sys_fstat(fd, &st) == 0 && (st.st_size <= from || probe(fd, st.st_size - 1) >= 0);
}

/* Whether the n bytes that will be read next are in memory. The word that a file's beginning has: until when that is
 * believed, and in its lowest bits of how many pages: of fewer the last was not asked for. */
static bool cached(const struct side *in, int fd, size_t n)
{
	int64_t from = in->position ? *in->position : ug__sys_lseek(fd, 0, SEEK_CUR);
	if (from != 0)
		return look_cached(fd, from, n);
	uint64_t *warm = ug__fd_warm(in->f), known = load_relaxed(warm);
	uint64_t now = (uint64_t)ug_now(), pages = (n + PAGE - 1) / PAGE;
	if (now < (known & ~WARM_PAGES) && pages == (known & WARM_PAGES))
		return true;
	bool yes = look_cached(fd, 0, n);
	if (yes && pages <= WARM_PAGES)
		store_relaxed(warm, ((now + WARM_TIME) & ~WARM_PAGES) | pages);
	return yes;
}

/* Runs the call where it may be run; a count or a negative code. */
static int run(struct step *s, const struct side *in, const struct side *out)
{
	bool disk = out->kind == FILE_KIND || (in->kind == FILE_KIND && !cached(in, s->in, s->n));
	if (disk)
		return ug_blocking(do_step, s);
	UG_TRY(ug_ctx_err(NULL));
	return do_step(s);
}

static bool refusal(int e)
{
	return e == -EINVAL || e == -ENOSYS || e == -EXDEV || e == -EBADF || e == -EIO || e == -EPERM || e == -ESPIPE ||
		e == -EOPNOTSUPP || e == -ETXTBSY || e == -EACCES || e == -EOVERFLOW;
}

/* After EAGAIN, which does not say which side was not ready: waits for both. A file's is a refusal. */
static int wait_for(const struct side *in, const struct side *out)
{
	if (in->kind == FILE_KIND && out->kind == FILE_KIND)
		return -EOPNOTSUPP;
	if (in->kind != FILE_KIND)
		UG_TRY(ug__fd_await(in->f, 0));
	return out->kind != FILE_KIND ? ug__fd_await(out->f, 1) : 0;
}

/* One way as far as it goes. 1 the limit is reached, 0 try another, or a negative code. */
static int by(
	enum way way, size_t step_size, const struct side *in, const struct side *out, int64_t limit, int64_t *count)
{
	while (*count < limit) {
		struct step s = {
			.way = way,
			.in = ug_fd_number(in->f),
			.out = ug_fd_number(out->f),
			.in_at = in->position,
			.out_at = out->position,
			.n = (size_t)ug__least((int64_t)step_size, limit - *count),
		};
		if (s.in < 0 || s.out < 0)
			return -EBADF;
		int r = run(&s, in, out);
		if (r == 0)
			return 0;
		if (r == -EAGAIN)
			r = wait_for(in, out);
		else if (r > 0)
			*count += r;
		if (r < 0)
			return refusal(r) ? 0 : r;
	}
	return 1;
}

/* The pipe between. Both ends are this task's alone and never waited on. */
struct between {
	int read, write;
};

static bool between_open(struct between *b)
{
	int ends[2] = {-1, -1};
	if (ug__syscall(SYS_pipe2, (long)ends, O_CLOEXEC | O_NONBLOCK, 0, 0, 0, 0) < 0)
		return false;
	*b = (struct between){ends[0], ends[1]};
	return true;
}

static void between_close(struct between *b)
{
	ug__sys_close(b->read);
	ug__sys_close(b->write);
}

/* Takes n bytes out by hand. */
static int rescue(const struct between *b, ug_writer dst, int64_t n, int64_t *count)
{
	char buf[512];
	while (n > 0) {
		ssize_t got = ug__sys_read(b->read, buf, sizeof buf);
		if (got <= 0)
			return got < 0 ? (int)got : -EIO;
		ssize_t e = ug_write(dst, buf, (size_t)got);
		if (e < 0)
			return (int)e;
		*count += got;
		n -= got;
	}
	return 0;
}

/* Sends on the n bytes in the pipe. 1 all went, 0 all went and this way is no good, or a negative code. */
static int drain(const struct between *b, const struct side *out, ug_writer dst, int64_t n, int64_t *count)
{
	while (n > 0) {
		struct side pipe = {.kind = PIPE_KIND};
		struct step s = {
			.way = SPLICE,
			.in = b->read,
			.out = ug_fd_number(out->f),
			.out_at = out->position,
			.n = (size_t)n,
		};
		if (s.out < 0)
			return s.out;
		int r = run(&s, &pipe, out);
		if (r == -EAGAIN && out->kind == SOCKET_KIND) {
			UG_TRY(ug_fd_wait_writable(out->f));
		} else if (r > 0) {
			*count += r;
			n -= r;
		} else if (r == 0 || r == -EAGAIN || refusal(r)) {
			return rescue(b, dst, n, count);
		} else {
			return r;
		}
	}
	return 1;
}

static int over_pipe(const struct side *in, const struct side *out, ug_writer dst, int64_t limit, int64_t *count)
{
	struct between b;
	if (!between_open(&b))
		return 0;
	struct side pipe = {.kind = PIPE_KIND};
	int r = 1;
	while (r > 0 && *count < limit) {
		struct step s = {
			.way = SPLICE,
			.in = ug_fd_number(in->f),
			.out = b.write,
			.n = (size_t)ug__least(SPLICE_STEP, limit - *count),
		};
		r = s.in < 0 ? -EBADF : run(&s, in, &pipe);
		if (r > 0) {
			r = drain(&b, out, dst, r, count);
		} else if (r == -EAGAIN) {
			r = ug__fd_await(in->f, 0);
			r = r < 0 ? r : 1;
		} else if (refusal(r)) {
			r = 0;
		}
	}
	between_close(&b);
	return r;
}

static int choose(const struct side *in, const struct side *out, ug_writer dst, int64_t limit, int64_t *count)
{
	if (out->kind != FILE_KIND && !may_write())
		return 0;
	if (in->kind == FILE_KIND && out->kind == FILE_KIND) {
		int r = by(RANGE, RANGE_STEP, in, out, limit, count);
		return r == 0 && !out->position ? by(SENDFILE, RANGE_STEP, in, out, limit, count) : r;
	}
	if (in->kind == PIPE_KIND || out->kind == PIPE_KIND)
		return by(SPLICE, in->kind == FILE_KIND ? FILE_STEP : SPLICE_STEP, in, out, limit, count);
	if (in->kind == FILE_KIND)
		return by(SENDFILE, FILE_STEP, in, out, limit, count);
	return over_pipe(in, out, dst, limit, count);
}

ssize_t ug__copy_now(ug_writer dst, ug_reader src, int64_t limit)
{
	ug_fd *from = src.ops->fd ? src.ops->fd(src.self) : NULL, *to = dst.ops->fd ? dst.ops->fd(dst.self) : NULL;
	int64_t *position = src.ops->position ? src.ops->position(src.self) : NULL;
	struct side in, out;
	if (!from || !to || !may_write())
		return 0;
	struct step s = {.way = SENDFILE, .in = ug__fd_use(from), .in_at = position};
	UG_TRY(s.in);
	int r = s.out = ug__fd_use(to);
	if (r >= 0) {
		s.n = (size_t)ug__least(FILE_STEP, limit);
		bool now = look(&in, from, position) && look(&out, to, NULL) && in.kind == FILE_KIND &&
			out.kind == SOCKET_KIND && cached(&in, s.in, s.n);
		r = now ? ug_ctx_err(NULL) : 0;
		if (now && r == 0)
			r = do_step(&s);
		ug__fd_unuse(to);
	}
	ug__fd_unuse(from);
	return r == -EAGAIN || refusal(r) ? 0 : r;
}

int ug__copy_by_kernel(ug_writer dst, ug_reader src, int64_t limit, int64_t *count)
{
	ug_fd *from = src.ops->fd(src.self), *to = dst.ops->fd(dst.self);
	if (!from || !to)
		return 0;
	/* Held in use, so that a close by another task does not give the numbers away while the kernel works on
	 * them. */
	ug_fd_ref(from);
	ug_fd_ref(to);
	int r = 0;
	if (ug__fd_use(from) >= 0) {
		if (ug__fd_use(to) >= 0) {
			struct side in, out;
			if (look(&in, from, src.ops->position ? src.ops->position(src.self) : NULL) &&
				look(&out, to, dst.ops->position ? dst.ops->position(dst.self) : NULL))
				r = choose(&in, &out, dst, limit, count);
			ug__fd_unuse(to);
		}
		ug__fd_unuse(from);
	}
	ug_fd_unref(from);
	ug_fd_unref(to);
	return r;
}
