/* SPDX-License-Identifier: MIT */
/* Text for HTML, URLs, JSON and log lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "http/escape_priv.h"
#include <undergo/base.h>

#define FFFD "\xEF\xBF\xBD"

typedef size_t escape_fn(const char *s, size_t n, char *out, size_t cap);

static size_t url(const char *s, size_t n, char *out, size_t cap)
{
	return ug__http_escape_url(s, n, "/", out, cap);
}

struct pair {
	const char *in;
	size_t n;
	const char *out;
};
#define PAIR(in, out)                                                                                                  \
	{                                                                                                              \
		in, sizeof(in) - 1, out                                                                                \
	}

/* Each pair with room enough, and then with every smaller room: a prefix, a NUL, and nothing behind it. */
static void check(escape_fn *fn, const struct pair *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char out[128];
		size_t len = fn(p[i].in, p[i].n, out, sizeof out), want = strlen(p[i].out);
		assert_string_equal(out, p[i].out);
		assert_int_equal(len, want);
		for (size_t cap = 0; cap <= want; cap++) {
			memset(out, '!', sizeof out);
			assert_int_equal(fn(p[i].in, p[i].n, out, cap), want);
			assert_int_equal(out[cap], '!');
			if (cap > 0) {
				assert_true(strlen(out) < cap);
				assert_memory_equal(out, p[i].out, strlen(out));
			}
		}
	}
}

static void html(void **state)
{
	(void)state;
	static const struct pair cases[] = {
		PAIR("", ""),
		PAIR("plain", "plain"),
		PAIR("<a href=\"x\">'&'</a>", "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;"),
		PAIR("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
		PAIR("a\0b\n\x7f", "a" FFFD "b" FFFD FFFD),
		PAIR("\x80", FFFD),
		PAIR("\xc3", FFFD),
		PAIR("\xc3<", FFFD "&lt;"),
		PAIR("\xc0\xbc", FFFD FFFD), /* an overlong < */
		PAIR("\xe0\x80\xbc", FFFD FFFD FFFD), /* again */
		PAIR("\xed\xa0\x80", FFFD FFFD FFFD), /* a surrogate */
		PAIR("\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD),
		PAIR("\xf0\x9f\x98", FFFD FFFD FFFD),
	};
	check(ug__http_escape_html, cases, UG_COUNT_OF(cases));
}

static void urls(void **state)
{
	(void)state;
	static const struct pair cases[] = {
		PAIR("a/b-._~9Z", "a/b-._~9Z"),
		PAIR("a b?c#d%e:f", "a%20b%3Fc%23d%25e%3Af"),
		PAIR("\xc3\xa9\0\"'<", "%C3%A9%00%22%27%3C"),
	};
	check(url, cases, UG_COUNT_OF(cases));
}

static void json(void **state)
{
	(void)state;
	static const struct pair cases[] = {
		PAIR("a\"b\\c/", "a\\\"b\\\\c/"), PAIR("\0\n\x1f\x7f", "\\u0000\\u000A\\u001F\\u007F"),
		PAIR("\xc3\xa9\xff", "\xc3\xa9" FFFD),
		PAIR("\xc2\x9b"
		     "31m\xc2\xa0\xc2\x80",
			"\\u009B31m\xc2\xa0\\u0080"), /* terminals take U+009B for ESC [ */
	};
	check(ug__http_escape_json, cases, UG_COUNT_OF(cases));
}

static void logs(void **state)
{
	(void)state;
	static const struct pair cases[] = {
		PAIR("GET /a HTTP/1.1", "GET /a HTTP/1.1"),
		PAIR("\"\\\r\n\x7f\xc3\0", "\\x22\\x5C\\x0D\\x0A\\x7F\\xC3\\x00"),
	};
	check(ug__http_escape_log, cases, UG_COUNT_OF(cases));
}

static void text(void **state)
{
	(void)state;
#define IS(text) assert_true(ug__http_is_text(text, sizeof(text) - 1))
#define NOT(text) assert_false(ug__http_is_text(text, sizeof(text) - 1))
	IS("");
	IS("all:\n\tcc x.c\r\n\f");
	IS("gr\xc3\xbc\xc3\x9f dich");
	IS("cut \xe2\x82");
	IS("cut \xf0\x9f\x98");
	NOT("a\0b");
	NOT("\x7f\x45\x4c\x46\0");
	NOT("\x89PNG\r\n");
	NOT("caf\xe9 au lait");
	NOT("\xff\xfe");
	NOT("\x1f\x8b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(html),
		cmocka_unit_test(urls),
		cmocka_unit_test(json),
		cmocka_unit_test(logs),
		cmocka_unit_test(text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
