/* SPDX-License-Identifier: MIT */
/*
 * Connections in memory: two rings of bytes, one a direction, under one lock. A ring belongs to its reader; its writer
 * says "ended" (FIN), its reader says "deaf", after which writes are -EPIPE.
 *
 * They are for tests and so simple rather than fast: locks and conditions of sync, which know contexts and plain
 * threads.
 */
#include "base/atomic.h"
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <undergo/net.h>
#include <undergo/sync.h>

struct ring {
	ug_cond filled, drained;
	char *data;
	size_t size, start, used;
	int ended; /* the writer is done */
	int deaf; /* the reader is gone */
};

struct pair {
	uint32_t refs; /* of both ends */
	ug_mutex lock;
	struct ring rings[2];
	char data[];
};

struct end {
	uint32_t refs;
	int closed; /* under the pair's lock */
	struct pair *pair;
	struct ring *in, *out;
};

/* Moving bytes --------------------------------------------------------------------------------------------------- */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t ring_take(struct ring *r, char *buf, size_t n)
{
	n = least(n, r->used);
	size_t first = least(n, r->size - r->start);
	memcpy(buf, r->data + r->start, first);
	memcpy(buf + first, r->data, n - first);
	r->start = (r->start + n) % r->size;
	r->used -= n;
	return n;
}

static size_t ring_put(struct ring *r, const char *buf, size_t n)
{
	size_t end = (r->start + r->used) % r->size;
	n = least(n, r->size - r->used);
	size_t first = least(n, r->size - end);
	memcpy(r->data + end, buf, first);
	memcpy(r->data, buf + first, n - first);
	r->used += n;
	return n;
}

/* With the lock held: waits for bytes or their end. One who waits when the end is closed is told -ECANCELED. */
static int await_bytes(struct end *e)
{
	if (e->closed)
		return -EBADF;
	while (e->in->used == 0 && !e->in->ended) {
		UG_TRY(ug_cond_wait(&e->in->filled, &e->pair->lock));
		if (e->closed)
			return -ECANCELED;
	}
	return 0;
}

static int await_room(struct end *e)
{
	if (e->closed)
		return -EBADF;
	while (e->out->used == e->out->size && !e->out->deaf && !e->out->ended) {
		UG_TRY(ug_cond_wait(&e->out->drained, &e->pair->lock));
		if (e->closed)
			return -ECANCELED;
	}
	return e->out->deaf || e->out->ended ? -EPIPE : 0;
}

static ssize_t mem_read(void *self, void *buf, size_t n)
{
	struct end *e = self;
	UG_TRY(ug_mutex_lock(&e->pair->lock));
	ssize_t r = await_bytes(e);
	if (r == 0) {
		r = (ssize_t)ring_take(e->in, buf, n);
		ug_cond_broadcast(&e->in->drained);
	}
	ug_mutex_unlock(&e->pair->lock);
	return r;
}

static int mem_wait_readable(void *self)
{
	struct end *e = self;
	UG_TRY(ug_mutex_lock(&e->pair->lock));
	int r = await_bytes(e);
	ug_mutex_unlock(&e->pair->lock);
	return r;
}

static ssize_t put_some(struct end *e, const void *buf, size_t n)
{
	UG_TRY(ug_mutex_lock(&e->pair->lock));
	ssize_t r = await_room(e);
	if (r == 0) {
		r = (ssize_t)ring_put(e->out, buf, n);
		ug_cond_broadcast(&e->out->filled);
	}
	ug_mutex_unlock(&e->pair->lock);
	return r;
}

static ssize_t mem_write_some(void *self, const struct iovec *iov, int n)
{
	(void)n;
	return put_some(self, iov->iov_base, iov->iov_len);
}

static ssize_t mem_write(void *self, const void *buf, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = put_some(self, (const char *)buf + done, n - done);
		if (r < 0)
			return r;
		done += (size_t)r;
	}
	return (ssize_t)n;
}

/* Ending --------------------------------------------------------------------------------------------------------- */

static void ring_wake(struct ring *r)
{
	ug_cond_broadcast(&r->filled);
	ug_cond_broadcast(&r->drained);
}

/* A cleanup: the context's end does not keep it from the lock. */
static int end_writing(struct end *e, int close)
{
	int was_closed = 0;
	UG_SHIELD {
		if (ug_mutex_lock(&e->pair->lock) < 0)
			break;
		was_closed = e->closed;
		e->out->ended = 1;
		if (close)
			e->closed = e->in->deaf = 1;
		ring_wake(e->out);
		ring_wake(e->in);
		ug_mutex_unlock(&e->pair->lock);
	}
	return was_closed ? -EBADF : 0;
}

static int mem_shutdown_write(void *self)
{
	return end_writing(self, 0);
}

static void mem_ref(void *self)
{
	add_relaxed(&((struct end *)self)->refs, 1u);
}

static void mem_unref(void *self)
{
	struct end *e = self;
	if (add_acq_rel(&e->refs, -1u) != 1)
		return;
	(void)end_writing(e, 1);
	if (add_acq_rel(&e->pair->refs, -1u) == 1)
		free(e->pair);
	free(e);
}

static int mem_close(void *self)
{
	(void)end_writing(self, 1);
	mem_unref(self);
	return 0;
}

/* Making --------------------------------------------------------------------------------------------------------- */

static const struct ug_reader_ops reader_ops = {.size = sizeof reader_ops, .read = mem_read};
static const struct ug_writer_ops writer_ops = {.size = sizeof writer_ops, .write = mem_write};
static const struct ug_conn_ops conn_ops = {
	.size = sizeof conn_ops,
	.reader = &reader_ops,
	.writer = &writer_ops,
	.write_some = mem_write_some,
	.wait_readable = mem_wait_readable,
	.shutdown_write = mem_shutdown_write,
	.ref = mem_ref,
	.unref = mem_unref,
	.close = mem_close,
};

static struct end *end_new(struct pair *p, int side)
{
	struct end *e = malloc(sizeof *e);
	if (e)
		*e = (struct end){.refs = 1, .pair = p, .in = &p->rings[side], .out = &p->rings[!side]};
	return e;
}

int ug_mem_pair(size_t buffer, ug_conn *a, ug_conn *b)
{
	if (buffer == 0)
		buffer = 64 * 1024;
	if (buffer > SIZE_MAX / 4)
		return -ENOMEM;
	struct pair *p = malloc(sizeof *p + 2 * buffer);
	if (!p)
		return -ENOMEM;
	*p = (struct pair){.refs = 2};
	for (int i = 0; i < 2; i++)
		p->rings[i] = (struct ring){.data = p->data + (i ? buffer : 0), .size = buffer};
	struct end *ends[2] = {end_new(p, 0), end_new(p, 1)};
	if (!ends[0] || !ends[1]) {
		free(ends[0]);
		free(ends[1]);
		free(p);
		return -ENOMEM;
	}
	*a = (ug_conn){&conn_ops, ends[0]};
	*b = (ug_conn){&conn_ops, ends[1]};
	return 0;
}

/* Listening ------------------------------------------------------------------------------------------------------ */

struct mem_listener {
	uint32_t refs;
	UG_CHAN(ug_conn) queue;
};

static int mem_accept(void *self, ug_conn *out)
{
	struct mem_listener *l = self;
	ug_conn c;
	int e = ug_recv(l->queue, &c);
	if (e == 0)
		*out = c;
	return e == -EPIPE ? -EBADF : e;
}

static void mem_listener_ref(void *self)
{
	add_relaxed(&((struct mem_listener *)self)->refs, 1u);
}

static void mem_listener_unref(void *self)
{
	struct mem_listener *l = self;
	if (add_acq_rel(&l->refs, -1u) != 1)
		return;
	ug_chan_unref(&l->queue);
	free(l);
}

static int mem_listener_close(void *self)
{
	struct mem_listener *l = self;
	(void)ug_close(l->queue);
	for (ug_conn c; ug_try_recv(l->queue, &c) == 0;)
		ug_conn_close(c);
	mem_listener_unref(l);
	return 0;
}

static const struct ug_listener_ops listener_ops = {
	.size = sizeof listener_ops,
	.accept = mem_accept,
	.ref = mem_listener_ref,
	.unref = mem_listener_unref,
	.close = mem_listener_close,
};

int ug_mem_listen(size_t backlog, ug_listener *out)
{
	struct mem_listener *l = malloc(sizeof *l);
	if (!l)
		return -ENOMEM;
	l->refs = 1;
	int e = ug_chan_new(&l->queue, backlog ? backlog : 128);
	if (e < 0) {
		free(l);
		return e;
	}
	*out = (ug_listener){&listener_ops, l};
	return 0;
}

int ug_mem_dial(ug_listener l, ug_conn *out)
{
	if (l.ops != &listener_ops)
		return -EINVAL;
	struct mem_listener *m = l.self;
	ug_conn ours, theirs;
	UG_TRY(ug_mem_pair(0, &ours, &theirs));
	int e = ug_send(m->queue, &theirs);
	if (e < 0) {
		ug_conn_close(ours);
		ug_conn_close(theirs);
		return e == -EPIPE ? -ECONNREFUSED : e;
	}
	*out = ours;
	return 0;
}
