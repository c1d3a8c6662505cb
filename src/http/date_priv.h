/* SPDX-License-Identifier: MIT */
/* HTTP dates (RFC 9110 5.6.7), in seconds since 1970. */
#ifndef UG_HTTP_DATE_PRIV_H
#define UG_HTTP_DATE_PRIV_H

#include "http/http.h"
#include <stddef.h>
#include <stdint.h>

#define UG__HTTP_DATE_LEN 29

/* Writes "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL; years outside 0 to 9999 are clamped. */
void ug__http_date_format(char out[UG__HTTP_DATE_LEN + 1], int64_t seconds);

/* Parses that form, and the two obsolete ones; now decides the century of a two-digit year. 0 or -EINVAL. */
int ug__http_date_parse(const char *s, size_t n, int64_t now, int64_t *out);

#endif
