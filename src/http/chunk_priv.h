/* SPDX-License-Identifier: MIT */
/* The chunked transfer coding (RFC 9112 7.1), both ways. */
#ifndef UG_HTTP_CHUNK_PRIV_H
#define UG_HTTP_CHUNK_PRIV_H

#include "http/parse_priv.h"

enum ug__chunk_step {
	UG__CHUNK_MORE, /* all that counts is used; more input is needed */
	UG__CHUNK_DATA, /* `left` bytes of data follow; take some and say so */
	UG__CHUNK_END, /* body and trailer are over */
};

struct ug__http_chunk {
	uint64_t left;
	uint8_t state, digits;
	uint16_t status; /* of a refusal: 400 or 431 */
	const char *reason;
	struct ug__http_head trailer;
};

/* trailer_bytes: what the trailer section may have, and so what the caller's buffer must hold at once. */
void ug__http_chunk_init(struct ug__http_chunk *c, uint32_t trailer_fields, uint32_t trailer_bytes);

/* Reads framing at in[0..len) and says what comes behind the *used bytes of it: enum ug__chunk_step, or UG_EPROTO_HTTP
 * with status and reason set. A trailer is used when it is whole: until then its bytes are to be shown again, with
 * more. */
int ug__http_chunk_step(struct ug__http_chunk *c, const char *in, size_t len, size_t *used);

/* The caller has taken n <= left bytes of the data that a step announced. */
void ug__http_chunk_took(struct ug__http_chunk *c, uint64_t n);

#define UG__CHUNK_HEAD_MAX 18 /* 16 digits and CRLF */
#define UG__CHUNK_LAST "0\r\n\r\n"

/* Writes the line in front of n > 0 bytes of data, which are to be followed by CRLF; answers its length. */
size_t ug__http_chunk_head(char out[UG__CHUNK_HEAD_MAX], uint64_t n);

#endif
