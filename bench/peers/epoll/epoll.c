/* SPDX-License-Identifier: MIT */
/*
 * epollbench http|echo ADDRESS PORT, epollbench file ADDRESS PORT FILE: a hand-written epoll loop, the floor for what a
 * server can cost.
 *
 * One loop a processor (UG_PROCS, else 1), each with its own listening socket of one SO_REUSEPORT group.
 * Edge-triggered; after a short read the socket is left alone until its next edge. "http" answers every request head
 * with one fixed response and looks at nothing but its end: no parser. "file" does so with a file, which it opens once:
 * up to 8 KiB of it from memory, in one piece with the head, more by sendfile. "echo" sends back what comes, from the
 * stack: only what the socket does not take is kept with its connection, so that thousands of them touch little memory.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOM = 16384, EVENTS = 256, MAX_PROCS = 256, SMALL = 8192 };

struct conn {
	int fd;
	size_t seen; /* http: how much of "\r\n\r\n" the stream has just shown */
	size_t from, to; /* what is still to be sent lies in out[from, to) */
	unsigned owed; /* answers by sendfile */
	bool begun; /* the first of them */
	off_t at; /* how much of the file has gone, of the answer under way */
	char *out; /* ROOM bytes, once they are needed */
};

static struct sockaddr_in address;
static bool http;

static char response[SMALL + 512] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, World!\n";
static size_t response_len;
static const char *path; /* NULL: there is no file */
static int file = -1; /* of more than SMALL bytes */
static off_t file_size;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* At the first request: the file may not be there before. */
static void open_file(void)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		fail(path);
	int n = snprintf(response, sizeof response,
		"HTTP/1.1 200 OK\r\nDate: Mon, 03 Feb 2020 04:05:06 GMT\r\nContent-Length: %lld\r\nETag: \"5c0ffee-1000\"\r\n"
		"Last-Modified: Mon, 03 Feb 2020 04:05:06 GMT\r\nContent-Type: application/octet-stream\r\n\r\n",
		(long long)st.st_size);
	response_len = (size_t)n;
	if (st.st_size > SMALL) {
		file_size = st.st_size;
		file = fd;
		return;
	}
	if (read(fd, response + n, (size_t)st.st_size) != st.st_size)
		fail(path);
	response_len += (size_t)st.st_size;
	close(fd);
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
	free(c->out);
	free(c);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static char *room(struct conn *c)
{
	if (!c->out)
		c->out = malloc(ROOM);
	if (!c->out)
		fail("malloc");
	return c->out;
}

/* One response for each head that ends within data. */
static void answer(struct conn *c, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		c->seen = data[i] == "\r\n\r\n"[c->seen] ? c->seen + 1 : data[i] == '\r';
		if (c->seen < 4)
			continue;
		c->seen = 0;
		if (path)
			pthread_once(&once, open_file);
		if (file >= 0) {
			c->owed++;
		} else if (c->to + response_len <= ROOM) {
			memcpy(room(c) + c->to, response, response_len);
			c->to += response_len;
		}
	}
}

/* Sends what is left of the file. false: not all of it went. */
static bool flush_file(struct conn *c)
{
	while (c->at < file_size)
		if (sendfile(c->fd, file, &c->at, (size_t)(file_size - c->at)) <= 0)
			return false;
	c->begun = false;
	c->at = 0;
	c->owed--;
	return true;
}

/* Sends what is left. false: the connection is gone. */
static bool flush_bytes(struct conn *c)
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

static bool flush_out(struct conn *c)
{
	while (c->owed > 0) {
		if (!c->begun) {
			c->begun = true;
			memcpy(room(c), response, response_len);
			c->to = response_len;
		}
		if (!flush_bytes(c))
			return false;
		if (c->to > 0 || !flush_file(c))
			return c->to > 0 || errno == EAGAIN;
	}
	return flush_bytes(c);
}

/* Sends back what came. false: the connection is gone. */
static bool send_back(struct conn *c, const char *data, size_t n)
{
	ssize_t sent = send(c->fd, data, n, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		return false;
	c->to = n - (size_t)(sent > 0 ? sent : 0);
	if (c->to > 0)
		memcpy(room(c), data + n - c->to, c->to);
	return true;
}

/* Reads and answers until there is no more, or the other side takes no more. false: the connection is gone. */
static bool work(struct conn *c)
{
	char in[ROOM];
	size_t most = http ? 4096 : sizeof in;
	for (;;) {
		if (!flush_out(c))
			return false;
		if (c->to > 0 || c->owed > 0)
			return true;
		ssize_t n = recv(c->fd, in, most, 0);
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		if (http)
			answer(c, in, (size_t)n);
		else if (!send_back(c, in, (size_t)n))
			return false;
		if ((size_t)n < most)
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
		*c = (struct conn){.fd = fd};
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
	bool files = argc == 5 && strcmp(argv[1], "file") == 0;
	http = files || (argc == 4 && strcmp(argv[1], "http") == 0);
	if ((!http && (argc != 4 || strcmp(argv[1], "echo") != 0)) || n < 1 || n > MAX_PROCS ||
		inet_pton(AF_INET, argv[2], &address.sin_addr) != 1) {
		fprintf(stderr, "usage: epollbench http|echo ADDRESS PORT | file ADDRESS PORT FILE\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN); /* sendfile knows no MSG_NOSIGNAL */
	path = files ? argv[4] : NULL;
	response_len = strlen(response);
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
