/* SPDX-License-Identifier: MIT */
/* Conditional requests (RFC 9110 13). */
#ifndef UG_HTTP_COND_PRIV_H
#define UG_HTTP_COND_PRIV_H

#include "http/parse_priv.h"

/* What is there to be compared. */
struct ug__http_state {
	bool exists;
	const char *etag; /* with its quotes, and W/ where it is weak; NULL: none */
	int64_t modified; /* seconds since 1970; -1: unknown */
};

/* Evaluates the preconditions in the order of RFC 9110 13.2.2: 0 go on, else the answer's status, 304 or 412. */
int ug__http_precondition(
	const struct ug__http_head *h, const char *buf, const struct ug__http_state *state, int64_t now);

/* Whether a Range field counts: there is no If-Range, or it holds. */
bool ug__http_if_range(const struct ug__http_head *h, const char *buf, const struct ug__http_state *state, int64_t now);

#endif
