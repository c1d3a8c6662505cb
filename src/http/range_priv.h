/* SPDX-License-Identifier: MIT */
/* Which bytes a Range field asks for (RFC 9110 14.1, 14.2). */
#ifndef UG_HTTP_RANGE_PRIV_H
#define UG_HTTP_RANGE_PRIV_H

#include <stddef.h>
#include <stdint.h>

#define UG__HTTP_RANGES_MAX 16

struct ug__http_range {
	int64_t from, len;
};

/* The ranges of a body of `size` bytes, in the order asked for, those that overlap or touch as one: their number; 0:
 * the field does not count (malformed, another unit, more than 16 ranges) and the whole body is sent; -ERANGE: answer
 * 416. */
int ug__http_ranges(const char *s, size_t n, int64_t size, struct ug__http_range out[UG__HTTP_RANGES_MAX]);

#endif
