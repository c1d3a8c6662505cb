/* SPDX-License-Identifier: MIT */
/* What a server does not put up with: requests that are none, clients that are slow; and how it ends. */
#include "handlers.h"

#include <sys/uio.h>

static int reads(ug_http_request *q, ug_http_response *r, void *arg)
{
	int64_t n = 0;
	(void)arg;
	UG_TRY(ug_copy(ug_discard(), ug_http_body(q), &n));
	return ug_fprintf(ug_http_writer(r), "%lld\n", (long long)n);
}

static int endless(ug_http_request *q, ug_http_response *r, void *arg)
{
	static const char zeros[4096];
	(void)q;
	int e = 0;
	while (e >= 0)
		e = (int)ug_write(ug_http_writer(r), zeros, sizeof zeros);
	__atomic_store_n((int *)arg, e, __ATOMIC_RELAXED);
	return e;
}

static int endless_result;

static void routes(ug_http_server *s)
{
	calls = 0;
	endless_result = 0;
	ug_http_route(s, "/hello", hello, NULL);
	ug_http_route(s, "/read", reads, NULL);
	ug_http_route(s, "/endless", endless, &endless_result);
}

/* ---- no requests ---- */

static void refusals_script(void)
{
	/* Each with a request behind it, which must not be seen: the client keeps its side open, so the close is the
	 * server's. */
	static const struct {
		const char *in;
		size_t n;
		const char *status;
	} cases[] = {
#define NO(status, text) {text GET("/hello"), sizeof(text GET("/hello")) - 1, status}
		NO("400",
			"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		NO("400", "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
		NO("400", "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
		NO("400", "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc"),
		NO("400", "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc"),
		NO("400", "POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"),
		NO("400", "POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
		NO("400", "POST /read HTTP/1.1\r\nHost: a\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		NO("400", "POST /read HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		NO("400", "POST /read HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n"),
		NO("400",
			"POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n"),
		NO("400", "POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n"),
		NO("400", "POST /read HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		NO("400", "GET /hello HTTP/1.1\n\n"),
		NO("400", "GET /hello HTTP/1.1\r\n\r\n"),
		NO("400", "GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
		NO("400", "GET /he llo HTTP/1.1\r\nHost: a\r\n\r\n"),
		NO("400", "\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
		NO("417", "GET /hello HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n"),
		NO("505", "GET /hello HTTP/2.0\r\nHost: a\r\n\r\n"),
	};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++) {
		char start[16] = "HTTP/1.1 ";
		strcat(start, cases[i].status);
		calls = 0;
		expect_has_at(cases[i].in, cases[i].in, cases[i].n, KEEP_OPEN, start, "Connection: close\r\n");
		expect(calls == 0);
	}
	/* What stands before it is answered all the same. */
	calls = 0;
	expect_has(GET("/hello") "GET / HTTP/1.1\r\n\r\n", KEEP_OPEN, HELLO, "HTTP/1.1 400 Bad Request\r\n");
	expect(calls == 1);
}

static void refuses_what_is_no_request(void **state)
{
	(void)state;
	play(NULL, routes, refusals_script);
}

static void sizes_script(void)
{
	static char in[4096];
	char *p = stpcpy(in, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ");
	memset(p, 'x', 2000);
	strcpy(p + 2000, "\r\n\r\n");
	expect_has(in, KEEP_OPEN, "HTTP/1.1 431 ", "Connection: close");
	p = stpcpy(in, "GET /");
	memset(p, 'x', 2000);
	strcpy(p + 2000, " HTTP/1.1\r\nHost: a\r\n\r\n");
	expect_has(in, KEEP_OPEN, "HTTP/1.1 414 ", "Connection: close");
	expect_has("GET /hello HTTP/1.1\r\nHost: a\r\n1:\r\n2:\r\n3:\r\n4:\r\n\r\n", KEEP_OPEN, "HTTP/1.1 431 ",
		"too many fields");
	expect_answer("GET /hello HTTP/1.1\r\nHost: a\r\n1:\r\n2:\r\n3:\r\n\r\n", THEN_CLOSE, HELLO);
}

static void limits_heads(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {.max_head = 1024, .max_fields = 4};
	play(&opts, routes, sizes_script);
}

static void takes_options(void **state)
{
	(void)state;
	static const struct ug_http_server_opts bad[] = {
		{.max_head = 1023},
		{.max_head = (1 << 20) + 1},
		{.max_fields = 10001},
		{.rate_time = -1},
		{.min_read_rate = INT64_MAX},
	};
	ug_http_server *s = NULL;
	for (size_t i = 0; i < UG_COUNT_OF(bad); i++)
		assert_int_equal(ug_http_server_new(&bad[i], &s), -EINVAL);
	assert_null(s);
	assert_int_equal(ug_http_server_new(NULL, &s), 0);
	ug_http_server_clean(&s);
	assert_null(s);
	ug_http_server_free(NULL);
}

/* ---- slow clients ---- */

/* Says the text, and once more where that came too late to be heard at all: on a busy machine the limits of these tests
 * are short. */
static struct answer *say_in_time(const char *text, enum how how)
{
	struct answer *a = say(text, how);
	for (int64_t give_up = ug_now() + PATIENCE; a->n == 0 && ug_now() < give_up;) {
		free(a);
		a = say(text, how);
	}
	return a;
}

/* Somebody else is served all the while. */
static int others_stop, others_served;
static int others(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&others_stop, __ATOMIC_RELAXED)) {
		struct answer *a = say_in_time(GET("/hello"), THEN_CLOSE);
		expect(strcmp(a->text, HELLO) == 0);
		free(a);
		__atomic_add_fetch(&others_served, 1, __ATOMIC_RELAXED);
		ug_yield();
	}
	return 0;
}

static void with_others(void (*script)(void))
{
	ug_group g;
	__atomic_store_n(&others_stop, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&others_served, 0, __ATOMIC_RELAXED);
	int64_t give_up = ug_now() + PATIENCE;
	UG_GROUP(&g) {
		ug_group_go(&g, others, NULL);
		do
			script();
		while (__atomic_load_n(&others_served, __ATOMIC_RELAXED) == 0 && ug_now() < give_up);
		__atomic_store_n(&others_stop, 1, __ATOMIC_RELAXED);
	}
	expect(others_served > 0);
}

static void slow_head(void)
{
	static const char *const cases[][3] = {
		{"GET /hello HTTP/1.1\r\nHost:", "HTTP/1.1 408 Request Timeout\r\n", "the head took too long"},
		{GET("/hello") "GET", HELLO, "HTTP/1.1 408 Request Timeout\r\n"},
	};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++) {
		struct answer *a = say_in_time(cases[i][0], KEEP_OPEN);
		expect(a->end == 0 && strncmp(a->text, cases[i][1], strlen(cases[i][1])) == 0);
		expect(strstr(a->text, cases[i][2]));
		free(a);
	}
}

static void slow_head_script(void)
{
	int64_t before = ug_now();
	expect_answer("", KEEP_OPEN, ""); /* one that says nothing at all gets nothing */
	expect(ug_now() - before >= 50 * UG_MS);
	with_others(slow_head);
}

static void cuts_slow_heads(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {.head_time = 50 * UG_MS};
	play(&opts, routes, slow_head_script);
}

/* One byte at a time, none of them late for itself. */
static void dripping_head(void)
{
	static const char in[] = "GET /hello HTTP/1.1\r\nHost: abcdefghijklmnopqrstuvwxyz\r\n\r\n";
	struct answer *a = calloc(1, sizeof *a);
	ug_conn c;
	int64_t give_up = ug_now() + PATIENCE;
	do { /* as in say_in_time */
		expect(ug_mem_dial(scene->listener, &c) == 0);
		for (size_t i = 0; i < sizeof in - 1 && ug_conn_write(c, in + i, 1) == 1; i++)
			expect(ug_sleep(5 * UG_MS) == 0);
		listen_to(c, a);
		ug_conn_close(c);
	} while (a->n == 0 && ug_now() < give_up);
	expect(strncmp(a->text, "HTTP/1.1 408 ", 13) == 0);
	free(a);
}

static void cuts_dripping_heads(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {.head_time = 100 * UG_MS};
	play(&opts, routes, dripping_head);
}

static void idle_script(void)
{
	int64_t before = ug_now();
	expect_answer(GET("/hello"), KEEP_OPEN, HELLO);
	expect(ug_now() - before >= 50 * UG_MS);
}

static void closes_idle_connections(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {.idle_time = 50 * UG_MS};
	play(&opts, routes, idle_script);
}

static void slow_body(void)
{
	expect_has("POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n123", KEEP_OPEN,
		"HTTP/1.1 408 Request Timeout\r\n", "the body came too slowly");
	expect_has("POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123", KEEP_OPEN,
		"HTTP/1.1 408 Request Timeout\r\n", "Connection: close");
}

static void slow_body_script(void)
{
	with_others(slow_body);
}

static void cuts_slow_bodies(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {.rate_time = 50 * UG_MS, .min_read_rate = 1 << 20};
	play(&opts, routes, slow_body_script);
}

/* Slower than rate_time in all, yet faster than the rate: nobody is cut. */
static void steady_body(void)
{
	struct answer *a = calloc(1, sizeof *a);
	static char piece[4096];
	ug_conn c;
	expect(ug_mem_dial(scene->listener, &c) == 0);
	expect(ug_write_text(ug_conn_writer(c), "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 163840\r\n\r\n") >
		0);
	for (int i = 0; i < 40; i++) {
		expect(ug_conn_write(c, piece, sizeof piece) == sizeof piece);
		expect(ug_sleep(90 * UG_MS) == 0);
	}
	ug_conn_shutdown_write(c);
	listen_to(c, a);
	expect(strstr(a->text, "\r\n\r\n163840\n"));
	ug_conn_close(c);
	free(a);
}

static void waits_for_steady_bodies(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {.rate_time = 3 * UG_SECOND, .min_read_rate = 4096};
	play(&opts, routes, steady_body);
}

static void slow_reader(void)
{
	struct answer *a = calloc(1, sizeof *a);
	ug_conn c;
	__atomic_store_n(&endless_result, 0, __ATOMIC_RELAXED);
	expect(ug_mem_dial(scene->listener, &c) == 0);
	expect(ug_write_text(ug_conn_writer(c), GET("/endless")) > 0);
	while (__atomic_load_n(&endless_result, __ATOMIC_RELAXED) == 0 &&
		!failed) /* its handler learns that it was cut, while nobody reads */
		expect(ug_sleep(UG_MS) == 0);
	expect(endless_result == -ETIMEDOUT || endless_result == -ECANCELED);
	listen_to(c, a); /* what was in the buffers, and the end, without a last chunk */
	expect(a->n > 0 && (a->n < 5 || memcmp(a->text + a->n - 5, "0\r\n\r\n", 5) != 0));
	ug_conn_close(c);
	free(a);
}

static void slow_reader_script(void)
{
	with_others(slow_reader);
}

static void cuts_slow_readers(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {.rate_time = 50 * UG_MS, .min_write_rate = 1 << 30};
	play(&opts, routes, slow_reader_script);
}

/* ---- the end ---- */

static void gate_routes(ug_http_server *s)
{
	routes(s);
	gate_init();
	ug_http_route(s, "/gate", gate, NULL);
}

static void drain_script(void)
{
	struct answer *working = calloc(1, sizeof *working), *idle = calloc(1, sizeof *idle);
	ug_conn w = UG_ZERO, i = UG_ZERO, late = UG_ZERO;
	expect(ug_mem_dial(scene->listener, &w) == 0 && ug_mem_dial(scene->listener, &i) == 0);
	expect(ug_write_text(ug_conn_writer(w), GET("/gate") GET("/hello")) > 0);
	expect(ug_sem_acquire(&entered, 1) == 0);
	ug_http_shutdown(scene->server);
	listen_to(i, idle); /* at once, though it keeps its side open */
	expect(idle->end == 0 && idle->n == 0);
	int e = ug_mem_dial(scene->listener, &late);
	expect(e == -ECONNREFUSED || e == 0);
	if (e == 0) { /* it was queued when the listener closed: never served */
		ug_write_text(ug_conn_writer(late), GET("/hello"));
		listen_to(late, idle);
		expect(idle->n == 0);
		ug_conn_close(late);
	}
	expect(ug_sem_release(&leave, 1) == 0);
	listen_to(w, working);
	expect(strcmp(working->text,
		       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
		       "done\n") == 0);
	expect(calls == 0);
	ug_conn_close(w);
	ug_conn_close(i);
	free(working);
	free(idle);
}

static void finishes_what_runs(void **state)
{
	(void)state;
	assert_int_equal(play(NULL, gate_routes, drain_script), 0);
}

static void cut_script(void)
{
	struct answer *a = calloc(1, sizeof *a);
	ug_conn c;
	expect(ug_mem_dial(scene->listener, &c) == 0);
	expect(ug_write_text(ug_conn_writer(c), GET("/gate")) > 0);
	expect(ug_sem_acquire(&entered, 1) == 0);
	ug_http_shutdown(scene->server);
	listen_to(c, a); /* the handler's wait ends with -ECANCELED */
	expect(strncmp(a->text, "HTTP/1.1 503 ", 13) == 0);
	ug_conn_close(c);
	free(a);
}

static void cuts_what_outlasts_the_drain_time(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {.drain_time = 50 * UG_MS};
	assert_int_equal(play(&opts, gate_routes, cut_script), -ETIMEDOUT);
}

static int serve_in_scope(void *arg)
{
	struct scene *s = arg;
	int e = 0;
	UG_WITH_TIMEOUT(50 * UG_MS) {
		e = ug_http_serve(s->server, s->listener);
		s->served = e == 0 ? ug_ctx_err(NULL) : e;
	}
	return 0;
}

static int scope_task(void *arg)
{
	struct scene *s = arg;
	scene = s;
	UG_TRY(ug_http_server_new(NULL, &s->server));
	UG_TRY(ug_mem_listen(0, &s->listener));
	routes(s->server);
	serve_in_scope(s);
	expect(ug_http_serve(s->server, s->listener) == 0); /* it has stopped for good */
	ug_listener_close(s->listener);
	ug_http_server_free(s->server);
	return 0;
}

static void ends_with_the_context(void **state)
{
	(void)state;
	struct scene s = {.served = 1};
	run_expecting(scope_task, &s, NULL);
	assert_int_equal(s.served, -ETIMEDOUT);
}

/* ---- the log, and counts ---- */

static char log_text[4096];
static size_t log_len;
static void log_entry(void *arg, const struct ug_http_log *l)
{
	expect(arg == log_text);
	expect(l->time > INT64_C(1700000000) * UG_SECOND && l->duration >= 0 && l->duration < 60 * UG_SECOND);
	log_len += (size_t)snprintf(log_text + log_len, sizeof log_text - log_len, "%s|%s|%d|%d|%lld|%s|%s|%s\n",
		l->method, l->target, l->minor, l->status, (long long)l->bytes, l->referer, l->user_agent,
		l->reason ? l->reason : "");
}

static void log_script(void)
{
	free(say("GET /hello?q=%20 HTTP/1.1\r\nHost: a\r\nUser-Agent: me\r\nReferer: x\r\n\r\n"
		 "HEAD /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
		 "GET /nope HTTP/1.1\r\nHost: a\r\n\r\n"
		 "POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz",
		THEN_CLOSE));
	free(say("GET / HTTP/1.1\r\n\r\n", THEN_CLOSE));
	free(say("rubbish\r\n", THEN_CLOSE));
	struct ug_http_stats s;
	do { /* the last connection may still be on its way out */
		ug_http_stats_get(scene->server, &s);
		ug_yield();
	} while (s.open > 0);
	expect(s.requests == 6 && s.connections == 3 && s.refused == 3);
	expect(s.status[2] == 2 && s.status[4] == 4 && s.status[3] == 0 && s.status[5] == 0);
	expect(strcmp(log_text,
		       "GET|/hello?q=%20|1|200|6|x|me|\n"
		       "HEAD|/hello|0|200|0|||\n"
		       "GET|/nope|1|404|14|||\n"
		       "POST|/read|1|400|37|||chunk without a size\n"
		       "GET|/|1|400|24|||no Host\n"
		       "||0|400|33|||malformed method\n") == 0);
	if (failed)
		print_error("%s\n", log_text);
}

static void logs_and_counts(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {.log = log_entry, .log_arg = log_text};
	play(&opts, routes, log_script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_request),
		cmocka_unit_test(limits_heads),
		cmocka_unit_test(takes_options),
		cmocka_unit_test(cuts_slow_heads),
		cmocka_unit_test(cuts_dripping_heads),
		cmocka_unit_test(closes_idle_connections),
		cmocka_unit_test(cuts_slow_bodies),
		cmocka_unit_test(waits_for_steady_bodies),
		cmocka_unit_test(cuts_slow_readers),
		cmocka_unit_test(finishes_what_runs),
		cmocka_unit_test(cuts_what_outlasts_the_drain_time),
		cmocka_unit_test(ends_with_the_context),
		cmocka_unit_test(logs_and_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
