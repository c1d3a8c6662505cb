/* SPDX-License-Identifier: MIT */
/* What io offers to higher floors, besides its public header. */
#ifndef UG_IO_IO_H
#define UG_IO_IO_H

#include "sched/sched.h"
#include <undergo/io.h>

/* Writes all of a, then all of b, in one writev where w is a descriptor: 0 or a negative code. */
int ug__write_both(ug_writer w, const void *a, size_t a_size, const void *b, size_t b_size);

/* The beginning of a copy: what the kernel moves from a file in memory to a socket in one call, without waiting. A
 * count, 0 where that is nothing and only a copy can say why, or -ECANCELED, -ETIMEDOUT, -EPIPE and the like. */
ssize_t ug__copy_now(ug_writer dst, ug_reader src, int64_t limit);

/* The section as a reader that shows its file's descriptor: for who never asks for bytes beyond its end. */
ug_reader ug__section_within(struct ug_section *s);

/* pread, pwrite on a file, off the worker's thread where they would wait for the disk; at the file's position where
 * offset is -1. pread: a count, 0 at the end; pwrite: n; or a negative code. */
ssize_t ug__fd_pread(ug_fd *f, void *buf, size_t n, int64_t offset);
ssize_t ug__fd_pwrite(ug_fd *f, const void *buf, size_t n, int64_t offset);

#endif
