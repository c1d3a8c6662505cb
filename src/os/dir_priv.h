/* SPDX-License-Identifier: MIT */
/* The raw form of a folder's entries, as getdents64 writes them into a buffer. */
#ifndef UG_OS_DIR_PRIV_H
#define UG_OS_DIR_PRIV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define UG__DIR_BUFFER 32768

/* man 2 getdents64 */
struct ug__dirent {
	uint64_t ino;
	int64_t next;
	uint16_t size;
	uint8_t type; /* DT_REG and its like */
	char name[];
};

/* A place in a buffer of `end` bytes of entries. */
struct ug__dirents {
	char *buf;
	size_t at, end;
};

/* Reads UG__DIR_BUFFER bytes of entries from an open folder: a count, 0 at the end, which a folder that was removed is
 * at (POSIX, readdir), or a negative code. */
ssize_t ug__dirents_fill(int fd, void *buf);
/* The next entry other than "." and "..", or NULL: the buffer has no more. */
const struct ug__dirent *ug__dirents_next(struct ug__dirents *d);

#endif
