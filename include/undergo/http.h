/* SPDX-License-Identifier: MIT */
/*
 * undergo/http.h: an HTTP/1.1 server. A handler is straight-line code that may wait wherever it likes:
 *
 *	static int greet(ug_http_request *q, ug_http_response *r, void *arg)
 *	{
 *		return ug_fprintf(ug_http_writer(r), "hello, %s\n", ug_http_param(q, "name"));
 *	}
 *
 *	UG_CLEAN(ug_http_server_clean) ug_http_server *s = NULL;
 *	UG_CLEAN(ug_listener_clean) ug_listener l = UG_ZERO;
 *	UG_TRY(ug_http_server_new(NULL, &s));
 *	UG_TRY(ug_http_route(s, "GET /hello/{name}", greet, NULL));
 *	UG_TRY(ug_listen("tcp", ":8080", NULL, &l));
 *	return ug_http_serve(s, l);
 *
 * The parser is strict: what RFC 9110 and RFC 9112 call invalid, and what they merely let a server tolerate, is
 * answered with 400, and the connection is closed; so is %00 in a target, which would end a text in its middle (RFC
 * 3986 7.3). Limits and time-outs are on unless they are turned off.
 */
#ifndef UNDERGO_HTTP_H
#define UNDERGO_HTTP_H

#include <undergo/base.h>
#include <undergo/io.h>
#include <undergo/net.h>
#include <undergo/os.h>
#include <undergo/sched.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ug_http_server ug_http_server;
typedef struct ug_http_request ug_http_request; /* one request; lives until its handler has returned */
typedef struct ug_http_response ug_http_response; /* its answer; as long */

/* Servers ---------------------------------------------------------------------------------------------------------- */

/* A request that has been answered, as a log wants to know it. Texts are NUL-terminated, borrowed for the call, and as
 * the client sent them: escape them before you write them anywhere. */
struct ug_http_log {
	const char *remote; /* the client's IP address; "unix:" and the name that it chose */
	const char *method, *target; /* "" where the head could not be read */
	const char *referer, *user_agent; /* "" where there is none */
	const char *reason; /* why the request was refused; NULL where it was not */
	int minor; /* HTTP/1.minor */
	int status;
	int64_t bytes; /* of the body that were sent, without framing */
	int64_t time; /* when its head was there: nanoseconds of the wall clock since 1970 */
	int64_t duration; /* from then until the answer was written or handed to the batch: nanoseconds */
	uintptr_t reserved[4];
};

/* Zero is the default everywhere; -1 turns a limit off where that is said. Times are nanoseconds; while the process is
 * stopped (SIGSTOP, a frozen container) none passes for clients. */
struct ug_http_server_opts {
	uint32_t max_head; /* bytes of a request's head, 1 KiB to 1 MiB; 0: 16 KiB. 414 or 431 beyond */
	uint32_t max_fields; /* fields of a head, up to 10,000; 0: 100. 431 beyond */
	int64_t max_body; /* bytes of a request's body; 0: 8 MiB, -1: any. 413 beyond */
	/* Open at a time; beyond, one that has been idle for a second gives way, or the new ones wait. 0: nine tenths
	 * of the descriptors that the process may have, -1: any. */
	int max_connections;
	int accept_browser_urls; /* 1: take [ ] { } | ^ ` bare in targets, as browsers send them, against RFC 3986 */
	int64_t head_time; /* for a request's head, from its first byte (the first's: the connection's start) to its
	                      last; 0: 10 s, -1: any. 408 beyond */
	int64_t idle_time; /* between requests; 0: 60 s, -1: any */
	int64_t rate_time; /* how long a body may stay behind its least rate; 0: 10 s */
	int64_t min_read_rate; /* bytes a second that a client must send of a body; 0: 1 KiB, -1: any. 408 below */
	int64_t min_write_rate; /* bytes a second that a client must take of an answer; 0: 1 KiB, -1: any */
	int64_t drain_time; /* for requests under way when the server stops; 0: 10 s, -1: any */
	/* Called for each answered request by the task that answered it; may wait. NULL: no log. */
	void (*log)(void *arg, const struct ug_http_log *entry);
	void *log_arg;
	uintptr_t reserved[8];
};

struct ug_http_stats {
	uint64_t connections, requests; /* since the start */
	uint64_t open; /* connections now */
	uint64_t bytes; /* of bodies sent */
	uint64_t status[6]; /* answers by hundreds: status[4] counts 4xx; status[0] is not used */
	uint64_t refused; /* requests that broke HTTP's rules or a limit */
	uintptr_t reserved[4];
};

/* Makes a server without routes. `opts` may be NULL. -EINVAL (out of range), -ENOMEM. Does not wait. */
int ug_http_server_new(const struct ug_http_server_opts *opts, ug_http_server **out);
/* Frees it. Not while it serves. Takes NULL. */
void ug_http_server_free(ug_http_server *s);
/* Frees *s and sets it to NULL; fits UG_CLEAN. */
void ug_http_server_clean(ug_http_server **s);

/* Answers a request: 0, or a negative code. Nothing written and 0 is an empty 200. A negative code is answered with 500
 * where nothing was sent yet (-ENOENT with 404, -EACCES and -EPERM with 403, a fault of the request's body with what
 * fits it); else it ends the connection. The task's context ends when the connection is cut or the server's drain time
 * is over. */
typedef int ug_http_handler(ug_http_request *q, ug_http_response *r, void *arg);

/*
 * Sends requests that match `pattern` to the handler: "[METHOD ]PATH", without a method all of them; GET serves HEAD
 * too. A segment of the path is a text, {name}, which stands for any one segment, or, at the end, {name...}, which
 * stands for all that is left, nothing included. Of several that match, a text goes before {name} before {name...},
 * from left to right. No match: 404, or 405 with Allow where only the method does not. OPTIONS is answered by itself.
 * -EINVAL, -EEXIST (the same pattern twice), -EBUSY (it serves), -ENOMEM. Does not wait. Source: Go's net/http,
 * "Patterns".
 */
int ug_http_route(ug_http_server *s, const char *pattern, ug_http_handler *handler, void *arg);

struct ug_http_files_opts {
	const char *index; /* the file that stands for its folder; NULL: "index.html", "": none */
	int no_listing; /* 1: a folder without an index is a 404; 0: it is listed */
	int show_hidden; /* 1: names that begin with a dot are served too; 0: they are a 404 */
	uint32_t cache_files; /* kept at hand, small ones in memory (8 KiB), others open; 0: 1024 of either kind */
	/* For how long a file that is kept is believed to be as it was, nanoseconds: a change is seen by then. 0: 100
	 * ms; -1: nothing is kept, each request opens its file. */
	int64_t cache_time;
	uintptr_t reserved[3];
};
/*
 * Serves the files below `folder` under a path that ends with {name...}, for GET and HEAD: ranges, conditions, types by
 * name, listings. No request leaves the folder, by whatever name or symbolic link. Files that are asked for often are
 * kept at hand: at most cache_files in memory, and as many open, but no more than a 64th of the descriptors that the
 * process may have; what nobody asks for goes after 2 s, all of it with the last connection or where descriptors run
 * short. What changed just now (in 40 ms; in 2.1 s on file systems that count seconds), and what the kernel makes up
 * (/proc, /sys), is never kept. `opts` may be NULL. -EINVAL (the pattern, an index with a slash, a negative cache_time
 * other than -1), errors of open(2), those of ug_http_route. Waits. Source: man 2 openat2, RESOLVE_BENEATH.
 */
int ug_http_files(ug_http_server *s, const char *pattern, const char *folder, const struct ug_http_files_opts *opts);

/*
 * Takes connections from l and serves them, a task each, until the context ends or ug_http_shutdown is called. Then it
 * closes l and idle connections, waits for the requests under way, cuts those that go on beyond the drain time, and
 * returns: 0, -ETIMEDOUT where some were cut, or the code that ended accepting. Out of descriptors it waits and goes
 * on. May serve several listeners at once, in a task each. Waits.
 */
int ug_http_serve(ug_http_server *s, ug_listener l);
/* Has every ug_http_serve on it stop as above, and later ones return at once. Does not wait. Any thread. */
void ug_http_shutdown(ug_http_server *s);
/* Counts so far; a connection tells of its requests when it has some 64 of them, and when it ends. Does not wait. Any
 * thread. */
void ug_http_stats_get(ug_http_server *s, struct ug_http_stats *out);

/* Requests ---------------------------------------------------------------------------------------------------------
 * Texts are NUL-terminated and live as long as the request. By the handler's task only. */

/* "GET". */
const char *ug_http_method(ug_http_request *q);
/* The target as it was sent, "/a%20b?c=d". */
const char *ug_http_target(ug_http_request *q);
/* Its path, decoded: "/a b". Never use it to open a file: see ug_http_files. */
const char *ug_http_path(ug_http_request *q);
/* The host that the request is for, with its port where one was sent; "" where none was (HTTP/1.0). */
const char *ug_http_host(ug_http_request *q);
/* What {name} or {name...} of the pattern stands for, decoded; NULL: no such name. */
const char *ug_http_param(ug_http_request *q, const char *name);
/* The value of the query's first field of that name, decoded ("" where it has none); NULL: no such field. Source:
 * WHATWG URL 5.1 */
const char *ug_http_query(ug_http_request *q, const char *name);
/* The value of the i-th header field (from 0) of that name, in any case; NULL: there are not so many. */
const char *ug_http_header(ug_http_request *q, const char *name, unsigned i);
/* The other end's address. */
int ug_http_remote(ug_http_request *q, ug_addr *out);

/* The request's body, as a reader: UG_EPROTO_HTTP where it is malformed, UG_ETOOLONG where it is longer than max_body,
 * UG_ESHORT where the client went away. A handler may answer such a code: the client gets the status that fits. */
ug_reader ug_http_body(ug_http_request *q);
/* Bytes that the body will have, -1 where that is not known before its end. */
int64_t ug_http_body_size(ug_http_request *q);
/* Sets max_body for this request; before the first read. */
void ug_http_limit_body(ug_http_request *q, int64_t max_body);
/* Memory that is freed when the handler has returned. NULL: there is none. */
void *ug_http_alloc(ug_http_request *q, size_t n);

/* Responses --------------------------------------------------------------------------------------------------------
 * What a handler writes is buffered. A body of up to 8 KiB is sent with its length once the handler has returned; a
 * longer one is sent in chunks meanwhile. With the first byte that is sent, status and fields are settled (-EBUSY). */

/* Sets the status, 200 to 599; it starts as 200. 204 and 304 have no body: what waits to be sent is thrown away, and
 * once something was written for one of them it is not changed to another (-EBUSY). -EINVAL, -EBUSY. */
int ug_http_status(ug_http_response *r, int status);
/* Sets a field, in place of those of that name, or adds one. Date, Content-Length, Transfer-Encoding and Connection are
 * the server's own; "Connection: close" may be set. -EINVAL (those, a name that is no token, a value with control
 * characters), -EBUSY, -ENOMEM. */
int ug_http_set(ug_http_response *r, const char *name, const char *value);
int ug_http_add(ug_http_response *r, const char *name, const char *value);
/* Says beforehand how long the body is: it is sent as it is written, without chunks. -EINVAL, -EBUSY. */
int ug_http_length(ug_http_response *r, int64_t n);
/* The body, as a writer; ug_copy from a file into it is a sendfile where the length was said. Writing waits for the
 * client: -EPIPE, -ECONNRESET, -ECANCELED (too slow, or the server stops), -EINVAL (more than was said). Where an
 * answer has no body (HEAD, 204, 304) what is written is counted only. */
ug_writer ug_http_writer(ug_http_response *r);
/* Sends what is buffered. Waits. */
int ug_http_flush(ug_http_response *r);

/* Whole answers. They keep the fields that were set. `type` is a media type, NULL: "text/plain; charset=utf-8". */
int ug_http_reply(ug_http_response *r, int status, const char *type, const void *data, size_t n);
int ug_http_text(ug_http_response *r, int status, const char *text);
/* With the status' name as its text, and `text` behind it where that is not NULL. */
int ug_http_error(ug_http_response *r, int status, const char *text);
/* To another place: status 301, 302, 303, 307 or 308; `location` must be a valid URI reference. */
int ug_http_redirect(ug_http_response *r, int status, const char *location);
/* Sends a regular file, from its start and by offset, with ranges, conditions and Last-Modified; the type by `name`
 * where none is set. A file that does not know its size, as in /proc and /sys, is sent as it comes, without those
 * three. -EINVAL (no regular file), errors of fstat(2), read(2) and the writer. */
int ug_http_send_file(ug_http_response *r, ug_file *file, const char *name);

/* The name of a status, "Not Found"; "Unknown" where it has none. Static storage. RFC 9110 15 */
const char *ug_http_status_text(int status);

#ifdef __cplusplus
}
#endif

#endif
