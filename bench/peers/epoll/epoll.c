/* SPDX-License-Identifier: MIT */
/*
 * epollbench http|echo ADDRESS PORT: a hand-written epoll loop, the floor for what a server can cost.
 *
 * One loop a processor (UG_PROCS, else 1), each with its own listening socket of one SO_REUSEPORT group. Edge-triggered;
 * after a short read the socket is left alone until its next edge. "http" answers every request head with one fixed
 * response and looks at nothing but its end: no parser. "echo" sends back what comes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 16384, EVENTS = 256, MAX_PROCS = 256 };

struct conn {
	int fd;
	size_t seen; /* http: how much of "\r\n\r\n" the stream has just shown */
	size_t from, to; /* what is still to be sent lies in out[from, to) */
	char out[ROOM];
};

static struct sockaddr_in address;
static bool http;

static const char response[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, World!\n";

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Made before any loop runs: whoever finds the port open finds them all. */
static int listener(void)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) < 0 ||
		bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0)
		fail("listen");
	return fd;
}

static void drop(struct conn *c)
{
	close(c->fd);
	free(c);
}

/* One response for each head that ends within data. */
static void answer(struct conn *c, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		c->seen = data[i] == "\r\n\r\n"[c->seen] ? c->seen + 1 : data[i] == '\r';
		if (c->seen < 4)
			continue;
		c->seen = 0;
		if (c->to + sizeof response - 1 <= ROOM) {
			memcpy(c->out + c->to, response, sizeof response - 1);
			c->to += sizeof response - 1;
		}
	}
}

/* Sends what is left. false: the connection is gone. */
static bool flush_out(struct conn *c)
{
	while (c->from < c->to) {
		ssize_t n = send(c->fd, c->out + c->from, c->to - c->from, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN;
		c->from += (size_t)n;
	}
	c->from = c->to = 0;
	return true;
}

/* Reads and answers until there is no more, or the other side takes no more. false: the connection is gone. */
static bool work(struct conn *c)
{
	char in[4096];
	for (;;) {
		if (!flush_out(c))
			return false;
		if (c->to > 0)
			return true;
		ssize_t n = recv(c->fd, http ? in : c->out, http ? sizeof in : ROOM, 0);
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		if (http)
			answer(c, in, (size_t)n);
		else
			c->to = (size_t)n;
		if ((size_t)n < (http ? sizeof in : ROOM))
			return flush_out(c);
	}
}

static void take(int poller, int listening)
{
	for (;;) {
		int one = 1, fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		struct conn *c = malloc(sizeof *c);
		if (!c)
			fail("malloc");
		c->fd = fd;
		c->seen = c->from = c->to = 0;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
		if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) < 0)
			drop(c);
	}
}

static void *loop(void *arg)
{
	struct epoll_event events[EVENTS], e = {.events = EPOLLIN, .data.ptr = NULL};
	int listening = *(int *)arg, poller = epoll_create1(EPOLL_CLOEXEC);
	if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, listening, &e) < 0)
		fail("epoll");
	for (;;) {
		int n = epoll_wait(poller, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;
			if (!c)
				take(poller, listening);
			else if (!work(c))
				drop(c);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const char *procs = getenv("UG_PROCS");
	int n = procs ? atoi(procs) : 1;
	if (argc != 4 || n < 1 || n > MAX_PROCS || (strcmp(argv[1], "http") != 0 && strcmp(argv[1], "echo") != 0) ||
		inet_pton(AF_INET, argv[2], &address.sin_addr) != 1) {
		fprintf(stderr, "usage: epollbench http|echo ADDRESS PORT\n");
		return 2;
	}
	http = strcmp(argv[1], "http") == 0;
	address.sin_family = AF_INET;
	address.sin_port = htons((uint16_t)atoi(argv[3]));
	static int fds[MAX_PROCS];
	for (int i = 0; i < n; i++)
		fds[i] = listener();
	pthread_t t;
	for (int i = 1; i < n; i++)
		if (pthread_create(&t, NULL, loop, &fds[i]) != 0)
			return 1;
	loop(&fds[0]);
	return 0;
}
