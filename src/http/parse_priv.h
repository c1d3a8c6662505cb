/* SPDX-License-Identifier: MIT */
/* The head of a request, and the trailer of a chunked body: slices of the caller's buffer. */
#ifndef UG_HTTP_PARSE_PRIV_H
#define UG_HTTP_PARSE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define UG__HTTP_HEAD_BYTES (16u << 10)
#define UG__HTTP_HEAD_FIELDS 100u
#define UG__HTTP_METHOD_BYTES 32u

/* A piece of the buffer, by offset: the buffer may move while the head is still growing. */
struct ug__http_part {
	uint32_t at, len;
};

struct ug__http_field {
	struct ug__http_part name, value;
};

enum ug__http_method {
	UG__HTTP_OTHER,
	UG__HTTP_GET,
	UG__HTTP_HEAD,
	UG__HTTP_POST,
	UG__HTTP_PUT,
	UG__HTTP_DELETE,
	UG__HTTP_CONNECT,
	UG__HTTP_OPTIONS,
	UG__HTTP_TRACE,
	UG__HTTP_PATCH,
};

enum ug__http_form {
	UG__HTTP_ORIGIN, /* /path?query */
	UG__HTTP_ABSOLUTE, /* http://authority/path?query; the path may be empty */
	UG__HTTP_AUTHORITY, /* host:port, of CONNECT alone */
	UG__HTTP_ASTERISK, /* *, of OPTIONS alone */
};

struct ug__http_head {
	/* given */
	uint32_t max_bytes;
	uint32_t max_fields;
	struct ug__http_field *fields; /* NULL: checked and counted, not kept */
	bool browser_urls; /* take the characters that browsers send bare */

	/* progress */
	uint8_t stage;
	uint32_t at; /* the first line that is not parsed yet */
	uint32_t seen; /* no line ends between the last whole line and here */

	/* found */
	uint8_t method; /* enum ug__http_method */
	uint8_t form; /* enum ug__http_form */
	uint8_t minor; /* HTTP/1.minor: 0 or 1; higher ones count as 1 (RFC 9110 2.5) */
	bool has_host, chunked, close, keep_alive, expect_continue, upgrade;
	uint32_t nfields;
	struct ug__http_part name; /* the method's */
	struct ug__http_part target; /* whole */
	struct ug__http_part authority; /* of an absolute or authority form, else Host's value */
	struct ug__http_part path; /* undecoded, without the query */
	struct ug__http_part query; /* without "?" */
	int64_t content_length; /* -1: no such field */

	/* refused */
	uint16_t status; /* the answer: 400, 414, 417, 431, 501, 505 */
	const char *reason;
};

/* Prepares h for a request; fields holds max_fields records, or is NULL. Zero limits are the defaults. */
void ug__http_head_init(
	struct ug__http_head *h, struct ug__http_field *fields, uint32_t max_fields, uint32_t max_bytes);

/* The same for a trailer section: fields only, and none that frames or routes a message. */
void ug__http_trailer_init(
	struct ug__http_head *h, struct ug__http_field *fields, uint32_t max_fields, uint32_t max_bytes);

/* Looks at all that has arrived: buf[0..len), which begins with what was there at the call before.
 * The bytes of the head once it is whole; 0 while more is needed; UG_EPROTO_HTTP with status and reason set. */
ssize_t ug__http_head_feed(struct ug__http_head *h, const char *buf, size_t len);

/* The next field called lower (in lower case) from *from on, which is moved behind it; NULL at the end. */
const struct ug__http_field *ug__http_head_next(
	const struct ug__http_head *h, const char *buf, const char *lower, uint32_t *from);

/* Whether s is uri-host [ ":" port ] with a non-empty host; with_port: the port must be there, 1 to 65535. */
bool ug__http_authority_ok(const char *s, size_t n, bool with_port);

#endif
