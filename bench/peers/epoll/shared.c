/* SPDX-License-Identifier: MIT */
/*
 * epollshared ADDRESS PORT: the echo loop by hand for several threads (UG_PROCS, else 1) that have one poller and one
 * listening socket in common, so that none has nothing to do while a connection is ready. epoll.c has a poller and a
 * socket for each, and costs less; there a connection waits for its own thread, however long that computes for another.
 *
 * Edge-triggered: an event may come while another thread has the connection, which then goes round once more. A
 * connection's record is found by its descriptor and never freed; its word says whose turn it is, and how often the
 * number was used before: events of those who had it earlier are told by that.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 16384, EVENTS = 64, MAX_FDS = 1 << 20, BUSY = 1, AGAIN = 2, USE = 4 };

struct conn {
	_Atomic uint32_t word; /* uses of the number so far in steps of USE, BUSY, AGAIN */
	size_t left; /* what the socket did not take lies in out[0, left) */
	char *out; /* ROOM bytes, once they are needed; stays for who has the number next */
};

static struct conn *conns;
static int poller, listening;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void keep(struct conn *c, const char *data, size_t n)
{
	if (n > 0 && !c->out && !(c->out = malloc(ROOM)))
		fail("malloc");
	if (n > 0)
		memmove(c->out, data, n);
	c->left = n;
}

/* false: the connection is gone. */
static bool send_back(struct conn *c, int fd, const char *data, size_t n)
{
	ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		return false;
	keep(c, data + (sent > 0 ? sent : 0), n - (size_t)(sent > 0 ? sent : 0));
	return true;
}

/* Reads and answers until there is no more, or the other side takes no more. false: the connection is gone. */
static bool work(struct conn *c, int fd)
{
	char in[ROOM];
	for (;;) {
		if (c->left > 0 && !send_back(c, fd, c->out, c->left))
			return false;
		if (c->left > 0)
			return true;
		ssize_t n = recv(fd, in, sizeof in, 0);
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		if (!send_back(c, fd, in, (size_t)n))
			return false;
		if ((size_t)n < sizeof in && c->left == 0)
			return true;
	}
}

static void serve(int fd, uint32_t use)
{
	struct conn *c = &conns[fd];
	uint32_t v = atomic_load(&c->word);
	do {
		if (v / USE != use)
			return;
	} while (!atomic_compare_exchange_weak(&c->word, &v, v & BUSY ? v | AGAIN : v | BUSY));
	if (v & BUSY)
		return;
	for (;;) {
		if (!work(c, fd)) {
			c->left = 0;
			atomic_store(&c->word, (use + 1) * USE); /* first: who gets the number next starts with it */
			close(fd);
			return;
		}
		v = use * USE | BUSY;
		if (atomic_compare_exchange_strong(&c->word, &v, use * USE))
			return;
		atomic_store(&c->word, use * USE | BUSY);
	}
}

static void take(void)
{
	for (;;) {
		int one = 1, fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		if (fd >= MAX_FDS) {
			close(fd);
			continue;
		}
		uint64_t use = atomic_load(&conns[fd].word) / USE;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		struct epoll_event e = {
			.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = use << 32 | (uint32_t)fd};
		if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) < 0)
			close(fd);
	}
}

static void *loop(void *unused)
{
	struct epoll_event events[EVENTS];
	for (;;) {
		int n = epoll_wait(poller, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			int fd = (int)(events[i].data.u64 & UINT32_MAX);
			if (fd == listening)
				take();
			else
				serve(fd, (uint32_t)(events[i].data.u64 >> 32));
		}
	}
	return unused;
}

int main(int argc, char **argv)
{
	const char *procs = getenv("UG_PROCS");
	int n = procs ? atoi(procs) : 1, one = 1;
	struct sockaddr_in address = {.sin_family = AF_INET};
	if (argc != 3 || n < 1 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
		fprintf(stderr, "usage: epollshared ADDRESS PORT\n");
		return 2;
	}
	address.sin_port = htons((uint16_t)atoi(argv[2]));
	conns = mmap(NULL, MAX_FDS * sizeof *conns, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);
	poller = epoll_create1(EPOLL_CLOEXEC);
	listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u64 = (uint32_t)listening};
	if (conns == MAP_FAILED || poller < 0 || listening < 0 ||
		setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
		bind(listening, (struct sockaddr *)&address, sizeof address) < 0 || listen(listening, 4096) < 0 ||
		epoll_ctl(poller, EPOLL_CTL_ADD, listening, &e) < 0)
		fail("listen");
	pthread_t t;
	for (int i = 1; i < n; i++)
		if (pthread_create(&t, NULL, loop, NULL) != 0)
			fail("thread");
	loop(NULL);
	return 0;
}
