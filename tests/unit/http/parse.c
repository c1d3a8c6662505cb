/* SPDX-License-Identifier: MIT */
/* The parser of request heads: what it takes and finds, and its limits. */
#include "feed.h"

/* ---- what is taken ---- */

static void takes_a_plain_request(void **state)
{
	(void)state;
	static const char in[] =
		"GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nAccept:*/*\r\nX-Empty:\r\nX-Pad: \t v w\t \r\n\r\n";
	struct outcome o;
	RUN(&o, in);
	assert_int_equal(o.n, sizeof in - 1);
	assert_int_equal(o.head.method, UG__HTTP_GET);
	assert_int_equal(o.head.form, UG__HTTP_ORIGIN);
	assert_int_equal(o.head.minor, 1);
	is(in, o.head.name, "GET");
	is(in, o.head.target, "/a/b?c=d");
	is(in, o.head.path, "/a/b");
	is(in, o.head.query, "c=d");
	is(in, o.head.authority, "example.org");
	assert_int_equal(o.head.nfields, 4);
	is(in, o.fields[0].name, "Host");
	is(in, o.fields[1].value, "*/*");
	is(in, o.fields[2].name, "X-Empty");
	is(in, o.fields[2].value, "");
	is(in, o.fields[3].value, "v w");
	assert_int_equal(o.head.content_length, -1);
	assert_false(o.head.chunked);
}

static void stops_behind_the_head(void **state)
{
	(void)state;
	static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
	static const char in[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n\r\n\n\r\nGET\n";
	struct outcome o;
	RUN(&o, in);
	assert_int_equal(o.n, sizeof head - 1);
	assert_int_equal(o.head.content_length, 5);
}

static void knows_methods(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int method;
	} cases[] = {
		{"GET", UG__HTTP_GET}, {"HEAD", UG__HTTP_HEAD}, {"POST", UG__HTTP_POST}, {"PUT", UG__HTTP_PUT},
		{"DELETE", UG__HTTP_DELETE}, {"OPTIONS", UG__HTTP_OPTIONS}, {"TRACE", UG__HTTP_TRACE},
		{"PATCH", UG__HTTP_PATCH}, {"get", UG__HTTP_OTHER}, {"PROPFIND", UG__HTTP_OTHER},
		{"Get", UG__HTTP_OTHER}, {"!#$%&'*+-.^_`|~09", UG__HTTP_OTHER}, {"GETT", UG__HTTP_OTHER},
		{"PU", UG__HTTP_OTHER}, {"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", UG__HTTP_OTHER}, /* 32 */
	};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++) {
		char in[128];
		int n = snprintf(in, sizeof in, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", cases[i].name);
		struct outcome o;
		run(&o, in, (size_t)n);
		assert_int_equal(o.n, n);
		assert_int_equal(o.head.method, cases[i].method);
		is(in, o.head.name, cases[i].name);
	}
}

static void takes_target(const char *line, int form, const char *authority, const char *path, const char *query)
{
	char in[256];
	int n = snprintf(in, sizeof in, "%s HTTP/1.1\r\nHost: other:81\r\n\r\n", line);
	struct outcome o;
	run(&o, in, (size_t)n);
	if (o.n != n)
		print_error("%s: %s\n", line, o.head.reason ? o.head.reason : "?");
	assert_int_equal(o.n, n);
	assert_int_equal(o.head.form, form);
	is(in, o.head.authority, authority);
	is(in, o.head.path, path);
	is(in, o.head.query, query);
}

static void takes_the_forms_of_targets(void **state)
{
	(void)state;
	takes_target("GET /", UG__HTTP_ORIGIN, "other:81", "/", "");
	takes_target("GET /?", UG__HTTP_ORIGIN, "other:81", "/", "");
	takes_target("GET //a//", UG__HTTP_ORIGIN, "other:81", "//a//", "");
	takes_target("GET /-._~!$&'()*+,;=:@%41%fF?/?-._~!$&'()*+,;=:@%01", UG__HTTP_ORIGIN, "other:81",
		"/-._~!$&'()*+,;=:@%41%fF", "/?-._~!$&'()*+,;=:@%01");
	takes_target("GET http://h.example:80/p?q", UG__HTTP_ABSOLUTE, "h.example:80", "/p", "q");
	takes_target("GET HTTPS://h", UG__HTTP_ABSOLUTE, "h", "", "");
	takes_target("GET http://h?q", UG__HTTP_ABSOLUTE, "h", "", "q");
	takes_target("GET http://h:/", UG__HTTP_ABSOLUTE, "h:", "/", "");
	takes_target("GET http://[2001:db8::1]:8080/", UG__HTTP_ABSOLUTE, "[2001:db8::1]:8080", "/", "");
	takes_target("OPTIONS *", UG__HTTP_ASTERISK, "other:81", "*", "");
	takes_target("OPTIONS /x", UG__HTTP_ORIGIN, "other:81", "/x", "");
	takes_target("OPTIONS http://h", UG__HTTP_ABSOLUTE, "h", "", "");
	takes_target("CONNECT h.example:443", UG__HTTP_AUTHORITY, "h.example:443", "", "");
	takes_target("CONNECT [::1]:443", UG__HTTP_AUTHORITY, "[::1]:443", "", "");
}

static void takes_what_browsers_send_only_if_told(void **state)
{
	(void)state;
	static const char in[] = "GET /a[1]|{}^`?b[]={c|d}^` HTTP/1.1\r\nHost: a\r\n\r\n";
	struct outcome o;
	RUN(&o, in);
	assert_int_equal(o.n, UG_EPROTO_HTTP);
	run_as(&o, in, sizeof in - 1, false, true);
	assert_int_equal(o.n, sizeof in - 1);
	is(in, o.head.path, "/a[1]|{}^`");
	is(in, o.head.query, "b[]={c|d}^`");
}

static void takes_versions(void **state)
{
	(void)state;
	struct outcome o;
	RUN(&o, "GET / HTTP/1.0\r\n\r\n");
	assert_true(o.n > 0);
	assert_int_equal(o.head.minor, 0);
	RUN(&o, "GET / HTTP/1.9\r\nHost: a\r\n\r\n"); /* RFC 9110 2.5: as if it were 1.1 */
	assert_true(o.n > 0);
	assert_int_equal(o.head.minor, 1);
}

static void skips_one_empty_line(void **state)
{
	(void)state;
	static const char in[] = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
	struct outcome o;
	RUN(&o, in);
	assert_int_equal(o.n, sizeof in - 1);
	is(in, o.head.name, "GET");
}

static void reads_connection(void **state)
{
	(void)state;
	struct outcome o;
	RUN(&o, "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close ,,\r\nconnection: Upgrade\r\n\r\n");
	assert_true(o.n > 0);
	assert_true(o.head.close);
	assert_true(o.head.upgrade);
	assert_false(o.head.keep_alive);
	RUN(&o, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_true(o.n > 0);
	assert_true(o.head.keep_alive);
	assert_false(o.head.close);
	RUN(&o, "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n");
	assert_true(o.n > 0);
	assert_false(o.head.close);
}

static void reads_framing(void **state)
{
	(void)state;
	struct outcome o;
	RUN(&o, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	assert_true(o.n > 0);
	assert_true(o.head.chunked);
	RUN(&o, "POST / HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING:CHUNKED \r\nExpect: 100-Continue\r\n\r\n");
	assert_true(o.n > 0);
	assert_true(o.head.chunked);
	assert_true(o.head.expect_continue);
	RUN(&o, "POST / HTTP/1.0\r\nContent-Length: 9223372036854775807\r\nExpect: 100-continue\r\n\r\n");
	assert_true(o.n > 0);
	assert_true(o.head.content_length == INT64_MAX);
	assert_false(o.head.expect_continue);
	RUN(&o, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 000\r\n\r\n");
	assert_true(o.n > 0);
	assert_int_equal(o.head.content_length, 0);
}

static void finds_fields_in_any_case(void **state)
{
	(void)state;
	static const char in[] = "GET / HTTP/1.1\r\nhOST: a\r\nX-A: 1\r\nx-b: 2\r\nx-a: 3\r\n\r\n";
	struct outcome o;
	RUN(&o, in);
	uint32_t from = 0;
	const struct ug__http_field *f = ug__http_head_next(&o.head, in, "x-a", &from);
	assert_non_null(f);
	is(in, f->value, "1");
	f = ug__http_head_next(&o.head, in, "x-a", &from);
	assert_non_null(f);
	is(in, f->value, "3");
	assert_null(ug__http_head_next(&o.head, in, "x-a", &from));
	from = 0;
	assert_null(ug__http_head_next(&o.head, in, "x-", &from));
	from = 0;
	assert_null(ug__http_head_next(&o.head, in, "x-abc", &from));
}

static void takes_all_of_field_content(void **state)
{
	(void)state;
	/* Every octet, at every place of an eight-byte block, is taken or refused as RFC 9110 5.5 says. */
	for (unsigned pad = 0; pad < 9; pad++) {
		for (unsigned c = 0; c < 256; c++) {
			char in[128];
			int n = snprintf(in, sizeof in, "GET / HTTP/1.0\r\nA: %.*sXyyyyyyyyyyyyyyyyz\r\n\r\n", (int)pad,
				"xxxxxxxxx");
			*strchr(in, 'X') = (char)c;
			struct ug__http_head h;
			ug__http_head_init(&h, NULL, 8, 0);
			bool ok = c == '\t' || (c >= 0x20 && c != 0x7f);
			assert_int_equal(ug__http_head_feed(&h, in, (size_t)n), ok ? n : UG_EPROTO_HTTP);
		}
	}
}

/* ---- limits, and what is not whole ---- */

static void asks_for_more(void **state)
{
	(void)state;
	static const char in[] = "\r\nGET /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
	for (size_t n = 0; n < sizeof in - 1; n++) {
		struct outcome o;
		run(&o, in, n);
		assert_int_equal(o.n, 0);
	}
}

static void limits_the_request_line(void **state)
{
	(void)state;
	char in[LIMIT + 64];
	struct outcome o;
	memset(in, 'a', sizeof in);
	memcpy(in, "GET /", 5);
	run(&o, in, LIMIT - 1);
	assert_int_equal(o.n, 0);
	run(&o, in, LIMIT);
	assert_int_equal(o.n, UG_EPROTO_HTTP);
	assert_int_equal(o.head.status, 414);
	memcpy(in + LIMIT + 20, " HTTP/1.1\r\nHost: a\r\n\r\n", 22); /* whole, but beyond the limit */
	run(&o, in, LIMIT + 42);
	assert_int_equal(o.head.status, 414);
}

static void limits_the_fields(void **state)
{
	(void)state;
	char in[LIMIT + 64];
	struct outcome o;
	static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
	memset(in, 'a', sizeof in);
	memcpy(in, start, sizeof start - 1);
	memcpy(in + LIMIT - 4, "\r\n\r\n", 4); /* ends at the limit */
	run(&o, in, sizeof in);
	assert_int_equal(o.n, LIMIT);
	memset(in + LIMIT - 4, 'a', 4);
	memcpy(in + LIMIT - 3, "\r\n\r\n", 4); /* one byte beyond it */
	run(&o, in, sizeof in);
	assert_int_equal(o.n, UG_EPROTO_HTTP);
	assert_int_equal(o.head.status, 431);
	assert_string_equal(o.head.reason, "fields too large");
}

static void limits_the_number_of_fields(void **state)
{
	(void)state;
	struct outcome o;
	RUN(&o, "GET / HTTP/1.1\r\nHost: a\r\n1:\r\n2:\r\n3:\r\n4:\r\n5:\r\n6:\r\n7:\r\n\r\n");
	assert_true(o.n > 0);
	assert_int_equal(o.head.nfields, FIELDS);
	RUN(&o, "GET / HTTP/1.1\r\nHost: a\r\n1:\r\n2:\r\n3:\r\n4:\r\n5:\r\n6:\r\n7:\r\n8:\r\n\r\n");
	assert_int_equal(o.head.status, 431);
	assert_string_equal(o.head.reason, "too many fields");
}

static void has_default_limits(void **state)
{
	(void)state;
	struct ug__http_head h;
	static char in[UG__HTTP_HEAD_BYTES + 1];
	memset(in, 'a', sizeof in);
	memcpy(in, "GET /", 5);
	ug__http_head_init(&h, NULL, 0, 0);
	assert_int_equal(ug__http_head_feed(&h, in, UG__HTTP_HEAD_BYTES - 1), 0);
	assert_int_equal(ug__http_head_feed(&h, in, UG__HTTP_HEAD_BYTES), UG_EPROTO_HTTP);
	ug__http_head_init(&h, NULL, 0, 0);
	assert_int_equal(h.max_fields, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_plain_request),
		cmocka_unit_test(stops_behind_the_head),
		cmocka_unit_test(knows_methods),
		cmocka_unit_test(takes_the_forms_of_targets),
		cmocka_unit_test(takes_what_browsers_send_only_if_told),
		cmocka_unit_test(takes_versions),
		cmocka_unit_test(skips_one_empty_line),
		cmocka_unit_test(reads_connection),
		cmocka_unit_test(reads_framing),
		cmocka_unit_test(finds_fields_in_any_case),
		cmocka_unit_test(takes_all_of_field_content),
		cmocka_unit_test(asks_for_more),
		cmocka_unit_test(limits_the_request_line),
		cmocka_unit_test(limits_the_fields),
		cmocka_unit_test(limits_the_number_of_fields),
		cmocka_unit_test(has_default_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
