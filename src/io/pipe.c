/* SPDX-License-Identifier: MIT */
/*
 * The pipe in memory: a writer lays its bytes open, readers copy from them, and the writer goes on once none are left.
 *
 * lock_ guards all fields and is held over the copy; writing_ is held by the writer whose turn it is, so a write is
 * never mixed with another's. A write whose context ends takes its bytes back: what readers took by then they keep, as
 * with Go's. Closing may not be cut short, so it takes the lock behind a shield.
 */
#include "io/io_priv.h"

#include <string.h>

enum { READ_CLOSED = 1, WRITE_CLOSED = 2 };

static ssize_t pipe_read(void *self, void *buf, size_t n)
{
	ug_pipe *p = self;
	UG_TRY(ug_mutex_lock(&p->lock_));
	int e = 0;
	while (!p->left_ && !p->flags_ && e == 0)
		e = ug_cond_wait(&p->filled_, &p->lock_);
	ssize_t result = e;
	if (p->flags_ & READ_CLOSED) {
		result = -EPIPE;
	} else if (p->left_) {
		/* Also where the wait ended badly meanwhile: bytes that are there are no failure. */
		n = (size_t)ug__least((int64_t)n, (int64_t)p->left_);
		memcpy(buf, p->data_, n);
		p->data_ += n;
		p->left_ -= n;
		result = (ssize_t)n;
		if (p->left_)
			ug_cond_signal(&p->filled_);
		else
			ug_cond_signal(&p->taken_);
	} else if (p->flags_ & WRITE_CLOSED) {
		result = p->write_err_;
	}
	ug_mutex_unlock(&p->lock_);
	return result;
}

/* Lays the bytes open until they are taken. The turn is the caller's. */
static ssize_t offer(ug_pipe *p, const void *buf, size_t n)
{
	UG_TRY(ug_mutex_lock(&p->lock_));
	p->data_ = buf;
	p->left_ = n;
	ug_cond_signal(&p->filled_);
	int e = 0;
	while (p->left_ && !p->flags_ && e == 0)
		e = ug_cond_wait(&p->taken_, &p->lock_);
	ssize_t result = (ssize_t)n;
	if (p->left_ && (p->flags_ & READ_CLOSED))
		result = p->read_err_ ? p->read_err_ : -EPIPE;
	else if (p->left_)
		result = p->flags_ ? -EPIPE : e;
	p->data_ = NULL;
	p->left_ = 0;
	ug_mutex_unlock(&p->lock_);
	return result;
}

static ssize_t pipe_write(void *self, const void *buf, size_t n)
{
	ug_pipe *p = self;
	UG_TRY(ug_mutex_lock(&p->writing_));
	ssize_t result = offer(p, buf, n);
	ug_mutex_unlock(&p->writing_);
	return result;
}

static void close_end(ug_pipe *p, uint32_t end, int32_t *keep, int err)
{
	UG_SHIELD {
		if (ug_mutex_lock(&p->lock_) == 0) {
			if (!(p->flags_ & end))
				*keep = err > 0 ? -err : err;
			p->flags_ |= end;
			ug_cond_broadcast(&p->filled_);
			ug_cond_broadcast(&p->taken_);
			ug_mutex_unlock(&p->lock_);
		}
	}
}

void ug_pipe_close_read(ug_pipe *p, int err)
{
	close_end(p, READ_CLOSED, &p->read_err_, err);
}

void ug_pipe_close_write(ug_pipe *p, int err)
{
	close_end(p, WRITE_CLOSED, &p->write_err_, err);
}

static int close_read(void *self)
{
	ug_pipe_close_read(self, 0);
	return 0;
}

static int close_write(void *self)
{
	ug_pipe_close_write(self, 0);
	return 0;
}

static const struct ug_reader_ops reader_ops = {
	.size = sizeof reader_ops,
	.read = pipe_read,
	.close = close_read,
};

static const struct ug_writer_ops writer_ops = {
	.size = sizeof writer_ops,
	.write = pipe_write,
	.close = close_write,
};

ug_reader ug_pipe_reader(ug_pipe *p)
{
	return (ug_reader){&reader_ops, p};
}

ug_writer ug_pipe_writer(ug_pipe *p)
{
	return (ug_writer){&writer_ops, p};
}
