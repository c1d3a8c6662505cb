/* SPDX-License-Identifier: MIT */
/*
 * Formatted printing without stdio: its locks would be held across a wait, and how much stack it takes for a long
 * number is not ours to say.
 *
 * A text gathers in a buffer on the stack and is written when the call ends, or together with the piece that does not
 * fit: so lines of concurrent tasks do not mix as long as they fit.
 */
#include "io/print_priv.h"

#include <limits.h>
#include <string.h>

void ug__out_put(struct ug__out *o, const char *text, size_t n)
{
	if (o->err || n == 0)
		return;
	if (n <= sizeof o->buf - o->n) {
		memcpy(o->buf + o->n, text, n);
		o->n += n;
		return;
	}
	o->err = ug__write_both(o->w, o->buf, o->n, text, n);
	o->n = 0;
}

void ug__out_pad(struct ug__out *o, char c, int64_t n)
{
	while (n > 0 && !o->err) {
		if (o->n == sizeof o->buf) {
			o->err = ug__write_both(o->w, o->buf, o->n, NULL, 0);
			o->n = 0;
		}
		size_t some = (size_t)ug__least(n, (int64_t)(sizeof o->buf - o->n));
		memset(o->buf + o->n, c, some);
		o->n += some;
		n -= (int64_t)some;
	}
}

static int64_t missing(const struct ug__spec *s, const char *prefix, int64_t n)
{
	return s->width - n - (int64_t)strlen(prefix);
}

void ug__out_open(struct ug__out *o, const struct ug__spec *s, const char *prefix, int64_t n)
{
	int64_t lacks = missing(s, prefix, n);
	int zeros = (s->flags & (UG__PRINT_ZERO | UG__PRINT_LEFT)) == UG__PRINT_ZERO;
	if (!zeros && !(s->flags & UG__PRINT_LEFT))
		ug__out_pad(o, ' ', lacks);
	ug__out_put(o, prefix, strlen(prefix));
	if (zeros)
		ug__out_pad(o, '0', lacks);
}

void ug__out_close(struct ug__out *o, const struct ug__spec *s, const char *prefix, int64_t n)
{
	if (s->flags & UG__PRINT_LEFT)
		ug__out_pad(o, ' ', missing(s, prefix, n));
}

/* The digits of v, ending at `end`; none for 0. Answers where they begin. */
static char *digits_of(char *end, uint64_t v, unsigned base, const char *alphabet)
{
	for (; v; v /= base)
		*--end = alphabet[v % base];
	return end;
}

static void print_integer(struct ug__out *o, struct ug__spec s, uint64_t v, const char *prefix)
{
	char text[24]; /* 22 octal digits */
	char *end = text + sizeof text;
	unsigned base = s.conversion == 'o'                                         ? 8
		: s.conversion == 'x' || s.conversion == 'X' || s.conversion == 'p' ? 16
										    : 10;
	char *at = digits_of(end, v, base, s.conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef");
	int64_t n = end - at;
	int64_t zeros = (s.precision < 0 ? 1 : s.precision) - n;
	if (s.conversion == 'o' && (s.flags & UG__PRINT_ALTERNATE) && zeros < 1)
		zeros = 1;
	zeros = zeros < 0 ? 0 : zeros;
	if (s.precision >= 0)
		s.flags &= ~(unsigned)UG__PRINT_ZERO;
	ug__out_open(o, &s, prefix, n + zeros);
	ug__out_pad(o, '0', zeros);
	ug__out_put(o, at, (size_t)n);
	ug__out_close(o, &s, prefix, n + zeros);
}

static void print_signed(struct ug__out *o, const struct ug__spec *s, int64_t v)
{
	const char *sign = v < 0 ? "-" : s->flags & UG__PRINT_PLUS ? "+" : s->flags & UG__PRINT_SPACE ? " " : "";
	print_integer(o, *s, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, sign);
}

static void print_unsigned(struct ug__out *o, const struct ug__spec *s, uint64_t v)
{
	const char *prefix = "";
	if ((s->flags & UG__PRINT_ALTERNATE) && v && s->conversion != 'u' && s->conversion != 'o')
		prefix = s->conversion == 'X' ? "0X" : "0x";
	print_integer(o, *s, v, prefix);
}

static void print_text(struct ug__out *o, struct ug__spec s, const char *text, size_t n)
{
	s.flags &= ~(unsigned)UG__PRINT_ZERO;
	ug__out_open(o, &s, "", (int64_t)n);
	ug__out_put(o, text, n);
	ug__out_close(o, &s, "", (int64_t)n);
}

static void print_pointer(struct ug__out *o, struct ug__spec s, const void *p)
{
	s.flags |= UG__PRINT_ALTERNATE;
	s.conversion = 'x';
	if (p)
		print_unsigned(o, &s, (uintptr_t)p);
	else
		print_text(o, s, "(nil)", 5);
}

static int64_t signed_argument(enum ug__print_length length, va_list *args)
{
	switch (length) {
	case UG__PRINT_HH:
		return (signed char)va_arg(*args, int);
	case UG__PRINT_H:
		return (short)va_arg(*args, int);
	case UG__PRINT_L:
		return va_arg(*args, long);
	case UG__PRINT_LL:
		return va_arg(*args, long long);
	default:
		return va_arg(*args, int);
	}
}

static uint64_t unsigned_argument(enum ug__print_length length, va_list *args)
{
	switch (length) {
	case UG__PRINT_HH:
		return (unsigned char)va_arg(*args, unsigned);
	case UG__PRINT_H:
		return (unsigned short)va_arg(*args, unsigned);
	case UG__PRINT_L:
		return va_arg(*args, unsigned long);
	case UG__PRINT_LL:
		return va_arg(*args, unsigned long long);
	default:
		return va_arg(*args, unsigned);
	}
}

/* Prints one conversion; 0, or -EINVAL where it is none. */
static int print_one(struct ug__out *o, struct ug__spec *s, va_list *args)
{
	int long_or_more = s->length == UG__PRINT_L || s->length == UG__PRINT_LL || s->length == UG__PRINT_BIG_L;
	switch (s->conversion) {
	case 'd':
	case 'i':
		if (s->length == UG__PRINT_BIG_L)
			return -EINVAL;
		print_signed(o, s, signed_argument(s->length, args));
		return 0;
	case 'o':
	case 'u':
	case 'x':
	case 'X':
		if (s->length == UG__PRINT_BIG_L)
			return -EINVAL;
		print_unsigned(o, s, unsigned_argument(s->length, args));
		return 0;
	case 'c': {
		char c = (char)va_arg(*args, int);
		print_text(o, *s, &c, 1);
		return long_or_more ? -EINVAL : 0;
	}
	case 's': {
		const char *text = va_arg(*args, const char *);
		if (long_or_more)
			return -EINVAL;
		text = text ? text : "(null)";
		print_text(o, *s, text, s->precision < 0 ? strlen(text) : strnlen(text, (size_t)s->precision));
		return 0;
	}
	case 'p':
		print_pointer(o, *s, va_arg(*args, const void *));
		return 0;
	case 'e':
	case 'E':
	case 'f':
	case 'F':
	case 'g':
	case 'G':
	case 'a':
	case 'A':
		ug__print_double(o, s,
			s->length == UG__PRINT_BIG_L ? (double)va_arg(*args, long double) : va_arg(*args, double));
		return 0;
	case '%':
		ug__out_put(o, "%", 1);
		return 0;
	default:
		return -EINVAL;
	}
}

/* A number of the format or, for "*", of the arguments; above INT_MAX where it is too large. */
static int64_t read_number(const char **at, va_list *args)
{
	if (**at == '*') {
		++*at;
		return va_arg(*args, int);
	}
	int64_t n = 0;
	for (; **at >= '0' && **at <= '9'; ++*at)
		n = ug__least(n * 10 + (**at - '0'), INT64_C(1) + INT_MAX);
	return n;
}

static enum ug__print_length read_length(const char **at)
{
	const char *f = *at;
	char c = *f;
	if (!c || !strchr("hljztL", c))
		return UG__PRINT_INT;
	int twice = (c == 'h' || c == 'l') && f[1] == c;
	*at += twice ? 2 : 1;
	if (c == 'h')
		return twice ? UG__PRINT_HH : UG__PRINT_H;
	if (c == 'L')
		return UG__PRINT_BIG_L;
	/* j, z and t are a long's size wherever undergo runs, as ll is. */
	return c == 'l' && !twice ? UG__PRINT_L : UG__PRINT_LL;
}

/* Reads what stands behind a "%": 0 and *at behind it, or -EINVAL. */
static int read_spec(const char **at, struct ug__spec *s, va_list *args)
{
	static const char flags[] = "-+ #0";
	*s = (struct ug__spec){.precision = -1};
	for (const char *flag; **at && (flag = strchr(flags, **at)); ++*at)
		s->flags |= 1u << (flag - flags);
	int64_t n = read_number(at, args);
	if (n < 0) {
		s->flags |= UG__PRINT_LEFT;
		n = -n;
	}
	if (n > INT_MAX)
		return -EINVAL;
	s->width = (int)n;
	if (**at == '.') {
		++*at;
		n = read_number(at, args);
		if (n > INT_MAX)
			return -EINVAL;
		s->precision = n < 0 ? -1 : (int)n;
	}
	s->length = read_length(at);
	s->conversion = **at;
	if (s->conversion)
		++*at;
	return 0;
}

int ug_vfprintf(ug_writer w, const char *format, va_list args)
{
	struct ug__out o; /* not initialised as a whole: the buffer need not be cleared */
	o.w = w;
	o.err = 0;
	o.n = 0;
	va_list own;
	va_copy(own, args);
	for (const char *at = format; *at && !o.err;) {
		size_t plain = strcspn(at, "%");
		ug__out_put(&o, at, plain);
		at += plain;
		if (*at) {
			struct ug__spec s;
			at++;
			int e = read_spec(&at, &s, &own);
			if (e == 0)
				e = print_one(&o, &s, &own);
			if (e < 0)
				o.err = e;
		}
	}
	va_end(own);
	if (!o.err && o.n)
		o.err = ug__write_both(w, o.buf, o.n, NULL, 0);
	return o.err;
}

int ug_fprintf(ug_writer w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int e = ug_vfprintf(w, format, args);
	va_end(args);
	return e;
}

int ug_vprintf(const char *format, va_list args)
{
	return ug_vfprintf(ug_stdout(), format, args);
}

int ug_printf(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int e = ug_vfprintf(ug_stdout(), format, args);
	va_end(args);
	return e;
}
