/* SPDX-License-Identifier: MIT */
/* What the HTTP package offers to higher floors, besides its public header. */
#ifndef UG_HTTP_HTTP_H
#define UG_HTTP_HTTP_H

#include <stddef.h>
#include <stdint.h>

/* Each writes s[0..n) to out, which has cap bytes, as far as whole pieces fit, puts a NUL behind it where cap > 0, and
 * answers the length that all of it has. */

/* For the inside of a JSON string (RFC 8259 7); what is no UTF-8 becomes U+FFFD, a control character (U+0080 to U+009F,
 * too) \u00XX. cap of 6 * n + 1 is always enough. */
size_t ug__http_escape_json(const char *s, size_t n, char *out, size_t cap);
/* For a quoted string in a log line: ", \, control characters and bytes beyond ASCII as \xXX. cap of 4 * n + 1 is
 * always enough. */
size_t ug__http_escape_log(const char *s, size_t n, char *out, size_t cap);

/* Days since 1970-01-01 of a date, and back (proleptic Gregorian calendar; month 1 to 12). */
int64_t ug__http_days(int64_t year, unsigned month, unsigned day);
void ug__http_civil(int64_t days, int64_t *year, unsigned *month, unsigned *day);

#endif
