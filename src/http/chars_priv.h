/* SPDX-License-Identifier: MIT */
/* The character classes of HTTP and URIs, one table lookup each. */
#ifndef UG_HTTP_CHARS_PRIV_H
#define UG_HTTP_CHARS_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	UG__CH_TOKEN = 1 << 0, /* RFC 9110 5.6.2 tchar */
	UG__CH_PATH = 1 << 1, /* RFC 3986 pchar and "/", without "%" */
	UG__CH_QUERY = 1 << 2, /* the same and "?" */
	UG__CH_BROWSER = 1 << 3, /* [ ] { } | ^ ` : outside RFC 3986, sent bare by browsers */
	UG__CH_HOST = 1 << 4, /* RFC 3986 unreserved and sub-delims */
	UG__CH_URL = 1 << 5, /* RFC 3986 unreserved */
	UG__CH_DIGIT = 1 << 6,
	UG__CH_HEX = 1 << 7,
};

extern const uint8_t ug__http_chars[256];

static inline bool ug__http_is(char c, unsigned classes)
{
	return ug__http_chars[(unsigned char)c] & classes;
}

/* The value of a hexadecimal digit that is known to be one. */
static inline unsigned ug__http_hex(char c)
{
	unsigned u = (unsigned char)c;
	return (u & 15) + (u >> 6) * 9;
}

/* 1*DIGIT and nothing else, as a number; -1 otherwise, and where it does not fit. */
int64_t ug__http_digits(const char *s, size_t n);

/* Whether s is lower, which holds lower-case letters, digits and "-" only, in any case. */
bool ug__http_same(const char *s, size_t n, const char *lower);

/* The same for a name in any case. */
bool ug__http_same_name(const char *s, size_t n, const char *name);

/* The first byte from p on that a field's value may not hold (RFC 9110 5.5); there is one, at end at the latest. */
const char *ug__http_skip_value(const char *p, const char *end);

/* The next element of the list s (RFC 9110 5.6.1) from *at on, which moves behind it; false at the end.
 * Elements are trimmed, empty ones skipped; commas inside quoted strings are not known here. */
bool ug__http_list_next(const char *s, size_t n, size_t *at, const char **item, size_t *len);

#endif
