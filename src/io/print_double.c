/* SPDX-License-Identifier: MIT */
/*
 * Doubles in decimal and in hexadecimal, exactly.
 *
 * A double is m * 2^e with a 53-bit m, and every such number has a finite decimal expansion: for e >= 0 it is the
 * integer m * 2^e, for e < 0 it is m * 5^-e with the point moved by -e places. So one array of base-10^9 words and one
 * loop that multiplies it gives all the digits that there are, 767 at most; what a format asks for is then a matter of
 * rounding a string of digits. The cleverer ways (Ryu, Grisu) give the shortest digits sooner and not any precision.
 */
#include "io/print_priv.h"

#include <string.h>

#define WORD 1000000000u
#define WORDS 90 /* 9 digits each */
#define DIGITS 768

/* 0.DIGITS * 10^point; n == 0: zero. The first digit of others is not 0. */
struct decimal {
	int n, point;
	char digits[DIGITS + 1];
};

struct parts {
	int negative, exponent, special; /* special: infinite or not a number */
	uint64_t mantissa; /* the value is mantissa * 2^exponent */
};

static struct parts take_apart(double x)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof bits);
	int biased = (int)(bits >> 52 & 0x7ff);
	uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
	return (struct parts){
		.negative = (int)(bits >> 63),
		.special = biased == 0x7ff,
		.exponent = (biased ? biased : 1) - 1075,
		.mantissa = biased ? fraction | UINT64_C(1) << 52 : fraction,
	};
}

/* Multiplies the n words by `by`; answers how many they are then. */
static int multiply(uint32_t *words, int n, uint32_t by)
{
	uint64_t carry = 0;
	for (int i = 0; i < n; i++) {
		carry += (uint64_t)words[i] * by;
		words[i] = (uint32_t)(carry % WORD);
		carry /= WORD;
	}
	for (; carry; carry /= WORD)
		words[n++] = (uint32_t)(carry % WORD);
	return n;
}

static int words_of(const struct parts *p, uint32_t *words)
{
	int n = 0;
	for (uint64_t m = p->mantissa; m; m /= WORD)
		words[n++] = (uint32_t)(m % WORD);
	int left = p->exponent < 0 ? -p->exponent : p->exponent;
	int step = p->exponent < 0 ? 13 : 30; /* 5^13 and 2^30 are the largest below 2^32 / 2 */
	while (left > 0) {
		int k = left < step ? left : step;
		uint32_t by = 1;
		for (int i = 0; i < k; i++)
			by *= p->exponent < 0 ? 5 : 2;
		n = multiply(words, n, by);
		left -= k;
	}
	return n;
}

static void expand(struct decimal *d, const struct parts *p)
{
	uint32_t words[WORDS];
	struct parts odd = *p;
	d->n = d->point = 0;
	if (!odd.mantissa)
		return;
	for (; !(odd.mantissa & 1); odd.mantissa >>= 1)
		odd.exponent++;
	for (int i = words_of(&odd, words) - 1; i >= 0; i--) {
		char nine[9];
		uint32_t v = words[i];
		for (int k = 8; k >= 0; k--, v /= 10)
			nine[k] = (char)('0' + v % 10);
		int zeros = 0;
		while (d->n == 0 && zeros < 8 && nine[zeros] == '0')
			zeros++;
		memcpy(d->digits + d->n, nine + zeros, (size_t)(9 - zeros));
		d->n += 9 - zeros;
	}
	d->point = d->n + (odd.exponent < 0 ? odd.exponent : 0);
}

/* Keeps that many digits, rounding half to even. */
static void keep(struct decimal *d, int64_t n)
{
	if (n >= d->n)
		return;
	if (n < 0) {
		d->n = 0;
		return;
	}
	char first = d->digits[n];
	int beyond = 0;
	for (int64_t i = n + 1; i < d->n && !beyond; i++)
		beyond = d->digits[i] != '0';
	int odd = n > 0 && (d->digits[n - 1] & 1);
	d->n = (int)n;
	if (first < '5' || (first == '5' && !beyond && !odd))
		return;
	while (n > 0 && d->digits[n - 1] == '9')
		d->digits[--n] = '0';
	if (n > 0) {
		d->digits[n - 1]++;
		return;
	}
	d->digits[0] = '1';
	d->n = 1;
	d->point++;
}

/* Puts the digits [from, to), zeros where there are none. */
static void put_digits(struct ug__out *o, const struct decimal *d, int64_t from, int64_t to)
{
	ug__out_pad(o, '0', ug__least(to, 0) - from);
	from = from < 0 ? 0 : from;
	int64_t end = ug__least(to, d->n);
	if (from < end) {
		ug__out_put(o, d->digits + from, (size_t)(end - from));
		from = end;
	}
	ug__out_pad(o, '0', to - from);
}

static void put_point(struct ug__out *o, const struct ug__spec *s, int64_t precision)
{
	if (precision || (s->flags & UG__PRINT_ALTERNATE))
		ug__out_put(o, ".", 1);
}

static int64_t point_length(const struct ug__spec *s, int64_t precision)
{
	return precision || (s->flags & UG__PRINT_ALTERNATE) ? 1 : 0;
}

static void put_fixed(
	struct ug__out *o, const struct ug__spec *s, const char *sign, const struct decimal *d, int64_t precision)
{
	int64_t before = d->n && d->point > 0 ? d->point : 1;
	int64_t length = before + point_length(s, precision) + precision;
	int64_t point = d->n ? d->point : 0;
	ug__out_open(o, s, sign, length);
	put_digits(o, d, point - before, point);
	put_point(o, s, precision);
	put_digits(o, d, point, point + precision);
	ug__out_close(o, s, sign, length);
}

/* "e-05"; `least` digits. */
static size_t write_exponent(char *to, char letter, int exponent, int least)
{
	char text[8];
	size_t n = 0, length = 0;
	for (unsigned v = (unsigned)(exponent < 0 ? -exponent : exponent); v || n < (size_t)least; v /= 10)
		text[n++] = (char)('0' + v % 10);
	to[length++] = letter;
	to[length++] = exponent < 0 ? '-' : '+';
	while (n)
		to[length++] = text[--n];
	return length;
}

static void put_scientific(
	struct ug__out *o, const struct ug__spec *s, const char *sign, const struct decimal *d, int64_t precision)
{
	char tail[12];
	char letter = s->conversion >= 'a' ? 'e' : 'E';
	size_t tail_length = write_exponent(tail, letter, d->n ? d->point - 1 : 0, 2);
	int64_t length = 1 + point_length(s, precision) + precision + (int64_t)tail_length;
	ug__out_open(o, s, sign, length);
	put_digits(o, d, 0, 1);
	put_point(o, s, precision);
	put_digits(o, d, 1, 1 + precision);
	ug__out_put(o, tail, tail_length);
	ug__out_close(o, s, sign, length);
}

/* C11 7.21.6.1, "g": P digits, as f where P > X >= -4, else as e; without trailing zeros unless "#". */
static void put_general(struct ug__out *o, const struct ug__spec *s, const char *sign, struct decimal *d)
{
	int64_t asked = s->precision < 0 ? 6 : s->precision ? s->precision : 1;
	keep(d, asked);
	int64_t shown = asked;
	if (!(s->flags & UG__PRINT_ALTERNATE))
		for (shown = d->n ? d->n : 1; shown > 1 && d->digits[shown - 1] == '0'; shown--)
			;
	int64_t x = d->n ? d->point - 1 : 0;
	if (asked > x && x >= -4)
		put_fixed(o, s, sign, d, shown > x + 1 ? shown - 1 - x : 0);
	else
		put_scientific(o, s, sign, d, shown - 1);
}

static void put_hexadecimal(struct ug__out *o, const struct ug__spec *s, const char *sign, const struct parts *p)
{
	const char *alphabet = s->conversion == 'a' ? "0123456789abcdef" : "0123456789ABCDEF";
	char prefix[4] = "", digits[13], tail[12];
	uint64_t m = p->mantissa;
	int64_t precision = s->precision;
	if (precision >= 0 && precision < 13) {
		int drop = (int)(13 - precision) * 4;
		uint64_t half = UINT64_C(1) << (drop - 1), rest = m & (2 * half - 1);
		m -= rest;
		if (rest > half || (rest == half && (m & 2 * half)))
			m += 2 * half;
	}
	for (int i = 0; i < 13; i++)
		digits[i] = alphabet[m >> (48 - 4 * i) & 15];
	int64_t real = 13;
	while (real > 0 && digits[real - 1] == '0')
		real--;
	if (precision < 0)
		precision = real;
	size_t signs = strlen(sign);
	memcpy(prefix, sign, signs);
	memcpy(prefix + signs, s->conversion == 'a' ? "0x" : "0X", 2);
	size_t tail_length =
		write_exponent(tail, s->conversion == 'a' ? 'p' : 'P', p->mantissa ? p->exponent + 52 : 0, 1);
	int64_t length = 1 + point_length(s, precision) + precision + (int64_t)tail_length;
	ug__out_open(o, s, prefix, length);
	ug__out_put(o, alphabet + (m >> 52), 1);
	put_point(o, s, precision);
	ug__out_put(o, digits, (size_t)ug__least(precision, 13));
	ug__out_pad(o, '0', precision - 13);
	ug__out_put(o, tail, tail_length);
	ug__out_close(o, s, prefix, length);
}

static void put_special(struct ug__out *o, struct ug__spec s, const char *sign, int infinite)
{
	int upper = s.conversion < 'a';
	s.flags &= ~(unsigned)UG__PRINT_ZERO;
	ug__out_open(o, &s, sign, 3);
	ug__out_put(o, infinite ? upper ? "INF" : "inf" : upper ? "NAN" : "nan", 3);
	ug__out_close(o, &s, sign, 3);
}

void ug__print_double(struct ug__out *o, const struct ug__spec *s, double x)
{
	struct parts p = take_apart(x);
	const char *sign = p.negative ? "-" : s->flags & UG__PRINT_PLUS ? "+" : s->flags & UG__PRINT_SPACE ? " " : "";
	char kind = (char)(s->conversion | 0x20);
	if (p.special) {
		put_special(o, *s, sign, p.mantissa == UINT64_C(1) << 52);
		return;
	}
	if (kind == 'a') {
		put_hexadecimal(o, s, sign, &p);
		return;
	}
	struct decimal d;
	expand(&d, &p);
	int64_t precision = s->precision < 0 ? 6 : s->precision;
	if (kind == 'f') {
		keep(&d, d.point + precision);
		put_fixed(o, s, sign, &d, precision);
	} else if (kind == 'e') {
		keep(&d, 1 + precision);
		put_scientific(o, s, sign, &d, precision);
	} else {
		put_general(o, s, sign, &d);
	}
}
