/* SPDX-License-Identifier: MIT */
/* How many processors a runtime gets by default: not more than the CPU quotas of its cgroups allow. */
#include "unit/task_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN "/outer/own"
#define TREE "/sys/fs/cgroup"
#define CANNOT 77

static int procs(void *arg)
{
	(void)arg;
	return ug_procs();
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	ssize_t n = write(fd, text, strlen(text));
	return close(fd) == 0 && n == (ssize_t)strlen(text) ? 0 : -1;
}

/* A tree of cgroups of its own, as far as files say: the process is in /outer/own. */
static int pretend(const char *top, const char *outer, const char *own)
{
	char proc[64];
	snprintf(proc, sizeof proc, "/proc/%d/cgroup", (int)getpid());
	if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWNS | CLONE_NEWUSER) != 0)
		return -1;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("none", TREE, "tmpfs", 0, NULL) != 0)
		return -1;
	if (mkdir(TREE "/outer", 0755) != 0 || mkdir(TREE OWN, 0755) != 0)
		return -1;
	if (put(TREE "/self", "3:cpuset:/\n0::" OWN "\n") != 0 || mount(TREE "/self", proc, NULL, MS_BIND, NULL) != 0)
		return -1;
	return (top && put(TREE "/cpu.max", top)) || (outer && put(TREE "/outer/cpu.max", outer)) ||
			(own && put(TREE OWN "/cpu.max", own))
		? -1
		: 0;
}

/* The processors of a process whose cgroups have these quotas, in a process of its own. */
static int procs_with(const char *top, const char *outer, const char *own)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(unsetenv("UG_PROCS") != 0 || pretend(top, outer, own) != 0 ? CANNOT : ug_run(procs, NULL, NULL));
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void quotas_of_the_own_cgroup_and_of_those_above_hold(void **state)
{
	(void)state;
	int all = procs_with(NULL, NULL, NULL);
	if (all < 2 || all == CANNOT)
		skip();
	assert_int_equal(procs_with(NULL, "max 100000\n", "max 100000\n"), all);
	assert_int_equal(procs_with(NULL, NULL, "100000 100000\n"), 1);
	assert_int_equal(procs_with(NULL, NULL, "110000 100000\n"), 2);
	assert_int_equal(procs_with(NULL, "50000 100000\n", "max 100000\n"), 1);
	assert_int_equal(procs_with(NULL, "50000 100000\n", "900000 100000\n"), 1);
	assert_int_equal(procs_with("50000 100000\n", NULL, NULL), 1);
	assert_int_equal(procs_with(NULL, NULL, "nonsense"), all);
	assert_int_equal(procs_with(NULL, NULL, "99999999999999 1\n"), all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(quotas_of_the_own_cgroup_and_of_those_above_hold)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
