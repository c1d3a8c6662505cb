/* SPDX-License-Identifier: MIT */
/* What the os package offers to higher floors, besides its public header. */
#ifndef UG_OS_OS_H
#define UG_OS_OS_H

#include <sys/stat.h>
#include <undergo/os.h>

/* ug_file_open_beneath to read, and fstat(2), with one system call less. */
int ug__file_open_beneath(ug_file *dir, const char *path, int flags, ug_file **out, struct stat *st);
void ug__file_info_from(const struct stat *st, struct ug_file_info *out);

#endif
