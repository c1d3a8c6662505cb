/* SPDX-License-Identifier: MIT */
/*
 * Tables that grow and never move, so that readers need no lock: entries lie in chunks, each twice as long as the one
 * before. Whoever uses one keeps an array of UG__CHUNKS pointers, NULL until a chunk is needed.
 */
#ifndef UG_BASE_CHUNKS_H
#define UG_BASE_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#define UG__CHUNKS 24
#define UG__CHUNK_FIRST 64 /* entries of the first */

/* The chunk that entry i lies in; *at is its place there. */
static inline unsigned ug__chunk_of(uint32_t i, uint32_t *at)
{
	unsigned chunk = 31 - (unsigned)__builtin_clz(i / UG__CHUNK_FIRST + 1);
	*at = i - UG__CHUNK_FIRST * ((1u << chunk) - 1);
	return chunk;
}

static inline size_t ug__chunk_size(unsigned chunk)
{
	return (size_t)UG__CHUNK_FIRST << chunk;
}

#endif
