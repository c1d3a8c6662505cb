/* SPDX-License-Identifier: MIT */
/* The media type of a file, by its name. */
#ifndef UG_HTTP_MIME_PRIV_H
#define UG_HTTP_MIME_PRIV_H

#define UG__HTTP_MIME_UNKNOWN "application/octet-stream"

/* Never NULL: UG__HTTP_MIME_UNKNOWN where the name's ending is unknown. Static storage. */
const char *ug__http_mime(const char *name);

#endif
