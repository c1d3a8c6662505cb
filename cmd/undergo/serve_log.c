/* SPDX-License-Identifier: MIT */
/*
 * The access log. A connection only appends its line to a buffer; one task writes what has gathered, a
 * moment later, in one piece. A reader of the log that stops reading must not stop the server: beyond LOST_BEYOND bytes
 * lines are thrown away, and counted. Nor may it keep the server from ending: once the log is to close, a reader that
 * takes nothing for LAST_WAIT has had what it gets.
 */
#include "serve.h"

#include "http/http.h"
#include <stdlib.h>
#include <string.h>

#define GATHER (20 * UG_MS)
#define LAST_WAIT UG_SECOND
#define LOST_BEYOND (4u << 20)
#define TEXT_MAX 512 /* of a target or name in a line */
#define LINE_BYTES (6 * 6 * TEXT_MAX + 512) /* six of them, all escaped, and the rest */

struct serve_log {
	enum log_format format;
	ug_mutex lock; /* guards what follows */
	ug_cond filled;
	ug_buf lines;
	uint64_t lost;
	int closing;
	ug_task *writer;
};

/* Lines of connections that were cut come from tasks whose context has ended, or ends meanwhile. */
static int lock(serve_log *log)
{
	int e = ug_mutex_lock(&log->lock);
	if (e < 0) {
		UG_SHIELD {
			e = ug_mutex_lock(&log->lock);
		}
	}
	return e;
}

static int is_closing(serve_log *log)
{
	int closing = 1;
	if (lock(log) == 0) {
		closing = log->closing;
		ug_mutex_unlock(&log->lock);
	}
	return closing;
}

/* Takes all lines, once there are some; what comes next is gathered meanwhile. false: it is over. */
static int take(serve_log *log, ug_buf *out)
{
	int e = lock(log);
	while (e == 0 && ug_buf_len(&log->lines) == 0 && !log->closing)
		e = ug_cond_wait(&log->filled, &log->lock);
	ug_buf full = log->lines;
	log->lines = *out;
	*out = full;
	ug_mutex_unlock(&log->lock);
	return e == 0 && ug_buf_len(out) > 0;
}

/* Answers how many bytes went. */
static size_t write_out(serve_log *log, const char *text, size_t n)
{
	ug_writer out = ug_stdout();
	ug_fd *fd = out.ops->fd(out.self);
	size_t done = 0;
	while (done < n) {
		ssize_t put = 0;
		UG_WITH_TIMEOUT(LAST_WAIT) {
			put = ug_fd_write(fd, text + done, n - done);
		}
		if (put > 0)
			done += (size_t)put;
		else if (put != -ETIMEDOUT || is_closing(log))
			break;
	}
	return done;
}

static void lose(serve_log *log, const char *text, size_t n)
{
	uint64_t lines = 0;
	for (const char *end = text + n; text < end && (text = memchr(text, '\n', (size_t)(end - text))); text++)
		lines++;
	if (lines > 0 && lock(log) == 0) {
		log->lost += lines;
		ug_mutex_unlock(&log->lock);
	}
}

static int write_lines(void *arg)
{
	serve_log *log = arg;
	ug_buf out = UG_ZERO;
	while (take(log, &out)) {
		const char *text = ug_buf_bytes(&out);
		size_t n = ug_buf_len(&out), went = write_out(log, text, n);
		lose(log, text + went, n - went);
		ug_buf_reset(&out);
		if (!is_closing(log))
			ug_sleep(GATHER);
	}
	ug_buf_done(&out);
	return 0;
}

int serve_log_open(enum log_format format, serve_log **out)
{
	static const struct ug_go_opts opts = {.name = "access log"};
	serve_log *log = calloc(1, sizeof *log);
	if (!log)
		return -ENOMEM;
	log->format = format;
	int e = ug_go_task(write_lines, log, &opts, &log->writer);
	if (e < 0) {
		free(log);
		return e;
	}
	*out = log;
	return 0;
}

uint64_t serve_log_close(serve_log *log)
{
	uint64_t lost = 0;
	if (!log)
		return 0;
	if (lock(log) == 0) {
		log->closing = 1;
		ug_cond_signal(&log->filled);
		ug_mutex_unlock(&log->lock);
	}
	if (ug_task_wait(log->writer, NULL) == 0) {
		lost = log->lost;
		ug_task_unref(log->writer);
		ug_buf_done(&log->lines);
		free(log);
	}
	return lost;
}

/* ---- lines ---- */

static void put(ug_buf *b, const char *text)
{
	ug_buf_append(b, text, strlen(text));
}

/* Straight into the buffer: an array for it would cost each idle connection a page of its stack for ever. */
static void put_field(ug_buf *b, const char *text, size_t escape(const char *, size_t, char *, size_t))
{
	void *out;
	size_t n = strnlen(text, TEXT_MAX), room = 6 * n + 1;
	if (ug_buf_reserve(b, room, &out) == 0)
		ug_buf_commit(b, escape(text, n, out, room));
}

struct moment {
	long long year;
	unsigned month, day, hour, minute, second, ms;
};

static struct moment moment_of(int64_t time)
{
	int64_t ms = time / UG_MS, days = ms / 86400000, year;
	unsigned rest = (unsigned)(ms % 86400000);
	struct moment m = {
		.hour = rest / 3600000, .minute = rest / 60000 % 60, .second = rest / 1000 % 60, .ms = rest % 1000};
	ug__http_civil(days, &year, &m.month, &m.day);
	m.year = year;
	return m;
}

/* A client of a Unix socket chooses its own name, spaces and line ends included. */
static const char *host_of(const struct ug_http_log *l)
{
	return strncmp(l->remote, "unix:", 5) == 0 ? "unix:" : *l->remote ? l->remote : "-";
}

/* https://httpd.apache.org/docs/2.4/logs.html#common */
static void put_common(ug_buf *b, const struct ug_http_log *l)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct moment m = moment_of(l->time);
	ug_writer w = ug_buf_writer(b);
	ug_fprintf(w, "%s - - [%02u/%.3s/%lld:%02u:%02u:%02u +0000] \"", host_of(l), m.day, months + 3 * (m.month - 1),
		m.year, m.hour, m.minute, m.second);
	if (*l->method && *l->target) {
		put_field(b, l->method, ug__http_escape_log);
		put(b, " ");
		put_field(b, l->target, ug__http_escape_log);
		ug_fprintf(w, " HTTP/1.%d", l->minor);
	} else {
		put(b, "-");
	}
	ug_fprintf(w, "\" %d %lld\n", l->status, (long long)l->bytes);
}

static void put_json_text(ug_buf *b, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	put(b, ",\"");
	put(b, name);
	put(b, "\":\"");
	put_field(b, text, ug__http_escape_json);
	put(b, "\"");
}

static void put_json(ug_buf *b, const struct ug_http_log *l)
{
	struct moment m = moment_of(l->time);
	ug_writer w = ug_buf_writer(b);
	ug_fprintf(w, "{\"time\":\"%04lld-%02u-%02uT%02u:%02u:%02u.%03uZ\"", m.year, m.month, m.day, m.hour, m.minute,
		m.second, m.ms);
	put_json_text(b, "remote", l->remote);
	put_json_text(b, "method", l->method);
	put_json_text(b, "target", l->target);
	ug_fprintf(w, ",\"protocol\":\"HTTP/1.%d\",\"status\":%d,\"bytes\":%lld,\"duration\":%lld.%06lld", l->minor,
		l->status, (long long)l->bytes, (long long)(l->duration / UG_SECOND),
		(long long)(l->duration % UG_SECOND / UG_US));
	put_json_text(b, "referer", l->referer);
	put_json_text(b, "user_agent", l->user_agent);
	put_json_text(b, "reason", l->reason);
	put(b, "}\n");
}

void serve_log_entry(void *arg, const struct ug_http_log *entry)
{
	serve_log *log = arg;
	if (lock(log) < 0)
		return;
	void *room;
	if (ug_buf_len(&log->lines) > LOST_BEYOND || ug_buf_reserve(&log->lines, LINE_BYTES, &room) < 0) {
		log->lost++;
	} else {
		if (ug_buf_len(&log->lines) == 0)
			ug_cond_signal(&log->filled);
		log->format == LOG_JSON ? put_json(&log->lines, entry) : put_common(&log->lines, entry);
	}
	ug_mutex_unlock(&log->lock);
}
