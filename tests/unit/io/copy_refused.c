/* SPDX-License-Identifier: MIT */
/*
 * Kernels and file systems that refuse to copy: the test runs itself as a child in which a seccomp filter answers
 * for some system calls, and every pair of sides must copy as ever.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "copy_test.h"
#include "io/io.h"

/* From here on, copy_file_range (set & 1), sendfile (2), splice (4), preadv2 (8), pipe2 (16) fail with `error` in all
 * threads. */
static int refuse(int set, int error)
{
	static const int calls[] = {SYS_copy_file_range, SYS_sendfile, SYS_splice, SYS_preadv2, SYS_pipe2};
	struct sock_filter code[16] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
	unsigned short n = 1;
	for (size_t i = 0; i < UG_COUNT_OF(calls); i++)
		if (set >> i & 1) {
			code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
			code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error);
		}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {.len = n, .filter = code};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}

static int copy_all(void *arg)
{
	const int *refused = arg;
	char *data = pattern(150000, 5);
	for (enum kind from = 0; from < KINDS; from++) {
		if (!(refused[0] & 16) || from != PIPE_KIND)
			copy_into_the_middle(from, data, 150000);
		for (enum kind to = 0; to < KINDS; to++) {
			struct side in, out;
			int64_t went;
			/* Without pipes none can be made as a side. */
			if ((refused[0] & 16) && (from == PIPE_KIND || to == PIPE_KIND))
				continue;
			open_source(&in, from, data, 150000);
			open_target(&out, to);
			ug_reader r = side_reader(&in);
			if (refused[0] & 2) /* its one call */
				CHECK_IS(ug__copy_now(side_writer(&out), r, 100000), 0);
			CHECK_IS(ug_copy_upto(side_writer(&out), r, 100000, &went), 0);
			CHECK_IS(went, 100000);
			CHECK_IS(ug_copy(side_writer(&out), r, &went), 0);
			CHECK_IS(went, 50000);
			/* The filter is in force: nothing but hands are left. */
			if (refused[0] == 7 && from != MEMORY_KIND && to != MEMORY_KIND)
				CHECK_IS(out.by_hand, 150000);
			close_target(&out, data, 150000);
			end_helper(&in);
		}
	}
	free(data);
	return 0;
}

/* That a file's beginning is in memory is not believed for long. */
static int ask_again(void *arg)
{
	(void)arg;
	enum { SIZE = 20000 };
	char *data = pattern(SIZE, 6), got[SIZE];
	struct side in;
	int ends[2];
	open_source(&in, FILE_KIND, data, SIZE);
	make_pair(UNIX_KIND, ends);
	ug_fd *to = adopt(ends[1]);
	int64_t start = ug_now();
	int ask = tells(ug_fd_number(in.mine));
	for (int copies = 0; ask; copies++) {
		CHECK_IS(lseek(ug_fd_number(in.mine), 0, SEEK_SET), 0);
		ssize_t went = ug__copy_now(ug_fd_writer(to), side_reader(&in), SIZE);
		CHECK(went > 0 || copies > 0);
		if (copies == 0)
			CHECK_IS(refuse(8, EAGAIN), 0);
		if (went <= 0)
			break;
		CHECK_IS(read(ends[0], got, SIZE), went);
		CHECK(ug_now() - start < 10 * UG_SECOND);
	}
	ug_fd_close(to);
	close(ends[0]);
	end_helper(&in);
	free(data);
	return 0;
}

static int run_child(int set, int error)
{
	char numbers[2][16];
	char *args[] = {(char[]){"copy_refused"}, numbers[0], numbers[1], NULL};
	extern char **environ;
	pid_t pid;
	int status;
	snprintf(numbers[0], sizeof numbers[0], "%d", set);
	snprintf(numbers[1], sizeof numbers[1], "%d", error);
	assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, args, environ), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void test_each_error(void **state)
{
	(void)state;
	static const int errors[] = {EIO, EXDEV, EINVAL, ENOSYS, EPERM, EBADF, EOPNOTSUPP, ETXTBSY, EACCES};
	for (size_t i = 0; i < UG_COUNT_OF(errors); i++)
		assert_int_equal(run_child(7, errors[i]), 0);
}

static void test_each_call(void **state)
{
	(void)state;
	for (int set = 0; set < 8; set++)
		assert_int_equal(run_child(set, EINVAL), 0);
	assert_int_equal(run_child(8, ENOSYS), 0);
	assert_int_equal(run_child(8, EOPNOTSUPP), 0);
	assert_int_equal(run_child(16, EMFILE), 0);
}

/* "Nothing was copied", as /proc and some file systems say in the middle of a file, is no end. */
static void test_empty_answers(void **state)
{
	(void)state;
	for (int set = 1; set < 8; set++)
		assert_int_equal(run_child(set, 0), 0);
}

static void test_belief(void **state)
{
	(void)state;
	assert_int_equal(run_child(-1, 0), 0);
}

int main(int argc, char **argv)
{
	if (argc > 2) {
		int refused[2] = {atoi(argv[1]), atoi(argv[2])};
		check_world = " (in a child)";
		if (refused[0] < 0)
			return ug_run(ask_again, NULL, NULL);
		if (refuse(refused[0], refused[1]) != 0)
			return 77;
		return ug_run(copy_all, refused, NULL);
	}
	if (run_child(0, EIO) == 77) {
		fprintf(stderr, "no seccomp filters here\n");
		return 77;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_error),
		cmocka_unit_test(test_each_call),
		cmocka_unit_test(test_empty_answers),
		cmocka_unit_test(test_belief),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
