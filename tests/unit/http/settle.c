/* SPDX-License-Identifier: MIT */
/* Handlers that change their mind before anything is sent: what goes out is framed by what was settled last. */
#include "handlers.h"

#define HEAD(path) "HEAD " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define TEXT "Content-Type: text/plain; charset=utf-8\r\n"
#define NEXT "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" TEXT "\r\nnext\n"

static int next(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	(void)arg;
	return ug_http_text(r, 200, "next\n");
}

/* A body first, and then a status that has none. */
static int takes_back(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	UG_TRY(ug_fprintf(ug_http_writer(r), "HTTP/1.1 200 smuggled\r\n\r\n"));
	return ug_http_status(r, *(int *)arg);
}

static int takes_back_and_flushes(ug_http_request *q, ug_http_response *r, void *arg)
{
	UG_TRY(takes_back(q, r, arg));
	return ug_http_flush(r);
}

/* A status without a body, something written, and then a status with one: what was written is gone. */
static int brings_back(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	UG_TRY(ug_http_status(r, *(int *)arg));
	UG_TRY(ug_fprintf(ug_http_writer(r), "lost"));
	expect(ug_http_status(r, 200) == -EBUSY);
	return ug_http_status(r, *(int *)arg);
}

/* A length for an answer that turns out another. */
static int said_too_early(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	UG_TRY(ug_http_length(r, 5000));
	return ug_http_error(r, 404, arg);
}

static int no_content = 204, not_modified = 304;

static void routes(ug_http_server *s)
{
	ug_http_route(s, "GET /next", next, NULL);
	ug_http_route(s, "GET /204", takes_back, &no_content);
	ug_http_route(s, "GET /304", takes_back, &not_modified);
	ug_http_route(s, "GET /204/flush", takes_back_and_flushes, &no_content);
	ug_http_route(s, "GET /304/flush", takes_back_and_flushes, &not_modified);
	ug_http_route(s, "GET /204/back", brings_back, &no_content);
	ug_http_route(s, "GET /304/back", brings_back, &not_modified);
	ug_http_route(s, "GET /said", said_too_early, NULL);
}

static void bodyless_script(void)
{
	expect_answer(GET("/204") GET("/next"), THEN_CLOSE, "HTTP/1.1 204 No Content\r\n\r\n" NEXT);
	expect_answer(GET("/304") GET("/next"), THEN_CLOSE, "HTTP/1.1 304 Not Modified\r\n\r\n" NEXT);
	expect_answer(GET("/204/flush") GET("/next"), THEN_CLOSE, "HTTP/1.1 204 No Content\r\n\r\n" NEXT);
	expect_answer(GET("/304/flush") GET("/next"), THEN_CLOSE, "HTTP/1.1 304 Not Modified\r\n\r\n" NEXT);
	expect_answer(HEAD("/204") GET("/next"), THEN_CLOSE, "HTTP/1.1 204 No Content\r\n\r\n" NEXT);
	expect_answer(GET("/204/back") GET("/next"), THEN_CLOSE, "HTTP/1.1 204 No Content\r\n\r\n" NEXT);
	expect_answer(GET("/304/back") GET("/next"), THEN_CLOSE, "HTTP/1.1 304 Not Modified\r\n\r\n" NEXT);
}

static void sends_no_body_where_there_is_none(void **state)
{
	(void)state;
	play(NULL, routes, bodyless_script);
}

static void length_script(void)
{
	expect_answer(GET("/said") GET("/next"), THEN_CLOSE,
		"HTTP/1.1 404 Not Found\r\nContent-Length: 14\r\n" TEXT "\r\n404 Not Found\n" NEXT);
	expect_answer(HEAD("/said") GET("/next"), THEN_CLOSE,
		"HTTP/1.1 404 Not Found\r\nContent-Length: 14\r\n" TEXT "\r\n" NEXT);
}

static void forgets_the_length_of_another_answer(void **state)
{
	(void)state;
	play(NULL, routes, length_script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_no_body_where_there_is_none),
		cmocka_unit_test(forgets_the_length_of_another_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
