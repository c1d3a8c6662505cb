/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a connection, and how slow its other end may be.
 *
 * Limits. A wait has to end when the client is too slow, and arming a timer for each would cost more than the wait is
 * worth. So a connection writes down until when its next waits may take, in one word, `limit`, and the server's watch
 * looks at the words of all connections every tick. Who finds one that is over swaps it to CUT and cancels the
 * connection's context; the connection's task swaps in its next limit, and so one of the two wins: a request that has
 * begun is never cut by the limit of the wait before it. The low bit says that the connection is idle, which a server
 * that stops may close. Time is the server's clock, which moves each tick: reading it is a load.
 *
 * Least rates. A client has slack, at most rate_time. What it takes for waiting is charged, what it moved is
 * credited at one second for each `rate` bytes; without slack it is cut. So a pause is forgiven, slowness is not, and a
 * handler that thinks for an hour charges nobody.
 *
 * So writes are made of what the connection takes at once: the progress of a slow reader must be seen. But the kernel
 * takes megabytes at once, and then nothing until a third of them has gone, which with a slow and honest client takes
 * minutes. So nobody is cut for a write before the kernel was asked what the client has taken meanwhile (judge).
 */
#include "http/server_priv.h"

#include "base/lock.h"
#include "io/io.h"
#include "sched/sched.h"
#include <string.h>

#define CUT INT64_MIN

bool ug__http_limit(struct conn *c, int64_t until, bool idle)
{
	int64_t before = swap_seq(&c->limit, (until & ~INT64_C(1)) | idle);
	if (likely(before != CUT))
		return true;
	store_relaxed(&c->limit, CUT);
	return false;
}

bool ug__http_is_cut(struct conn *c)
{
	return load_relaxed(&c->limit) == CUT;
}

void ug__http_uncut(struct conn *c)
{
	store_seq(&c->limit, UG_FOREVER & ~INT64_C(1));
}

static int64_t earned(int64_t bytes, int64_t rate)
{
	return bytes > INT64_MAX / UG_SECOND ? UG_FOREVER : bytes * UG_SECOND / rate;
}

/* How long the client may still be slow, for what it has taken since this was last asked; 0: nothing. The first time
 * that is all since the connection began, so that one which never takes anything is cut after twice the time. */
static int64_t judge(struct conn *c)
{
	int64_t unsent = ug_conn_unsent(c->net);
	if (unsent < 0 || !c->s->limits.write_rate)
		return 0;
	int64_t taken = load_relaxed(&c->sent) - unsent, more = taken - load_relaxed(&c->taken);
	if (more <= 0)
		return 0;
	store_relaxed(&c->taken, taken);
	int64_t time = earned(more, c->s->limits.write_rate);
	return time < c->s->limits.rate_time ? time : c->s->limits.rate_time;
}

/* The same while the shard's lock, which the caller holds, is let go of: c stays where it is. */
static int64_t judge_pinned(struct shard *shard, struct conn *c)
{
	c->pins++;
	ug__unlock(&shard->lock);
	int64_t more = judge(c);
	ug__lock(&shard->lock);
	c->pins--;
	return more;
}

/* A connection that rests is closed: that starts its task. The shard's lock, which the caller holds, is let go of. */
static void close_pinned(struct shard *shard, struct conn *c)
{
	c->pins++;
	ug__unlock(&shard->lock);
	(void)ug_conn_close(ug_conn_ref(c->net));
	ug__lock(&shard->lock);
	c->pins--;
}

/* Unless the connection has gone on meanwhile. The shard's lock is held: without it c may be gone. */
static bool cut(struct shard *shard, struct conn *c, int64_t limit)
{
	if (!cas_seq(&c->limit, &limit, CUT))
		return false;
	if (c->ctx)
		ug_ctx_cancel(c->ctx, -ETIMEDOUT);
	else
		close_pinned(shard, c);
	return true;
}

/* Its task waits for a client that is silent for long: let it rest. */
static void let_rest(struct conn *c)
{
	ug_fd *f = ug_conn_fd(c->net);
	if (f)
		ug__fd_call_back(f);
}

void ug__http_cut(struct shard *shard, int64_t now, bool idle_too)
{
	ug__lock(&shard->lock);
	for (struct conn *c = shard->conns; c; c = c->next) {
		int64_t limit = load_seq(&c->limit);
		if (limit == CUT)
			continue;
		if (limit > now && !(idle_too && limit & 1)) {
			if (limit & 1 && c->ctx && ug__http_idle_long(c))
				let_rest(c);
			continue;
		}
		int64_t more = limit <= now && load_relaxed(&c->writing) ? judge_pinned(shard, c) : 0;
		if (more > 0)
			cas_seq(&c->limit, &limit, ug_time_add(now, more) & ~INT64_C(1));
		else
			cut(shard, c, limit);
	}
	ug__unlock(&shard->lock);
}

bool ug__http_evict(struct shard *shard, int64_t latest)
{
	struct conn *oldest = NULL;
	int64_t limit = 0;
	ug__lock(&shard->lock);
	for (struct conn *c = shard->conns; c; c = c->next) {
		int64_t its = load_seq(&c->limit), since = load_relaxed(&c->idle_since);
		if (its & 1 && since <= latest) {
			oldest = c;
			limit = its;
			latest = since - 1;
		}
	}
	bool won = oldest && cut(shard, oldest, limit);
	ug__unlock(&shard->lock);
	return won;
}

/* ---- slack ---- */

static int64_t until(const struct conn *c, int64_t slack, int64_t rate)
{
	return rate ? ug_time_add(load_relaxed(&c->s->now), slack) : UG_FOREVER;
}

static void settle(struct conn *c, int64_t *slack, int64_t rate, int64_t since, int64_t bytes)
{
	int64_t most = c->s->limits.rate_time;
	if (!rate)
		return;
	int64_t left = ug_time_add(*slack - (load_relaxed(&c->s->now) - since), earned(bytes, rate));
	*slack = left < most ? left : most;
}

/* ---- reading ---- */

ssize_t ug__http_room(struct work *w)
{
	if (w->in_start > w->in_floor) {
		memmove(w->in + w->in_floor, w->in + w->in_start, w->in_end - w->in_start);
		w->in_end -= w->in_start - w->in_floor;
		w->in_start = w->in_floor;
	}
	return w->in_end < w->in_size ? (ssize_t)(w->in_size - w->in_end) : UG_ETOOLONG;
}

ssize_t ug__http_read(struct conn *c, void *buf, size_t n)
{
	ssize_t got;
	do
		got = ug_conn_read(c->net, buf, n);
	while (got == -EAGAIN); /* the watch, which took it for idle, was a moment too late */
	return got;
}

ssize_t ug__http_recv(struct conn *c, void *buf, size_t n)
{
	int64_t rate = c->s->limits.read_rate, since;
	if (c->work->out_len > 0)
		UG_TRY(ug__http_write(c, NULL, 0));
	since = load_relaxed(&c->s->now);
	if (!ug__http_limit(c, until(c, c->read_slack, rate), false))
		return -ETIMEDOUT;
	ssize_t got = ug__http_read(c, buf, n);
	if (!ug__http_limit(c, UG_FOREVER, false))
		return -ETIMEDOUT;
	settle(c, &c->read_slack, rate, since, got > 0 ? got : 0);
	return got;
}

/* ---- writing ---- */

static void advance(struct iovec *v, size_t n)
{
	for (; n > 0; v++) {
		size_t some = n < v->iov_len ? n : v->iov_len;
		v->iov_base = (char *)v->iov_base + some;
		v->iov_len -= some;
		n -= some;
	}
}

static int write_all(struct conn *c, struct iovec *v)
{
	int64_t rate = c->s->limits.write_rate;
	while (v[0].iov_len + v[1].iov_len > 0) {
		int64_t since = load_relaxed(&c->s->now);
		if (!ug__http_limit(c, until(c, c->write_slack, rate), false))
			return -ETIMEDOUT;
		store_relaxed(&c->writing, 1u);
		ssize_t n = ug_conn_write_some(c->net, v, v[1].iov_len ? 2 : 1);
		store_relaxed(&c->writing, 0u);
		if (!ug__http_limit(c, UG_FOREVER, false))
			return -ETIMEDOUT;
		if (n < 0)
			return (int)n;
		store_relaxed(&c->sent, c->sent + n);
		settle(c, &c->write_slack, rate, since, n);
		advance(v, (size_t)n);
	}
	return 0;
}

int ug__http_write(struct conn *c, const void *data, size_t n)
{
	struct work *w = c->work;
	struct iovec v[2] = {{w->out, w->out_len}, {(void *)(uintptr_t)data, n}};
	if (c->broken)
		return -EPIPE;
	UG_TRY(ug_ctx_err(NULL)); /* nothing is lost: last words may follow */
	int e = write_all(c, v);
	w->out_len = 0;
	c->broken = e < 0;
	return e;
}

int ug__http_put(struct conn *c, const void *data, size_t n)
{
	struct work *w = c->work;
	if (n > OUT_BYTES - w->out_len)
		return ug__http_write(c, data, n);
	memcpy(w->out + w->out_len, data, n);
	w->out_len += (uint32_t)n;
	return c->broken ? -EPIPE : 0;
}

/* What moves bytes by itself (sendfile) shows its progress only when it ends, so it is ended every rate_time. The first
 * call does not wait, and needs no end: it mostly takes all there is, and what lies between it and the head costs more
 * than itself (docs/rationale.md). */
int ug__http_send_from(struct conn *c, ug_reader src, int64_t n, int64_t *count)
{
	const struct limits *l = &c->s->limits;
	int64_t least = l->rate_time / UG_MS * l->write_rate / 1000;
	int64_t total = 0, went = 0;
	int e = ug__http_write(c, NULL, 0);
	if (e == 0) {
		ssize_t now = ug__copy_now(ug_conn_writer(c->net), src, n);
		e = now < 0 ? (int)now : 0;
		total = now < 0 ? 0 : now;
		store_relaxed(&c->sent, c->sent + total);
	}
	while (e == 0 && total < n) {
		if (l->write_rate) {
			UG_WITH_TIMEOUT(l->rate_time) {
				e = ug_copy_upto(ug_conn_writer(c->net), src, n - total, &went);
			}
		} else {
			e = ug_copy_upto(ug_conn_writer(c->net), src, n - total, &went);
		}
		total += went;
		store_relaxed(&c->sent, c->sent + went);
		if (e == -ETIMEDOUT && ug_ctx_err(NULL) == 0 &&
			((went > 0 && went >= least) || judge(c) >= l->rate_time))
			e = 0;
		else if (e == 0)
			break;
	}
	c->broken = c->broken || e < 0;
	*count = total;
	return e;
}
