/* SPDX-License-Identifier: MIT */
/*
 * A connection: a task that reads a head, has it answered, and reads the next; while it is idle, none.
 *
 * What lasts lies in the record, none of it on the stack, and what takes room only while there is work: when bytes come
 * the task takes a `work` (buffers, the parsed head, request and response), answers all requests that are in them, and
 * gives it back.
 *
 * Rest. A connection that is not expected to speak soon gives its task back too: its descriptor starts the next one
 * (ug_conn_fd; one in memory has none, and keeps its task). To wait with a task costs less, and is done where the
 * client has spoken again within the server's patience, a second at most (`warm`). A new connection rests until its
 * first byte, and again after its first answer: a crowd of clients costs no stack that it does not use at that moment.
 * A task that waits beyond patience is called back by the watch (wire.c), out of its wait, or out of a first read that
 * found nothing after all. The connection has one owner at a time: who starts it, its task, and from ug__http_conn_go
 * on the task to come. Who cuts it wins the limit's word, and then, under the shard's lock, ends the task's context if
 * there is a task, else closes the connection, which starts one. A task that goes to rest takes its context out under
 * that lock and looks at the word after; so one of the two sees the other, or the close makes ug__http_conn_go fail.
 *	Rejected: a rest after each answer. A busy connection then runs 500 instructions more for each request.
 *
 * Answers are gathered. Pipelined requests are answered one after the other into one buffer, which is written when the
 * input is used up, when it is full, or when a request has to wait for its body. So a batch costs one write, as it cost
 * one read.
 *
 * The end. A connection closes after an answer that says so. If the client may still be sending then (a body that
 * nobody read, a request that was refused in the middle, further requests where the end was not its own wish), closing
 * at once would make the kernel send a reset, and that may destroy the answer on its way; so the writing side is
 * closed, and what comes is thrown away for a while (RFC 9112 9.6). What was cut because it was slow gets its last
 * words under a shield, for its own context has ended.
 */
#include "http/server_priv.h"

#include "base/lock.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINGER_TIME (2 * UG_SECOND)
#define LINGER_BYTES (256 << 10)

/* ---- the log ---- */

static void count(struct conn *c)
{
	const ug_http_response *r = &c->work->r;
	c->tally.requests++;
	c->tally.status[r->status / 100]++;
	c->tally.bytes += r->bodyless ? 0 : (uint64_t)r->sent;
}

static UG__NOINLINE void log_entry(struct conn *c, const char *reason)
{
	struct work *w = c->work;
	char remote[UG_ADDR_TEXT] = "";
	ug_addr a;
	if (ug_conn_remote(c->net, &a) == 0)
		ug_addr_format_ip(&a, remote, sizeof remote);
	bool read = w->head.target.len > 0;
	const char *referer = read ? ug_http_header(&w->q, "referer", 0) : NULL;
	const char *agent = read ? ug_http_header(&w->q, "user-agent", 0) : NULL;
	struct ug_http_log entry = {
		.remote = remote,
		.method = ug__http_text_of(w, w->head.name),
		.target = ug__http_text_of(w, w->head.target),
		.referer = referer ? referer : "",
		.user_agent = agent ? agent : "",
		.reason = reason,
		.minor = w->head.minor,
		.status = w->r.status,
		.bytes = w->r.bodyless ? 0 : w->r.sent,
		.time = w->q.time,
		.duration = ug_now() - w->q.started,
	};
	c->s->log(c->s->log_arg, &entry);
}

static void begin(struct conn *c)
{
	struct work *w = c->work;
	ug__http_request_init(w, c);
	ug__http_response_init(w, c);
	c->read_slack = c->write_slack = c->s->limits.rate_time;
	if (c->s->log) {
		struct timespec ts;
		clock_gettime(CLOCK_REALTIME, &ts);
		w->q.time = (int64_t)ts.tv_sec * UG_SECOND + ts.tv_nsec;
		w->q.started = ug_now();
	}
}

/* reason: why there is no request; NULL: there is one, but its body may turn out not to be one. */
static void finish(struct conn *c, const char *reason)
{
	ug_http_response *r = &c->work->r;
	const struct body *b = &c->work->q.body;
	if (ug__http_response_finish(r) < 0)
		r->close = true;
	if (!reason && b->failed && b->status == r->status)
		reason = b->reason;
	c->tally.refused += reason != NULL;
	count(c);
	if (c->s->log)
		log_entry(c, reason);
}

/* ---- the end ---- */

static void linger(struct conn *c)
{
	if (ug_conn_shutdown_write(c->net) < 0)
		return;
	for (size_t got = 0; got < LINGER_BYTES;) {
		ssize_t n = ug__http_read(c, c->work->in, c->work->in_size);
		if (n <= 0)
			return;
		got += (size_t)n;
	}
}

static UG__NOINLINE void last_words(struct conn *c, bool more_may_come)
{
	if (ug_ctx_err(NULL) == 0 && ug__http_write(c, NULL, 0) < 0)
		return;
	if (!more_may_come && c->work->out_len == 0)
		return;
	ug__http_uncut(c);
	UG_SHIELD {
		UG_WITH_TIMEOUT(LINGER_TIME) {
			if (ug__http_write(c, NULL, 0) == 0)
				linger(c);
		}
	}
}

/* Answers what is no request, and ends. */
static UG__NOINLINE void refuse(struct conn *c, int status, const char *reason)
{
	struct work *w = c->work;
	w->base = w->in + w->in_start;
	begin(c);
	w->r.close = w->q.body.ended = true; /* nobody knows where a body would begin */
	ug__http_response_fail(&w->r, status, reason);
	finish(c, reason);
	ug__http_request_done(w);
	last_words(c, true);
}

/* ---- requests ---- */

/* The answer's status after a handler's negative code. */
static int status_of(const struct work *w, int e)
{
	if (w->q.body.failed)
		return w->q.body.status;
	switch (e) {
	case -ENOENT:
		return 404;
	case -EACCES:
	case -EPERM:
		return 403;
	case -ECANCELED:
		return 503;
	default:
		return 500;
	}
}

static void handle(struct conn *c)
{
	struct work *w = c->work;
	const char *allow = NULL;
	int status = ug__http_route_find(c->s, w, &allow);
	if (allow)
		ug_http_set(&w->r, "Allow", allow);
	if (status == 204)
		ug_http_status(&w->r, status);
	else if (status != 0 && ug_http_error(&w->r, status, NULL) < 0)
		w->r.close = true;
	if (status != 0)
		return;
	int e = w->q.route->handler(&w->q, &w->r, w->q.route->arg);
	if (e >= 0)
		return;
	ug__http_response_fail(&w->r, status_of(w, e), w->q.body.failed ? w->q.body.reason : NULL);
}

/* Puts the head where a body can follow it in the buffer, and stay there. */
static void settle_head(struct work *w, size_t n)
{
	uint32_t at = w->in_start;
	if (w->in_size - at - n < TRAILER_BYTES) {
		memmove(w->in, w->in + at, w->in_end - at);
		w->in_end -= at;
		at = 0;
	}
	w->base = w->in + at;
	w->in_start = w->in_floor = at + (uint32_t)n;
}

/* Answers the request whose head has n bytes. false: the connection is over. */
static bool exchange(struct conn *c, size_t n)
{
	struct work *w = c->work;
	settle_head(w, n);
	begin(c);
	handle(c);
	finish(c, NULL);
	bool keep = !w->r.close && !c->broken && ug__http_body_skip(w);
	bool asked = w->head.close || (w->head.minor == 0 && !w->head.keep_alive);
	bool more = !asked || w->in_end > w->in_start || !w->q.body.ended;
	ug__http_request_done(w);
	w->in_floor = 0;
	if (!keep)
		last_words(c, more);
	return keep;
}

/* Reads behind what is there, under the limit in force. A count, 0 at the end, a code; -ETIMEDOUT where it was cut;
 * -EAGAIN where the watch takes it for one that is idle for long: the limit is still in force. */
static ssize_t receive(struct conn *c)
{
	struct work *w = c->work;
	ssize_t room = ug__http_room(w);
	if (room < 0)
		return room;
	ssize_t n = ug_conn_read(c->net, w->in + w->in_end, (size_t)room);
	if (unlikely(n == -EAGAIN))
		return n;
	if (!ug__http_limit(c, UG_FOREVER, false))
		return -ETIMEDOUT;
	if (n > 0)
		w->in_end += (uint32_t)n;
	return n;
}

static ssize_t fill(struct conn *c, int64_t until)
{
	if (c->work->out_len > 0)
		UG_TRY(ug__http_write(c, NULL, 0));
	if (!ug__http_limit(c, until, false))
		return -ETIMEDOUT;
	ssize_t n;
	do
		n = receive(c);
	while (n == -EAGAIN); /* the watch was a moment too late */
	return n;
}

/* The length of the next head; 0: there is nothing left of the input; a code: the connection is over. */
static ssize_t next_head(struct conn *c, int64_t until)
{
	struct work *w = c->work;
	const struct limits *l = &c->s->limits;
	ug__http_head_init(&w->head, w->fields, l->max_fields, l->max_head);
	w->head.browser_urls = c->s->browser_urls;
	while (w->in_end > w->in_start) {
		ssize_t n = ug__http_head_feed(&w->head, w->in + w->in_start, w->in_end - w->in_start);
		if (n < 0)
			refuse(c, w->head.status, w->head.reason);
		if (n != 0)
			return n;
		n = fill(c, until);
		if (n == -ETIMEDOUT && ug__http_is_cut(c))
			refuse(c, 408, "the head took too long");
		if (n <= 0)
			return n == 0 ? UG_ESHORT : n;
	}
	return 0;
}

enum next { OVER, SPEAKS, RESTS };

/* Reads, and answers all requests that have come. It is idle until the first byte: what made it readable may have been
 * an older one. OVER, or what is expected of the client next. */
static enum next requests(struct conn *c)
{
	const struct limits *l = &c->s->limits;
	ssize_t n = receive(c);
	if (n <= 0)
		return n == -EAGAIN ? RESTS : OVER;
	int64_t since = c->fresh ? c->start : load_relaxed(&c->s->now);
	while ((n = next_head(c, ug_time_add(since, l->head_time))) > 0) {
		c->fresh = false;
		if (!exchange(c, (size_t)n))
			return OVER;
		since = load_relaxed(&c->s->now);
	}
	return n == 0 && ug__http_write(c, NULL, 0) == 0 ? SPEAKS : OVER;
}

/* ---- the task ---- */

/* With memory for it as long as there is something to do. */
static enum next answer(struct conn *c)
{
	c->work = ug__http_work_get(c);
	if (!c->work)
		return OVER;
	enum next next = requests(c);
	ug__http_work_put(c);
	return next;
}

/* From here on it may be closed at any moment. false: it is to end. */
static inline __attribute__((always_inline)) bool be_idle(struct conn *c)
{
	const struct limits *l = &c->s->limits;
	int64_t now = load_relaxed(&c->s->now);
	int64_t until = c->fresh ? ug_time_add(c->start, l->head_time) : ug_time_add(now, l->idle_time);
	store_relaxed(&c->idle_since, c->fresh ? UG_FOREVER : now);
	/* A server that stops looks at connections after it has said so; this one looks after it is idle: one of them
	 * sees the other. */
	return ug__http_limit(c, until, true) && !load_seq(&c->s->stopping);
}

/* Waits for the client to speak, unless it is better to rest. */
static enum next await(struct conn *c)
{
	if (!be_idle(c))
		return OVER;
	if (!c->warm)
		return RESTS;
	int e = ug_conn_wait_readable(c->net);
	return e == 0 ? SPEAKS : e == -EAGAIN ? RESTS : OVER;
}

static void enter(struct conn *c)
{
	struct shard *h = c->shard;
	ug__lock(&h->lock);
	c->next = h->conns;
	c->prev = NULL;
	if (h->conns)
		h->conns->prev = c;
	h->conns = c;
	ug__unlock(&h->lock);
}

static void end(struct conn *c)
{
	struct shard *h = c->shard;
	ug__lock(&h->lock);
	while (c->pins > 0) {
		ug__unlock(&h->lock);
		ug_yield();
		ug__lock(&h->lock);
	}
	*(c->prev ? &c->prev->next : &h->conns) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	ug__unlock(&h->lock);
	ug__http_conn_end(c);
}

/* The task's context is the one to be cancelled from now on; or there is none: then it is the connection that is
 * closed. */
static void attach(struct conn *c, ug_ctx *ctx)
{
	ug__lock(&c->shard->lock);
	c->ctx = ctx;
	ug__unlock(&c->shard->lock);
}

static int serve(struct conn *c, bool speaks)
{
	ug_ctx ctx;
	ug_ctx_push(&ctx);
	attach(c, &ctx);
	enum next next = SPEAKS;
	for (; next == SPEAKS; speaks = false)
		if (speaks || (next = await(c)) == SPEAKS)
			next = answer(c);
	attach(c, NULL);
	ug_ctx_pop(&ctx);
	/* Who has cut it before cancelled a context that is gone. Nothing of c is looked at once it rests: another task
	 * may have it. */
	if (next == OVER || ug__http_is_cut(c) || ug__http_conn_go(c) < 0)
		end(c);
	return 0; /* one client's fault is nobody else's: a code would end the group */
}

int ug__http_conn_spoke(void *arg, int result)
{
	struct conn *c = arg;
	c->warm = !c->fresh && !ug__http_idle_long(c);
	if (result == 0)
		return serve(c, true);
	end(c);
	return 0;
}

int ug__http_conn_wait(void *arg)
{
	struct conn *c = arg;
	c->warm = true; /* nobody could tell that its client speaks, but a task that waits */
	return serve(c, false);
}

int ug__http_conn_start(struct conn *c)
{
	c->fresh = true;
	c->start = load_relaxed(&c->s->now);
	c->limit = UG_FOREVER & ~INT64_C(1);
	enter(c);
	int e = be_idle(c) ? ug__http_conn_go(c) : -EBADF;
	if (e < 0)
		end(c);
	return e == -ENOMEM || e == -ECANCELED ? e : 0;
}
