/* SPDX-License-Identifier: MIT */
/* What a handler may say of its request: how long the body may be, in place of what the server says. */
#include "talk.h"

#define POST(path, n, body) "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: " #n "\r\n\r\n" body
#define CHUNKED(path, body) "POST " path " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" body

static int take(ug_http_request *q, ug_http_response *r, void *arg)
{
	int64_t n = 0;
	ug_http_limit_body(q, *(int64_t *)arg);
	UG_TRY(ug_copy(ug_discard(), ug_http_body(q), &n));
	return ug_fprintf(ug_http_writer(r), "%lld", (long long)n);
}

static int64_t four = 4, eight = 8, any = -1;

static void routes(ug_http_server *s)
{
	ug_http_route(s, "/four", take, &four);
	ug_http_route(s, "/eight", take, &eight);
	ug_http_route(s, "/any", take, &any);
}

static void limits_script(void)
{
	expect_has(POST("/four", 4, "1234"), THEN_CLOSE, "HTTP/1.1 200", "\r\n\r\n4");
	expect_has(POST("/four", 5, "12345"), THEN_CLOSE, "HTTP/1.1 413", NULL);
	expect_has(POST("/eight", 8, "12345678"), THEN_CLOSE, "HTTP/1.1 200", "\r\n\r\n8");
	expect_has(POST("/eight", 9, "123456789"), THEN_CLOSE, "HTTP/1.1 413", NULL);
	expect_has(POST("/any", 12, "123456789012"), THEN_CLOSE, "HTTP/1.1 200", "\r\n\r\n12");
	expect_has(CHUNKED("/four", "4\r\n1234\r\n0\r\n\r\n"), THEN_CLOSE, "HTTP/1.1 200", "\r\n\r\n4");
	expect_has(CHUNKED("/four", "4\r\n1234\r\n1\r\n5\r\n0\r\n\r\n"), THEN_CLOSE, "HTTP/1.1 413", NULL);
	expect_has(CHUNKED("/eight", "8\r\n12345678\r\n0\r\n\r\n"), THEN_CLOSE, "HTTP/1.1 200", "\r\n\r\n8");
}

static void the_limit_of_a_body_is_the_handlers(void **state)
{
	(void)state;
	struct ug_http_server_opts o = {.max_body = 6};
	play(&o, routes, limits_script);
	play(NULL, routes, limits_script);
}

static void a_status_has_its_name(void **state)
{
	(void)state;
	assert_string_equal(ug_http_status_text(200), "OK");
	assert_string_equal(ug_http_status_text(404), "Not Found");
	assert_string_equal(ug_http_status_text(431), "Request Header Fields Too Large");
	assert_string_equal(ug_http_status_text(299), "Unknown");
	assert_string_equal(ug_http_status_text(-1), "Unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_of_a_body_is_the_handlers),
		cmocka_unit_test(a_status_has_its_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
