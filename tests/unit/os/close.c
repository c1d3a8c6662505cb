/* SPDX-License-Identifier: MIT */
/* What ends badly or not at all: close that fails, a FIFO that nobody reads. */
#include "unit/task_test.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <undergo/os.h>
#include <unistd.h>

static char folder[] = "/tmp/undergo-close-XXXXXX";
static char path[64];

/* Stands before the C library's: the close of this number says that data was lost, as on a network file system. */
static int losing = -1;
int close(int fd)
{
	int e = (int)syscall(SYS_close, fd), lost = fd;
	if (!__atomic_compare_exchange_n(&losing, &lost, -1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return e;
	errno = EIO;
	return -1;
}

static void lose(ug_file *f)
{
	__atomic_store_n(&losing, ug_fd_number(ug_file_fd(f)), __ATOMIC_SEQ_CST);
}

TEST_ANYWHERE(close_that_fails)
{
	ug_file *f;
	CHECK_IS(ug_file_create(path, &f), 0);
	lose(f);
	CHECK_IS(ug_file_close(f), -EIO);
	CHECK_IS(ug_file_open(path, O_RDONLY, 0, &f), 0);
	ug_file_ref(f);
	lose(f);
	CHECK_IS(ug_file_close(f), 0); /* not the last */
	CHECK_IS(ug_file_close(f), -EIO);
	CHECK_IS(unlink(path), 0);
	return 0;
}

/* Opening a FIFO to write waits for its reader, and no longer than the context lasts. */
static int open_to_write(void *unused)
{
	(void)unused;
	ug_file *f;
	UG_TRY(ug_file_open(path, O_WRONLY, 0, &f));
	int n = (int)ug_file_write(f, "abc", 3);
	ug_file_close(f);
	return n;
}

TEST_ANYWHERE(fifo_without_reader)
{
	ug_file *f;
	CHECK_IS(mkfifo(path, 0600), 0);
	UG_WITH_TIMEOUT(5 * UG_MS) {
		CHECK_IS(ug_file_open(path, O_WRONLY, 0, &f), -ETIMEDOUT);
	}
	CHECK_IS(ug_file_open(path, O_WRONLY | O_NONBLOCK, 0, &f), -ENXIO);
	CHECK_IS(unlink(path), 0);
	return 0;
}

TEST(fifo_canceled)
{
	ug_file *f;
	char buf[4];
	CHECK_IS(mkfifo(path, 0600), 0);
	ug_task *t = start(open_to_write, NULL);
	for (int i = 0; i < 20; i++)
		ug_yield();
	CHECK_IS(ug_file_open(path, O_RDONLY, 0, &f), 0);
	CHECK_IS(ug_file_read(f, buf, sizeof buf), 3);
	CHECK_IS(finish(t), 3);
	ug_file_close(f);
	/* A runtime ends though somebody waits for a reader: of a new one, as with io_uring the reader may be there for
	 * a while yet. */
	CHECK_IS(unlink(path), 0);
	CHECK_IS(mkfifo(path, 0600), 0);
	CHECK_IS(ug_go(open_to_write, NULL), 0);
	for (int i = 0; i < 20; i++)
		ug_yield();
	return 0;
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof path, "%s/x", folder);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_close_that_fails),
		cmocka_unit_test(test_fifo_without_reader),
		cmocka_unit_test(test_fifo_canceled),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(folder);
	return failed;
}
