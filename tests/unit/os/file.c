/* SPDX-License-Identifier: MIT */
/* Open files: reading, writing, positions, opening beneath a folder, what is no disk file. */
#include "unit/task_test.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <undergo/os.h>
#include <unistd.h>

static char folder[] = "/tmp/undergo-file-XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[2][256];
	static int turn;
	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
	return path[turn];
}

static ug_file *make(const char *name, const char *text)
{
	ug_file *f;
	CHECK_IS(ug_file_create(in_folder(name), &f), 0);
	CHECK_IS(ug_file_write(f, text, strlen(text)), strlen(text));
	return f;
}

TEST_ANYWHERE(read_and_write)
{
	char buf[16] = "";
	ug_file *f = make("a", "hello world");
	CHECK_IS(ug_file_seek(f, 0, SEEK_CUR), 11);
	CHECK_IS(ug_file_read(f, buf, sizeof buf), 0);
	CHECK_IS(ug_file_seek(f, -5, SEEK_END), 6);
	CHECK_IS(ug_file_read(f, buf, sizeof buf), 5);
	CHECK_TEXT(buf, "world");
	CHECK_IS(ug_file_seek(f, 0, SEEK_SET), 0);
	CHECK_IS(ug_file_write(f, "HELLO", 5), 5);
	CHECK_IS(ug_file_read(f, buf, 1), 1);
	CHECK_IS(buf[0], ' ');
	CHECK_IS(ug_file_read(f, buf, 0), 0);
	CHECK_IS(ug_file_write(f, buf, 0), 0);
	CHECK_IS(ug_file_sync(f), 0);
	CHECK_IS(ug_file_seek(f, -1, SEEK_SET), -EINVAL);
	CHECK_IS(ug_file_close(f), 0);
	CHECK_IS(ug_file_open(in_folder("a"), O_RDONLY, 0, &f), 0);
	CHECK_IS(ug_file_read(f, buf, sizeof buf), 11);
	CHECK(memcmp(buf, "HELLO world", 11) == 0);
	CHECK_IS(ug_file_write(f, "x", 1), -EBADF);
	CHECK_IS(ug_file_close(f), 0);
	CHECK_IS(ug_file_close(NULL), 0);
	return 0;
}

TEST_ANYWHERE(by_offset)
{
	char buf[8] = "";
	ug_file *f = make("b", "0123456789");
	CHECK_IS(ug_file_read_at(f, buf, 4, 3), 4);
	CHECK_TEXT(buf, "3456");
	CHECK_IS(ug_file_read_at(f, buf, 4, 8), 2);
	CHECK_IS(ug_file_read_at(f, buf, 4, 10), 0);
	CHECK_IS(ug_file_read_at(f, buf, 4, 1000), 0);
	CHECK_IS(ug_file_read_at(f, buf, 4, -1), -EINVAL);
	CHECK_IS(ug_file_write_at(f, "xy", 2, 12), 2);
	CHECK_IS(ug_file_write_at(f, "xy", 2, -1), -EINVAL);
	CHECK_IS(ug_file_read_at(f, buf, 4, 10), 4);
	CHECK(memcmp(buf, "\0\0xy", 4) == 0);
	CHECK_IS(ug_file_seek(f, 0, SEEK_CUR), 10);
	CHECK_IS(ug_read_at(ug_file_reader_at(f), buf, 2, 5), 2);
	CHECK(memcmp(buf, "56", 2) == 0);
	CHECK_IS(ug_write_at(ug_file_writer_at(f), "ab", 2, 0), 2);
	CHECK_IS(ug_file_truncate(f, 1), 0);
	CHECK_IS(ug_file_read_at(f, buf, 4, 0), 1);
	CHECK_IS(buf[0], 'a');
	CHECK_IS(ug_file_truncate(f, -1), -EINVAL);
	ug_file_close(f);
	return 0;
}

TEST_ANYWHERE(append)
{
	ug_file *f = make("c", "one"), *g;
	CHECK_IS(ug_file_open(in_folder("c"), O_WRONLY | O_APPEND, 0, &g), 0);
	CHECK_IS(ug_file_write(g, "two", 3), 3);
	CHECK_IS(ug_file_write_at(g, "x", 1, 0), -EINVAL);
	char buf[8] = "";
	CHECK_IS(ug_file_read_at(f, buf, sizeof buf, 0), 6);
	CHECK_TEXT(buf, "onetwo");
	ug_file_close(f);
	ug_file_close(g);
	return 0;
}

TEST_ANYWHERE(errors)
{
	ug_file *f = NULL;
	CHECK_IS(ug_file_open(in_folder("none"), O_RDONLY, 0, &f), -ENOENT);
	CHECK_IS(ug_file_open(in_folder("none/none"), O_RDWR | O_CREAT, 0600, &f), -ENOENT);
	CHECK_IS(ug_file_open(folder, O_RDWR, 0, &f), -EISDIR);
	CHECK_IS(ug_file_open("/dev/null", O_RDONLY | O_DIRECTORY, 0, &f), -ENOTDIR);
	CHECK_IS(ug_file_open(NULL, O_RDONLY, 0, &f), -EINVAL);
	CHECK_IS(ug_file_adopt(-1, &f), -EBADF);
	CHECK(!f);
	char byte;
	CHECK_IS(ug_file_open(folder, O_RDONLY, 0, &f), 0);
	CHECK_IS(ug_file_read(f, &byte, 1), -EISDIR);
	ug_file_close(f);
	CHECK_IS(ug_file_open(in_folder("e"), O_WRONLY | O_CREAT | O_EXCL, 0640, &f), 0);
	CHECK_IS(ug_file_read(f, &byte, 1), -EBADF);
	struct ug_file_info info;
	CHECK_IS(ug_file_stat(f, &info), 0);
	CHECK_IS(info.mode, 0640);
	ug_file_close(f);
	CHECK_IS(ug_file_open(in_folder("e"), O_WRONLY | O_CREAT | O_EXCL, 0640, &f), -EEXIST);
	CHECK_IS(unlink(in_folder("e")), 0);
	return 0;
}

TEST_ANYWHERE(stat)
{
	ug_file *f = make("s", "12345");
	struct ug_file_info i;
	struct stat st;
	CHECK_IS(ug_file_stat(f, &i), 0);
	CHECK_IS(stat(in_folder("s"), &st), 0);
	CHECK_IS(i.type, UG_TYPE_REGULAR);
	CHECK_IS(i.size, 5);
	CHECK_IS(i.mode, st.st_mode & 07777);
	CHECK_IS(i.ino, st.st_ino);
	CHECK_IS(i.dev, st.st_dev);
	CHECK_IS(i.links, 1);
	CHECK_IS(i.uid, getuid());
	CHECK_IS(i.mtime, st.st_mtim.tv_sec * UG_SECOND + st.st_mtim.tv_nsec);
	ug_file_close(f);
	CHECK_IS(ug_file_open("/dev/null", O_RDONLY, 0, &f), 0);
	CHECK_IS(ug_file_stat(f, &i), 0);
	CHECK_IS(i.type, UG_TYPE_CHAR);
	ug_file_close(f);
	CHECK_IS(ug_file_open(folder, O_PATH, 0, &f), 0);
	CHECK_IS(ug_file_stat(f, &i), 0);
	CHECK_IS(i.type, UG_TYPE_DIR);
	ug_file_close(f);
	return 0;
}

static int beneath(ug_file *dir, const char *path)
{
	ug_file *f;
	int e = ug_file_open_beneath(dir, path, O_RDONLY, 0, &f);
	if (e == 0)
		ug_file_close(f);
	return e;
}

TEST_ANYWHERE(open_beneath)
{
	ug_file_close(make("secret", "outside"));
	CHECK(mkdir(in_folder("root"), 0755) == 0 || access(in_folder("root"), F_OK) == 0);
	CHECK(mkdir(in_folder("root/sub"), 0755) == 0 || access(in_folder("root/sub"), F_OK) == 0);
	ug_file_close(make("root/sub/file", "inside"));
	(void)!symlink("../../secret", in_folder("root/sub/out"));
	(void)!symlink(in_folder("secret"), in_folder("root/absolute"));
	(void)!symlink("sub/file", in_folder("root/in"));
	(void)!symlink("loop", in_folder("root/loop"));
	ug_file *dir, *f;
	CHECK_IS(ug_file_open(in_folder("root"), O_RDONLY | O_DIRECTORY, 0, &dir), 0);
	for (int round = 0; round < 2; round++) { /* the second time with the names cached */
		int e = beneath(dir, "sub/file");
		if (e == -ENOSYS) { /* an old kernel, an emulator */
			ug_file_close(dir);
			return 0;
		}
		CHECK_IS(e, 0);
		CHECK_IS(beneath(dir, "sub/../sub/./file"), 0);
		CHECK_IS(beneath(dir, "in"), 0);
		CHECK_IS(beneath(dir, "."), 0);
		CHECK_IS(beneath(dir, ".."), -EXDEV);
		CHECK_IS(beneath(dir, "../secret"), -EXDEV);
		CHECK_IS(beneath(dir, "sub/../../secret"), -EXDEV);
		CHECK_IS(beneath(dir, "sub/out"), -EXDEV);
		CHECK_IS(beneath(dir, "absolute"), -EXDEV);
		CHECK_IS(beneath(dir, "/etc/passwd"), -EXDEV);
		CHECK_IS(beneath(dir, "loop"), -ELOOP);
		CHECK_IS(beneath(dir, "none"), -ENOENT);
		CHECK_IS(beneath(dir, "sub/file/x"), -ENOTDIR);
		CHECK_IS(beneath(dir, ""), -ENOENT);
	}
	CHECK_IS(ug_file_open_at(dir, "../secret", O_RDONLY, 0, &f), 0);
	ug_file_close(f);
	CHECK_IS(ug_file_open_beneath(dir, "new", O_RDWR | O_CREAT, 0600, &f), 0);
	CHECK_IS(ug_file_write(f, "x", 1), 1);
	ug_file_close(f);
	CHECK_IS(ug_file_open_beneath(dir, "new", O_RDONLY, 0777, &f), 0); /* a mode that nothing asks for */
	ug_file_close(f);
	ug_file_close(dir);
	return 0;
}

TEST_ANYWHERE(ended_context)
{
	ug_file *f = make("d", "data"), *g;
	char buf[4];
	ug_ctx scope;
	ug_file_seek(f, 0, SEEK_SET);
	ug_ctx_push(&scope);
	ug_ctx_cancel(&scope, 0);
	CHECK_IS(ug_file_read(f, buf, 4), -ECANCELED);
	CHECK_IS(ug_file_read_at(f, buf, 4, 0), -ECANCELED);
	CHECK_IS(ug_file_open(in_folder("d"), O_RDONLY, 0, &g), -ECANCELED);
	CHECK_IS(ug_file_close(f), 0); /* closes nevertheless */
	ug_ctx_pop(&scope);
	return 0;
}

/* A large file whose pages are not in memory: every way to read it must give the same bytes. */
TEST_ANYWHERE(cold)
{
	enum { SIZE = 3 << 20 };
	unsigned char *data = malloc(SIZE), *got = malloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (unsigned char)(i * 31 + (i >> 9));
	ug_file *f;
	CHECK_IS(ug_file_create(in_folder("big"), &f), 0);
	CHECK_IS(ug_file_write(f, data, SIZE), SIZE);
	CHECK_IS(ug_file_sync(f), 0);
	for (int round = 0; round < 2; round++) {
		CHECK_IS(posix_fadvise(ug_fd_number(ug_file_fd(f)), 0, 0, POSIX_FADV_DONTNEED), 0);
		memset(got, 0, SIZE);
		size_t n = 0;
		ug_file_seek(f, 0, SEEK_SET);
		for (ssize_t r; n < SIZE; n += (size_t)r) {
			size_t want = SIZE - n < 100000 ? SIZE - n : 100000;
			r = round ? ug_file_read(f, got + n, want) : ug_file_read_at(f, got + n, want, (int64_t)n);
			CHECK(r > 0);
		}
		CHECK(memcmp(data, got, SIZE) == 0);
	}
	free(data);
	free(got);
	ug_file_close(f);
	return 0;
}

TEST_ANYWHERE(as_reader_and_writer)
{
	ug_file *from = make("from", "some text to copy"), *to;
	CHECK_IS(ug_file_create(in_folder("to"), &to), 0);
	ug_file_seek(from, 5, SEEK_SET);
	int64_t n;
	CHECK_IS(ug_copy(ug_file_writer(to), ug_file_reader(from), &n), 0);
	CHECK_IS(n, 12);
	char buf[32] = "";
	CHECK_IS(ug_file_read_at(to, buf, sizeof buf, 0), 12);
	CHECK_TEXT(buf, "text to copy");
	CHECK_IS(ug_file_seek(to, 0, SEEK_CUR), 12);
	ug_file_ref(from);
	CHECK_IS(ug_reader_close(ug_file_reader(from)), 0);
	CHECK_IS(ug_file_read_at(from, buf, 4, 0), 4);
	CHECK_IS(ug_file_close(from), 0);
	CHECK_IS(ug_writer_close(ug_file_writer(to)), 0);
	return 0;
}

/* A file in /proc says 0 for its size and knows no RWF_NOWAIT. */
TEST_ANYWHERE(proc)
{
	ug_file *f;
	char buf[256];
	size_t n = 0;
	CHECK_IS(ug_file_open("/proc/self/status", O_RDONLY, 0, &f), 0);
	CHECK_IS(ug_file_read(f, buf, 5), 5);
	CHECK(memcmp(buf, "Name:", 5) == 0);
	for (ssize_t r; (r = ug_file_read(f, buf, sizeof buf)) != 0; n += (size_t)r)
		CHECK(r > 0);
	CHECK(n > 100);
	ug_file_close(f);
	return 0;
}

static int write_fifo(void *path)
{
	ug_file *f;
	UG_TRY(ug_file_open(path, O_WRONLY, 0, &f));
	CHECK_IS(ug_file_write(f, "through", 7), 7);
	CHECK_IS(ug_file_seek(f, 0, SEEK_CUR), -ESPIPE);
	CHECK_IS(ug_file_write_at(f, "x", 1, 0), -ESPIPE);
	return ug_file_close(f);
}

/* The reader opens at once and waits for the writer when it reads; the writer's open waits for a reader. */
TEST(fifo)
{
	char path[256], buf[16] = "";
	strcpy(path, in_folder("fifo"));
	CHECK_IS(mkfifo(path, 0600), 0);
	ug_file *f;
	CHECK_IS(ug_file_open(path, O_RDONLY, 0, &f), 0);
	UG_WITH_TIMEOUT(2 * UG_MS) {
		CHECK_IS(ug_file_read(f, buf, sizeof buf), -ETIMEDOUT);
	}
	ug_task *t = start(write_fifo, path);
	CHECK_IS(ug_file_read(f, buf, sizeof buf), 7);
	CHECK_TEXT(buf, "through");
	CHECK_IS(ug_file_read(f, buf, sizeof buf), 0);
	CHECK_IS(finish(t), 0);
	ug_file_close(f);
	CHECK_IS(unlink(path), 0);
	/* The other way round; by another FIFO, for with io_uring the closed reader may be there a moment longer. */
	strcpy(path, in_folder("fifo2"));
	CHECK_IS(mkfifo(path, 0600), 0);
	t = start(write_fifo, path);
	ug_yield();
	CHECK_IS(ug_file_open(path, O_RDONLY, 0, &f), 0);
	CHECK_IS(ug_file_read(f, buf, sizeof buf), 7);
	CHECK_IS(finish(t), 0);
	ug_file_close(f);
	CHECK_IS(unlink(path), 0);
	return 0;
}

TEST_ANYWHERE(adopted)
{
	int fds[2];
	ug_file *r, *w;
	char buf[4];
	CHECK_IS(pipe(fds), 0);
	CHECK_IS(ug_file_adopt(fds[0], &r), 0);
	CHECK_IS(ug_file_adopt(fds[1], &w), 0);
	UG_WITH_TIMEOUT(UG_MS) {
		CHECK_IS(ug_file_read(r, buf, 4), -ETIMEDOUT);
	}
	CHECK_IS(ug_file_write(w, "abc", 3), 3);
	CHECK_IS(ug_file_read(r, buf, 4), 3);
	ug_file_clean(&w);
	CHECK(!w);
	CHECK_IS(ug_file_read(r, buf, 4), 0);
	ug_file_close(r);
	int fd = memfd_create("x", MFD_CLOEXEC);
	CHECK_IS(ug_file_adopt(fd, &r), 0);
	CHECK_IS(ug_file_write(r, "memory", 6), 6);
	CHECK_IS(ug_file_read_at(r, buf, 3, 2), 3);
	CHECK(memcmp(buf, "mor", 3) == 0);
	ug_file_close(r);
	CHECK(fcntl(fd, F_GETFD) < 0);
	return 0;
}

/* Lines of several tasks that append to one file stay whole. */
static int append_lines(void *file)
{
	char line[64];
	for (int i = 0; i < 50; i++) {
		int n = snprintf(
			line, sizeof line, "%08d%.*s\n", i, i % 40, "0123456789012345678901234567890123456789");
		CHECK_IS(ug_file_write(file, line, (size_t)n), n);
	}
	return 0;
}

TEST(appended_lines)
{
	ug_file *f;
	CHECK_IS(ug_file_open(in_folder("log"), O_RDWR | O_CREAT | O_APPEND, 0600, &f), 0);
	ug_task *t[4];
	for (int i = 0; i < 4; i++)
		t[i] = start(append_lines, f);
	for (int i = 0; i < 4; i++)
		CHECK_IS(finish(t[i]), 0);
	char *text;
	size_t size, lines = 0;
	CHECK_IS(ug_read_file(in_folder("log"), 0, &text, &size), 0);
	for (char *at = text; *at; at = strchr(at, '\n') + 1, lines++)
		CHECK_IS(strcspn(at, "\n"), 8 + strtol((char[]){at[6], at[7], 0}, NULL, 10) % 40);
	CHECK_IS(lines, 200);
	free(text);
	ug_file_close(f);
	return 0;
}

int main(void)
{
	umask(022);
	if (!mkdtemp(folder))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_and_write),
		cmocka_unit_test(test_by_offset),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_open_beneath),
		cmocka_unit_test(test_ended_context),
		cmocka_unit_test(test_cold),
		cmocka_unit_test(test_as_reader_and_writer),
		cmocka_unit_test(test_proc),
		cmocka_unit_test(test_fifo),
		cmocka_unit_test(test_adopted),
		cmocka_unit_test(test_appended_lines),
		cmocka_unit_test(test_errors),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	ug_remove_all(folder);
	return failed;
}
