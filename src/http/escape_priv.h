/* SPDX-License-Identifier: MIT */
/* Text for HTML and URLs; see http.h for JSON and logs. */
#ifndef UG_HTTP_ESCAPE_PRIV_H
#define UG_HTTP_ESCAPE_PRIV_H

#include "http/http.h"
#include <stdbool.h>
#include <stddef.h>

/* Each writes s[0..n) to out, which has cap bytes, as far as whole pieces fit, puts a NUL behind it where cap > 0, and
 * answers the length that all of it has. cap of 6 * n + 1 (HTML) or 3 * n + 1 (URL) is always enough. */

/* For text and for attributes in quotes; what is no UTF-8, and control characters, become U+FFFD. */
size_t ug__http_escape_html(const char *s, size_t n, char *out, size_t cap);
/* All but RFC 3986's unreserved characters, and those in `keep`, as %XX. */
size_t ug__http_escape_url(const char *s, size_t n, const char *keep, char *out, size_t cap);
/* Whether it is UTF-8 without control characters but those of text; a sequence cut at the end is fine. */
bool ug__http_is_text(const char *s, size_t n);

#endif
