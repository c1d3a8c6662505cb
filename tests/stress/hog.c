/* SPDX-License-Identifier: MIT */
/*
 * Stuck tasks hurt nobody: hogs that sit in usleep(40000) of libc, spin for 40 ms, do so in a reader that the library
 * calls, or compress 256 KiB with zlib, again and again, beside a task on a 1 ms timer and two echo connections (a pair
 * of sockets, TCP on the loopback). How late are those?
 *
 * usage: hog [MS [HOGS]]    MS: the most that the ninetieth of a hundred may be late, in one of three runs at the
 *                           least; an idle machine is held to 20 ms
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <undergo/base.h>
#include <undergo/io.h>
#include <undergo/sched.h>
#include <undergo/sync.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

enum { SAMPLES = 4096 };
#define HOLD (40 * UG_MS)
#define DURATION (800 * UG_MS)
#define LEAST_HOLDS 5 /* or the victims had nothing to suffer from */
#define PATIENCE (10 * UG_SECOND)

struct victim {
	const char *name;
	ug_fd *near, *far; /* of a connection */
	int64_t late[SAMPLES];
	int count;
};

static int64_t end_of_run;
static long hogs = 2;
static atomic_long holds;

/* A busy machine may let nobody run for long: then the run takes longer. */
static int going(void)
{
	int64_t late = ug_now() - end_of_run;
	return late < 0 || (late < PATIENCE && atomic_load(&holds) < LEAST_HOLDS);
}

static void note(struct victim *v, int64_t late)
{
	if (v->count < SAMPLES)
		v->late[v->count++] = late;
}

/* Hogs ----------------------------------------------------------------------------------------------------------- */

static int block(void *arg)
{
	(void)arg;
	while (going()) {
		usleep(HOLD / UG_US);
		atomic_fetch_add(&holds, 1);
		ug_yield();
	}
	return 0;
}

static int spin(void *arg)
{
	(void)arg;
	while (going()) {
		for (int64_t until = ug_now() + HOLD; ug_now() < until;)
			;
		atomic_fetch_add(&holds, 1);
		ug_yield();
	}
	return 0;
}

static ssize_t spinning_read(void *self, void *buf, size_t n)
{
	(void)self;
	if (!going())
		return 0;
	for (int64_t until = ug_now() + HOLD; ug_now() < until;)
		;
	atomic_fetch_add(&holds, 1);
	memset(buf, 'x', n);
	return (ssize_t)n;
}

/* Deep in a reader: nothing in the whole copy waits. */
static int copy(void *arg)
{
	static const struct ug_reader_ops ops = {.size = sizeof ops, .read = spinning_read};
	(void)arg;
	return ug_copy(ug_discard(), (ug_reader){&ops, NULL}, NULL);
}

#ifdef HAVE_ZLIB
enum { PLAIN = 1 << 18 };

/* Words in no order take the longest: there is much to compare, and little to find. */
static int compress_all(void *arg)
{
	static const char *const words[] = {
		"park ", "ready ", "steal ", "spawn ", "select ", "close ", "task ", "queue "};
	(void)arg;
	unsigned char *plain = malloc(PLAIN + 8), *packed = malloc(compressBound(PLAIN));
	uint32_t random = 1;
	int e = plain && packed ? 0 : -ENOMEM;
	for (size_t n = 0; e == 0 && n < PLAIN;) {
		random = random * 1664525 + 1013904223;
		n += strlen(strcpy((char *)plain + n, words[random >> 29]));
	}
	while (e == 0 && going()) {
		uLongf n = compressBound(PLAIN);
		e = compress2(packed, &n, plain, PLAIN, 9) == Z_OK ? 0 : -EIO;
		atomic_fetch_add(&holds, 1);
	}
	free(plain);
	free(packed);
	return e;
}
#endif

/* Victims -------------------------------------------------------------------------------------------------------- */

static int tick(void *arg)
{
	struct victim *v = arg;
	while (going()) {
		int64_t due = ug_now() + UG_MS;
		UG_TRY(ug_sleep(UG_MS));
		note(v, ug_now() - due);
	}
	return 0;
}

static int answer(void *arg)
{
	struct victim *v = arg;
	char buf[64];
	for (;;) {
		ssize_t n = ug_fd_read(v->far, buf, sizeof buf);
		if (n <= 0)
			return (int)n;
		n = ug_fd_write(v->far, buf, (size_t)n);
		if (n < 0)
			return (int)n;
	}
}

static int ask(void *arg)
{
	struct victim *v = arg;
	char byte = 'x';
	while (going()) {
		int64_t begin = ug_now();
		ssize_t n = ug_fd_write(v->near, &byte, 1);
		if (n == 1)
			n = ug_fd_read(v->near, &byte, 1);
		if (n != 1)
			return n < 0 ? (int)n : -EPIPE;
		note(v, ug_now() - begin);
		UG_TRY(ug_sleep(UG_MS));
	}
	shutdown(ug_fd_number(v->near), SHUT_WR);
	return 0;
}

static int adopt(struct victim *v, int near, int far)
{
	UG_TRY(ug_fd_adopt(near, UG_FD_NONBLOCK, &v->near));
	return ug_fd_adopt(far, UG_FD_NONBLOCK, &v->far);
}

static int pair_of_sockets(struct victim *v)
{
	int fd[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
		return -EIO;
	return adopt(v, fd[0], fd[1]);
}

static int tcp(struct victim *v)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof a;
	int one = 1;
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(l, (struct sockaddr *)&a, size) || listen(l, 1) || getsockname(l, (struct sockaddr *)&a, &size) ||
		connect(c, (struct sockaddr *)&a, size))
		return -EIO;
	int s = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	close(l);
	if (s < 0)
		return -EIO;
	setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return adopt(v, c, s);
}

/* A run ---------------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static double ms_at(const struct victim *v, int percent)
{
	int i = v->count * percent / 100;
	return (double)v->late[i < v->count ? i : v->count - 1] / (double)UG_MS;
}

static int report(const char *kind, struct victim *v, long most)
{
	if (v->count < 3) { /* starved: on a busy machine there are few, but never none */
		printf("%s, %s: only %d samples\n", kind, v->name, v->count);
		return 1;
	}
	qsort(v->late, (size_t)v->count, sizeof v->late[0], ascending);
	printf("%s, %s: late by p50 %.2f p90 %.2f p99 %.2f max %.2f ms, of %d\n", kind, v->name, ms_at(v, 50),
		ms_at(v, 90), ms_at(v, 99), ms_at(v, 100), v->count);
	if (ms_at(v, 90) <= (double)most)
		return 0;
	printf("p90 is more than %ld ms\n", most);
	return 1;
}

static int suffer(const char *name, ug_fn *hog, long most)
{
	static struct victim v[3];
	v[0] = (struct victim){.name = "1 ms timer"};
	v[1] = (struct victim){.name = "pair of sockets"};
	v[2] = (struct victim){.name = "TCP"};
	UG_TRY(pair_of_sockets(&v[1]));
	UG_TRY(tcp(&v[2]));
	end_of_run = ug_now() + DURATION;
	atomic_store(&holds, 0);
	ug_group g;
	UG_GROUP(&g) {
		UG_TRY(ug_group_go(&g, tick, &v[0]));
		for (int i = 1; i < 3; i++) {
			UG_TRY(ug_group_go(&g, answer, &v[i]));
			UG_TRY(ug_group_go(&g, ask, &v[i]));
		}
		for (long i = 0; i < hogs; i++)
			UG_TRY(ug_group_go(&g, hog, NULL));
	}
	int bad = ug_group_result(&g) < 0;
	for (int i = 0; i < 3; i++)
		bad |= report(name, &v[i], most);
	for (int i = 1; i < 3; i++) {
		ug_fd_close(v[i].near);
		ug_fd_close(v[i].far);
	}
	if (atomic_load(&holds) < LEAST_HOLDS) {
		printf("%s: the hogs did not run\n", name);
		bad = 1;
	}
	return bad;
}

/* A neighbour of the machine may have taken the cores for the whole of a run, hardly for three; a stuck worker is stuck
 * in each. */
static int thrice(const char *name, ug_fn *hog, long most)
{
	int bad = 1;
	for (int i = 0; i < 3 && bad != 0; i++)
		bad = suffer(name, hog, most);
	return bad;
}

static int app(void *arg)
{
	long most = *(long *)arg;
	int a = thrice("usleep", block, most);
	/* On one core the kernel shares it out among those who spin, and the neighbours: its slices are no fault of
	 * ours. */
	cpu_set_t cores;
	long patient = sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) < 2 ? 10 * most : most;
	int b = thrice("spinning", spin, patient);
	int c = thrice("in a reader", copy, patient), d = 0;
#ifdef HAVE_ZLIB
	d = thrice("in a compression", compress_all, patient);
#endif
	return a ? a : b ? b : c ? c : d;
}

int main(int argc, char **argv)
{
	long most = argc > 1 ? strtol(argv[1], NULL, 10) : 60;
	if (argc > 2)
		hogs = strtol(argv[2], NULL, 10);
	int e = ug_run(app, &most, NULL);
	if (e < 0)
		printf("%s\n", ug_strerror(e));
	return e != 0;
}
