/* SPDX-License-Identifier: MIT */
/* HTTP dates: written in one form, read in three (RFC 9110 5.6.7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "http/date_priv.h"
#include <undergo/base.h>

#define NOW 1790000000 /* September 2026 */

static int parse(const char *s, int64_t *t)
{
	return ug__http_date_parse(s, strlen(s), NOW, t);
}

static void writes_and_reads_back(void **state)
{
	(void)state;
	/* Steps that are prime to days and years, from 0000 to 9999, against the C library. */
	for (int64_t t = -62167219200; t <= 253402300799; t += 86400LL * 97 + 12347) {
		char got[UG__HTTP_DATE_LEN + 1], want[64];
		struct tm tm;
		time_t tt = (time_t)t;
		int64_t back = -1;
		ug__http_date_format(got, t);
		gmtime_r(&tt, &tm);
		static const char *const day[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
		static const char *const mon[] = {
			"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
		snprintf(want, sizeof want, "%s, %02d %s %04d %02d:%02d:%02d GMT", day[tm.tm_wday], tm.tm_mday,
			mon[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
		assert_string_equal(got, want);
		assert_int_equal(parse(got, &back), 0);
		assert_true(back == t);
	}
}

static void writes_borders(void **state)
{
	(void)state;
	static const struct {
		int64_t t;
		const char *text;
	} cases[] = {
		{784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
		{0, "Thu, 01 Jan 1970 00:00:00 GMT"},
		{-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
		{951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
		{4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"},
		{4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
		{INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
		{INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT"},
	};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++) {
		char got[UG__HTTP_DATE_LEN + 1];
		ug__http_date_format(got, cases[i].t);
		assert_string_equal(got, cases[i].text);
	}
}

static void reads_three_forms(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t t;
	} cases[] = {
		{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
		{"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
		{"Sun Nov  6 08:49:37 1994", 784111777},
		{"Wed Nov 16 08:49:37 1994", 784975777},
		{"Sat, 31 Dec 2016 23:59:60 GMT", 1483228799}, /* a leap second */
		{"Wednesday, 01-Jan-70 00:00:00 GMT", 3155760000}, /* 2070 */
		{"Wednesday, 01-Jan-76 00:00:00 GMT", 3345062400}, /* 2076: 50 years ahead */
		{"Saturday, 01-Jan-77 00:00:00 GMT", 220924800}, /* 1977, not 2077 */
		{"Tuesday, 22-Sep-26 00:00:00 GMT", 1790035200},
	};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++) {
		int64_t t = -5;
		if (parse(cases[i].text, &t) != 0 || t != cases[i].t)
			print_error("%s: %lld\n", cases[i].text, (long long)t);
		assert_int_equal(parse(cases[i].text, &t), 0);
		assert_true(t == cases[i].t);
	}
}

static void refuses(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		"Sun",
		"0",
		"784111777",
		"Mon, 06 Nov 1994 08:49:37 GMT", /* it was a Sunday */
		"Monday, 06-Nov-94 08:49:37 GMT",
		"Mon Nov  6 08:49:37 1994",
		"sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37 gmt",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 +0000",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		" Sun, 06 Nov 1994 08:49:37 GMT",
		"Sun,  6 Nov 1994 08:49:37 GMT",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun 06 Nov 1994 08:49:37 GMT",
		"Sun, 06-Nov-94 08:49:37 GMT",
		"Sunday, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-1994 08:49:37 GMT",
		"Sun Nov 6 08:49:37 1994",
		"Sun, 06 Nov 94 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT",
		"Sun, 06 Nov 1994 08:60:00 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT",
		"Sun, 06 Nov 1994 8:49:37 GMT",
		"Wed, 00 Nov 1994 08:49:37 GMT",
		"Thu, 31 Nov 1994 08:49:37 GMT",
		"Wed, 29 Feb 1995 00:00:00 GMT",
		"Mon, 29 Feb 2100 00:00:00 GMT",
		"Sun, 06 Nov 1994 08:49:3",
		"Sun, 06 Nov 1994 08:49:37 GM",
		"Sun, 06 Xov 1994 08:49:37 GMT",
	};
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++) {
		int64_t t = 42;
		if (parse(cases[i], &t) != -EINVAL)
			print_error("taken: %s\n", cases[i]);
		assert_int_equal(parse(cases[i], &t), -EINVAL);
		assert_int_equal(t, 42);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_and_reads_back),
		cmocka_unit_test(writes_borders),
		cmocka_unit_test(reads_three_forms),
		cmocka_unit_test(refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
