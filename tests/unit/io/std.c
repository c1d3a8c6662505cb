/* SPDX-License-Identifier: MIT */
/* The standard streams, seen from outside: the test runs itself as a child with other things as descriptors 0, 1 and
 * 2. */
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io_test.h"

static const char *self;

/* The child's parts ------------------------------------------------------------------------------------------------ */

static int part_cat(void *unused)
{
	(void)unused;
	return ug_copy(ug_stdout(), ug_stdin(), NULL);
}

static int print_many(void *arg)
{
	char text[900];
	memset(text, 'a' + (int)(intptr_t)arg, sizeof text);
	for (int i = 0; i < 100; i++)
		UG_TRY(ug_printf("%.*s\n", (int)sizeof text, text));
	return 0;
}

static int part_lines(void *unused)
{
	(void)unused;
	ug_group g;
	UG_GROUP(&g) {
		for (intptr_t i = 0; i < 8; i++)
			ug_group_go(&g, print_many, (void *)i);
	}
	return ug_group_result(&g);
}

/* Others run while one waits for standard input, and it ends with its context. */
static int part_wait(void *unused)
{
	(void)unused;
	char c;
	ssize_t n = 0;
	UG_WITH_TIMEOUT(5 * UG_MS) {
		n = ug_read(ug_stdin(), &c, 1);
	}
	ug_fprintf(ug_stderr(), "%s", ug_errname((int)n));
	return n == -ETIMEDOUT ? 0 : 1;
}

static int fill_up(void *arg)
{
	char page[4096] = "";
	while (ug_write(ug_stdout(), page, sizeof page) > 0)
		;
	__atomic_store_n((int *)arg, 1, __ATOMIC_RELEASE);
	return 0;
}

/* A pipe that nobody reads holds up the writer alone, though it is a blocking one. */
static int part_full(void *unused)
{
	(void)unused;
	int ended = 0, early = 1;
	ug_group g;
	UG_GROUP(&g) {
		ug_group_go(&g, fill_up, &ended);
		for (int ticks = 0; ticks < 50; ticks++)
			ug_sleep(UG_MS);
		early = __atomic_load_n(&ended, __ATOMIC_ACQUIRE);
		ug_group_cancel(&g, 0);
	}
	return ended && !early ? 0 : 1;
}

static int part_twice(void *unused)
{
	(void)unused;
	char c = 0;
	UG_TRY(ug_read(ug_stdin(), &c, 1));
	return ug_printf("<%c>", c);
}

static int part_closed(void *unused)
{
	(void)unused;
	char c;
	return ug_printf("x") == -EBADF && ug_read(ug_stdin(), &c, 1) == -EBADF && ug_print(1) == -EBADF ? 0 : 1;
}

static int child(const char *part)
{
	if (strcmp(part, "cat") == 0)
		return -ug_run(part_cat, NULL, NULL);
	if (strcmp(part, "thread cat") == 0)
		return -part_cat(NULL);
	if (strcmp(part, "lines") == 0)
		return -ug_run(part_lines, NULL, NULL);
	if (strcmp(part, "wait") == 0)
		return ug_run(part_wait, NULL, NULL);
	if (strcmp(part, "full") == 0)
		return ug_run(part_full, NULL, NULL);
	if (strcmp(part, "closed") == 0) /* in a runtime they stay closed, whoever has the numbers then */
		return part_closed(NULL) || ug_run(part_closed, NULL, NULL);
	/* Before a runtime, in one, in the next, and after it. */
	return part_twice(NULL) || ug_run(part_twice, NULL, NULL) || ug_run(part_twice, NULL, NULL) || part_twice(NULL);
}

/* The parent's side ------------------------------------------------------------------------------------------------ */

static int flags_of(int fd)
{
	return fcntl(fd, F_GETFL);
}

static pid_t start(const char *part, int in, int out, int err)
{
	posix_spawn_file_actions_t to;
	pid_t pid;
	char *args[] = {(char *)(uintptr_t)self, (char *)(uintptr_t)part, NULL};
	extern char **environ;
	int given[3] = {in, out, err};
	posix_spawn_file_actions_init(&to);
	for (int i = 0; i < 3; i++)
		if (given[i] < 0)
			posix_spawn_file_actions_addclose(&to, i);
		else
			posix_spawn_file_actions_adddup2(&to, given[i], i);
	assert_int_equal(posix_spawn(&pid, "/proc/self/exe", &to, NULL, args, environ), 0);
	posix_spawn_file_actions_destroy(&to);
	return pid;
}

static int finish(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int temporary(void)
{
	char name[] = "/tmp/undergo-std-XXXXXX";
	int fd = mkstemp(name);
	assert_true(fd >= 0);
	unlink(name);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static size_t read_all(int fd, char *buf, size_t size)
{
	size_t have = 0;
	ssize_t n;
	while (have < size && (n = read(fd, buf + have, size - have)) > 0)
		have += (size_t)n;
	return have;
}

static void cat(const char *part, int files_in, int files_out)
{
	int in[2], out[2];
	char text[] = "some text of no great length", got[64];
	if (files_in) {
		in[0] = temporary();
		assert_int_equal(pwrite(in[0], text, sizeof text, 0), sizeof text);
	} else {
		assert_int_equal(pipe2(in, O_CLOEXEC), 0);
		assert_int_equal(write(in[1], text, sizeof text), sizeof text);
	}
	if (files_out)
		out[0] = out[1] = temporary();
	else
		assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	int in_flags = flags_of(in[0]), out_flags = flags_of(out[1]);
	pid_t pid = start(part, in[0], out[1], 2);
	if (!files_in)
		close(in[1]);
	assert_int_equal(finish(pid), 0);
	assert_int_equal(flags_of(in[0]), in_flags);
	assert_int_equal(flags_of(out[1]), out_flags);
	close(in[0]);
	if (files_out)
		lseek(out[0], 0, SEEK_SET);
	else
		close(out[1]);
	assert_int_equal(read_all(out[0], got, sizeof got), sizeof text);
	assert_memory_equal(got, text, sizeof text);
	close(out[0]);
}

static void test_cat(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		cat("cat", i & 1, i & 2);
		cat("thread cat", i & 1, i & 2);
	}
}

/* Lines of several tasks do not mix. */
static void test_lines(void **state)
{
	(void)state;
	int out[2];
	size_t size = 8 * 100 * 901;
	char *got = malloc(size + 1);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid_t pid = start("lines", 0, out[1], 2);
	close(out[1]);
	assert_int_equal(read_all(out[0], got, size + 1), size);
	for (char *line = got; line < got + size; line += 901) {
		for (int i = 1; i < 900; i++)
			assert_int_equal(line[i], line[0]);
		assert_int_equal(line[900], '\n');
	}
	assert_int_equal(finish(pid), 0);
	close(out[0]);
	free(got);
}

static void test_waiting(void **state)
{
	(void)state;
	int in[2], err[2];
	char got[16];
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	pid_t pid = start("wait", in[0], 1, err[1]);
	assert_int_equal(finish(pid), 0);
	assert_false(flags_of(in[0]) & O_NONBLOCK);
	assert_int_equal(read(err[0], got, sizeof got), 9);
	assert_memory_equal(got, "ETIMEDOUT", 9);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(err[i]);
	}
}

static void test_full(void **state)
{
	(void)state;
	int out[2];
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid_t pid = start("full", 0, out[1], 2);
	assert_int_equal(finish(pid), 0);
	assert_false(flags_of(out[1]) & O_NONBLOCK);
	close(out[0]);
	close(out[1]);
}

static void test_several_runtimes(void **state)
{
	(void)state;
	int in[2], out[2];
	char got[16];
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(write(in[1], "abcd", 4), 4);
	pid_t pid = start("twice", in[0], out[1], 2);
	assert_int_equal(finish(pid), 0);
	assert_int_equal(read(out[0], got, sizeof got), 12);
	assert_memory_equal(got, "<a><b><c><d>", 12);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
	}
}

static void test_closed(void **state)
{
	(void)state;
	assert_int_equal(finish(start("closed", -1, -1, 2)), 0);
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 1)
		return child(argv[1]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cat),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_several_runtimes),
		cmocka_unit_test(test_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
