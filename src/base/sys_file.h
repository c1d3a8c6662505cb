/* SPDX-License-Identifier: MIT */
/* System calls on files and folders, which answer -errno and are repeated by themselves after EINTR. */
#ifndef UG_BASE_SYS_FILE_H
#define UG_BASE_SYS_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stat;

/* `resolve` is that of openat2; 0 asks for nothing that openat cannot do, and so works where there is no openat2. */
int ug__sys_open(int dir, const char *path, int flags, mode_t mode, uint64_t resolve);
/* O_APPEND and its like: fcntl(F_GETFL). */
int ug__sys_open_flags(int fd);

/* At an offset, or at the file's position where that is -1. The nowait kind answers what needs no disk, or -EAGAIN, or
 * -EOPNOTSUPP where the file system cannot tell. */
ssize_t ug__sys_pread(int fd, void *buf, size_t n, int64_t offset);
ssize_t ug__sys_pwrite(int fd, const void *buf, size_t n, int64_t offset);
ssize_t ug__sys_pread_nowait(int fd, void *buf, size_t n, int64_t offset);

int64_t ug__sys_lseek(int fd, int64_t offset, int whence);
int ug__sys_ftruncate(int fd, int64_t size);
int ug__sys_fsync(int fd);
/* path "" with AT_EMPTY_PATH is dir itself. */
int ug__sys_fstatat(int dir, const char *path, int flags, struct stat *out);
ssize_t ug__sys_getdents(int fd, void *buf, size_t n);

int ug__sys_unlinkat(int dir, const char *path, int flags);
int ug__sys_renameat(int from_dir, const char *from, int to_dir, const char *to);
int ug__sys_mkdirat(int dir, const char *path, mode_t mode);
int ug__sys_chmodat(int dir, const char *path, mode_t mode);
int ug__sys_symlinkat(const char *target, int dir, const char *path);
/* Replaces the XXXXXX at the template's end. */
int ug__sys_mkdtemp(char *template);

struct sigaction;
int ug__sys_sigaction(int signo, const struct sigaction *action, struct sigaction *before);

#endif
