/* SPDX-License-Identifier: MIT */
/* Conditional requests, in the order of RFC 9110 13.2.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "http/cond_priv.h"
#include <undergo/base.h>

#define OLD "Sun, 06 Nov 1994 08:49:36 GMT"
#define SAME "Sun, 06 Nov 1994 08:49:37 GMT"
#define NEWER "Sun, 06 Nov 1994 08:49:38 GMT"
#define MODIFIED 784111777
#define NOW (MODIFIED + 1000)

static const struct ug__http_state strong = {true, "\"x\"", MODIFIED};
static const struct ug__http_state weak = {true, "W/\"x\"", MODIFIED};
static const struct ug__http_state absent = {false, NULL, -1};
static const struct ug__http_state bare = {true, NULL, -1};

static void head_of(
	struct ug__http_head *h, struct ug__http_field fields[8], char in[512], const char *method, const char *lines)
{
	int n = snprintf(in, 512, "%s / HTTP/1.1\r\nHost: a\r\n%s%s\r\n", method, lines, *lines ? "\r\n" : "");
	ug__http_head_init(h, fields, 8, 0);
	assert_int_equal(ug__http_head_feed(h, in, (size_t)n), n);
}

static void decides(void **state)
{
	(void)state;
	static const struct {
		const char *method, *lines;
		const struct ug__http_state *what;
		int want;
	} cases[] = {
		{"GET", "", &strong, 0},
		/* If-Match: strong */
		{"GET", "If-Match: \"x\"", &strong, 0},
		{"GET", "If-Match: \"y\"", &strong, 412},
		{"GET", "If-Match: \"y\", \"x\"", &strong, 0},
		{"GET", "If-Match: \"y\",\"x\"", &strong, 0},
		{"GET", "If-Match: \"y\"\r\nIf-Match: \"x\"", &strong, 0},
		{"GET", "If-Match: \"a,\", \"x\"", &strong, 0},
		{"GET", "If-Match: W/\"x\"", &strong, 412},
		{"GET", "If-Match: \"x\"", &weak, 412},
		{"GET", "If-Match: W/\"x\"", &weak, 412},
		{"GET", "If-Match: *", &strong, 0},
		{"GET", "If-Match: *", &absent, 412},
		{"GET", "If-Match: *", &bare, 0},
		{"GET", "If-Match: \"x\"", &bare, 412},
		{"GET", "If-Match: x", &strong, 412},
		{"GET", "If-Match: \"x", &strong, 412},
		{"GET", "If-Match:", &strong, 412},
		{"PUT", "If-Match: \"y\"", &strong, 412},
		/* If-Unmodified-Since, only without If-Match */
		{"GET", "If-Unmodified-Since: " SAME, &strong, 0},
		{"GET", "If-Unmodified-Since: " NEWER, &strong, 0},
		{"GET", "If-Unmodified-Since: " OLD, &strong, 412},
		{"PUT", "If-Unmodified-Since: " OLD, &strong, 412},
		{"GET", "If-Unmodified-Since: rubbish", &strong, 0},
		{"GET", "If-Unmodified-Since: " OLD, &bare, 0},
		{"GET", "If-Match: \"x\"\r\nIf-Unmodified-Since: " OLD, &strong, 0},
		/* If-None-Match: weak */
		{"GET", "If-None-Match: \"x\"", &strong, 304},
		{"HEAD", "If-None-Match: \"x\"", &strong, 304},
		{"GET", "If-None-Match: W/\"x\"", &strong, 304},
		{"GET", "If-None-Match: \"x\"", &weak, 304},
		{"GET", "If-None-Match: W/\"x\"", &weak, 304},
		{"GET", "If-None-Match: \"y\"", &strong, 0},
		{"GET", "If-None-Match: \"xx\"", &strong, 0},
		{"GET", "If-None-Match: \"\"", &strong, 0},
		{"GET", "If-None-Match: \"y\", W/\"x\"", &strong, 304},
		{"GET", "If-None-Match: *", &strong, 304},
		{"GET", "If-None-Match: *", &absent, 0},
		{"PUT", "If-None-Match: *", &strong, 412},
		{"PUT", "If-None-Match: *", &absent, 0},
		{"POST", "If-None-Match: \"x\"", &strong, 412},
		{"GET", "If-None-Match: x", &strong, 0},
		{"GET", "If-None-Match: \"y\" \"x\"", &strong, 304},
		{"GET", "If-None-Match: \"y\"\"x\"", &strong, 0},
		{"GET", "If-None-Match: w/\"x\"", &strong, 0},
		{"GET", "If-None-Match: \"x\"", &bare, 0},
		/* If-Modified-Since, only for GET and HEAD, only without If-None-Match */
		{"GET", "If-Modified-Since: " SAME, &strong, 304},
		{"HEAD", "If-Modified-Since: " SAME, &strong, 304},
		{"GET", "If-Modified-Since: " NEWER, &strong, 304},
		{"GET", "If-Modified-Since: " OLD, &strong, 0},
		{"GET", "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", &strong, 304},
		{"POST", "If-Modified-Since: " SAME, &strong, 0},
		{"GET", "If-Modified-Since: 1994", &strong, 0},
		{"GET", "If-Modified-Since: " SAME, &absent, 0},
		{"GET", "If-Modified-Since: " SAME "\r\nIf-Modified-Since: " SAME, &strong, 0},
		{"GET", "If-None-Match: \"y\"\r\nIf-Modified-Since: " SAME, &strong, 0},
		{"GET", "If-None-Match: \"x\"\r\nIf-Modified-Since: " OLD, &strong, 304},
		/* the order */
		{"GET", "If-Match: \"y\"\r\nIf-None-Match: \"x\"", &strong, 412},
		{"GET", "If-Match: \"x\"\r\nIf-None-Match: \"x\"", &strong, 304},
		{"GET", "If-Unmodified-Since: " OLD "\r\nIf-Modified-Since: " SAME, &strong, 412},
		{"OPTIONS", "If-Match: \"y\"", &strong, 0},
		{"TRACE", "If-None-Match: *", &strong, 0},
	};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++) {
		struct ug__http_head h;
		struct ug__http_field fields[8];
		char in[512];
		head_of(&h, fields, in, cases[i].method, cases[i].lines);
		int got = ug__http_precondition(&h, in, cases[i].what, NOW);
		if (got != cases[i].want)
			print_error("%zu: %s %s\n", i, cases[i].method, cases[i].lines);
		assert_int_equal(got, cases[i].want);
	}
}

static void decides_if_range(void **state)
{
	(void)state;
	static const struct {
		const char *lines;
		const struct ug__http_state *what;
		int64_t now;
		bool want;
	} cases[] = {
		{"", &strong, NOW, true},
		{"If-Range: \"x\"", &strong, NOW, true},
		{"If-Range: \"y\"", &strong, NOW, false},
		{"If-Range: W/\"x\"", &strong, NOW, false},
		{"If-Range: W/\"x\"", &weak, NOW, false},
		{"If-Range: \"x\"", &weak, NOW, false},
		{"If-Range: \"x\", \"y\"", &strong, NOW, false},
		{"If-Range: *", &strong, NOW, false},
		{"If-Range: " SAME, &strong, NOW, true},
		{"If-Range: " NEWER, &strong, NOW, false},
		{"If-Range: " OLD, &strong, NOW, false},
		{"If-Range: " SAME, &strong, MODIFIED, false}, /* it may change again within that second */
		{"If-Range: " SAME, &strong, MODIFIED + 1, false},
		{"If-Range: rubbish", &strong, NOW, false},
		{"If-Range:", &strong, NOW, false},
		{"If-Range: \"x\"\r\nIf-Range: \"x\"", &strong, NOW, false},
		{"If-Range: \"x\"", &absent, NOW, false},
	};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++) {
		struct ug__http_head h;
		struct ug__http_field fields[8];
		char in[512];
		head_of(&h, fields, in, "GET", cases[i].lines);
		bool got = ug__http_if_range(&h, in, cases[i].what, cases[i].now);
		if (got != cases[i].want)
			print_error("%zu: %s\n", i, cases[i].lines);
		assert_int_equal(got, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides),
		cmocka_unit_test(decides_if_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
