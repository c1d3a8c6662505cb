/* SPDX-License-Identifier: MIT */
#include "base/sys_file.h"

#include "base/atomic.h"
#include "base/retry_priv.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

UG__NOINLINE int ug__sys_open(int dir, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	if (resolve == 0)
		return (int)RETRY(openat(dir, path, flags, mode));
	/* Unlike openat it refuses what it does not know, and a mode that nothing asks for. */
	struct open_how how = {
		.flags = (uint64_t)(unsigned)flags,
		.mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? mode & 07777 : 0,
		.resolve = resolve,
	};
	return (int)RETRY(syscall(SYS_openat2, dir, path, &how, sizeof how));
}

UG__NOINLINE int ug__sys_open_flags(int fd)
{
	return (int)ug__sys_result(fcntl(fd, F_GETFL));
}

UG__NOINLINE ssize_t ug__sys_pread(int fd, void *buf, size_t n, int64_t offset)
{
	return RETRY(offset < 0 ? read(fd, buf, n) : pread(fd, buf, n, offset));
}

UG__NOINLINE ssize_t ug__sys_pwrite(int fd, const void *buf, size_t n, int64_t offset)
{
	return RETRY(offset < 0 ? write(fd, buf, n) : pwrite(fd, buf, n, offset));
}

UG__NOINLINE ssize_t ug__sys_pread_nowait(int fd, void *buf, size_t n, int64_t offset)
{
	struct iovec iov = {.iov_base = buf, .iov_len = n};
	return RETRY(preadv2(fd, &iov, 1, offset, RWF_NOWAIT));
}

UG__NOINLINE int64_t ug__sys_lseek(int fd, int64_t offset, int whence)
{
	return ug__sys_result(lseek(fd, offset, whence));
}

UG__NOINLINE int ug__sys_ftruncate(int fd, int64_t size)
{
	return (int)RETRY(ftruncate(fd, size));
}

UG__NOINLINE int ug__sys_fsync(int fd)
{
	return (int)RETRY(fsync(fd));
}

UG__NOINLINE int ug__sys_fstatat(int dir, const char *path, int flags, struct stat *out)
{
	return (int)RETRY(fstatat(dir, path, out, flags));
}

UG__NOINLINE ssize_t ug__sys_getdents(int fd, void *buf, size_t n)
{
	return ug__sys_result(syscall(SYS_getdents64, fd, buf, n));
}

UG__NOINLINE int ug__sys_unlinkat(int dir, const char *path, int flags)
{
	return (int)ug__sys_result(unlinkat(dir, path, flags));
}

UG__NOINLINE int ug__sys_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return (int)ug__sys_result(renameat(from_dir, from, to_dir, to));
}

UG__NOINLINE int ug__sys_mkdirat(int dir, const char *path, mode_t mode)
{
	return (int)ug__sys_result(mkdirat(dir, path, mode));
}

UG__NOINLINE int ug__sys_chmodat(int dir, const char *path, mode_t mode)
{
	return (int)ug__sys_result(fchmodat(dir, path, mode, 0));
}

UG__NOINLINE int ug__sys_symlinkat(const char *target, int dir, const char *path)
{
	return (int)ug__sys_result(symlinkat(target, dir, path));
}

UG__NOINLINE int ug__sys_mkdtemp(char *template)
{
	return mkdtemp(template) ? 0 : (int)ug__sys_result(-1);
}

UG__NOINLINE int ug__sys_sigaction(int signo, const struct sigaction *action, struct sigaction *before)
{
	return (int)ug__sys_result(sigaction(signo, action, before));
}
