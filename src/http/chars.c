/* SPDX-License-Identifier: MIT */
/* The table of character classes, and what reads digits, names and lists with it. */
#include "http/chars_priv.h"

#include <endian.h>
#include <string.h>

#define TOK UG__CH_TOKEN
#define URL (UG__CH_URL | UG__CH_HOST | UG__CH_PATH | UG__CH_QUERY)
#define SUB (UG__CH_HOST | UG__CH_PATH | UG__CH_QUERY)
#define PCH (UG__CH_PATH | UG__CH_QUERY)

const uint8_t ug__http_chars[256] = {
	['0' ... '9'] = TOK | URL | UG__CH_DIGIT | UG__CH_HEX,
	['A' ... 'F'] = TOK | URL | UG__CH_HEX,
	['a' ... 'f'] = TOK | URL | UG__CH_HEX,
	['G' ... 'Z'] = TOK | URL,
	['g' ... 'z'] = TOK | URL,
	['-'] = TOK | URL,
	['.'] = TOK | URL,
	['_'] = TOK | URL,
	['~'] = TOK | URL,
	['!'] = TOK | SUB,
	['$'] = TOK | SUB,
	['&'] = TOK | SUB,
	['\''] = TOK | SUB,
	['*'] = TOK | SUB,
	['+'] = TOK | SUB,
	['('] = SUB,
	[')'] = SUB,
	[','] = SUB,
	[';'] = SUB,
	['='] = SUB,
	[':'] = PCH,
	['@'] = PCH,
	['/'] = PCH,
	['?'] = UG__CH_QUERY,
	['#'] = TOK,
	['%'] = TOK,
	['^'] = TOK | UG__CH_BROWSER,
	['`'] = TOK | UG__CH_BROWSER,
	['|'] = TOK | UG__CH_BROWSER,
	['['] = UG__CH_BROWSER,
	[']'] = UG__CH_BROWSER,
	['{'] = UG__CH_BROWSER,
	['}'] = UG__CH_BROWSER,
};

int64_t ug__http_digits(const char *s, size_t n)
{
	int64_t v = 0;
	if (n == 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		unsigned d = (unsigned char)s[i] - '0';
		if (d > 9 || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, d, &v))
			return -1;
	}
	return v;
}

bool ug__http_same(const char *s, size_t n, const char *lower)
{
	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c != lower[i]) /* the end of lower is a NUL, which no field holds */
			return false;
	}
	return lower[n] == 0;
}

bool ug__http_same_name(const char *s, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		char a = s[i], b = name[i];
		if (a >= 'A' && a <= 'Z')
			a |= 0x20;
		if (b >= 'A' && b <= 'Z')
			b |= 0x20;
		if (a != b)
			return false;
	}
	return name[n] == 0;
}

const char *ug__http_skip_value(const char *p, const char *end)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
	for (;;) {
		/* Eight at a time: the lowest flagged byte is exact, as borrows travel upwards only. */
		for (; end - p >= 8; p += 8) {
			uint64_t x;
			memcpy(&x, p, 8);
			x = le64toh(x);
			uint64_t del = x ^ ones * 0x7f;
			uint64_t stop = ((x - ones * 0x20) & ~x & high) | ((del - ones) & ~del & high);
			if (stop) {
				p += __builtin_ctzll(stop) >> 3;
				break;
			}
		}
		while ((unsigned char)*p >= 0x20 && *p != 0x7f)
			p++;
		if (*p != '\t')
			return p;
		p++;
	}
}

bool ug__http_list_next(const char *s, size_t n, size_t *at, const char **item, size_t *len)
{
	while (*at < n) {
		const char *p = s + *at;
		const char *comma = memchr(p, ',', n - *at);
		const char *e = comma ? comma : s + n;
		*at = (size_t)(e - s) + (comma ? 1 : 0);
		while (p < e && (*p == ' ' || *p == '\t'))
			p++;
		while (e > p && (e[-1] == ' ' || e[-1] == '\t'))
			e--;
		if (e == p)
			continue;
		*item = p;
		*len = (size_t)(e - p);
		return true;
	}
	return false;
}
