/* SPDX-License-Identifier: MIT */
/*
 * undergo/os.h: files, folders, signals. No call here keeps a worker's thread waiting for a disk: what the kernel can
 * answer at once is asked for on the spot, the rest goes to the blocking pool. Unless told otherwise a call looks at
 * the context on entry (-ECANCELED, -ETIMEDOUT), is not cut short once it touches the disk, may be made from any
 * thread, and answers the errors of the system calls that it names.
 */
#ifndef UNDERGO_OS_H
#define UNDERGO_OS_H

#include <fcntl.h>
#include <undergo/base.h>
#include <undergo/io.h>
#include <undergo/sched.h>
#include <undergo/sync.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Files ------------------------------------------------------------------------------------------------------------
 *	ug_file *f;
 *	UG_TRY(ug_file_open("notes", O_RDONLY, 0, &f));
 *	while ((n = ug_file_read(f, buf, sizeof buf)) > 0)
 *		…
 *	ug_file_close(f);
 * One file may be used by several tasks at once; the position is then theirs in common, as with read(2). */
typedef struct ug_file ug_file;

enum ug_file_type {
	UG_TYPE_UNKNOWN, /* the file system did not say */
	UG_TYPE_REGULAR,
	UG_TYPE_DIR,
	UG_TYPE_SYMLINK,
	UG_TYPE_FIFO,
	UG_TYPE_SOCKET,
	UG_TYPE_CHAR,
	UG_TYPE_BLOCK
};

struct ug_file_info {
	int type; /* enum ug_file_type */
	uint32_t mode; /* the 12 permission bits */
	int64_t size; /* bytes */
	int64_t mtime; /* last change of the contents, nanoseconds of the wall clock since 1970 */
	uint64_t dev, ino; /* together they name the file */
	uint64_t links;
	uint32_t uid, gid;
	uintptr_t reserved[4];
};

/*
 * Opens a file. `flags` are those of open(2) (O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND,
 * O_DIRECTORY, O_NOFOLLOW, O_PATH, O_TMPFILE, …), to which O_CLOEXEC and O_NONBLOCK are added; `mode` the permissions
 * of a file that this makes, less the umask. A FIFO opened for reading does not wait for its writer: the first read
 * does. One opened for writing waits for its reader, until the context ends. Waits. Errors of open(2), -ENOMEM. man 2
 * open
 */
int ug_file_open(const char *path, int flags, mode_t mode, ug_file **out);
/* Makes the file, or cuts it to nothing where it exists, for reading and writing: O_RDWR | O_CREAT | O_TRUNC, 0666. */
int ug_file_create(const char *path, ug_file **out);
/*
 * The same, with a relative path starting at the folder `dir`. _at lets the path lead anywhere. _beneath refuses with
 * -EXDEV what would leave the folder by "..", by an absolute path or by a symbolic link, and with -ELOOP the magic
 * links of /proc. man 2 openat2: RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS. -ENOSYS for _beneath below Linux 5.6.
 */
int ug_file_open_at(ug_file *dir, const char *path, int flags, mode_t mode, ug_file **out);
int ug_file_open_beneath(ug_file *dir, const char *path, int flags, mode_t mode, ug_file **out);
/* Adopts a bare descriptor: the file owns it. -EBADF, -ENOMEM. Does not wait. */
int ug_file_adopt(int fd, ug_file **out);

/* Reads at most n bytes from the position and moves it: a count, 0 at the end. Waits. Errors of read(2). */
ssize_t ug_file_read(ug_file *f, void *buf, size_t n);
/* Writes all n bytes at the position (at the end with O_APPEND) and moves it: n, or the code that stopped it. Waits. */
ssize_t ug_file_write(ug_file *f, const void *buf, size_t n);
/* The same at an offset in bytes, leaving the position alone; write_at is -EINVAL on a file opened with O_APPEND (man 2
 * pwrite: BUGS). -ESPIPE where there are no offsets. */
ssize_t ug_file_read_at(ug_file *f, void *buf, size_t n, int64_t offset);
ssize_t ug_file_write_at(ug_file *f, const void *buf, size_t n, int64_t offset);
/* Moves the position, with SEEK_SET, SEEK_CUR, SEEK_END; answers it, in bytes from the start. Does not wait. */
int64_t ug_file_seek(ug_file *f, int64_t offset, int whence);
/* Cuts or extends the file to `size` bytes. Waits. man 2 ftruncate */
int ug_file_truncate(ug_file *f, int64_t size);
/* Waits until contents and size are on the disk. man 2 fsync */
int ug_file_sync(ug_file *f);
/* What the file is. Does not wait. man 2 fstat */
int ug_file_stat(ug_file *f, struct ug_file_info *out);

/* The record behind the file, for ug_select and sendfile; borrowed. */
ug_fd *ug_file_fd(ug_file *f);
/* The file as a reader and as a writer, from and to its position. Closing those closes the file. */
ug_reader ug_file_reader(ug_file *f);
ug_writer ug_file_writer(ug_file *f);
/* The same by offset; its position stays. */
ug_reader_at ug_file_reader_at(ug_file *f);
ug_writer_at ug_file_writer_at(ug_file *f);

/* One more reference. */
ug_file *ug_file_ref(ug_file *f);
/* Drops a reference; with the last one the file is closed. Waits; looks at no context. Takes NULL. Answers what
 * close(2) did where this was the last reference, else 0. */
int ug_file_close(ug_file *f);
/* Closes *f and sets it to NULL; fits UG_CLEAN. */
void ug_file_clean(ug_file **f);

/* Files by name ----------------------------------------------------------------------------------------------------
 * All wait. */

/* What the path leads to; lstat: or the symbolic link itself. Errors of stat(2). */
int ug_stat(const char *path, struct ug_file_info *out);
int ug_lstat(const char *path, struct ug_file_info *out);
/* Reads a whole file of at most `limit` bytes (0: any) into memory from malloc, with a NUL after it that is not
 * counted; free it. UG_ETOOLONG where it is longer, -ENOMEM. */
int ug_read_file(const char *path, size_t limit, char **out, size_t *size);
/* Makes the file, with the permissions `mode` less the umask, or replaces its contents. Not atomic: a reader may see a
 * part. */
int ug_write_file(const char *path, const void *data, size_t size, mode_t mode);
/* Removes a file or an empty folder; -ENOENT where there is none. */
int ug_remove(const char *path);
/* Removes a folder with all in it, or a file; 0 where there is none. Follows no symbolic link. */
int ug_remove_all(const char *path);
int ug_rename(const char *from, const char *to);
int ug_mkdir(const char *path, mode_t mode);
/* Makes the folder and those above it that are missing; 0 where it exists as a folder. */
int ug_mkdir_all(const char *path, mode_t mode);
int ug_symlink(const char *target, const char *path);
/* Makes a folder of a new name, "$TMPDIR/PREFIXxxxxxx" (or /tmp), mode 0700; its path goes to `path`, -ERANGE where
 * that has no room. */
int ug_temp_dir(const char *prefix, char *path, size_t size);

/* Folders ---------------------------------------------------------------------------------------------------------- */
typedef struct ug_dir ug_dir; /* a reading of a folder; one task at a time */

struct ug_dir_entry {
	const char *name; /* never "." or ".." */
	int type; /* enum ug_file_type; UNKNOWN on some file systems */
	uint32_t name_size; /* bytes */
	uint64_t ino;
	uintptr_t reserved[2];
};

/* Opens a folder for reading its entries. Waits. Errors of open(2), -ENOTDIR. */
int ug_dir_open(const char *path, ug_dir **out);
/* The same for a folder that is open already (with O_RDONLY); takes a reference. Starts where its position is. */
int ug_dir_open_file(ug_file *dir, ug_dir **out);
/* The next entry, in no order: 1 and *out, valid until the next call; 0 at the end; a negative code. Waits. man 2
 * getdents64 */
int ug_dir_read(ug_dir *d, struct ug_dir_entry *out);
/* Waits. Takes NULL. 0. */
int ug_dir_close(ug_dir *d);
/* Closes *d and sets it to NULL; fits UG_CLEAN. */
void ug_dir_clean(ug_dir **d);

struct ug_dir_item {
	const char *name;
	uint32_t name_size; /* bytes */
	int is_link; /* 1: a symbolic link; `info` tells of what it leads to, or of itself where that is nothing */
	int error; /* 0, or why there is no `info`; of that, only the type and ino that the folder gave hold then */
	struct ug_file_info info;
};
struct ug_dir_listing {
	struct ug_dir_item *items; /* by name, byte by byte */
	size_t count;
	void *store_;
};
/* Lists an open folder from its start, with what each entry is; ug_dir_listing_done it. At most `limit` entries (0:
 * any), else -EFBIG. Leaves the position alone. Waits. Errors of open(2) and getdents(2), -ENOMEM. */
int ug_dir_list(ug_file *dir, size_t limit, struct ug_dir_listing *out);
/* Frees it and zeroes it. Takes NULL and a zeroed one. Fits UG_CLEAN. */
void ug_dir_listing_done(struct ug_dir_listing *list);

/* Signals ----------------------------------------------------------------------------------------------------------
 *	typedef UG_CHAN(int) signal_chan;
 *	ug_signal_notify(ch, SIGTERM);
 *	ug_signal_notify(ch, SIGINT);
 *	UG_TRY(ug_recv(ch, &signo));
 * Source of the semantics: Go's os/signal. Nothing here waits. Any thread, with a runtime or without. */

/*
 * From now on each `signo` sends its number into the channel of int (kept alive by a reference), and its default action
 * is off. A channel that is full misses it: give it room for as many as matter. Of one signal that is sent several
 * times in quick succession fewer may be seen, real-time signals too. A second call for the same pair changes nothing.
 * -EINVAL: no such signal, SIGKILL, SIGSTOP, the faults (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS), UG_NIL.
 * -ENOMEM, -EAGAIN.
 */
#define ug_signal_notify(ch, signo) ug_signal_notify_chan((ch).core, (ch).type, (signo))
int ug_signal_notify_chan(ug_chan *ch, const int *type, int signo);
/* No more signals go to the channel: none comes after this call. Signals that nobody else is notified of get back the
 * action that they had before. Always 0. */
#define ug_signal_stop(ch) ug_signal_stop_chan((ch).core)
int ug_signal_stop_chan(ug_chan *ch);
/* Ends all notifications of the signal, and has it ignored. -EINVAL as above. */
int ug_signal_ignore(int signo);
/* Ends all notifications of the signal, and an ignore; it gets back the action that it had before. -EINVAL as above. */
int ug_signal_reset(int signo);

/* "SIGTERM", "SIGRTMIN+2"; "?" where there is no such signal. Static storage. */
const char *ug_signal_name(int signo);
/* The number for a name, with or without "SIG", in any case; -EINVAL. */
int ug_signal_number(const char *name);

#ifdef __cplusplus
}
#endif

#endif
