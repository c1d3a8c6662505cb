/* SPDX-License-Identifier: MIT */
/* The server, from raw bytes to raw bytes: keeping alive, pipelines, bodies. */
#include "handlers.h"

#define LAST(length, body)                                                                                             \
	"HTTP/1.1 200 OK\r\nContent-Length: " length                                                                   \
	"\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" body

static int echo(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)arg;
	calls++;
	return ug_copy(ug_http_writer(r), ug_http_body(q), NULL);
}

static int nothing(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	(void)arg;
	(void)r;
	return 0;
}

static void basic(ug_http_server *s)
{
	calls = 0;
	expect(ug_http_route(s, "GET /hello", hello, NULL) == 0);
	expect(ug_http_route(s, "GET /nothing", nothing, NULL) == 0);
	expect(ug_http_route(s, "POST /echo", echo, NULL) == 0);
}

/* ---- connections ---- */

static void keeps_alive_script(void)
{
	expect_answer(GET("/hello"), THEN_CLOSE, OK("6", "hello\n"));
	expect_answer("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", KEEP_OPEN, LAST("6", "hello\n"));
	expect_answer("GET /hello HTTP/1.0\r\n\r\n", KEEP_OPEN, LAST("6", "hello\n"));
	expect_answer("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", THEN_CLOSE,
		"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: keep-alive\r\n\r\n"
		"hello\n");
	expect_answer("\r\n" GET("/hello"), THEN_CLOSE, OK("6", "hello\n"));
	expect_answer(GET("/nothing"), THEN_CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	expect_answer("", THEN_CLOSE, "");
	expect_answer("GET /hel", THEN_CLOSE, ""); /* it went away in the middle: nobody to answer */
}

static void keeps_alive(void **state)
{
	(void)state;
	assert_int_equal(play(NULL, basic, keeps_alive_script), 0);
}

static void one_connection_script(void)
{
	static const char want[] = OK("6", "hello\n");
	char buf[512];
	ug_conn c;
	expect(ug_mem_dial(scene->listener, &c) == 0);
	for (int i = 0; i < 100; i++) { /* each request only after the answer to the last */
		size_t n = 0;
		expect(ug_conn_write(c, GET("/hello"), strlen(GET("/hello"))) > 0);
		while (!memmem(buf, n, "hello\n", 6)) {
			ssize_t got = ug_conn_read(c, buf + n, sizeof buf - n);
			expect(got > 0);
			if (got <= 0)
				break;
			n += (size_t)got;
		}
		expect(n == sizeof want - 1 + strlen("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
	}
	ug_conn_close(c);
	expect(calls == 100);
}

static void serves_one_connection_again_and_again(void **state)
{
	(void)state;
	play(NULL, basic, one_connection_script);
}

#define PIPELINE                                                                                                          \
	GET("/hello")                                                                                                     \
	"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"                                                  \
	"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\nX: y\r\n\r\n" GET( \
		"/nope") GET("/hello")
#define PIPELINED                                                                                                            \
	OK("6", "hello\n")                                                                                                   \
	OK("3", "abc")                                                                                                       \
	OK("3", "def")                                                                                                       \
	"HTTP/1.1 404 Not Found\r\nContent-Length: 14\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n404 Not Found\n" OK( \
		"6", "hello\n")

static void pipeline_script(void)
{
	const char *in = PIPELINE;
	expect_answer(in, THEN_CLOSE, PIPELINED);
	for (size_t step = 1; step < 9; step++)
		expect_answer_at("step", in, strlen(in), step, THEN_CLOSE, PIPELINED);
}

static void answers_pipelines_in_order(void **state)
{
	(void)state;
	play(NULL, basic, pipeline_script);
}

static void long_pipeline_script(void)
{
	enum { N = 400 }; /* more than the input buffer and the batch hold */
	static char in[N * 64], want[N * 160];
	char *p = in, *w = want;
	for (int i = 0; i < N; i++) {
		p = stpcpy(p, GET("/hello"));
		w = stpcpy(w, OK("6", "hello\n"));
	}
	expect_answer_at("long", in, (size_t)(p - in), 0, THEN_CLOSE, want);
	expect(calls == N);
}

static void answers_long_pipelines(void **state)
{
	(void)state;
	play(NULL, basic, long_pipeline_script);
}

/* A connection that counts the writes it gets. */
static int writes;
static const struct ug_conn_ops *under_ops;
static ssize_t counting_write_some(void *self, const struct iovec *iov, int n)
{
	writes++;
	return under_ops->write_some(self, iov, n);
}

static ssize_t counting_write(void *self, const void *buf, size_t n)
{
	writes++;
	return under_ops->writer->write(self, buf, n);
}

struct one_conn {
	ug_conn conn;
	int given, refs;
	ug_listener rest;
};

static int one_accept(void *self, ug_conn *out)
{
	struct one_conn *o = self;
	if (o->given++ > 0)
		return ug_accept(o->rest, out);
	*out = o->conn;
	return 0;
}

static void one_ref(void *self)
{
	(void)self;
}

static int one_close(void *self)
{
	return ug_listener_close(ug_listener_ref(((struct one_conn *)self)->rest));
}

static void batch_script(void)
{
	static struct ug_writer_ops writer;
	static struct ug_conn_ops ops;
	struct answer *a = calloc(1, sizeof *a);
	ug_conn near, far;
	struct one_conn one = {.given = 0};
	expect(ug_mem_pair(0, &near, &far) == 0 && ug_mem_listen(0, &one.rest) == 0);
	under_ops = far.ops;
	ops = *far.ops;
	writer = *far.ops->writer;
	writer.write = counting_write;
	ops.writer = &writer;
	if (ops.write_some)
		ops.write_some = counting_write_some;
	one.conn = (ug_conn){&ops, far.self};
	const struct ug_listener_ops listener_ops = {.size = sizeof listener_ops,
		.accept = one_accept,
		.ref = one_ref,
		.unref = one_ref,
		.close = one_close};
	struct scene other = {.listener = {&listener_ops, &one}};
	expect(ug_http_server_new(NULL, &other.server) == 0);
	basic(other.server);
	const char *in = PIPELINE;
	writes = 0;
	expect(ug_conn_write(near, in, strlen(in)) > 0);
	ug_conn_shutdown_write(near);
	ug_group g;
	UG_GROUP(&g) {
		ug_group_go(&g, serve_task, &other);
		listen_to(near, a);
		ug_http_shutdown(other.server);
	}
	expect(strcmp(a->text, PIPELINED) == 0);
	expect(writes == 1);
	ug_conn_close(near);
	ug_listener_close(one.rest);
	ug_http_server_free(other.server);
	free(a);
}

static void writes_a_pipeline_once(void **state)
{
	(void)state;
	play(NULL, basic, batch_script);
}

/* ---- bodies of requests ---- */

#define CHUNKED "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define SIZED(n) "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " n "\r\n"
#define REFUSED(status, name, length, reason)                                                                          \
	"HTTP/1.1 " status " " name "\r\nContent-Length: " length                                                      \
	"\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" status " " name "\n" reason "\n"

static void bodies_script(void)
{
	expect_answer(SIZED("0") "\r\n", THEN_CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	expect_answer(CHUNKED "0\r\n\r\n", THEN_CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	expect_answer(CHUNKED "3\r\nabc\r\n0\r\n\r\n", THEN_CLOSE, OK("3", "abc"));
	/* faults: 400 and a close, though the client keeps its side open */
	expect_has(CHUNKED "3\r\nabcd\r\n0\r\n\r\n", KEEP_OPEN, "HTTP/1.1 400", "chunk longer than its size");
	expect_has(CHUNKED "3;x=y\r\nabc\r\n0\r\n\r\n", KEEP_OPEN, "HTTP/1.1 400", "chunk extension");
	expect_has(CHUNKED "3\nabc\r\n0\r\n\r\n", KEEP_OPEN, "HTTP/1.1 400", "bare LF");
	expect_has(CHUNKED "0\r\nX : y\r\n\r\n", KEEP_OPEN, "HTTP/1.1 400", "space before the colon");
	expect_has(CHUNKED "0\r\nX: y\n\r\n", KEEP_OPEN, "HTTP/1.1 400", "bare LF");
	expect_has(CHUNKED "0\r\nContent-Length: 3\r\n\r\n", KEEP_OPEN, "HTTP/1.1 400", "in a trailer");
	expect_has(CHUNKED "x\r\n", KEEP_OPEN, "HTTP/1.1 400", "chunk without a size");
	expect_has(SIZED("5") "\r\nabc", THEN_CLOSE, "HTTP/1.1 400", "ended early");
	/* nothing behind a fault is taken for a request */
	int before = calls;
	expect_has(CHUNKED "3\r\nabcX\r\n0\r\n\r\n" GET("/hello"), KEEP_OPEN, "HTTP/1.1 400", NULL);
	expect(calls == before + 1);
}

static void reads_bodies(void **state)
{
	(void)state;
	play(NULL, basic, bodies_script);
}

static void skip_script(void)
{
	/* /hello reads no body: what is small is skipped, and the next request found */
	expect_answer("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /" GET("/hello"), THEN_CLOSE,
		OK("6", "hello\n") OK("6", "hello\n"));
	expect_answer("GET /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" GET(
			      "/hello"),
		THEN_CLOSE, OK("6", "hello\n") OK("6", "hello\n"));
	/* what is large costs the connection */
	expect_answer("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc", KEEP_OPEN,
		LAST("6", "hello\n"));
	/* a malformed one is a fault, though nobody wanted it */
	int before = calls;
	expect_has("GET /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabX\r\n" GET("/hello"),
		KEEP_OPEN, "HTTP/1.1 400 ", "chunk without a size");
	expect(calls == before + 1);
	/* also where the connection ends with it */
	expect_has(
		"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX : y\r\n",
		KEEP_OPEN, "HTTP/1.1 400 ", "space before the colon");
	expect_answer(
		"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		KEEP_OPEN, LAST("6", "hello\n"));
}

static void skips_bodies_that_nobody_read(void **state)
{
	(void)state;
	play(NULL, basic, skip_script);
}

static void limit_script(void)
{
	expect_answer(SIZED("10") "\r\n0123456789", THEN_CLOSE, OK("10", "0123456789"));
	expect_has(SIZED("11") "\r\n0123456789a", KEEP_OPEN, "HTTP/1.1 413", "Connection: close");
	expect_has(SIZED("99999999999999") "\r\n", KEEP_OPEN, "HTTP/1.1 413", "the body is too large");
	expect_answer(CHUNKED "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", THEN_CLOSE, OK("10", "0123456789"));
	expect_has(
		CHUNKED "5\r\n01234\r\n6\r\n56789a\r\n0\r\n\r\n", KEEP_OPEN, "HTTP/1.1 413", "the body is too large");
	expect_has(CHUNKED "7fffffffffffffff\r\n", KEEP_OPEN, "HTTP/1.1 413", "the body is too large");
}

static void limits_bodies(void **state)
{
	(void)state;
	static const struct ug_http_server_opts opts = {.max_body = 10};
	play(&opts, basic, limit_script);
}

static void continue_script(void)
{
	static char out[256];
	ug_conn c;
	static const char head[] = SIZED("3") "Expect: 100-continue\r\n\r\n";
	/* with the body at once: no 100 is needed */
	expect_answer(SIZED("3") "Expect: 100-continue\r\n\r\nabc", THEN_CLOSE, OK("3", "abc"));
	/* a handler that reads nothing sends no 100, and the connection cannot go on */
	expect_answer("GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n", KEEP_OPEN,
		LAST("6", "hello\n"));
	/* nor for HTTP/1.0 */
	expect_has("POST /echo HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc", KEEP_OPEN,
		"HTTP/1.1 200", "abc");
	expect_has(SIZED("3") "Expect: 200-ok\r\n\r\n", KEEP_OPEN, "HTTP/1.1 417", NULL);
	/* the body waits for the 100 */
	expect(ug_mem_dial(scene->listener, &c) == 0);
	expect(ug_conn_write(c, head, sizeof head - 1) > 0);
	ssize_t n = ug_read_full(ug_conn_reader(c), out, 25);
	expect(n == 25 && memcmp(out, "HTTP/1.1 100 Continue\r\n\r\n", 25) == 0);
	expect(ug_conn_write(c, "abc", 3) == 3);
	ug_conn_shutdown_write(c);
	struct answer *a = calloc(1, sizeof *a);
	listen_to(c, a);
	expect(strcmp(a->text, OK("3", "abc")) == 0);
	ug_conn_close(c);
	free(a);
}

static void answers_100_continue(void **state)
{
	(void)state;
	play(NULL, basic, continue_script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_alive),
		cmocka_unit_test(serves_one_connection_again_and_again),
		cmocka_unit_test(answers_pipelines_in_order),
		cmocka_unit_test(answers_long_pipelines),
		cmocka_unit_test(writes_a_pipeline_once),
		cmocka_unit_test(reads_bodies),
		cmocka_unit_test(skips_bodies_that_nobody_read),
		cmocka_unit_test(limits_bodies),
		cmocka_unit_test(answers_100_continue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
