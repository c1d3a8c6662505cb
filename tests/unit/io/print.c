/* SPDX-License-Identifier: MIT */
/* Formatted printing, compared with the C library's. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>

#include "io_test.h"

static struct sink k;
static char want[16384];
static int trials;

static void same(const char *what, int e)
{
	trials++;
	size_t n = strlen(want);
	if (e != 0 || k.n != n || memcmp(k.data, want, n) != 0)
		fprintf(stderr, "%s: \"%.*s\" (%d), not \"%s\"\n", what, (int)k.n, k.data, e, want);
	CHECK(e == 0 && k.n == n && memcmp(k.data, want, n) == 0);
	k = (struct sink){.n = 0};
}

#define SAME(...)                                                                                                      \
	do {                                                                                                           \
		snprintf(want, sizeof want, __VA_ARGS__);                                                              \
		same(#__VA_ARGS__, ug_fprintf(sink_writer(&k), __VA_ARGS__));                                          \
	} while (0)

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wformat-truncation"
#pragma GCC diagnostic ignored "-Wformat-overflow"
#endif

/* A random specification that ends in `conversion`, with its length modifier in front. */
static void random_format(char *to, uint64_t *seed, const char *flags, const char *modifier, char conversion, int most)
{
	*to++ = '[';
	*to++ = '%';
	for (const char *f = flags; *f; f++)
		if (next_random(seed) % 3 == 0)
			*to++ = *f;
	if (next_random(seed) % 2)
		to += sprintf(to, "%d", (int)(next_random(seed) % 40));
	if (next_random(seed) % 2)
		to += sprintf(to, ".%d", (int)(next_random(seed) % (unsigned)most));
	to += sprintf(to, "%s%c]", modifier, conversion);
}

static uint64_t random_bits(uint64_t *seed)
{
	uint64_t v = (uint64_t)next_random(seed) << 40 ^ (uint64_t)next_random(seed) << 20 ^ next_random(seed);
	return next_random(seed) % 8 == 0 ? 0 : next_random(seed) % 8 == 0 ? UINT64_MAX : v >> next_random(seed) % 64;
}

TEST(integers)
{
	static const char *const modifiers[] = {"hh", "h", "", "l", "ll", "j", "z", "t"};
	uint64_t seed = 1;
	char f[64];
	for (int i = 0; i < 40000; i++) {
		char c = "diuoxX"[next_random(&seed) % 6];
		unsigned m = next_random(&seed) % 8;
		random_format(f, &seed, c == 'd' || c == 'i' ? "-+ 0" : c == 'u' ? "-0" : "-#0", modifiers[m], c, 30);
		uint64_t v = random_bits(&seed);
		if (m < 3)
			SAME(f, (int)v);
		else
			SAME(f, (long)v);
	}
	SAME("%d %d", INT_MIN, INT_MAX);
	SAME("%jd %ju", INTMAX_MIN, UINTMAX_MAX);
	SAME("%.0d|%.0x|%#.0o|%#o|%#x", 0, 0, 0, 0, 0);
	SAME("%*d|%-*d|%*d|%.*d|%.*d", 5, 1, 5, 2, -5, 3, 4, 4, -4, 5);
	SAME("%.*d|%.*g", INT_MIN, 5, INT_MIN, 1.5);
	return 0;
}

TEST(texts)
{
	SAME("plain");
	SAME("%%|%5%|");
	SAME("%s|%10s|%-10s|%.2s|%10.3s|%.0s|%.*s", "abc", "abc", "abc", "abc", "abcdef", "abc", 2, "xyz");
	SAME("%c|%5c|%-5c|%c", 'a', 'b', 'c', 0x141);
	SAME("%p %20p %-20p|", (void *)&k, (void *)0x1234, (void *)1);
	SAME("%p|%8p|", (void *)NULL, (void *)NULL);
	const char not_ended[3] = {'a', 'b', 'c'};
	SAME("%.3s", not_ended);
	const char *volatile none = NULL;
	CHECK_IS(ug_fprintf(sink_writer(&k), "%s", none), 0);
	CHECK_BYTES(k.data, k.n, "(null)");
	k = (struct sink){.n = 0};
	CHECK_IS(ug_fprintf(sink_writer(&k), "%s", ""), 0);
	CHECK_IS(k.calls, 0);
	CHECK_IS(ug_fprintf(sink_writer(&k), "a%cb", 0), 0);
	CHECK_BYTES(k.data, k.n, "a\0b");
	k = (struct sink){.n = 0};
	return 0;
}

static double random_double(uint64_t *seed)
{
	static const double special[] = {0.0, 0.5, 1.5, 2.5, 0.25, 0.125, 1.0, 9.5, 99.5, 999999.5, 9.9999995, 0.0001,
		0.00001, 0.000099999995, 123456.5, 1e15, 1e16, 1e17, 1e22, 1e23, 5e-324, 2.2250738585072014e-308,
		2.2250738585072009e-308, 1.7976931348623157e308, 0.1, 0.2, 0.3, 4503599627370496.5, 9007199254740993.0};
	uint64_t bits = (uint64_t)next_random(seed) << 33 ^ (uint64_t)next_random(seed) << 13 ^ next_random(seed);
	double x;
	switch (next_random(seed) % 4) {
	case 0:
		x = special[next_random(seed) % UG_COUNT_OF(special)];
		return next_random(seed) % 2 ? x : -x;
	case 1: /* few digits, and ties */
		return (double)(int)(next_random(seed) % 2000001 - 1000000) / (double)(1 << next_random(seed) % 12);
	case 2:
		return (double)(int)(next_random(seed) % 2000001 - 1000000) / 1000.0;
	default: /* any bits: denormal, infinite, not a number among them */
		if (next_random(seed) % 10 == 0)
			bits |= UINT64_C(0x7ff) << 52;
		if (next_random(seed) % 10 == 0)
			bits &= ~(UINT64_C(0x7ff) << 52);
		memcpy(&x, &bits, sizeof x);
		return x;
	}
}

TEST(doubles)
{
	uint64_t seed = 7;
	char f[64];
	for (int i = 0; i < 60000; i++) {
		/* glibc 2.36 forgets the zeros of "%#g" where rounding makes one digit more. */
		char c = "eEfFgGaA"[next_random(&seed) % 8];
		random_format(f, &seed, c == 'g' || c == 'G' ? "-+ 0" : "-+ #0", "", c, i % 100 ? 25 : 1200);
		double x = random_double(&seed);
		SAME(f, x);
	}
	SAME("%#g %#g %#.3g %#.0g %#g %#G", 1.5, 100000.0, 1e10, 3.0, 0.0, 1e-5);
	CHECK_IS(ug_fprintf(sink_writer(&k), "%#g %#.2g", 999999.5, 99.9), 0);
	CHECK_BYTES(k.data, k.n, "1.00000e+06 1.0e+02");
	k = (struct sink){.n = 0};
	SAME("%.1100f", 5e-324);
	SAME("%.1100e", 5e-324);
	SAME("%.800g", 2.2250738585072009e-308);
	SAME("%f", 1.7976931348623157e308);
	SAME("%.3Lf", 2.5L);
	/* Halves go to even. */
	SAME("%.0f %.0f %.0f %.0f %.2f %.2f", 0.5, 1.5, 2.5, 3.5, 0.125, 0.375);
	return 0;
}

TEST(wrong_formats)
{
	static const char *const wrong[] = {"%", "%y", "%5", "%-", "%.", "%l", "%n", "%ls", "%lc", "%Ld", "%1$d",
		"%99999999999d", "%.99999999999d", "abc%", "%m", "%'d"};
	for (size_t i = 0; i < UG_COUNT_OF(wrong); i++) {
		CHECK_IS(ug_fprintf(sink_writer(&k), wrong[i], 1, 2), -EINVAL);
		CHECK_IS(k.calls, 0);
	}
	CHECK_IS(ug_fprintf(sink_writer(&k), "%*d", INT_MIN, 1), -EINVAL);
	CHECK_IS(ug_fprintf(sink_writer(&k), "%2147483648d", 1), -EINVAL);
	SAME("%.2147483647s", "abc");
	return 0;
}

TEST(writes)
{
	/* One write where the text fits, as few as can be where not. */
	char text[3000];
	memset(text, 'x', sizeof text);
	CHECK_IS(ug_fprintf(sink_writer(&k), "%d %.*s %d\n", 1, 1000, text, 2), 0);
	CHECK_IS(k.calls, 1);
	CHECK_IS(k.n, 1005);
	k = (struct sink){.n = 0};
	CHECK_IS(ug_fprintf(sink_writer(&k), "%1024d", 1), 0);
	CHECK_IS(k.calls, 1);
	k = (struct sink){.n = 0};
	SAME("%d %.*s %d\n", 1, 3000, text, 2);
	SAME("%5000d|%-2000d|%02000d", 1, 2, 3);
	k.fail = -ENOSPC;
	k.fail_at = 1500;
	CHECK_IS(ug_fprintf(sink_writer(&k), "%5000d", 1), -ENOSPC);
	CHECK_IS(k.calls, 2);
	k = (struct sink){.n = 0};
	return 0;
}

#define PRINTS(x, text)                                                                                                \
	do {                                                                                                           \
		CHECK_IS(ug_fprint(sink_writer(&k), x), 0);                                                            \
		CHECK_BYTES(k.data, k.n, text);                                                                        \
		k = (struct sink){.n = 0};                                                                             \
	} while (0)

TEST(values)
{
	char c = 'c', text[] = "text";
	short small = -3;
	unsigned char byte = 200;
	const char *none = NULL;
	bool yes = true;
	PRINTS(c, "c");
	PRINTS((signed char)-5, "-5");
	PRINTS(small, "-3");
	PRINTS((unsigned short)65535, "65535");
	PRINTS(byte, "200");
	PRINTS(-7, "-7");
	PRINTS(7u, "7");
	PRINTS(LONG_MIN, "-9223372036854775808");
	PRINTS(ULONG_MAX, "18446744073709551615");
	PRINTS(-1LL, "-1");
	PRINTS(1ULL, "1");
	PRINTS(yes, "true");
	PRINTS(text, "text");
	PRINTS("literal", "literal");
	PRINTS(none, "(null)");
	PRINTS((void *)0x10, "0x10");
	PRINTS((int *)0x20, "0x20");
	PRINTS(0.1, "0.1");
	PRINTS(0.5f, "0.5");
	PRINTS(1.0 / 3, "0.3333333333333333");
	PRINTS(0.1 + 0.2, "0.30000000000000004");
	PRINTS(1e100, "1e+100");
	PRINTS(-0.0, "-0");
	PRINTS(HUGE_VAL, "inf");
	uint64_t seed = 3;
	for (int i = 0; i < 3000; i++) {
		double x = random_double(&seed);
		CHECK_IS(ug_fprint_double(sink_writer(&k), x), 0);
		k.data[k.n] = 0;
		double y = strtod(k.data, NULL);
		CHECK(y == x || (x != x && y != y));
		k = (struct sink){.n = 0};
	}
	return 0;
}

static int by_list(ug_writer w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int e = w.ops ? ug_vfprintf(w, format, args) : ug_vprintf(format, args);
	va_end(args);
	return e;
}

TEST(argument_lists)
{
	snprintf(want, sizeof want, "%d %s", 7, "seven");
	same("by_list", by_list(sink_writer(&k), "%d %s", 7, "seven"));
	CHECK_IS(by_list((ug_writer){NULL, NULL}, "# %d %s\n", 7, "seven"), 0); /* a comment of TAP */
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_wrong_formats),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_argument_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
