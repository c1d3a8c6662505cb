/* SPDX-License-Identifier: MIT */
/* Pieces of text put into a caller's buffer that has room; each answers the place behind what it put. */
#ifndef UG_HTTP_TEXT_PRIV_H
#define UG_HTTP_TEXT_PRIV_H

#include <stdint.h>
#include <string.h>

static inline char *put_text(char *p, const char *s)
{
	size_t n = strlen(s);
	memcpy(p, s, n);
	return p + n;
}

/* v is not negative. */
static inline char *put_number(char *p, int64_t v)
{
	char digits[20];
	size_t n = 0;
	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n > 0)
		*p++ = digits[--n];
	return p;
}

static inline char *put_hex(char *p, uint64_t v)
{
	int shift = 60;
	while (shift > 0 && !(v >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*p++ = "0123456789abcdef"[v >> shift & 15];
	return p;
}

#endif
