/* SPDX-License-Identifier: MIT */
/* Durations as text. The tables hold what Go's time.ParseDuration and Duration.String are demanded to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <undergo/base.h>

static const struct {
	const char *text;
	int64_t d;
} good[] = {
	{"0", 0},
	{"-0", 0},
	{"+0", 0},
	{"5s", 5 * UG_SECOND},
	{"30s", 30 * UG_SECOND},
	{"1478s", 1478 * UG_SECOND},
	{"-5s", -5 * UG_SECOND},
	{"+5s", 5 * UG_SECOND},
	{"5.0s", 5 * UG_SECOND},
	{"5.6s", 5600 * UG_MS},
	{"5.s", 5 * UG_SECOND},
	{".5s", 500 * UG_MS},
	{"1.0s", UG_SECOND},
	{"1.00s", UG_SECOND},
	{"1.004s", 1004 * UG_MS},
	{"1.0040s", 1004 * UG_MS},
	{"100.00100s", 100 * UG_SECOND + UG_MS},
	{"10ns", 10},
	{"11us", 11 * UG_US},
	{"12µs", 12 * UG_US},
	{"12μs", 12 * UG_US},
	{"13ms", 13 * UG_MS},
	{"14s", 14 * UG_SECOND},
	{"15m", 15 * UG_MINUTE},
	{"16h", 16 * UG_HOUR},
	{"3h30m", 3 * UG_HOUR + 30 * UG_MINUTE},
	{"10.5s4m", 4 * UG_MINUTE + 10 * UG_SECOND + 500 * UG_MS},
	{"-2m3.4s", -(2 * UG_MINUTE + 3400 * UG_MS)},
	{"1h2m3s4ms5us6ns", UG_HOUR + 2 * UG_MINUTE + 3 * UG_SECOND + 4 * UG_MS + 5 * UG_US + 6},
	{"39h9m14.425s", 39 * UG_HOUR + 9 * UG_MINUTE + 14425 * UG_MS},
	{"52763797000ns", 52763797000},
	{"0.3333333333333333333h", 20 * UG_MINUTE},
	{"9007199254740993ns", (INT64_C(1) << 53) + 1},
	{"9007199254.740993ms", (INT64_C(1) << 53) + 1},
	{"9223372036854775807ns", INT64_MAX},
	{"9223372036854775.807us", INT64_MAX},
	{"9223372036s854ms775us807ns", INT64_MAX},
	{"-9223372036854775807ns", -INT64_MAX},
	{"-9223372036854775808ns", INT64_MIN},
	{"-9223372036854775.808us", INT64_MIN},
	{"-9223372036s854ms775us808ns", INT64_MIN},
	{"-2562047h47m16.854775808s", INT64_MIN},
	{"0.100000000000000000000h", 6 * UG_MINUTE},
	{"0.830103483285477580700h", 49 * UG_MINUTE + 48 * UG_SECOND + 372539827},
	{"0.9ns", 0},
	{"1.9us", 1900},
};

static const struct {
	const char *text;
	int error;
} bad[] = {
	{"", -EINVAL},
	{"3", -EINVAL},
	{"-", -EINVAL},
	{"s", -EINVAL},
	{".", -EINVAL},
	{"-.", -EINVAL},
	{".s", -EINVAL},
	{"+.s", -EINVAL},
	{"1d", -EINVAL},
	{"\x85\x85", -EINVAL},
	{"hello \xff world", -EINVAL},
	{"1s ", -EINVAL},
	{" 1s", -EINVAL},
	{"1s-1s", -EINVAL},
	{"--1s", -EINVAL},
	{"00", -EINVAL},
	{"9223372036854775810ns", -ERANGE},
	{"9223372036854775808ns", -ERANGE},
	{"-9223372036854775809ns", -ERANGE},
	{"9223372036854776us", -ERANGE},
	{"3000000h", -ERANGE},
	{"9223372036854775.808us", -ERANGE},
	{"9223372036854ms775us808ns", -ERANGE},
	{"99999999999999999999999999s", -ERANGE},
};

static void good_texts_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < UG_COUNT_OF(good); i++) {
		int64_t d = 77;
		int e = ug_duration_parse(good[i].text, &d);
		if (e != 0 || d != good[i].d)
			fail_msg("%s: %d, %lld, not %lld", good[i].text, e, (long long)d, (long long)good[i].d);
	}
}

static void bad_texts_are_refused_and_leave_the_output_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < UG_COUNT_OF(bad); i++) {
		int64_t d = 77;
		int e = ug_duration_parse(bad[i].text, &d);
		if (e != bad[i].error || d != 77)
			fail_msg("%s: %d, not %d (output %lld)", bad[i].text, e, bad[i].error, (long long)d);
	}
}

static const struct {
	int64_t d;
	const char *text;
} formats[] = {
	{0, "0s"},
	{1, "1ns"},
	{1100, "1.1us"},
	{2200 * UG_US, "2.2ms"},
	{3300 * UG_MS, "3.3s"},
	{4 * UG_MINUTE + 5 * UG_SECOND, "4m5s"},
	{4 * UG_MINUTE + 5001 * UG_MS, "4m5.001s"},
	{5 * UG_HOUR + 6 * UG_MINUTE + 7001 * UG_MS, "5h6m7.001s"},
	{8 * UG_MINUTE + 1, "8m0.000000001s"},
	{UG_HOUR, "1h0m0s"},
	{-UG_MS, "-1ms"},
	{INT64_MAX, "2562047h47m16.854775807s"},
	{INT64_MIN, "-2562047h47m16.854775808s"},
};

static void formats_are_gos(void **state)
{
	(void)state;
	for (size_t i = 0; i < UG_COUNT_OF(formats); i++) {
		char text[64];
		assert_int_equal(ug_duration_format(formats[i].d, text, sizeof text), strlen(formats[i].text));
		assert_string_equal(text, formats[i].text);
	}
}

static void a_short_buffer_cuts_and_the_whole_length_is_answered(void **state)
{
	(void)state;
	char text[4] = "zzz";
	assert_int_equal(ug_duration_format(90 * UG_SECOND, text, sizeof text), 5);
	assert_string_equal(text, "1m3");
	assert_int_equal(ug_duration_format(90 * UG_SECOND, NULL, 0), 5);
}

static void what_is_formatted_reads_back(void **state)
{
	(void)state;
	uint64_t x = 88172645463325252;
	for (int i = 0; i < 100000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		int64_t d = (int64_t)x >> (x % 60), back = 0;
		char text[64];
		ug_duration_format(d, text, sizeof text);
		int e = ug_duration_parse(text, &back);
		if (e != 0 || back != d)
			fail_msg("%lld as %s: %d, %lld", (long long)d, text, e, (long long)back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts_are_read),
		cmocka_unit_test(bad_texts_are_refused_and_leave_the_output_alone),
		cmocka_unit_test(formats_are_gos),
		cmocka_unit_test(a_short_buffer_cuts_and_the_whole_length_is_answered),
		cmocka_unit_test(what_is_formatted_reads_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
