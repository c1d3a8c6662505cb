/* SPDX-License-Identifier: MIT */
/* From the path of a request to the name of a file. */
#ifndef UG_HTTP_TARGET_PRIV_H
#define UG_HTTP_TARGET_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Decodes path[0..n), which begins with "/" or is empty, into the name of a file below a folder, with a NUL: no "/" at
 * either end, no empty segments, "." for the folder itself. *folder: the path ended with "/". hidden: serve names that
 * begin with a dot. -EINVAL: nothing that an honest client sends; -ENOENT: hidden; -ENAMETOOLONG: out has cap bytes. */
int ug__http_path_name(const char *path, size_t n, bool hidden, char *out, size_t cap, bool *folder);

/* Decodes %XX, and "+" as a space where plus is set, in s[0..n) into out, which holds n + 1 bytes and may be s: the
 * length, or -EINVAL where a % has not its digits. A NUL is put behind it. */
ssize_t ug__http_decode(const char *s, size_t n, bool plus, char *out);

#endif
