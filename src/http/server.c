/* SPDX-License-Identifier: MIT */
/*
 * A server: its options, the loop that accepts, the watch that cuts what is slow, and the end.
 *
 * ug_http_serve is a scope. Its connections are tasks of one group under a shield, so that the end of the caller's
 * context does not tear requests in the middle: it only starts the end, as ug_http_shutdown does. The end: the listener
 * closes; idle connections close; those that work finish their request, and their answers say so; what is still there
 * when the drain time is over is cancelled with the group.
 *
 * The watch is one more task of that group. Every tick it sets the server's clock and looks for limits that are over
 * (wire.c); with no connection open it sleeps without a tick, so that an idle server makes no wake-ups. It also lets go
 * of files that nobody asks for.
 */
#include "http/server_priv.h"

#include "base/lock.h"
#include "base/sys.h"
#include "sched/sched.h"
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define BACK_OFF_FIRST (5 * UG_MS)
#define BACK_OFF_MOST UG_SECOND
#define TICK_MOST (500 * UG_MS)
#define TICK_LEAST (2 * UG_MS)
#define STOOD_STILL (500 * UG_MS) /* a tick that is later than that is not for want of a processor */
#define IDLE_TICKS 2 /* of patience */
#define TALLY_EVERY 64 /* requests of a connection, before the server hears of them */

struct serving {
	struct serving *next;
	ug_http_server *s;
	ug_listener listener;
	ug_group group;
	ug_waitgroup connections;
	ug_mutex watch_lock; /* guards `over` */
	ug_cond watch_wake;
	bool over;
	int64_t open; /* connections; atomic */
	uint64_t seen; /* connections of the server at the last tick; the watch's */
	ug_ctx accepting;
	bool accepts; /* `accepting` may be cancelled; guarded by the server's lock */
	ug_ctx *caller;
};

/* ---- options ---- */

static int64_t none_is(int64_t v, int64_t standard, int64_t none)
{
	return v == 0 ? standard : v < 0 ? none : v;
}

static int64_t descriptors(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur > INT32_MAX)
		return INT32_MAX;
	return (int64_t)r.rlim_cur;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int set_limits(struct limits *l, const struct ug_http_server_opts *o)
{
	*l = (struct limits){
		.max_head = o->max_head ? o->max_head : UG__HTTP_HEAD_BYTES,
		.max_fields = o->max_fields ? o->max_fields : UG__HTTP_HEAD_FIELDS,
		.max_body = none_is(o->max_body, 8 << 20, UG_FOREVER),
		.max_connections = none_is(o->max_connections, descriptors() * 9 / 10, INT32_MAX),
		.head_time = none_is(o->head_time, 10 * UG_SECOND, UG_FOREVER),
		.idle_time = none_is(o->idle_time, UG_MINUTE, UG_FOREVER),
		.rate_time = o->rate_time ? o->rate_time : 10 * UG_SECOND,
		.drain_time = none_is(o->drain_time, 10 * UG_SECOND, UG_FOREVER),
		.read_rate = none_is(o->min_read_rate, 1 << 10, 0),
		.write_rate = none_is(o->min_write_rate, 1 << 10, 0),
	};
	if (l->max_head < 1u << 10 || l->max_head > 1u << 20 || l->max_fields > 10000 || l->rate_time < 0 ||
		l->rate_time > 24 * UG_HOUR || l->read_rate > 1 << 30 || l->write_rate > 1 << 30 ||
		l->max_connections < 1)
		return -EINVAL;
	int64_t shortest = least(least(l->head_time, l->idle_time), l->rate_time) / 8;
	l->tick = shortest > TICK_MOST ? TICK_MOST : shortest < TICK_LEAST ? TICK_LEAST : shortest;
	l->patience = IDLE_TICKS * l->tick;
	return 0;
}

int ug_http_server_new(const struct ug_http_server_opts *opts, ug_http_server **out)
{
	static const struct ug_http_server_opts standard;
	const struct ug_http_server_opts *o = opts ? opts : &standard;
	struct limits limits;
	UG_TRY(set_limits(&limits, o));
	ug_http_server *s = aligned_alloc(64, sizeof *s);
	if (!s)
		return -ENOMEM;
	memset(s, 0, sizeof *s);
	s->limits = limits;
	s->browser_urls = o->accept_browser_urls;
	s->log = o->log;
	s->log_arg = o->log_arg;
	ug_sem_init(&s->slots, limits.max_connections);
	*out = s;
	return 0;
}

static void work_free(struct work *w)
{
	free(w->r.fields);
	free(w);
}

void ug_http_server_free(ug_http_server *s)
{
	if (!s)
		return;
	for (int i = 0; i < SPARES; i++) {
		for (struct work *w = s->spares[i].first, *next; w; w = next) {
			next = w->next;
			work_free(w);
		}
	}
	ug__http_routes_free(s->routes);
	ug__http_files_free(s->files);
	free(s);
}

void ug_http_server_clean(ug_http_server **s)
{
	ug_http_server_free(*s);
	*s = NULL;
}

/* ---- memory for connections that work ---- */

static struct work *work_new(const struct limits *l)
{
	const size_t align = _Alignof(max_align_t);
	size_t head = (sizeof(struct work) + sizeof(struct ug__http_field) * l->max_fields + align - 1) / align * align;
	size_t in = l->max_head + TRAILER_BYTES;
	struct work *w = malloc(head + SCRATCH_BYTES + in + OUT_BYTES + BODY_BYTES);
	if (!w)
		return NULL;
	memset(w, 0, sizeof *w);
	w->date_at = -1;
	w->in_size = (uint32_t)in;
	w->scratch = (char *)w + head; /* memory for any type */
	w->in = w->scratch + SCRATCH_BYTES;
	w->out = w->in + in;
	w->body = w->out + OUT_BYTES;
	return w;
}

/* The worker's address is hashed to a list: two may share one. Each keeps WORKS_KEPT at the most. */
static struct spares *spares_of(ug_http_server *s)
{
	uint32_t worker = (uint32_t)((uintptr_t)ug__worker_head() / 64);
	return &s->spares[worker * 2654435761u >> 28];
}
_Static_assert(SPARES == 1 << (32 - 28), "spares_of takes four bits");

struct work *ug__http_work_get(struct conn *c)
{
	struct spares *h = spares_of(c->s);
	ug__lock(&h->lock);
	struct work *w = h->first;
	if (w) {
		h->first = w->next;
		h->count--;
	}
	ug__unlock(&h->lock);
	if (!w)
		w = work_new(&c->s->limits);
	if (w)
		w->in_start = w->in_end = w->in_floor = w->out_len = 0;
	return w;
}

void ug__http_work_put(struct conn *c)
{
	struct spares *h = spares_of(c->s);
	struct work *w = c->work;
	c->work = NULL;
	if (c->tally.requests >= TALLY_EVERY)
		ug__http_tally(c);
	ug__lock(&h->lock);
	bool keep = h->count < WORKS_KEPT;
	if (keep) {
		w->next = h->first;
		h->first = w;
		h->count++;
	}
	ug__unlock(&h->lock);
	if (!keep)
		work_free(w);
}

/* ---- counts ---- */

void ug__http_tally(struct conn *c)
{
	struct tally t = c->tally;
	struct ug_http_stats *s = &c->s->stats;
	c->tally = (struct tally){0};
	add_relaxed(&s->requests, (uint64_t)t.requests);
	add_relaxed(&s->refused, (uint64_t)t.refused);
	add_relaxed(&s->bytes, t.bytes);
	for (int i = 2; i < 6; i++)
		if (t.status[i])
			add_relaxed(&s->status[i], (uint64_t)t.status[i]);
}

void ug_http_stats_get(ug_http_server *s, struct ug_http_stats *out)
{
	struct ug_http_stats r = {
		.connections = load_relaxed(&s->stats.connections),
		.requests = load_relaxed(&s->stats.requests),
		.open = load_relaxed(&s->stats.open),
		.bytes = load_relaxed(&s->stats.bytes),
		.refused = load_relaxed(&s->stats.refused),
	};
	for (int i = 0; i < 6; i++)
		r.status[i] = load_relaxed(&s->stats.status[i]);
	*out = r;
}

/* ---- the watch ---- */

/* While the whole process stood still (a debugger, a frozen container) clients could not be served: that time is not
 * theirs. */
static void set_clock(ug_http_server *s)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	ug__lock(&s->lock);
	int64_t real = ug_now(), step = real - s->real;
	store_relaxed(&s->now, s->now + (step > s->limits.tick + STOOD_STILL ? s->limits.tick : step));
	s->real = real;
	ug__unlock(&s->lock);
	store_relaxed(&s->wall, (int64_t)ts.tv_sec);
}

static void cut(ug_http_server *s, bool idle_too)
{
	int64_t now = load_relaxed(&s->now);
	for (int i = 0; i < SHARDS; i++)
		ug__http_cut(&s->shards[i], now, idle_too);
}

/* Waits for the next tick, or, where there was nothing to watch since the last one, for a connection. false: it is
 * over. */
static bool next_tick(struct serving *v)
{
	uint64_t connections = load_relaxed(&v->s->stats.connections);
	bool idle = load_relaxed(&v->open) == 0 && connections == v->seen;
	v->seen = connections;
	ug__http_files_tidy(v->s->files, idle);
	int e = ug_mutex_lock(&v->watch_lock);
	if (e < 0)
		return false;
	if (!v->over && idle && load_relaxed(&v->open) == 0) {
		e = ug_cond_wait(&v->watch_wake, &v->watch_lock);
	} else if (!v->over) {
		UG_WITH_TIMEOUT(v->s->limits.tick) {
			e = ug_cond_wait(&v->watch_wake, &v->watch_lock);
		}
		if (e == -ETIMEDOUT)
			e = 0;
	}
	bool more = !v->over && e == 0;
	ug_mutex_unlock(&v->watch_lock);
	return more;
}

static int watch(void *arg)
{
	struct serving *v = arg;
	do {
		set_clock(v->s);
		cut(v->s, load_seq(&v->s->stopping));
	} while (next_tick(v));
	ug__http_files_tidy(v->s->files, true);
	return 0;
}

static void wake_watch(struct serving *v, bool over)
{
	UG_SHIELD {
		if (ug_mutex_lock(&v->watch_lock) == 0) {
			v->over = v->over || over;
			ug_cond_signal(&v->watch_wake);
			ug_mutex_unlock(&v->watch_lock);
		}
	}
}

/* ---- connections ---- */

void ug__http_conn_end(struct conn *c)
{
	ug_http_server *s = c->s;
	struct serving *v = c->serving;
	if (c->work)
		ug__http_work_put(c);
	ug__http_tally(c);
	ug_conn_close(c->net);
	free(c);
	add_relaxed(&s->stats.open, (uint64_t)-1);
	add_relaxed(&v->open, (int64_t)-1);
	ug_sem_release(&s->slots, 1);
	ug_waitgroup_done(&v->connections);
}

/* Starts a connection, which it takes over. */
static int start(struct serving *v, ug_conn net)
{
	ug_http_server *s = v->s;
	struct conn *c = calloc(1, sizeof *c);
	if (!c) {
		ug_conn_close(net);
		ug_sem_release(&s->slots, 1);
		return -ENOMEM;
	}
	add_relaxed(&s->stats.open, (uint64_t)1);
	set_clock(s); /* which may be late, and that is not the client's time */
	if (add_relaxed(&v->open, (int64_t)1) == 0)
		wake_watch(v, false);
	uint64_t number = add_relaxed(&s->stats.connections, (uint64_t)1);
	c->s = s;
	c->serving = v;
	c->shard = &s->shards[number % SHARDS];
	c->net = net;
	ug_waitgroup_add(&v->connections, 1);
	return ug__http_conn_start(c);
}

int ug__http_conn_go(struct conn *c)
{
	static const struct ug_go_opts opts = {.name = "http"};
	ug_fd *f = ug_conn_fd(c->net);
	ug_group *g = &c->serving->group;
	return f ? ug_group_go_when_readable(g, f, UG_FOREVER, ug__http_conn_spoke, c, &opts)
		 : ug_group_go_with(g, ug__http_conn_wait, c, &opts);
}

/* Out of descriptors or memory: one client sees an end, that of the connection at hand or the one at the head of the
 * queue; the rest wait. */
static int back_off(struct serving *v, bool at_hand, int64_t *pause)
{
	ug__http_files_tidy(v->s->files, true);
	if (!at_hand)
		ug_listener_shed(v->listener);
	int e = ug_sleep(*pause);
	*pause = least(2 * *pause, BACK_OFF_MOST);
	return e;
}

/* Cuts a connection that has been idle for a while, to make room for one that has something to say: the one that has
 * been it longest of its shard. Shards take turns, so that the many connections of a large server are not all looked at
 * for each new one. */
static void evict(ug_http_server *s)
{
	int64_t latest = load_relaxed(&s->now) - s->limits.patience;
	for (int i = 0; i < SHARDS; i++)
		if (ug__http_evict(&s->shards[add_relaxed(&s->turn, 1u) % SHARDS], latest))
			return;
}

/* Waits for a place with the connection at hand: before it is there, the place would be kept by a listener that nobody
 * dials. */
static int admit(struct serving *v, ug_conn net)
{
	ug_http_server *s = v->s;
	int e = ug_sem_try_acquire(&s->slots, 1);
	while (e == -EBUSY || e == -ETIMEDOUT) {
		evict(s);
		UG_WITH_TIMEOUT(s->limits.tick) {
			e = ug_sem_acquire(&s->slots, 1);
		}
	}
	if (e < 0) {
		ug_conn_close(net);
		return e;
	}
	return start(v, net);
}

/* Takes connections until its context ends, which is how a stop comes, or accepting fails. */
static int accept_all(struct serving *v)
{
	int64_t pause = BACK_OFF_FIRST;
	while (!load_seq(&v->s->stopping)) {
		ug_conn net;
		int e = ug_accept(v->listener, &net);
		bool at_hand = e == 0;
		if (at_hand)
			e = admit(v, net);
		if (e == -EMFILE || e == -ENFILE || e == -ENOBUFS || e == -ENOMEM)
			e = back_off(v, at_hand, &pause);
		else
			pause = BACK_OFF_FIRST;
		if (e < 0)
			return e;
	}
	return 0;
}

/* ---- start and end ---- */

static void enlist(struct serving *v)
{
	ug__lock(&v->s->lock);
	v->next = v->s->servings;
	store_relaxed(&v->s->servings, v);
	ug__unlock(&v->s->lock);
}

static int accept_until_stopped(struct serving *v)
{
	ug_ctx_push(&v->accepting);
	ug__lock(&v->s->lock);
	v->accepts = true;
	ug__unlock(&v->s->lock);
	int e = accept_all(v);
	ug__lock(&v->s->lock);
	v->accepts = false;
	ug__unlock(&v->s->lock);
	ug_ctx_pop(&v->accepting);
	return e;
}

static void delist(struct serving *v)
{
	struct serving **at = &v->s->servings;
	ug__lock(&v->s->lock);
	while (*at != v)
		at = &(*at)->next;
	store_relaxed(at, v->next);
	ug__unlock(&v->s->lock);
}

void ug_http_shutdown(ug_http_server *s)
{
	store_seq(&s->stopping, 1u);
	ug__lock(&s->lock);
	for (struct serving *v = s->servings; v; v = v->next)
		if (v->accepts)
			ug_ctx_cancel(&v->accepting, 0);
	ug__unlock(&s->lock);
	cut(s, true);
}

/* Starts the end when the caller's context ends. A task from the start: at the end there might be no memory for one. */
static int teller(void *arg)
{
	struct serving *v = arg;
	int e = ug_sleep_until(UG_FOREVER);
	if (ug_ctx_err(v->caller))
		ug_http_shutdown(v->s);
	return e;
}

/* Waits for the connections, as long as they may go on; -ETIMEDOUT: some had to be cut. */
static int drain(struct serving *v)
{
	int e = 0;
	UG_WITH_TIMEOUT(v->s->limits.drain_time) {
		e = ug_waitgroup_wait(&v->connections);
	}
	if (e < 0)
		ug_group_cancel(&v->group, -ETIMEDOUT);
	return e;
}

static int run(struct serving *v)
{
	static const struct ug_go_opts watch_opts = {.name = "http watch"};
	int e, drained = 0;
	ug_group_open(&v->group, NULL);
	e = ug_group_go_with(&v->group, watch, v, &watch_opts);
	if (e == 0) {
		e = accept_until_stopped(v);
		ug_listener_close(ug_listener_ref(v->listener));
		drained = drain(v);
	}
	wake_watch(v, true);
	int failed = ug_group_close(&v->group);
	if (load_seq(&v->s->stopping))
		e = drained;
	return e < 0 ? e : failed;
}

int ug_http_serve(ug_http_server *s, ug_listener l)
{
	static const struct ug_go_opts teller_opts = {.name = "http end"};
	struct serving *v = calloc(1, sizeof *v);
	ug_group telling; /* a task that touches the server, which may be freed as soon as this has returned */
	if (!v)
		return -ENOMEM;
	v->s = s;
	v->listener = ug_listener_ref(l);
	v->caller = ug_ctx_current();
	set_clock(s);
	enlist(v);
	ug_group_open(&telling, NULL);
	int e = ug_group_go_with(&telling, teller, v, &teller_opts);
	if (e < 0 && ug_ctx_err(v->caller)) { /* it has ended before */
		ug_http_shutdown(s);
		e = 0;
	}
	if (e == 0) {
		UG_SHIELD {
			e = run(v);
		}
	}
	ug_group_cancel(&telling, 0);
	(void)ug_group_close(&telling); /* what it answers is that it was cancelled */
	delist(v);
	ug_listener_unref(v->listener);
	free(v);
	return e;
}
