/* SPDX-License-Identifier: MIT */
#ifndef UG_IO_IO_PRIV_H
#define UG_IO_IO_PRIV_H

#include "io/io.h"

#define UG__IO_CHUNK 32768 /* bytes of a buffer that a copy gets for itself */

static inline int64_t ug__least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The kernel's part of a copy, where a descriptor stands on both sides: 1, it is done (limit reached); 0, what is left,
 * if anything, goes by hand; or a negative code. *count grows by what went. */
int ug__copy_by_kernel(ug_writer dst, ug_reader src, int64_t limit, int64_t *count);

#endif
