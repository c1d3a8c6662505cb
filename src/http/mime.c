/* SPDX-License-Identifier: MIT */
/* The media type of a file, by its name: a search in a sorted table. */
#include "http/mime_priv.h"

#include "http/mime_tables.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int compare(const void *key, const void *entry)
{
	return strcasecmp(key, ((const struct mime_entry *)entry)->ending);
}

const char *ug__http_mime(const char *name)
{
	const char *slash = strrchr(name, '/'), *dot = strrchr(slash ? slash + 1 : name, '.');
	const struct mime_entry *e = NULL;
	if (dot)
		e = bsearch(
			dot + 1, mime_table, sizeof mime_table / sizeof mime_table[0], sizeof mime_table[0], compare);
	return e ? e->type : UG__HTTP_MIME_UNKNOWN;
}
