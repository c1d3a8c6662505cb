/* SPDX-License-Identifier: MIT */
/* What handlers see of a request and say in a response, as raw bytes. */
#include "handlers.h"

static int nothing(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	(void)arg;
	(void)r;
	return 0;
}

static void basic(ug_http_server *s)
{
	expect(ug_http_route(s, "GET /hello", hello, NULL) == 0);
	expect(ug_http_route(s, "GET /nothing", nothing, NULL) == 0);
}

/* ---- answers ---- */

static int big(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	(void)arg;
	for (int i = 0; i < 1000; i++)
		UG_TRY(ug_fprintf(ug_http_writer(r), "%09d\n", i));
	return 0;
}

static int sized(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	(void)arg;
	UG_TRY(ug_http_length(r, 10000));
	return big(q, r, arg);
}

static int short_of(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	(void)arg;
	UG_TRY(ug_http_length(r, 10));
	return ug_fprintf(ug_http_writer(r), "12345");
}

static int beyond(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	(void)arg;
	UG_TRY(ug_http_length(r, 3));
	expect(ug_write(ug_http_writer(r), "1234", 4) == -EINVAL);
	return ug_write(ug_http_writer(r), "123", 3) < 0;
}

static int unwritten(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	(void)arg;
	return ug_http_length(r, 3);
}

static int flushes(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	(void)arg;
	UG_TRY(ug_fprintf(ug_http_writer(r), "one"));
	UG_TRY(ug_http_flush(r));
	expect(ug_http_status(r, 404) == -EBUSY && ug_http_set(r, "A", "b") == -EBUSY &&
		ug_http_length(r, 1) == -EBUSY);
	UG_TRY(ug_fprintf(ug_http_writer(r), "two"));
	return ug_http_flush(r);
}

static int no_content(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	UG_TRY(ug_http_status(r, *(int *)arg));
	return ug_fprintf(ug_http_writer(r), "nobody sees this");
}

static int two_hundred_four = 204, three_hundred_four = 304;

static void answers_routes(ug_http_server *s)
{
	basic(s);
	ug_http_route(s, "/big", big, NULL);
	ug_http_route(s, "/sized", sized, NULL);
	ug_http_route(s, "/short", short_of, NULL);
	ug_http_route(s, "/beyond", beyond, NULL);
	ug_http_route(s, "/unwritten", unwritten, NULL);
	ug_http_route(s, "/flushes", flushes, NULL);
	ug_http_route(s, "/204", no_content, &two_hundred_four);
	ug_http_route(s, "/304", no_content, &three_hundred_four);
}

/* Takes a chunked body apart; its length, -1 where it is malformed. */
static long unchunk(const char *text, char *out)
{
	const char *p = strstr(text, "\r\n\r\n");
	long total = 0;
	for (p = p ? p + 4 : "x";;) {
		char *end;
		long n = strtol(p, &end, 16);
		if (end == p || strncmp(end, "\r\n", 2) != 0)
			return -1;
		p = end + 2;
		memcpy(out + total, p, (size_t)n);
		total += n;
		p += n;
		if (strncmp(p, "\r\n", 2) != 0)
			return -1;
		p += 2;
		if (n == 0)
			return *p ? -1 : total;
	}
}

static void answers_script(void)
{
	static char body[20000], want[20000];
	char *w = want;
	for (int i = 0; i < 1000; i++)
		w += sprintf(w, "%09d\n", i);
	struct answer *a = say(GET("/big"), THEN_CLOSE);
	expect(strstr(a->text, "Transfer-Encoding: chunked\r\n") && !strstr(a->text, "Content-Length"));
	expect(unchunk(a->text, body) == 10000 && memcmp(body, want, 10000) == 0);
	free(a);
	a = say("GET /big HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", KEEP_OPEN); /* its length is where it ends */
	expect(strstr(a->text, "Connection: close\r\n") && !strstr(a->text, "chunked"));
	expect(a->n > 10000 && memcmp(a->text + a->n - 10000, want, 10000) == 0);
	free(a);
	a = say(GET("/sized"), THEN_CLOSE);
	expect(strstr(a->text, "Content-Length: 10000\r\n") && memcmp(a->text + a->n - 10000, want, 10000) == 0);
	free(a);
	expect_answer(GET("/short") GET("/hello"), KEEP_OPEN,
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n12345");
	expect_answer(GET("/beyond"), THEN_CLOSE, OK("3", "123"));
	expect_has(GET("/unwritten"), THEN_CLOSE, "HTTP/1.1 500 ", NULL);
	expect_answer(GET("/flushes"), THEN_CLOSE,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n3\r\none\r\n3\r\ntwo\r\n"
		"0\r\n\r\n");
	expect_answer(GET("/204") GET("/304"), THEN_CLOSE,
		"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n");
}

static void frames_answers(void **state)
{
	(void)state;
	play(NULL, answers_routes, answers_script);
}

#define HEAD(path) "HEAD " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void head_script(void)
{
	expect_answer(HEAD("/hello") GET("/hello"), THEN_CLOSE, OK("6", "") OK("6", "hello\n"));
	expect_answer(HEAD("/big") GET("/nothing"), THEN_CLOSE,
		OK("10000", "") "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	expect_answer(HEAD("/sized"), THEN_CLOSE, OK("10000", ""));
	expect_answer(HEAD("/nope"), THEN_CLOSE,
		"HTTP/1.1 404 Not Found\r\nContent-Length: 14\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
	expect_answer(HEAD("/204"), THEN_CLOSE, "HTTP/1.1 204 No Content\r\n\r\n");
	expect_answer(
		HEAD("/flushes"), THEN_CLOSE, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
}

static void answers_head_without_bodies(void **state)
{
	(void)state;
	play(NULL, answers_routes, head_script);
}

/* ---- handlers that fail ---- */

static int fails(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	UG_TRY(ug_http_set(r, "X-Lost", "yes"));
	UG_TRY(ug_fprintf(ug_http_writer(r), "half an answer"));
	return *(int *)arg;
}

static int fails_late(ug_http_request *q, ug_http_response *r, void *arg)
{
	UG_TRY(ug_http_status(r, 201));
	UG_TRY(ug_http_flush(r));
	return fails(q, r, arg) == -EBUSY ? -EIO : -EIO;
}

static int io_error = -EIO, no_entry = -ENOENT, no_access = -EACCES;

static void failing_routes(ug_http_server *s)
{
	basic(s);
	ug_http_route(s, "/eio", fails, &io_error);
	ug_http_route(s, "/enoent", fails, &no_entry);
	ug_http_route(s, "/eacces", fails, &no_access);
	ug_http_route(s, "/late", fails_late, &io_error);
}

static void failing_script(void)
{
	static const char want[] =
		"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 26\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
		"500 Internal Server Error\n" OK("6", "hello\n");
	expect_answer(GET("/eio") GET("/hello"), THEN_CLOSE, want);
	expect_has(GET("/enoent"), THEN_CLOSE, "HTTP/1.1 404 ", NULL);
	expect_has(GET("/eacces"), THEN_CLOSE, "HTTP/1.1 403 ", NULL);
	/* too late for a status: no end of the chunks, and the connection is gone */
	struct answer *a = say(GET("/late") GET("/hello"), KEEP_OPEN);
	expect(strncmp(a->text, "HTTP/1.1 201 Created\r\n", 22) == 0);
	expect(!strstr(a->text, "0\r\n\r\n") && !strstr(a->text, "hello"));
	free(a);
}

static void answers_for_handlers_that_fail(void **state)
{
	(void)state;
	play(NULL, failing_routes, failing_script);
}

/* ---- fields ---- */

static int fields(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	(void)arg;
	expect(ug_http_set(r, "X-A", "1") == 0);
	expect(ug_http_add(r, "X-B", "1") == 0 && ug_http_add(r, "x-b", "2") == 0);
	expect(ug_http_set(r, "x-a", "2") == 0);
	expect(ug_http_add(r, "X-AB", "") == 0);
	expect(ug_http_set(r, "X-B", "3\t4 \xc3\xa9") == 0);
	static const char *const bad[][2] = {{"", "v"}, {"a b", "v"}, {"a:", "v"}, {"a\r\n", "v"}, {"a", "v\r\nX: y"},
		{"a", "v\n"}, {"a", "v\x7f"}, {"a", "\x01"}, {"Date", "x"}, {"content-LENGTH", "3"},
		{"Transfer-Encoding", "gzip"}, {"Connection", "keep-alive"}, {"\xc3\xa9", "v"}};
	for (size_t i = 0; i < UG_COUNT_OF(bad); i++)
		expect(ug_http_add(r, bad[i][0], bad[i][1]) == -EINVAL &&
			ug_http_set(r, bad[i][0], bad[i][1]) == -EINVAL);
	expect(ug_http_status(r, 199) == -EINVAL && ug_http_status(r, 600) == -EINVAL &&
		ug_http_length(r, -1) == -EINVAL);
	expect(ug_http_set(r, "Content-Type", "a/b") == 0 && ug_http_set(r, "CONTENT-TYPE", "c/d") == 0);
	expect(ug_http_set(r, "Connection", "CLOSE") == 0);
	return ug_http_reply(r, 201, NULL, "x", 1);
}

static int many_fields(ug_http_request *q, ug_http_response *r, void *arg)
{
	static char value[1000];
	(void)q;
	(void)arg;
	memset(value, 'v', sizeof value - 1);
	int e = 0, n = 0;
	while ((e = ug_http_add(r, "X", value)) == 0)
		n++;
	expect(e == -ENOMEM && n > 30 && n < 100);
	return 0;
}

static void fields_routes(ug_http_server *s)
{
	ug_http_route(s, "/", fields, NULL);
	ug_http_route(s, "/many", many_fields, NULL);
}

static void fields_script(void)
{
	expect_answer(GET("/"), KEEP_OPEN,
		"HTTP/1.1 201 Created\r\nContent-Length: 1\r\nConnection: close\r\nx-a: 2\r\nX-AB: \r\nX-B: 3\t4 \xc3\xa9\r\n"
		"CONTENT-TYPE: c/d\r\n\r\nx");
	struct answer *a = say(GET("/many"), THEN_CLOSE);
	expect(a->n > 30000 && strncmp(a->text + a->n - 5, "v\r\n\r\n", 5) == 0);
	free(a);
}

static void sets_fields(void **state)
{
	(void)state;
	play(NULL, fields_routes, fields_script);
}

/* ---- what a handler sees ---- */

static int sees(ug_http_request *q, ug_http_response *r, void *arg)
{
	ug_writer w = ug_http_writer(r);
	(void)arg;
	ug_fprintf(w, "%s|%s|%s|%s", ug_http_method(q), ug_http_target(q), ug_http_path(q), ug_http_host(q));
	const char *const names[] = {"a", "b c", "none", ""};
	for (size_t i = 0; i < UG_COUNT_OF(names); i++) {
		const char *v = ug_http_query(q, names[i]);
		ug_fprintf(w, "|%s", v ? v : "(null)");
	}
	ug_fprintf(w, "|%s", ug_http_param(q, "rest"));
	expect(!ug_http_param(q, "res") && !ug_http_param(q, "rest2"));
	for (unsigned i = 0; i < 3; i++) {
		const char *v = ug_http_header(q, "x-MULTI", i);
		ug_fprintf(w, "|%s", v ? v : "(null)");
	}
	ug_addr remote;
	expect(ug_http_remote(q, &remote) == 0);
	char *p = ug_http_alloc(q, 100000), *small = ug_http_alloc(q, 3);
	expect(p && small && (uintptr_t)p % 16 == 0 && (uintptr_t)small % 16 == 0);
	memset(p, 1, 100000);
	expect(ug_http_alloc(q, SIZE_MAX) == NULL);
	ug_fprintf(w, "|%lld\n", (long long)ug_http_body_size(q));
	/* asked again, after all that was put in between */
	expect(strcmp(ug_http_method(q), "GET") == 0);
	return 0;
}

static void sees_routes(ug_http_server *s)
{
	ug_http_route(s, "GET /see/{rest...}", sees, NULL);
}

static void sees_script(void)
{
	struct answer *a = say(
		"GET /see/x%2fy/%C3%A9?a=1%262&b+c=%20+&a=9&none HTTP/1.1\r\nHost: h:81\r\nX-Multi: 1\r\nx-multi:  2 \r\n"
		"Content-Length: 7\r\n\r\n1234567"
		"GET http://other/see/?a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		THEN_CLOSE);
	expect(strstr(a->text,
		"GET|/see/x%2fy/%C3%A9?a=1%262&b+c=%20+&a=9&none|/see/x/y/\xc3\xa9|h:81|1&2|  ||(null)|x/y/\xc3\xa9|1|2|"
		"(null)|7\n"));
	expect(strstr(a->text, "GET|http://other/see/?a|/see/|other||(null)|(null)|(null)||(null)|(null)|(null)|-1\n"));
	if (failed)
		print_error("%s\n", a->text);
	free(a);
}

static void shows_requests_to_handlers(void **state)
{
	(void)state;
	play(NULL, sees_routes, sees_script);
}

static void redirects(ug_http_server *s);
static int redirect(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	(void)arg;
	expect(ug_http_redirect(r, 200, "/x") == -EINVAL);
	expect(ug_http_redirect(r, 302, "/x\r\nSet-Cookie: y") == -EINVAL);
	return ug_http_redirect(r, 303, "/there?x=y");
}

static void redirects(ug_http_server *s)
{
	ug_http_route(s, "POST /", redirect, NULL);
}

static void redirects_script(void)
{
	expect_answer("POST / HTTP/1.1\r\nHost: a\r\n\r\n", THEN_CLOSE,
		"HTTP/1.1 303 See Other\r\nContent-Length: 14\r\nLocation: /there?x=y\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
		"303 See Other\n");
}

static void redirects_elsewhere(void **state)
{
	(void)state;
	play(NULL, redirects, redirects_script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_answers),
		cmocka_unit_test(answers_head_without_bodies),
		cmocka_unit_test(answers_for_handlers_that_fail),
		cmocka_unit_test(sets_fields),
		cmocka_unit_test(shows_requests_to_handlers),
		cmocka_unit_test(redirects_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
