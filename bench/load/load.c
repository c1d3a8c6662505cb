/* SPDX-License-Identifier: MIT */
/*
 * load MODE ADDRESS PORT [NAME=VALUE...]: the load of the sockets rows, a bare epoll loop, the same for every system.
 *
 *	echo     messages of 64 bytes go to and fro on connections=N; with rate=R so many a second, whatever comes back
 *	accept   connect, one message to and fro, close, N at a time
 *	idle     N connections send one HTTP request each and then stay until standard input ends
 *
 * threads=T share the connections; warm=MS passes before the window that is measured, run=MS long; core=C pins all
 * threads; server=PID is whose CPU time is read at both ends of the window. The answer is one line of NAME=VALUE: units
 * done in the window, its length, CPU time of server and client in it (nanoseconds), percentiles of a unit's time. Who
 * reads it must see which of the two had no time left: figures of a server that waits for its client are the client's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

struct plan plan = {.connections = 1, .threads = 1, .warm = SECOND / 10, .run = SECOND / 2, .core = -1};
_Atomic int64_t load_from = INT64_MAX, load_to = INT64_MAX;
static pthread_barrier_t connected, begun;

int64_t load_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

void load_fail(const char *what)
{
	fprintf(stderr, "load: %s\n", what);
	exit(1);
}

int load_must(int result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
		exit(1);
	}
	return result;
}

void load_ready(void)
{
	pthread_barrier_wait(&connected);
	pthread_barrier_wait(&begun);
}

int load_socket(void)
{
	int one = 1, fd = load_must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
	load_must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "TCP_NODELAY");
	return fd;
}

/*
 * Blocking as long as it connects: a server that is slow to accept slows this down, and no SYN is lost. At the end it
 * is reset, so that 10,000 connections leave none behind in TIME_WAIT.
 */
int load_connected(void)
{
	int one = 1, fd = load_must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	load_must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "TCP_NODELAY");
	load_must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), "SO_LINGER");
	load_must(connect(fd, (struct sockaddr *)&plan.to, sizeof plan.to), "connect");
	return fd;
}

static int64_t cpu_time(clockid_t clock)
{
	struct timespec t;
	load_must(clock_gettime(clock, &t), "CPU clock");
	return t.tv_sec * SECOND + t.tv_nsec;
}

static void sleep_until(int64_t when)
{
	struct timespec t = {.tv_sec = when / SECOND, .tv_nsec = when % SECOND};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static uint64_t total_done(const struct worker *workers)
{
	uint64_t done = 0;
	for (int i = 0; i < plan.threads; i++)
		done += atomic_load_explicit(&workers[i].done, memory_order_relaxed);
	return done;
}

/* Starts the workers, reads the CPU clocks at both ends of the window, adds up. */
static int measure(void *(*body)(void *))
{
	static struct worker workers[MAX_THREADS];
	clockid_t server = CLOCK_PROCESS_CPUTIME_ID;
	if (plan.server && clock_getcpuclockid(plan.server, &server) != 0)
		load_fail("no such server");
	pthread_barrier_init(&connected, NULL, (unsigned)plan.threads + 1);
	pthread_barrier_init(&begun, NULL, (unsigned)plan.threads + 1);
	for (int i = 0; i < plan.threads; i++) {
		struct worker *w = &workers[i];
		w->number = i;
		w->connections = (plan.connections + plan.threads - 1 - i) / plan.threads;
		if (pthread_create(&w->thread, NULL, body, w) != 0)
			load_fail("no thread");
	}
	pthread_barrier_wait(&connected);
	pthread_barrier_wait(&begun);

	sleep_until(load_now() + plan.warm);
	int64_t theirs = cpu_time(server), ours = cpu_time(CLOCK_PROCESS_CPUTIME_ID), from = load_now();
	load_from = from;
	sleep_until(from + plan.run);
	/* A machine that is so busy that nothing came back gets more time. */
	while (total_done(workers) == 0 && load_now() < from + plan.run + 10 * SECOND)
		sleep_until(load_now() + SECOND / 100);
	theirs = cpu_time(server) - theirs;
	ours = cpu_time(CLOCK_PROCESS_CPUTIME_ID) - ours;
	int64_t length = load_now() - from;
	load_to = from + length;
	struct histogram *latency = &workers[0].latency;
	for (int i = 0; i < plan.threads; i++) {
		pthread_join(workers[i].thread, NULL);
		if (i > 0)
			histogram_merge(latency, &workers[i].latency);
	}
	uint64_t done = total_done(workers);
	if (done == 0)
		load_fail("nothing came back");
	printf("done=%llu time=%lld server=%lld client=%lld p50=%.0f p99=%.0f\n", (unsigned long long)done,
		(long long)length, (long long)theirs, (long long)ours, histogram_at(latency, 0.50),
		histogram_at(latency, 0.99));
	return 0;
}

/* Takes NAME=VALUE over into the plan. */
static bool option(const char *text)
{
	const char *equals = strchr(text, '=');
	if (!equals)
		return false;
	size_t n = (size_t)(equals - text);
	double value = atof(equals + 1);
#define IS(name) (n == sizeof name - 1 && memcmp(text, name, n) == 0)
	if (IS("connections"))
		plan.connections = (int)value;
	else if (IS("threads"))
		plan.threads = (int)value;
	else if (IS("warm"))
		plan.warm = (int64_t)(value * 1e6);
	else if (IS("run"))
		plan.run = (int64_t)(value * 1e6);
	else if (IS("rate"))
		plan.rate = value;
	else if (IS("server"))
		plan.server = (pid_t)value;
	else if (IS("core"))
		plan.core = (int)value;
	else
		return false;
#undef IS
	return true;
}

static void pin(int core)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((size_t)core, &set);
	load_must(sched_setaffinity(0, sizeof set, &set), "core");
}

int main(int argc, char **argv)
{
	bool good = argc >= 4 && inet_pton(AF_INET, argv[2], &plan.to.sin_addr) == 1;
	for (int i = 4; i < argc && good; i++)
		good = option(argv[i]);
	if (!good || plan.connections < 1 || plan.threads < 1 || plan.threads > MAX_THREADS) {
		fprintf(stderr,
			"usage: load echo|accept|idle ADDRESS PORT [connections=N] [threads=T] [warm=MS] [run=MS] "
			"[rate=R] [server=PID] [core=C]\n");
		return 2;
	}
	plan.to.sin_family = AF_INET;
	plan.to.sin_port = htons((uint16_t)atoi(argv[3]));
	if (plan.threads > plan.connections)
		plan.threads = plan.connections;
	if (plan.core >= 0)
		pin(plan.core);
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (strcmp(argv[1], "echo") == 0)
		return measure(plan.rate > 0 ? trips_paced : trips_closed);
	if (strcmp(argv[1], "accept") == 0)
		return measure(visits);
	if (strcmp(argv[1], "idle") == 0)
		return crowd();
	load_fail("no such mode");
}
