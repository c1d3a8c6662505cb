/* SPDX-License-Identifier: MIT */
/*
 * The server, its connections, and what a request under way needs. Who may touch what:
 *
 *	server       set up before it serves; after that its locks and atomics guard what changes
 *	connection   its task alone, while it has one, but for `limit` (see wire.c) and what its shard's lock guards
 *	work         memory of a connection that has something to do; an idle one has none
 */
#ifndef UG_HTTP_SERVER_PRIV_H
#define UG_HTTP_SERVER_PRIV_H

#include "base/atomic.h"
#include "http/chunk_priv.h"
#include "http/date_priv.h"
#include "http/parse_priv.h"
#include <stdbool.h>
#include <sys/uio.h>
#include <undergo/http.h>

#define SHARDS 16
#define SPARES 16
#define OUT_BYTES (16u << 10) /* answers gathered for one write */
#define BODY_BYTES (8u << 10) /* of an answer whose length nobody said */
#define SCRATCH_BYTES (4u << 10) /* request memory before malloc is asked */
#define PARAMS_MAX 16
#define WORKS_KEPT 32 /* spare ones, a worker */
#define TRAILER_BYTES (4u << 10) /* of a chunked body, and what the input holds beside a head */

struct node; /* of the tree of routes */
struct route {
	struct route *next; /* of the same path */
	char *method; /* "" all */
	ug_http_handler *handler;
	void *arg;
	char *names[PARAMS_MAX]; /* of what the path captures, in order */
	unsigned nnames;
};

/* What the server was told, with the defaults filled in. Times and rates: UG_FOREVER and 0 for none. */
struct limits {
	uint32_t max_head, max_fields;
	int64_t max_body, max_connections;
	int64_t head_time, idle_time, rate_time, drain_time;
	int64_t read_rate, write_rate;
	int64_t tick; /* how often connections are looked at */
	int64_t patience; /* how long an idle one is left alone: requests may follow on each other */
};

struct shard {
	uint32_t lock;
	struct conn *conns;
} __attribute__((aligned(64)));

/* Memory for connections that work: what was used last on the same worker, and so is in its caches. */
struct spares {
	uint32_t lock, count;
	struct work *first;
} __attribute__((aligned(64)));

struct serving; /* a call of ug_http_serve */
struct files;

struct ug_http_server {
	struct limits limits;
	bool browser_urls;
	void (*log)(void *arg, const struct ug_http_log *entry);
	void *log_arg;
	struct node *routes;
	struct files *files; /* what is to be closed with it */

	/* Read by connections all the time, written each tick. */
	int64_t now __attribute__((aligned(64))); /* runs as ug_now does, but not while the process is stopped */
	int64_t wall; /* seconds since 1970 */
	uint32_t stopping;

	uint32_t lock __attribute__((aligned(64))); /* guards `servings`, and the writing of `now` */
	struct serving *servings;
	int64_t real; /* ug_now when `now` was set; under the lock */
	struct ug_http_stats stats; /* atomic, each for itself */
	ug_sem slots;
	uint32_t turn; /* atomic: of the shards, at giving up connections */

	struct shard shards[SHARDS];
	struct spares spares[SPARES];
};

/* What a connection has counted and not told the server yet. */
struct tally {
	uint32_t requests, refused, status[6];
	uint64_t bytes;
};

/* What a request touches lies together: of many connections each is cold when its turn comes. */
struct conn {
	ug_http_server *s;
	ug_conn net;
	struct work *work; /* NULL: idle */
	int64_t limit; /* atomic; see conn.c */
	int64_t idle_since; /* atomic; UG_FOREVER: before the first request */
	uint32_t writing; /* atomic: it is a write that waits */
	bool broken; /* nothing more can be written */
	bool fresh; /* no request has come yet */
	bool warm; /* its task waits for the next request, which is likely to come soon */
	int64_t start; /* of the connection, by the server's clock */
	int64_t sent; /* atomic: bytes that the system has taken, all in all */
	int64_t read_slack, write_slack; /* how long the client may still be slow; see conn.c */
	struct tally tally;
	/* Of its beginning, its end, and the watch. */
	struct conn *next, *prev; /* in its shard */
	struct serving *serving;
	struct shard *shard;
	uint32_t pins; /* it stays in its list; under the shard's lock */
	int64_t taken; /* atomic: of `sent`, what the client had taken when its slowness was last judged */
	ug_ctx *ctx; /* its task's; NULL: it rests, and has none; under the shard's lock */
};

enum body_kind { BODY_NONE, BODY_LENGTH, BODY_CHUNKED };

struct body {
	uint8_t kind; /* enum body_kind */
	bool continue_due; /* the client waits for 100 */
	bool ended, failed;
	uint16_t status; /* of the failure */
	const char *reason;
	int64_t left; /* of BODY_LENGTH */
	int64_t got, max;
	struct ug__http_chunk chunk;
};

struct ug_http_request {
	struct conn *c;
	struct body body;
	const struct route *route;
	struct ug__http_part values[PARAMS_MAX]; /* undecoded, in the input */
	size_t scratch_used;
	struct block *blocks; /* from malloc */
	int64_t time, started; /* wall clock and ug_now, for the log */
};

enum stage { OPEN, STREAM, DONE };

struct ug_http_response {
	struct conn *c;
	uint8_t stage; /* OPEN: nothing is settled */
	bool bodyless; /* HEAD, 204, 304 */
	bool close; /* the connection ends with this answer */
	bool torn; /* a part of it is missing: it is not ended, so that the client sees it */
	bool keep_alive; /* and says that it does not (HTTP/1.0) */
	bool chunked;
	bool typed; /* a Content-Type was set */
	uint16_t status;
	int64_t length; /* -1: not said */
	int64_t sent; /* of the body, buffered ones included */
	size_t body_len; /* in work->body */
	char *fields; /* whole lines */
	size_t fields_len, fields_cap;
};

struct work {
	struct work *next;
	uint32_t in_start, in_end; /* of what is not used, in `in` */
	uint32_t in_floor; /* what is before it stays where it is: the head of the request under way */
	uint32_t in_size;
	uint32_t out_len;
	char *base; /* of the head's parts */
	int64_t date_at;
	char date[UG__HTTP_DATE_LEN + 1];
	struct ug__http_head head;
	ug_http_request q;
	ug_http_response r;
	char *in, *out, *body, *scratch;
	struct ug__http_field fields[];
};

/* server.c */
struct work *ug__http_work_get(struct conn *c);
void ug__http_work_put(struct conn *c);
void ug__http_tally(struct conn *c); /* tells the server what was counted */

/* A task for c when the client speaks, if c has a descriptor that can tell; else at once. A code: c is the caller's
 * still. */
int ug__http_conn_go(struct conn *c);

/* conn.c */
/* Puts a new connection into its shard's list, and starts it, or ends it. 0; -ENOMEM, -ECANCELED. */
int ug__http_conn_start(struct conn *c);
/* The task of one whose client has spoken, or that has ended; and of one that has to wait for it. */
int ug__http_conn_spoke(void *conn, int result);
int ug__http_conn_wait(void *conn);
/* Cuts connections whose limit is over, or, with idle_too, that wait for a request. Lets those rest that have done so
 * for a while. */
void ug__http_cut(struct shard *shard, int64_t now, bool idle_too);
/* Cuts the one that has waited longest for its next request, if since `latest` at least. */
bool ug__http_evict(struct shard *shard, int64_t latest);
/* Closes a connection that is in no list any more. */
void ug__http_conn_end(struct conn *c);
/* Whether it has been idle for so long that its next request is not expected soon. */
static inline bool ug__http_idle_long(const struct conn *c)
{
	return load_relaxed(&c->idle_since) <= load_relaxed(&c->s->now) - c->s->limits.patience;
}

/* wire.c */
/* How long the next waits may take (the server's clock; UG_FOREVER), and whether the connection may be closed at any
 * moment meanwhile, because it is idle. false: it was cut; only the last words are to be said. */
bool ug__http_limit(struct conn *c, int64_t until, bool idle);
bool ug__http_is_cut(struct conn *c);
/* Takes limits again, for last words under another context. */
void ug__http_uncut(struct conn *c);
/* ug_conn_read while the connection is not idle. */
ssize_t ug__http_read(struct conn *c, void *buf, size_t n);
/* Reads more of a body, under the least rate: a count, 0, a code. What waits to be written is written first. */
ssize_t ug__http_recv(struct conn *c, void *buf, size_t n);
/* Makes room behind work->in_end: how much there is, or UG_ETOOLONG. */
ssize_t ug__http_room(struct work *w);
/* Appends to the batch, writing it where it is full; writes it, and then n bytes. A failure marks the connection
 * broken. */
int ug__http_put(struct conn *c, const void *data, size_t n);
int ug__http_write(struct conn *c, const void *data, size_t n);
/* Writes the batch, then n bytes of src (fewer where it ends): 0 or a code, and *count. */
int ug__http_send_from(struct conn *c, ug_reader src, int64_t n, int64_t *count);

/* body.c */
void ug__http_body_init(struct work *w, struct conn *c);
/* Reads what the handler left over, as far as that is worth it: whether another request can follow. */
bool ug__http_body_skip(struct work *w);
/* Reads it before an answer that has not begun: the status of what turned out to be no request after all, or 0. */
int ug__http_body_fault(struct work *w);
/* Whether, as things stand, skipping will do. */
bool ug__http_body_skippable(const struct work *w);

/* request.c */
void ug__http_request_init(struct work *w, struct conn *c);
void ug__http_request_done(struct work *w);
/* A piece of the input as a text: puts a NUL behind it, over what is a separator there. */
const char *ug__http_text_of(struct work *w, struct ug__http_part p);

/* response.c */
void ug__http_response_init(struct work *w, struct conn *c);
/* The value of a field that was set, of *n bytes; "" where it was not. */
const char *ug__http_field_of(const ug_http_response *r, const char *name, size_t *n);
/* Adds whole lines of well-formed fields, Content-Type among them. */
int ug__http_add_lines(ug_http_response *r, const char *lines, size_t n);
/* The head of an answer with a body of `length` bytes, of which nothing has been said, goes into the batch; n bytes of
 * lines as above. */
int ug__http_begin(ug_http_response *r, int64_t length, const char *lines, size_t n);
/* n bytes of src go on in the body, whose length was said: 0, UG_ESHORT or another code. A copy to its writer without
 * the questions. */
int ug__http_body_from(ug_http_response *r, ug_reader src, int64_t n);
/* Takes a field back; not Content-Type. */
void ug__http_unset(ug_http_response *r, const char *name);
/* Sends what is missing. */
int ug__http_response_finish(ug_http_response *r);
/* The answer in place of a handler's, or of what it wrote so far, with a reason for people; breaks the connection if it
 * is too late. */
void ug__http_response_fail(ug_http_response *r, int status, const char *reason);
static inline struct work *ug__http_work_of(const ug_http_response *r)
{
	return r->c->work;
}

/* route.c */
/* 0 and w->q.route; else the answer's status: 404, 405, 503, or 204 for an OPTIONS that no route wants; *allow: the
 * field to send, or NULL. */
int ug__http_route_find(ug_http_server *s, struct work *w, const char **allow);
void ug__http_routes_free(struct node *n);

/* send_file.c */
struct ug__http_facts;
struct ug__http_kept;
/* ug_http_send_file for a regular file that has been looked at. */
int ug__http_send(ug_http_response *r, ug_file *file, const struct ug_file_info *info, const char *name);
/* The same for a version that is kept, where nothing has been set. */
int ug__http_send_kept(ug_http_response *r, const struct ug__http_kept *k);
/* What answers to a GET will say of a file that may be kept. false: not to be kept. */
bool ug__http_facts_of(const ug_http_server *s, ug_file *file, const struct ug_file_info *info, const char *name,
	struct ug__http_facts *out);

/* static.c */
void ug__http_files_free(struct files *f);
/* Lets go of files that are kept at hand and were not asked for lately; all: of every one. */
void ug__http_files_tidy(struct files *f, bool all);

/* listing.c */
struct listing {
	ug_file *root, *dir;
	const char *name; /* of dir, below root; "." for root */
	bool show_hidden;
	ug_sem *held; /* entries of pages under way */
};
void ug__http_listings_init(ug_sem *held);
int ug__http_listing(ug_http_request *q, ug_http_response *r, const struct listing *l);

#endif
