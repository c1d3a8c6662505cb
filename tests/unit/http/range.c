/* SPDX-License-Identifier: MIT */
/* The Range field against a size (RFC 9110 14.1, 14.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "http/range_priv.h"
#include <undergo/base.h>

static const struct {
	const char *field;
	int64_t size;
	const char *want; /* FROM+LEN ..., "whole", or "416" */
} cases[] = {
	{"bytes=0-0", 10, "0+1"},
	{"bytes=0-9", 10, "0+10"},
	{"bytes=0-", 10, "0+10"},
	{"bytes=9-", 10, "9+1"},
	{"bytes=2-5", 10, "2+4"},
	{"bytes=2-99", 10, "2+8"},
	{"bytes=2-99999999999999999999999", 10, "2+8"},
	{"bytes=-1", 10, "9+1"},
	{"bytes=-10", 10, "0+10"},
	{"bytes=-11", 10, "0+10"},
	{"bytes=-99999999999999999999999", 10, "0+10"},
	{"BYTES=0-0", 10, "0+1"},
	{"bytes=00-01", 10, "0+2"},
	{"bytes=9223372036854775806-9223372036854775807", INT64_MAX, "9223372036854775806+1"},
	/* several */
	{"bytes=0-0,2-2", 10, "0+1 2+1"},
	{"bytes= 0-0 ,\t 2-2 ", 10, "0+1 2+1"},
	{"bytes=,0-0,,2-2,", 10, "0+1 2+1"},
	{"bytes=5-6,0-1", 10, "5+2 0+2"},
	{"bytes=0-0,-1", 10, "0+1 9+1"},
	{"bytes=0-0,20-,-1", 10, "0+1 9+1"},
	{"bytes=20-,0-0", 10, "0+1"},
	/* overlapping and touching ones are one */
	{"bytes=0-5,3-7", 10, "0+8"},
	{"bytes=3-7,0-5", 10, "0+8"},
	{"bytes=0-1,2-3", 10, "0+4"},
	{"bytes=2-3,0-1", 10, "0+4"},
	{"bytes=0-9,3-4", 10, "0+10"},
	{"bytes=3-4,0-9", 10, "0+10"},
	{"bytes=0-1,4-5,2-3", 10, "0+6"},
	{"bytes=8-8,0-1,4-5,1-4", 10, "8+1 0+6"},
	{"bytes=0-,0-,0-,0-", 10, "0+10"},
	/* unsatisfiable */
	{"bytes=10-", 10, "416"},
	{"bytes=10-20", 10, "416"},
	{"bytes=99999999999999999999999-", 10, "416"},
	{"bytes=-0", 10, "416"},
	{"bytes=10-,-0,11-12", 10, "416"},
	{"bytes=0-", 0, "416"},
	{"bytes=0-0", 0, "416"},
	{"bytes=-1", 0, "whole"},
	/* does not count */
	{"", 10, "whole"},
	{"bytes", 10, "whole"},
	{"bytes=", 10, "whole"},
	{"bytes=,", 10, "whole"},
	{"bytes=-", 10, "whole"},
	{"bytes=a-b", 10, "whole"},
	{"bytes=1", 10, "whole"},
	{"bytes=5-2", 10, "whole"},
	{"bytes=20-15", 10, "whole"},
	{"bytes=1-2-3", 10, "whole"},
	{"bytes=1-+2", 10, "whole"},
	{"bytes=+1-2", 10, "whole"},
	{"bytes=--1", 10, "whole"},
	{"bytes=1 -2", 10, "whole"},
	{"bytes=0x1-2", 10, "whole"},
	{"bytes =0-0", 10, "whole"},
	{" bytes=0-0", 10, "whole"},
	{"bytes=0-0;1-1", 10, "whole"},
	{"bytes=0-0,x", 10, "whole"},
	{"items=0-0", 10, "whole"},
	{"=0-0", 10, "whole"},
};

static void decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < UG_COUNT_OF(cases); i++) {
		struct ug__http_range r[UG__HTTP_RANGES_MAX];
		char got[256] = "";
		int n = ug__http_ranges(cases[i].field, strlen(cases[i].field), cases[i].size, r);
		if (n <= 0)
			strcpy(got, n == 0 ? "whole" : n == -ERANGE ? "416" : "?");
		for (int k = 0; k < n; k++)
			snprintf(got + strlen(got), sizeof got - strlen(got), "%s%lld+%lld", k ? " " : "",
				(long long)r[k].from, (long long)r[k].len);
		if (strcmp(got, cases[i].want) != 0)
			print_error("%s of %lld\n", cases[i].field, (long long)cases[i].size);
		assert_string_equal(got, cases[i].want);
	}
}

static void bounds_their_number(void **state)
{
	(void)state;
	struct ug__http_range r[UG__HTTP_RANGES_MAX];
	char field[256] = "bytes=0-0";
	for (int i = 1; i < UG__HTTP_RANGES_MAX; i++)
		snprintf(field + strlen(field), sizeof field - strlen(field), ",%d-%d", 3 * i, 3 * i);
	assert_int_equal(ug__http_ranges(field, strlen(field), 1000, r), UG__HTTP_RANGES_MAX);
	strcat(field, ",900-900");
	assert_int_equal(ug__http_ranges(field, strlen(field), 1000, r), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides),
		cmocka_unit_test(bounds_their_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
