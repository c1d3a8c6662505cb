/* SPDX-License-Identifier: MIT */
/* The parser of request heads: every case in one piece, byte by byte, and cut in two at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "http/parse_priv.h"
#include <undergo/base.h>

#define FIELDS 8
#define LIMIT 512

struct outcome {
	struct ug__http_head head;
	struct ug__http_field fields[FIELDS];
	ssize_t n;
};

/* Feeds the first `first` bytes, then `step` more each time, each time from fresh memory of exactly that size. */
static void feed(struct outcome *o, const char *in, size_t len, size_t first, size_t step, bool trailer, bool browser)
{
	memset(o, 0, sizeof *o);
	if (trailer)
		ug__http_trailer_init(&o->head, o->fields, FIELDS, LIMIT);
	else
		ug__http_head_init(&o->head, o->fields, FIELDS, LIMIT);
	o->head.browser_urls = browser;
	for (size_t n = first < len ? first : len;; n = n + step < len ? n + step : len) {
		char *copy = malloc(n ? n : 1);
		memcpy(copy, in, n);
		o->n = ug__http_head_feed(&o->head, copy, n);
		free(copy);
		if (o->n != 0 || n == len)
			return;
	}
}

static void same(const struct outcome *a, const struct outcome *b)
{
	struct ug__http_head x = a->head, y = b->head;
	assert_int_equal(a->n, b->n);
	assert_ptr_equal(x.reason, y.reason);
	x.fields = y.fields = NULL;
	x.seen = y.seen = 0; /* how far it looked is the one thing that the cuts decide */
	if (a->n < 0) /* a refusal promises its status and reason alone */
		assert_int_equal(x.status, y.status);
	else
		assert_memory_equal(&x, &y, sizeof x);
	assert_memory_equal(a->fields, b->fields, x.nfields * sizeof a->fields[0]);
}

static void run_as(struct outcome *o, const char *in, size_t len, bool trailer, bool browser)
{
	struct outcome other;
	feed(o, in, len, len, 1, trailer, browser);
	feed(&other, in, len, 0, 1, trailer, browser);
	same(o, &other);
	for (size_t cut = 1; cut < len; cut++) {
		feed(&other, in, len, cut, len, trailer, browser);
		same(o, &other);
	}
}

static void run(struct outcome *o, const char *in, size_t len)
{
	run_as(o, in, len, false, false);
}

#define RUN(o, text) run((o), (text), sizeof(text) - 1)

static void is(const char *in, struct ug__http_part p, const char *want)
{
	assert_int_equal(p.len, strlen(want));
	assert_memory_equal(in + p.at, want, p.len);
}

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
	takes_target("GET /-._~!$&'()*+,;=:@%41%fF?/?-._~!$&'()*+,;=:@%00", UG__HTTP_ORIGIN, "other:81",
		"/-._~!$&'()*+,;=:@%41%fF", "/?-._~!$&'()*+,;=:@%00");
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

/* ---- what is refused ---- */

struct refusal {
	const char *in;
	size_t len;
	int status;
	const char *reason;
};
#define NO(status, text, reason)                                                                                       \
	{                                                                                                              \
		(text), sizeof(text) - 1, (status), (reason)                                                           \
	}
#define LINE(status, line, reason) NO(status, line "\r\nHost: a\r\n\r\n", reason)
#define FIELD(status, field, reason) NO(status, "POST / HTTP/1.1\r\nHost: a\r\n" field "\r\n\r\n", reason)

static void refuses(const struct refusal *r, size_t n, bool trailer)
{
	for (size_t i = 0; i < n; i++) {
		struct outcome o;
		run_as(&o, r[i].in, r[i].len, trailer, false);
		if (o.n != UG_EPROTO_HTTP || o.head.status != r[i].status || strcmp(o.head.reason, r[i].reason) != 0)
			print_error("case %zu, %s: %zd %d %s\n", i, r[i].in, o.n, o.head.status,
				o.head.reason ? o.head.reason : "?");
		assert_int_equal(o.n, UG_EPROTO_HTTP);
		assert_int_equal(o.head.status, r[i].status);
		assert_string_equal(o.head.reason, r[i].reason);
		assert_int_equal(ug__http_head_feed(&o.head, r[i].in, r[i].len), UG_EPROTO_HTTP);
	}
}
#define REFUSES(cases) refuses(cases, UG_COUNT_OF(cases), false)

static void refuses_request_lines(void **state)
{
	(void)state;
	static const struct refusal cases[] = {
		LINE(400, " GET / HTTP/1.1", "spare space in the request line"),
		LINE(400, "GET  / HTTP/1.1", "spare space in the request line"),
		LINE(400, "GET /  HTTP/1.1", "spare space in the request line"),
		LINE(400, "GET / HTTP/1.1 ", "spare space in the request line"),
		LINE(400, "GET\t/ HTTP/1.1", "malformed method"),
		LINE(400, "GET /\tHTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET / HTTP/1.1\t", "malformed HTTP version"),
		LINE(400, "G(T / HTTP/1.1", "malformed method"), LINE(400, "GET", "malformed method"),
		LINE(400, "GET ", "request target of no known form"), LINE(400, "GET /", "no HTTP version"),
		LINE(400, "GET / ", "malformed HTTP version"), LINE(400, "GET / http/1.1", "malformed HTTP version"),
		LINE(400, "GET / HTTP/1", "malformed HTTP version"),
		LINE(400, "GET / HTTP/1.", "malformed HTTP version"),
		LINE(400, "GET / HTTP/1.10", "malformed HTTP version"),
		LINE(400, "GET / HTTP/11.1", "malformed HTTP version"),
		LINE(400, "GET / HTTP/+1.1", "malformed HTTP version"),
		LINE(400, "GET / HTTP/1,1", "malformed HTTP version"),
		LINE(400, "GET / HTTPS/1.1", "malformed HTTP version"),
		LINE(400, "GET / HTTP/1.1\0", "malformed HTTP version"),
		LINE(505, "GET / HTTP/2.0", "HTTP version not supported"),
		LINE(505, "GET / HTTP/0.9", "HTTP version not supported"),
		LINE(505, "GET / HTTP/3.0", "HTTP version not supported"),
		NO(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP version not supported"),
		LINE(501, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1", "method too long"),
		NO(400, "GET / HTTP/1.1\nHost: a\r\n\r\n", "bare LF as line end"),
		NO(400, "GET / HTTP/1.1\rHost: a\r\n\r\n", "bare CR"),
		NO(400, "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "bare CR"),
		NO(400, "GET / HTTP/1.1\n", "bare LF as line end"),
		NO(400, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "malformed method"),
		NO(400, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "more than one empty line before the request"),
		NO(400, "\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "malformed method"),
		NO(400, "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", "malformed method"),
		NO(400, "\x16\x03\x01\x02\x00\x01\x00\n", "malformed method"), /* TLS on a plain port */
	};
	REFUSES(cases);
}

static void refuses_targets(void **state)
{
	(void)state;
	static const struct refusal cases[] = {
		LINE(400, "GET /a b HTTP/1.1", "malformed HTTP version"),
		LINE(400, "GET /a\"b HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET /a#b HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET /?a#b HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET /a\\b HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET /<a> HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET /a?b[]=1 HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET /\0 HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET /\x7f HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET /\xc3\xa9 HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET /% HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET /%4 HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET /%4g HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET /?%u0041 HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET /%", "invalid character in the request target"),
		LINE(400, "GET a HTTP/1.1", "request target of no known form"),
		LINE(400, "GET a/b HTTP/1.1", "request target of no known form"),
		LINE(400, "GET ?q HTTP/1.1", "request target of no known form"),
		LINE(400, "GET http:/a HTTP/1.1", "request target of no known form"),
		LINE(400, "GET http:a HTTP/1.1", "request target of no known form"),
		LINE(400, "GET ftp://a/ HTTP/1.1", "request target of no known form"),
		LINE(400, "GET h:80 HTTP/1.1", "request target of no known form"),
		LINE(400, "GET http:///p HTTP/1.1", "malformed authority in the request target"),
		LINE(400, "GET http://:80/p HTTP/1.1", "malformed authority in the request target"),
		LINE(400, "GET http://a:b/ HTTP/1.1", "malformed authority in the request target"),
		LINE(400, "GET http://a:65536/ HTTP/1.1", "malformed authority in the request target"),
		LINE(400, "GET http://[::1/ HTTP/1.1", "malformed authority in the request target"),
		LINE(400, "GET http://u@a/ HTTP/1.1", "user information in the request target"),
		LINE(400, "GET http://u:p@a/ HTTP/1.1", "user information in the request target"),
		LINE(400, "GET http://a#f HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET http://a\\b/ HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET * HTTP/1.1", "the target * is for OPTIONS alone"),
		LINE(400, "OPTIONS ** HTTP/1.1", "request target of no known form"),
		LINE(400, "OPTIONS *?q HTTP/1.1", "request target of no known form"),
		LINE(400, "CONNECT / HTTP/1.1", "CONNECT needs host:port"),
		LINE(400, "CONNECT h HTTP/1.1", "CONNECT needs host:port"),
		LINE(400, "CONNECT h: HTTP/1.1", "CONNECT needs host:port"),
		LINE(400, "CONNECT h:0 HTTP/1.1", "CONNECT needs host:port"),
		LINE(400, "CONNECT h:65536 HTTP/1.1", "CONNECT needs host:port"),
		LINE(400, "CONNECT h:1x HTTP/1.1", "CONNECT needs host:port"),
		LINE(400, "CONNECT http://h:1/ HTTP/1.1", "CONNECT needs host:port"),
		LINE(400, "CONNECT u@h:1 HTTP/1.1", "CONNECT needs host:port"),
	};
	REFUSES(cases);
}

static void refuses_fields(void **state)
{
	(void)state;
	static const struct refusal cases[] = {
		FIELD(400, "A : b", "space before the colon of a field"),
		FIELD(400, "A\t: b", "space before the colon of a field"),
		FIELD(400, "Transfer-Encoding : chunked", "space before the colon of a field"),
		FIELD(400, " A: b", "folded line"),
		FIELD(400, "A: b\r\n c", "folded line"),
		FIELD(400, "A: b\r\n\tc", "folded line"),
		FIELD(400, "A:\r\n ", "folded line"),
		NO(400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "folded line"),
		FIELD(400, ": b", "field without a name"),
		FIELD(400, "A", "field without a colon"),
		FIELD(400, "A\xc3\xa9: b", "invalid character in a field name"),
		FIELD(400, "A(: b", "invalid character in a field name"),
		FIELD(400, "A\0: b", "invalid character in a field name"),
		FIELD(400, "\0: b", "invalid character in a field name"),
		FIELD(400, "A: b\0c", "control character in a field"),
		FIELD(400, "A: 12345678\0", "control character in a field"),
		FIELD(400, "A: b\x01", "control character in a field"),
		FIELD(400, "A: b\x1f", "control character in a field"),
		FIELD(400, "A: b\x7f", "control character in a field"),
		FIELD(400, "A: b\vc", "control character in a field"),
		FIELD(400, "A: b\fc", "control character in a field"),
		FIELD(400, "A: b\nB: c", "bare LF as line end"),
		FIELD(400, "A: b\rB: c", "bare CR"),
		FIELD(400, "A: b\r", "bare CR"),
		FIELD(400, "A: \r\rB: c", "bare CR"),
		FIELD(400, "A\nB: c", "bare LF as line end"),
		FIELD(400, "A\rB: c", "bare CR"),
		NO(400, "GET / HTTP/1.1\r\nHost: a\r\n\n", "bare LF as line end"),
		NO(400, "GET / HTTP/1.1\r\nHost: a\n\r\n", "bare LF as line end"),
		NO(400, "GET / HTTP/1.1\r\nHost: a\r\n\rX\n", "bare CR"),
	};
	REFUSES(cases);
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

static void refuses_smuggling(void **state)
{
	(void)state;
	static const struct refusal cases[] = {
		FIELD(400, "Content-Length: 3\r\nTransfer-Encoding: chunked",
			"Content-Length beside Transfer-Encoding"),
		FIELD(400, "Transfer-Encoding: chunked\r\nContent-Length: 3",
			"Content-Length beside Transfer-Encoding"),
		FIELD(400, "Content-Length: 3\r\nContent-Length: 3", "more than one Content-Length"),
		FIELD(400, "Content-Length: 3\r\ncontent-length: 4", "more than one Content-Length"),
		FIELD(400, "Content-Length: 3, 3", "malformed Content-Length"),
		FIELD(400, "Content-Length: +3", "malformed Content-Length"),
		FIELD(400, "Content-Length: -3", "malformed Content-Length"),
		FIELD(400, "Content-Length: 0x3", "malformed Content-Length"),
		FIELD(400, "Content-Length: 3 3", "malformed Content-Length"),
		FIELD(400, "Content-Length: 3;", "malformed Content-Length"),
		FIELD(400, "Content-Length: \"3\"", "malformed Content-Length"),
		FIELD(400, "Content-Length: 3.0", "malformed Content-Length"),
		FIELD(400, "Content-Length: 1e3", "malformed Content-Length"),
		FIELD(400, "Content-Length: 1_0", "malformed Content-Length"),
		FIELD(400, "Content-Length:", "malformed Content-Length"),
		FIELD(400, "Content-Length: \xd9\xa3", "malformed Content-Length"),
		FIELD(400, "Content-Length: 9223372036854775808", "malformed Content-Length"),
		FIELD(400, "Content-Length: 18446744073709551619", "malformed Content-Length"),
		FIELD(400, "Content-Length: 99999999999999999999999999", "malformed Content-Length"),
		FIELD(400, "Transfer-Encoding: identity", "Transfer-Encoding other than chunked"),
		FIELD(400, "Transfer-Encoding: gzip, chunked", "Transfer-Encoding other than chunked"),
		FIELD(400, "Transfer-Encoding: chunked, gzip", "Transfer-Encoding other than chunked"),
		FIELD(400, "Transfer-Encoding: chunked, chunked", "Transfer-Encoding other than chunked"),
		FIELD(400, "Transfer-Encoding: chunked,", "Transfer-Encoding other than chunked"),
		FIELD(400, "Transfer-Encoding: xchunked", "Transfer-Encoding other than chunked"),
		FIELD(400, "Transfer-Encoding: chunkedx", "Transfer-Encoding other than chunked"),
		FIELD(400, "Transfer-Encoding: \"chunked\"", "Transfer-Encoding other than chunked"),
		FIELD(400, "Transfer-Encoding: chunked;a=b", "Transfer-Encoding other than chunked"),
		FIELD(400, "Transfer-Encoding:", "Transfer-Encoding other than chunked"),
		FIELD(400, "Transfer-Encoding: \vchunked", "control character in a field"),
		FIELD(400, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
			"more than one Transfer-Encoding"),
		FIELD(400, "Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "more than one Transfer-Encoding"),
		FIELD(400, "X: y\nTransfer-Encoding: chunked", "bare LF as line end"),
		FIELD(400, "X: y\r\n Transfer-Encoding: chunked", "folded line"),
		FIELD(400, "X: y\0\r\nTransfer-Encoding: chunked", "control character in a field"),
		FIELD(400, "Connection: a b", "malformed Connection"),
		FIELD(400, "Connection: \"close\"", "malformed Connection"),
		FIELD(417, "Expect: 200-ok", "expectation other than 100-continue"),
		FIELD(417, "Expect: 100-continue, x", "expectation other than 100-continue"),
		NO(400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding in HTTP/1.0"),
	};
	REFUSES(cases);
}

static void refuses_hosts(void **state)
{
	(void)state;
	static const struct refusal cases[] = {
		NO(400, "GET / HTTP/1.1\r\n\r\n", "no Host"),
		NO(400, "GET http://a/ HTTP/1.1\r\n\r\n", "no Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "more than one Host"),
		NO(400, "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", "more than one Host"),
		NO(400, "GET / HTTP/1.1\r\nHost:\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: []\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: [a]\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: [1.2.3.4]\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: [::1]80\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: [v.x]\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: a%\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: a%2\r\n\r\n", "malformed Host"),
		NO(400, "GET / HTTP/1.1\r\nHost: a\xc3\xa9\r\n\r\n", "malformed Host"),
	};
	static const char *const good[] = {"a", "a.b.c.", "a:", "a:80", "1.2.3.4:65535", "[::1]", "[2001:db8::1]:1",
		"a_b!$&'()*+,;=", "%41", "[v1.a:b]"};
	REFUSES(cases);
	for (size_t i = 0; i < UG_COUNT_OF(good); i++)
		assert_true(ug__http_authority_ok(good[i], strlen(good[i]), false));
}

static void refuses_in_trailers(void **state)
{
	(void)state;
	static const struct refusal cases[] = {
		NO(400, "Content-Length: 3\r\n\r\n", "Content-Length in a trailer"),
		NO(400, "A: b\r\nTransfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding in a trailer"),
		NO(400, "Host: a\r\n\r\n", "Host in a trailer"),
		NO(400, "Connection: close\r\n\r\n", "Connection in a trailer"),
		NO(400, "Expect: 100-continue\r\n\r\n", "Expect in a trailer"),
		NO(400, "A: b\n\r\n", "bare LF as line end"),
		NO(400, "A : b\r\n\r\n", "space before the colon of a field"),
		NO(400, " A: b\r\n\r\n", "folded line"),
		NO(400, "\n", "bare LF as line end"),
		NO(431, "A:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n", "too many fields"),
	};
	refuses(cases, UG_COUNT_OF(cases), true);
	struct outcome o;
	run_as(&o, "\r\nGET ", 6, true, false);
	assert_int_equal(o.n, 2);
	run_as(&o, "A: b\r\nC: d\r\n\r\nX", 15, true, false);
	assert_int_equal(o.n, 14);
	assert_int_equal(o.head.nfields, 2);
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
		cmocka_unit_test(refuses_request_lines),
		cmocka_unit_test(refuses_targets),
		cmocka_unit_test(refuses_fields),
		cmocka_unit_test(takes_all_of_field_content),
		cmocka_unit_test(refuses_smuggling),
		cmocka_unit_test(refuses_hosts),
		cmocka_unit_test(refuses_in_trailers),
		cmocka_unit_test(asks_for_more),
		cmocka_unit_test(limits_the_request_line),
		cmocka_unit_test(limits_the_fields),
		cmocka_unit_test(limits_the_number_of_fields),
		cmocka_unit_test(has_default_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
