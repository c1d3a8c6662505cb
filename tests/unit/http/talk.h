/* SPDX-License-Identifier: MIT */
/*
 * Raw bytes to a server in this process, over connections in memory, and what it answered. The checks inside a task
 * record the first failure; the test reads it outside, where cmocka may jump.
 */
#ifndef TESTS_HTTP_TALK_H
#define TESTS_HTTP_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <undergo/undergo.h>

#define PATIENCE (20 * UG_SECOND)

static const char *failed;
static char failed_text[8192];
#define TEXT_OF_(x) #x
#define TEXT_OF(x) TEXT_OF_(x)
#define expect(cond)                                                                                                   \
	do {                                                                                                           \
		if (!(cond) && !failed)                                                                                \
			failed = __FILE__ ":" TEXT_OF(__LINE__) ": " #cond;                                            \
	} while (0)

struct scene {
	const struct ug_http_server_opts *opts;
	void (*routes)(ug_http_server *s);
	void (*script)(void);
	ug_http_server *server;
	ug_listener listener;
	int served; /* what ug_http_serve answered */
};
static struct scene *scene;

struct answer {
	char text[1 << 17]; /* all that came, without Date lines */
	size_t n;
	int end; /* 0: the server closed; else a negative code */
};

static inline void drop_dates(struct answer *a)
{
	char *at = a->text;
	a->text[a->n] = 0;
	while ((at = memmem(at, a->n - (size_t)(at - a->text), "Date: ", 6))) {
		char *end = strchr(at, '\n');
		if (!end)
			break;
		memmove(at, end + 1, a->n - (size_t)(end + 1 - a->text) + 1);
		a->n -= (size_t)(end + 1 - at);
	}
}

/* Reads until the server closes. */
static inline void listen_to(ug_conn c, struct answer *a)
{
	UG_WITH_TIMEOUT(PATIENCE) {
		ssize_t n = 1;
		a->n = 0;
		while (n > 0 && a->n < sizeof a->text - 1) {
			n = ug_conn_read(c, a->text + a->n, sizeof a->text - 1 - a->n);
			a->n += n > 0 ? (size_t)n : 0;
		}
		a->end = (int)n;
	}
	drop_dates(a);
}

/* Reads exactly that, on a connection that goes on. */
static inline void expect_answers(ug_conn c, const char *want)
{
	static struct answer a;
	a.n = 0;
	UG_WITH_TIMEOUT(PATIENCE) {
		for (ssize_t n = 1; n > 0 && a.n < strlen(want);) {
			n = ug_conn_read(c, a.text + a.n, sizeof a.text - 1 - a.n);
			a.n += n > 0 ? (size_t)n : 0;
			drop_dates(&a);
		}
	}
	expect(strcmp(a.text, want) == 0);
}

enum how { KEEP_OPEN, THEN_CLOSE };

/* Says n bytes, `step` at a time (0: all), then half-closes or not, and takes the answer down. */
static inline struct answer *say_bytes(const char *in, size_t n, size_t step, enum how how)
{
	struct answer *a = calloc(1, sizeof *a);
	ug_conn c;
	int e = ug_mem_dial(scene->listener, &c);
	expect(e == 0);
	if (e < 0)
		return a;
	for (size_t at = 0; at < n;) {
		size_t some = step && step < n - at ? step : n - at;
		if (ug_conn_write(c, in + at, some) < 0)
			break; /* it refused what came before */
		at += some;
		if (step)
			ug_yield();
	}
	if (how == THEN_CLOSE)
		ug_conn_shutdown_write(c);
	listen_to(c, a);
	ug_conn_close(c);
	return a;
}

static inline struct answer *say(const char *text, enum how how)
{
	return say_bytes(text, strlen(text), 0, how);
}

/* Says the text and wants exactly that answer, then the end. */
static inline void expect_answer_at(
	const char *where, const char *in, size_t n, size_t step, enum how how, const char *want)
{
	struct answer *a = say_bytes(in, n, step, how);
	if ((a->end != 0 || a->n != strlen(want) || memcmp(a->text, want, a->n) != 0) && !failed) {
		snprintf(failed_text, sizeof failed_text, "%s: end %d\n--- wanted\n%.3000s\n--- got\n%.3000s", where,
			a->end, want, a->text);
		failed = failed_text;
	}
	free(a);
}
#define expect_answer(in, how, want)                                                                                   \
	expect_answer_at(__FILE__ ":" TEXT_OF(__LINE__), (in), strlen(in), 0, (how), (want))

/* Says the text and wants an answer that begins and goes on as told. */
static inline void expect_has_at(
	const char *where, const char *in, size_t n, enum how how, const char *start, const char *part)
{
	struct answer *a = say_bytes(in, n, 0, how);
	bool ok = a->end == 0 && strncmp(a->text, start, strlen(start)) == 0 && (!part || strstr(a->text, part));
	if (!ok && !failed) {
		snprintf(failed_text, sizeof failed_text, "%s: end %d\n--- wanted\n%s ... %s\n--- got\n%.3000s", where,
			a->end, start, part ? part : "", a->text);
		failed = failed_text;
	}
	free(a);
}
#define expect_has(in, how, start, part)                                                                               \
	expect_has_at(__FILE__ ":" TEXT_OF(__LINE__), (in), strlen(in), (how), (start), (part))

static int serve_task(void *arg)
{
	struct scene *s = arg;
	s->served = ug_http_serve(s->server, s->listener);
	return 0;
}

static int play_task(void *arg)
{
	struct scene *s = arg;
	ug_group g;
	UG_TRY(ug_http_server_new(s->opts, &s->server));
	UG_TRY(ug_mem_listen(0, &s->listener));
	s->routes(s->server);
	UG_GROUP(&g) {
		ug_group_go(&g, serve_task, s);
		s->script();
		ug_http_shutdown(s->server);
	}
	ug_listener_close(s->listener);
	ug_http_server_free(s->server);
	return ug_group_result(&g);
}

/* Runs fn as the first task and fails, with its text, where an `expect` did. */
static inline void run_expecting(ug_fn *fn, void *arg, const struct ug_opts *opts)
{
	failed = NULL;
	int e = ug_run(fn, arg, opts);
	if (failed)
		print_error("%s\n", failed);
	assert_null(failed);
	assert_int_equal(e, 0);
}

static inline int play(const struct ug_http_server_opts *opts, void (*routes)(ug_http_server *), void (*script)(void))
{
	struct scene s = {.opts = opts, .routes = routes, .script = script};
	scene = &s;
	run_expecting(play_task, &s, NULL);
	return s.served;
}

#endif
