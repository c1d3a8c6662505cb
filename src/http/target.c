/* SPDX-License-Identifier: MIT */
/*
 * From the path of a request to the name of a file below the folder that is served.
 *
 * The kernel has the last word: the name is opened with openat2 and RESOLVE_BENEATH. Here falls what needs no kernel:
 *
 *	- Dot segments, bare or encoded. A client removes them before it sends (RFC 3986 5.2.4), so one that arrives is
 *	a
 *	  probe; and resolving "a/.." here would disagree with the file system wherever "a" is a symbolic link.
 *	- An encoded slash. Decoded it would become a separator that the sender said it is not, and no file name holds
 *	one. - An encoded NUL, which would cut the name short. - Hidden names: any segment that begins with a dot,
 *	unless the server was told to show them.
 *
 * Empty segments are dropped: "//a" must neither leave the folder nor, in a redirect, name another host.
 */
#include "http/target_priv.h"

#include "http/chars_priv.h"
#include <errno.h>

#define SEGMENT_MAX 255 /* NAME_MAX */

/* The next byte, decoded, which p is moved behind; -1: a malformed %XX. */
static int decoded(const char **p, const char *end)
{
	const char *s = *p;
	if (*s != '%') {
		*p = s + 1;
		return (unsigned char)*s;
	}
	if (end - s < 3 || !ug__http_is(s[1], UG__CH_HEX) || !ug__http_is(s[2], UG__CH_HEX))
		return -1;
	*p = s + 3;
	return (int)(ug__http_hex(s[1]) << 4 | ug__http_hex(s[2]));
}

ssize_t ug__http_decode(const char *s, size_t n, bool plus, char *out)
{
	const char *end = s + n;
	char *o = out;
	while (s < end) {
		int c = plus && *s == '+' ? (s++, ' ') : decoded(&s, end);
		if (c < 0)
			return -EINVAL;
		*o++ = (char)c;
	}
	*o = 0;
	return o - out;
}

static int segment_ok(const char *s, size_t n, bool hidden)
{
	if (s[0] != '.')
		return n > SEGMENT_MAX ? -ENAMETOOLONG : 0;
	if (n == 1 || (n == 2 && s[1] == '.'))
		return -EINVAL;
	return hidden ? 0 : -ENOENT;
}

int ug__http_path_name(const char *path, size_t n, bool hidden, char *out, size_t cap, bool *folder)
{
	const char *p = path, *end = path + n;
	size_t len = 0;
	int hide = 0;
	while (p < end) {
		while (p < end && *p == '/')
			p++;
		if (p == end)
			break;
		if (len > 0)
			out[len++] = '/';
		size_t from = len;
		while (p < end && *p != '/') {
			int c = decoded(&p, end);
			if (c <= 0 || c == '/')
				return -EINVAL;
			if (len + 2 >= cap)
				return -ENAMETOOLONG;
			out[len++] = (char)c;
		}
		int err = segment_ok(out + from, len - from, hidden);
		if (err == -ENOENT)
			hide = err; /* a dot segment further on is the graver fault */
		else if (err < 0)
			return err;
	}
	if (hide)
		return hide;
	if (len == 0)
		out[len++] = '.';
	out[len] = 0;
	*folder = n == 0 || path[n - 1] == '/';
	return 0;
}
