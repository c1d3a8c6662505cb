/* SPDX-License-Identifier: MIT */
/* The parser of request heads: what it refuses, with which status and reason. */
#include "feed.h"

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
		LINE(400, "GET /a%00b HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET /a?b=%00 HTTP/1.1", "invalid character in the request target"),
		LINE(400, "GET http://h/%00 HTTP/1.1", "invalid character in the request target"),
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_request_lines),
		cmocka_unit_test(refuses_targets),
		cmocka_unit_test(refuses_fields),
		cmocka_unit_test(refuses_smuggling),
		cmocka_unit_test(refuses_hosts),
		cmocka_unit_test(refuses_in_trailers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
