/* SPDX-License-Identifier: MIT */
/*
 * undergo/io.h: readers and writers as values of two words, and all that combines them.
 *
 * A value borrows what it stands for: whoever made the thing keeps it while the value is used, and what wraps another
 * reader or writer never closes it. The small structs below (struct ug_limit and its like) are the caller's storage for
 * the state of a wrapper; fields that end in an underscore are the library's own. One task at a time uses a wrapper or
 * a buffer; standard streams, descriptors and pipes may be used by several at once. Nothing here waits by itself: a
 * call waits where the reader or writer behind it does, and then ends with -ECANCELED or -ETIMEDOUT at the context's
 * end.
 */
#ifndef UNDERGO_IO_H
#define UNDERGO_IO_H

#include <stdarg.h>
#include <undergo/base.h>
#include <undergo/sched.h>
#include <undergo/sync.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Readers and writers ----------------------------------------------------------------------------------------------
 * Passed by value, as Go's interfaces are. Optional ops may be NULL. `size` is sizeof the table that the implementer
 * compiled, so that the tables can grow. */
typedef struct ug_reader ug_reader;
typedef struct ug_writer ug_writer;

struct ug_reader_ops {
	size_t size;
	/* A count up to n, 0 at the end, a negative code; n > 0. */
	ssize_t (*read)(void *self, void *buf, size_t n);
	/* Optional: sends up to `limit` bytes to w, fewer only where the stream ends; ug_copy_upto passes on what lies
	 * behind. 0 or a negative code; *count (never NULL) is set to what went, on failure too. */
	int (*write_to)(void *self, ug_writer w, int64_t limit, int64_t *count);
	/* Optional: the descriptor behind it, borrowed, where the bytes may be taken from that directly; else NULL. */
	ug_fd *(*fd)(void *self);
	/* Optional, beside fd: where in the descriptor's file the next byte lies; whoever takes bytes there moves it
	 * on. Without it (or NULL) the descriptor's own position holds. */
	int64_t *(*position)(void *self);
	int (*close)(void *self); /* optional */
};
struct ug_writer_ops {
	size_t size;
	/* n, once all of it went, or a negative code; n > 0. */
	ssize_t (*write)(void *self, const void *buf, size_t n);
	/* Optional: takes up to `limit` bytes from r, fewer only where that ends; result and *count as in write_to. */
	int (*read_from)(void *self, ug_reader r, int64_t limit, int64_t *count);
	ug_fd *(*fd)(void *self); /* optional: where bytes may be put into that directly */
	int64_t *(*position)(void *self); /* optional, beside fd */
	int (*close)(void *self); /* optional */
};
struct ug_reader {
	const struct ug_reader_ops *ops;
	void *self;
};
struct ug_writer {
	const struct ug_writer_ops *ops;
	void *self;
};

/* Reads at most n bytes: a count, 0 at the end (and for n 0), or a negative code. Source: Go's io.Reader. */
ssize_t ug_read(ug_reader r, void *buf, size_t n);
/* Reads n bytes: n, 0 where the stream had ended before the first, UG_ESHORT where it ended between, or a negative
 * code. */
ssize_t ug_read_full(ug_reader r, void *buf, size_t n);
/* Reads until at least `min` of at most n bytes are there: the count, 0, UG_ESHORT as above; -EINVAL where min > n. */
ssize_t ug_read_at_least(ug_reader r, void *buf, size_t n, size_t min);
/* Writes all n bytes: n or a negative code (some may have gone then). Source: Go's io.Writer. */
ssize_t ug_write(ug_writer w, const void *buf, size_t n);
/* Writes a NUL-terminated text: its length or a negative code. */
ssize_t ug_write_text(ug_writer w, const char *text);
/* Closes what is behind the value, where that can be closed: 0 or its code. Takes a zeroed value. May wait. */
int ug_reader_close(ug_reader r);
int ug_writer_close(ug_writer w);

/* Copies -----------------------------------------------------------------------------------------------------------
 * The way is chosen by what lies on both sides: copy_file_range, sendfile or splice between descriptors, a reader's
 * write_to, a writer's read_from, else a buffer. `count` may be NULL; what went is there on failure too. */

/* Copies until src ends: 0, or the first negative code of either side, or -ENOMEM. */
int ug_copy(ug_writer dst, ug_reader src, int64_t *count);
/* The same for at most `limit` bytes; fewer where src ends. -EINVAL where limit is negative. */
int ug_copy_upto(ug_writer dst, ug_reader src, int64_t limit, int64_t *count);
/* Copies exactly n bytes; UG_ESHORT where src ends before. */
int ug_copy_n(ug_writer dst, ug_reader src, int64_t n, int64_t *count);
/* ug_copy that uses the caller's `size` bytes at `buf`, at least 1, where a buffer is needed, and so needs no memory,
 * unless src or dst is a wrapper that copies by its own ways. */
int ug_copy_buffer(ug_writer dst, ug_reader src, void *buf, size_t size, int64_t *count);

/* Descriptors and the standard streams ----------------------------------------------------------------------------- */

/* A descriptor as a reader and as a writer. Closing the value is ug_fd_close. */
ug_reader ug_fd_reader(ug_fd *f);
ug_writer ug_fd_writer(ug_fd *f);

/* Standard input, output and error, unbuffered. O_NONBLOCK is never set on them: that flag is shared with the shell.
 * Closing the value does nothing. Any thread, at any time. */
ug_reader ug_stdin(void);
ug_writer ug_stdout(void);
ug_writer ug_stderr(void);

/* Access by offset ------------------------------------------------------------------------------------------------- */
typedef struct ug_reader_at ug_reader_at;
typedef struct ug_writer_at ug_writer_at;

struct ug_reader_at_ops {
	size_t size;
	/* A count up to n of what lies at `offset`, 0 at and behind the end, or a negative code. */
	ssize_t (*read_at)(void *self, void *buf, size_t n, int64_t offset);
	ug_fd *(*fd)(void *self); /* optional: a file whose bytes lie at the same offsets */
};
struct ug_writer_at_ops {
	size_t size;
	ssize_t (*write_at)(void *self, const void *buf, size_t n, int64_t offset); /* n or a negative code */
	ug_fd *(*fd)(void *self); /* optional */
};
struct ug_reader_at {
	const struct ug_reader_at_ops *ops;
	void *self;
};
struct ug_writer_at {
	const struct ug_writer_at_ops *ops;
	void *self;
};

/* Reads at most n bytes at an offset from the start: a count, 0 at the end; -EINVAL for a negative offset. Source:
 * pread(2). */
ssize_t ug_read_at(ug_reader_at r, void *buf, size_t n, int64_t offset);
/* Writes all n bytes at an offset: n or a negative code. Source: pwrite(2). */
ssize_t ug_write_at(ug_writer_at w, const void *buf, size_t n, int64_t offset);
/* A file's descriptor, read and written by offset; its own position stays. On a thread of the blocking pool where the
 * bytes are not in memory. */
ug_reader_at ug_fd_reader_at(ug_fd *f);
ug_writer_at ug_fd_writer_at(ug_fd *f);

struct ug_section {
	ug_reader_at src_;
	int64_t at_, end_;
};
/* A reader of the n bytes at `offset`, or of fewer where src ends. Negative numbers count as 0. Source: Go's
 * io.SectionReader. */
ug_reader ug_section_reader(struct ug_section *s, ug_reader_at src, int64_t offset, int64_t n);

struct ug_offset {
	ug_writer_at dst_;
	int64_t at_;
};
/* A writer that begins at `offset` and goes on from there. Source: Go's io.OffsetWriter. */
ug_writer ug_offset_writer(struct ug_offset *o, ug_writer_at dst, int64_t offset);

/* Wrappers --------------------------------------------------------------------------------------------------------- */
struct ug_limit {
	ug_reader src_;
	int64_t left; /* bytes that may still be read */
};
/* A reader that ends after n bytes of src. Source: Go's io.LimitReader. */
ug_reader ug_limit_reader(struct ug_limit *l, ug_reader src, int64_t n);

struct ug_tee {
	ug_reader src_;
	ug_writer to_;
};
/* A reader of src that writes what it reads to `to` before it answers; an error there is an error of the read. Source:
 * Go's io.TeeReader. */
ug_reader ug_tee_reader(struct ug_tee *t, ug_reader src, ug_writer to);

struct ug_readers {
	const ug_reader *next_;
	size_t left_;
};
/* A reader of all of list[0], then list[1], up to list[n - 1]; the list is borrowed as long. Source: Go's
 * io.MultiReader. */
ug_reader ug_multi_reader(struct ug_readers *m, const ug_reader *list, size_t n);

struct ug_writers {
	const ug_writer *list_;
	size_t n_;
};
/* A writer to each of the n writers, in order; the first that fails ends the write. Source: Go's io.MultiWriter. */
ug_writer ug_multi_writer(struct ug_writers *m, const ug_writer *list, size_t n);

struct ug_count {
	int64_t bytes; /* that went through */
	ug_reader src_;
	ug_writer dst_;
};
/* A reader, a writer, that counts. ug_copy still goes its fast ways through it. */
ug_reader ug_count_reader(struct ug_count *c, ug_reader src);
ug_writer ug_count_writer(struct ug_count *c, ug_writer dst);

/* A writer that takes all and keeps nothing; ug_copy into it reads to the end. */
ug_writer ug_discard(void);

struct ug_memory {
	const unsigned char *data_;
	size_t at_, end_;
};
/* A reader of the caller's n bytes, which stay borrowed; by offset too. */
ug_reader ug_memory_reader(struct ug_memory *m, const void *data, size_t n);
ug_reader_at ug_memory_reader_at(struct ug_memory *m, const void *data, size_t n);

/* A growing buffer -------------------------------------------------------------------------------------------------
 * ug_buf b = UG_ZERO; what is appended stands behind what is there, what is read leaves at the front. */
typedef struct ug_buf {
	unsigned char *data_;
	size_t start_, end_, cap_;
} ug_buf;

/* Frees its memory; *b is empty and may be used again. */
void ug_buf_done(ug_buf *b);
/* Empties it and keeps its memory. */
void ug_buf_reset(ug_buf *b);
/* What it holds: borrowed until the next call that changes it. */
const void *ug_buf_bytes(const ug_buf *b);
size_t ug_buf_len(const ug_buf *b);
/* The same as a text with a NUL behind it, which does not count. */
const char *ug_buf_text(ug_buf *b);
/* Makes room for n bytes more behind what it holds; *room is where they go, and ug_buf_commit says how many were put
 * there. -ENOMEM. */
int ug_buf_reserve(ug_buf *b, size_t n, void **room);
void ug_buf_commit(ug_buf *b, size_t n);
/* Appends n bytes: 0, -ENOMEM (then nothing). */
int ug_buf_append(ug_buf *b, const void *data, size_t n);
/* Drops n bytes (at most all) at the front; all but the first n. */
void ug_buf_consume(ug_buf *b, size_t n);
void ug_buf_truncate(ug_buf *b, size_t n);
/* Hands its memory over: the bytes, NUL-terminated, to be freed with free(), *n their count; NULL where it never held
 * any. *b is empty then. */
void *ug_buf_take(ug_buf *b, size_t *n);
/* As a reader, which consumes; as a writer, which appends. */
ug_reader ug_buf_reader(ug_buf *b);
ug_writer ug_buf_writer(ug_buf *b);
/* Appends all of r: 0, UG_ETOOLONG where it has more than `limit` bytes (0: no limit), -ENOMEM, a code of r. What came
 * is kept. */
int ug_read_all(ug_reader r, size_t limit, ug_buf *into);

/* A pipe in memory -------------------------------------------------------------------------------------------------
 * ug_pipe p = UG_ZERO; a write waits until readers took all of it, or the reading end closed; nothing is kept between.
 * Both ends may be used by several tasks and threads. Source: Go's io.Pipe. */
typedef struct ug_pipe {
	ug_mutex writing_, lock_;
	ug_cond filled_, taken_;
	const unsigned char *data_;
	size_t left_;
	int32_t read_err_, write_err_;
	uint32_t flags_, pad_;
} ug_pipe;

/* Its ends. Closing the value is ug_pipe_close_read(p, 0), ug_pipe_close_write(p, 0). */
ug_reader ug_pipe_reader(ug_pipe *p);
ug_writer ug_pipe_writer(ug_pipe *p);
/* Closes the writing end: reads that find nothing more answer `err`, a negative code, or the end where it is 0. Writes
 * fail with -EPIPE. The first close of an end holds. Does not wait on the other side. */
void ug_pipe_close_write(ug_pipe *p, int err);
/* Closes the reading end: writes, also those that wait, answer `err`, or -EPIPE where it is 0; reads fail with
 * -EPIPE. */
void ug_pipe_close_read(ug_pipe *p, int err);

/* Buffered reading -------------------------------------------------------------------------------------------------
 * What it has read ahead is lost to src: read on through it. An error of src comes once what is buffered has been
 * taken, and is asked for anew then. Source: Go's bufio.Reader. */
typedef struct ug_bufr {
	ug_reader src_;
	unsigned char *buf_;
	size_t size_, start_, end_;
	int32_t own_, last_;
} ug_bufr;

/* Over the caller's `size` bytes at buf; where buf is NULL, over own memory of that size (0: 4096). -ENOMEM,
 * -EINVAL. */
int ug_bufr_init(ug_bufr *b, ug_reader src, void *buf, size_t size);
/* Frees its own memory. src stays open. */
void ug_bufr_done(ug_bufr *b);
/* Forgets what is buffered and goes on with another source. */
void ug_bufr_reset(ug_bufr *b, ug_reader src);
/* As a reader. */
ug_reader ug_bufr_reader(ug_bufr *b);
/* Reads at most n bytes, with one read of src at most. A count, 0 at the end, a negative code. */
ssize_t ug_bufr_read(ug_bufr *b, void *buf, size_t n);
/* What is buffered now, without a read: the count, and in *data where it lies until the next call. */
size_t ug_bufr_buffered(const ug_bufr *b, const void **data);
/* Reads once from src behind what is buffered: the count that came, 0 at the end, UG_ETOOLONG where the buffer is
 * full. */
ssize_t ug_bufr_fill(ug_bufr *b);
/* Looks at the next n bytes without taking them: the count, less than n only where src ends, and in *data where they
 * lie until the next call. UG_ETOOLONG where n is over the buffer's size, or a code of src (what is buffered stays). */
ssize_t ug_bufr_peek(ug_bufr *b, size_t n, const void **data);
/* Skips n bytes: the count, less than n only where src ends or fails before; where none went, 0 or the failure. */
int64_t ug_bufr_discard(ug_bufr *b, int64_t n);
/* Reads one byte: 1, 0 at the end, a negative code. */
int ug_bufr_read_byte(ug_bufr *b, unsigned char *byte);
/* Takes back the byte that the last call read last. -EINVAL where that was no read or took nothing. */
int ug_bufr_unread_byte(ug_bufr *b);
/* Reads up to and with the next `delimiter`: the length, 0 at the end, and in *data where it lies until the next call.
 * Where src ends first, what was left, without a delimiter. UG_ETOOLONG where it does not fit the buffer (nothing is
 * taken). */
ssize_t ug_bufr_read_until(ug_bufr *b, unsigned char delimiter, const char **data);
/* Reads a line without its "\n" or "\r\n": 1, 0 at the end, UG_ETOOLONG as above. */
int ug_bufr_read_line(ug_bufr *b, const char **line, size_t *n);
/* Appends to `into` all up to and with the next delimiter, `limit` bytes at most (0: no limit): the length, 0 at the
 * end, UG_ETOOLONG, -ENOMEM. On failure what came is in `into`. */
ssize_t ug_bufr_append_until(ug_bufr *b, unsigned char delimiter, size_t limit, ug_buf *into);

/* Buffered writing ------------------------------------------------------------------------------------------------- An
 * error of dst sticks: each later call answers it, until reset. So does any error of a copy into it that dst makes by
 * its own ways. Source: Go's bufio.Writer. */
typedef struct ug_bufw {
	ug_writer dst_;
	unsigned char *buf_;
	size_t size_, end_;
	int32_t own_, err_;
} ug_bufw;

/* Over the caller's `size` bytes at buf; where buf is NULL, over own memory of that size (0: 4096). -ENOMEM,
 * -EINVAL. */
int ug_bufw_init(ug_bufw *b, ug_writer dst, void *buf, size_t size);
/* Frees its own memory. Does not flush. */
void ug_bufw_done(ug_bufw *b);
/* Forgets what is buffered and the error, and goes on with another writer. */
void ug_bufw_reset(ug_bufw *b, ug_writer dst);
/* As a writer. */
ug_writer ug_bufw_writer(ug_bufw *b);
/* Writes n bytes, into the buffer where they fit: n or a negative code. */
ssize_t ug_bufw_write(ug_bufw *b, const void *data, size_t n);
/* Sends on what is buffered. 0 or a negative code. */
int ug_bufw_flush(ug_bufw *b);
/* Bytes that wait in the buffer; that still fit, and in *room (may be NULL) where; ug_bufw_commit says how many were
 * put there. */
size_t ug_bufw_buffered(const ug_bufw *b);
size_t ug_bufw_available(const ug_bufw *b, void **room);
void ug_bufw_commit(ug_bufw *b, size_t n);

/* The scanner ------------------------------------------------------------------------------------------------------
 *	UG_CLEAN(ug_scan_done) ug_scan s;
 *	ug_scan_init(&s, ug_stdin(), NULL);
 *	while ((e = ug_scan_next(&s)) > 0)
 *		use(s.token, s.length);
 * Source: Go's bufio.Scanner; but where the reader fails, what it left unfinished is no token. */
struct ug_token {
	const char *data; /* within what was given; NULL: no token */
	size_t length;
};
/* Finds the first token of the n bytes at data: how many bytes to go on (0 and no token: more is needed), or a negative
 * code that ends the scan. at_end: nothing comes behind (then with n 0 too; going on by 0 without a token ends it).
 * *out has no token at entry. */
typedef ssize_t ug_split_fn(void *arg, const char *data, size_t n, int at_end, struct ug_token *out);
ug_split_fn ug_split_lines; /* without "\n" or "\r\n" */
ug_split_fn ug_split_words; /* between ASCII white space */

struct ug_scan_opts {
	ug_split_fn *split; /* NULL: ug_split_lines */
	void *split_arg;
	size_t limit; /* bytes of a token with its delimiter; 0: 64 KiB */
	uintptr_t reserved[3];
};
typedef struct ug_scan {
	const char *token; /* of the last ug_scan_next, until the next one; not NUL-terminated */
	size_t length;
	ug_reader src_;
	ug_split_fn *split_;
	void *split_arg_;
	char *buf_;
	size_t size_, start_, end_, limit_;
	int32_t ended_, err_, idle_, pad_;
} ug_scan;

/* Prepares *s; its memory comes with the first token. `opts` may be NULL. */
void ug_scan_init(ug_scan *s, ug_reader src, const struct ug_scan_opts *opts);
void ug_scan_done(ug_scan *s);
/* Goes to the next token: 1, 0 at the end, a code of src or split, -ENOMEM, UG_ETOOLONG (a token over the limit),
 * UG_ENOPROGRESS (100 empty tokens without going on). A failure stays, but for -ECANCELED and -ETIMEDOUT. */
int ug_scan_next(ug_scan *s);

/* Printing ---------------------------------------------------------------------------------------------------------
 * printf(3)'s conversions d i u x X o c s p f F e E g G a A % with flags, width, precision and hh h l ll z j t; L is
 * taken, and printed with a double's precision. No %n, no wide characters, no locale. Doubles are exact at any
 * precision, rounded half to even. A call needs no memory and little stack, and is one write where the text has at most
 * 1024 bytes. -EINVAL for a format that is none. */

/* To standard output: 0 or a negative code. */
int ug_printf(const char *format, ...) UG_PRINTF_LIKE(1, 2);
int ug_vprintf(const char *format, va_list args) UG_PRINTF_LIKE(1, 0);
/* To any writer. */
int ug_fprintf(ug_writer w, const char *format, ...) UG_PRINTF_LIKE(2, 3);
int ug_vfprintf(ug_writer w, const char *format, va_list args) UG_PRINTF_LIKE(2, 0);

/* One value: as text; a double with the fewest of 15 to 17 digits that give it back. 0 or a negative code. */
int ug_fprint_text(ug_writer w, const char *text);
int ug_fprint_char(ug_writer w, char c);
int ug_fprint_bool(ug_writer w, int value);
int ug_fprint_int(ug_writer w, int64_t value);
int ug_fprint_uint(ug_writer w, uint64_t value);
int ug_fprint_double(ug_writer w, double value);
int ug_fprint_pointer(ug_writer w, const void *value);

/* Prints x, of any basic type, to standard output, to w. C only. */
#ifndef __cplusplus
#define ug_print(x) ug_fprint(ug_stdout(), (x))
#define ug_fprint(w, x)                                                                                                \
	_Generic((x),                                                                                        \
		_Bool: ug_fprint_bool,                                                                       \
		char: ug_fprint_char,                                                                        \
		signed char: ug_fprint_int,                                                                  \
		short: ug_fprint_int,                                                                        \
		int: ug_fprint_int,                                                                          \
		long: ug_fprint_int,                                                                         \
		long long: ug_fprint_int,                                                                    \
		unsigned char: ug_fprint_uint,                                                               \
		unsigned short: ug_fprint_uint,                                                              \
		unsigned: ug_fprint_uint,                                                                    \
		unsigned long: ug_fprint_uint,                                                               \
		unsigned long long: ug_fprint_uint,                                                          \
		float: ug_fprint_double,                                                                     \
		double: ug_fprint_double,                                                                    \
		char *: ug_fprint_text,                                                                      \
		const char *: ug_fprint_text,                                                                \
		default: ug_fprint_pointer)((w), (x))
#endif

#ifdef __cplusplus
}
#endif

#endif
