/* SPDX-License-Identifier: MIT */
/* mime_priv.h — the media type of a file, by its name. */
#ifndef UG_HTTP_MIME_PRIV_H
#define UG_HTTP_MIME_PRIV_H

/* Never NULL: application/octet-stream where the name's ending is unknown. Static storage. */
const char *ug__http_mime(const char *name);

#endif
