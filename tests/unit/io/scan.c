/* SPDX-License-Identifier: MIT */
/* The scanner: the tokens must not depend on the pieces in which the bytes come. */
#include "io_test.h"

/* Joins the tokens with "|" and compares; answers what ug_scan_next said last. */
static int scan(const char *text, size_t piece, const struct ug_scan_opts *opts, const char *want)
{
	char got[256];
	size_t n = 0;
	struct source s = {.data = text, .n = strlen(text), .piece = piece};
	ug_scan scan;
	ug_scan_init(&scan, source_reader(&s), opts);
	int e;
	while ((e = ug_scan_next(&scan)) > 0) {
		CHECK(n + scan.length + 1 < sizeof got);
		memcpy(got + n, scan.token, scan.length);
		n += scan.length;
		got[n++] = '|';
	}
	got[n] = 0;
	if (strcmp(got, want) != 0)
		fprintf(stderr, "\"%s\" in pieces of %zu: \"%s\", not \"%s\"\n", text, piece, got, want);
	CHECK(strcmp(got, want) == 0);
	CHECK_IS(ug_scan_next(&scan), e);
	CHECK(!scan.token);
	ug_scan_done(&scan);
	return e;
}

TEST(lines)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"\n", "|"},
		{"a", "a|"},
		{"a\n", "a|"},
		{"a\n\nb", "a||b|"},
		{"a\r\nb\r\r\n\r\n", "a|b\r||"},
		{"a\r", "a|"},
		{"\r", "|"},
		{"one two\nthree", "one two|three|"},
	};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++)
		for (size_t piece = 0; piece < 8; piece++)
			CHECK_IS(scan(cases[i][0], piece, NULL, cases[i][1]), 0);
	return 0;
}

TEST(words)
{
	static const char *const cases[][2] = {
		{"", ""},
		{" \t\n\v\f\r ", ""},
		{"a", "a|"},
		{" a ", "a|"},
		{"one two", "one|two|"},
		{"\n\tone   two\r\nthree ", "one|two|three|"},
	};
	const struct ug_scan_opts opts = {.split = ug_split_words};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++)
		for (size_t piece = 0; piece < 8; piece++)
			CHECK_IS(scan(cases[i][0], piece, &opts, cases[i][1]), 0);
	return 0;
}

TEST(limits)
{
	struct ug_scan_opts opts = {.limit = 4};
	for (size_t piece = 0; piece < 8; piece++) {
		CHECK_IS(scan("abc\nde\nfgh\n", piece, &opts, "abc|de|fgh|"), 0);
		CHECK_IS(scan("ab\nabcd\nx\n", piece, &opts, "ab|"), UG_ETOOLONG);
	}
	/* White space between words is no part of them. */
	opts.split = ug_split_words;
	CHECK_IS(scan("          abc             de", 3, &opts, "abc|de|"), 0);
	/* 64 KiB by default. */
	static char text[70001];
	memset(text, 'x', 70000);
	CHECK_IS(scan(text, 0, NULL, ""), UG_ETOOLONG);
	opts = (struct ug_scan_opts){.limit = 1 << 20};
	struct source s = {.data = text, .n = 70000, .piece = 999};
	ug_scan sc;
	ug_scan_init(&sc, source_reader(&s), &opts);
	CHECK_IS(ug_scan_next(&sc), 1);
	CHECK_IS(sc.length, 70000);
	CHECK_IS(ug_scan_next(&sc), 0);
	ug_scan_done(&sc);
	return 0;
}

/* Tokens of *arg bytes. */
static ssize_t split_fixed(void *arg, const char *data, size_t n, int at_end, struct ug_token *out)
{
	size_t want = *(size_t *)arg;
	if (n < want && !at_end)
		return 0;
	if (n < want)
		return n ? -EILSEQ : 0;
	*out = (struct ug_token){data, want};
	return (ssize_t)want;
}

static ssize_t split_empty(void *arg, const char *data, size_t n, int at_end, struct ug_token *out)
{
	(void)arg, (void)n, (void)at_end;
	*out = (struct ug_token){data, 0};
	return 0;
}

static ssize_t split_beyond(void *arg, const char *data, size_t n, int at_end, struct ug_token *out)
{
	(void)arg, (void)at_end;
	*out = (struct ug_token){data, n};
	return (ssize_t)n + 1;
}

TEST(custom_splits)
{
	size_t want = 3;
	struct ug_scan_opts opts = {.split = split_fixed, .split_arg = &want};
	CHECK_IS(scan("abcdefghi", 2, &opts, "abc|def|ghi|"), 0);
	CHECK_IS(scan("abcdefgh", 2, &opts, "abc|def|"), -EILSEQ);
	opts.split = split_empty;
	char hundred[128];
	memset(hundred, '|', 100);
	hundred[100] = 0;
	CHECK_IS(scan("abc", 0, &opts, hundred), UG_ENOPROGRESS);
	opts.split = split_beyond;
	CHECK_IS(scan("abc", 0, &opts, ""), -EINVAL);
	return 0;
}

TEST(failures)
{
	struct source s = SOURCE("one\ntwo\nthree");
	s.fail = -ETIMEDOUT;
	s.fail_at = 6;
	ug_scan scan;
	ug_scan_init(&scan, source_reader(&s), NULL);
	CHECK_IS(ug_scan_next(&scan), 1);
	CHECK_IS(ug_scan_next(&scan), -ETIMEDOUT);
	/* Patience that ended is no fault of the stream. */
	CHECK_IS(ug_scan_next(&scan), 1);
	CHECK_BYTES(scan.token, scan.length, "two");
	s.fail = -EIO;
	s.fail_at = s.n;
	CHECK_IS(ug_scan_next(&scan), -EIO);
	CHECK_IS(ug_scan_next(&scan), -EIO);
	ug_scan_done(&scan);
	CHECK_IS(ug_scan_next(&scan), 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_custom_splits),
		cmocka_unit_test(test_failures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
