/* SPDX-License-Identifier: MIT */
/* A folder of files that change. */
#ifndef TESTS_HTTP_TREE_H
#define TESTS_HTTP_TREE_H

#include "talk.h"

#include "base/atomic.h"
#include "base/clock.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LARGE 100000
/* 2020-02-03 04:05:06 UTC */
#define CHANGED 1580702706

static char root[256];
static bool was_root;

static const char *in_root(const char *name)
{
	static __thread char path[2][600];
	static __thread int turn;
	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s", root, name);
	return path[turn];
}

static int64_t made; /* when a file was, in real time; 0: not since the last settle */

/* n times c, or, without n, the text. */
static void make_file(const char *name, const char *text, size_t n)
{
	static __thread char buf[LARGE];
	store_relaxed(&made, ug__clock_real());
	int fd = open(in_root(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	size_t len = n ? n : strlen(text);
	expect(fd >= 0);
	if (n)
		memset(buf, *text, n);
	else
		memcpy(buf, text, len);
	expect(write(fd, buf, len) == (ssize_t)len);
	close(fd);
}

static void make_old(const char *name)
{
	const struct timespec times[2] = {{.tv_sec = CHANGED}, {.tv_sec = CHANGED}};
	expect(utimensat(AT_FDCWD, in_root(name), times, 0) == 0);
}

static int settle_really(void *arg)
{
	(void)arg;
	nanosleep(&(struct timespec){.tv_nsec = 60 * UG_MS}, NULL);
	return 0;
}

/* Until what was written before can be told from what is written after. It is the file system's clock that has to go
 * on, not ours. */
static void settle(void)
{
	expect(ug_blocking(settle_really, NULL) == 0);
	store_relaxed(&made, 0);
}

/* As a user whom permissions bind, where that can be. */
static int make_tree(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof root, "%s/ug-kept-XXXXXX", tmp ? tmp : "/tmp");
	was_root = geteuid() == 0 && seteuid(65534) == 0;
	if (!mkdtemp(root)) {
		if (!was_root || seteuid(0) != 0 || !mkdtemp(root))
			return -1;
	}
	return 0;
}

static int remove_tree_task(void *arg)
{
	(void)arg;
	return ug_remove_all(root);
}

static int remove_tree(void **state)
{
	(void)state;
	int e = ug_run(remove_tree_task, NULL, NULL);
	if (was_root && seteuid(0) == 0)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* leak checkers look at it from outside */
	return e;
}

#endif
