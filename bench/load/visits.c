/* SPDX-License-Identifier: MIT */
/*
 * Connections that come, exchange one message, and go.
 *
 * They are closed as clients close them, which leaves each in TIME_WAIT: the 28,000 ports of one address would last for
 * less than a second. So each comes from the next address of 127.0.0.0/8, and its port is chosen by connect(2), which
 * looks at the whole quadruple.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum { ADDRESSES = 250 };

struct visit {
	int fd, got;
	bool sent;
	int64_t from;
};

static const char message[MESSAGE] = "A message of sixty-four bytes, as the table of benchmarks asks.";

/* Binds to an address of this worker's own, 127.1.NUMBER.1 to 250, in turn. */
static void take_address(const struct worker *w, int fd, unsigned turn)
{
	int one = 1;
	uint32_t host = 0x7f010000 + ((uint32_t)w->number << 8) + turn % ADDRESSES + 1;
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
	load_must(setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one), "IP_BIND_ADDRESS_NO_PORT");
	load_must(bind(fd, (struct sockaddr *)&from, sizeof from), "bind");
}

/* false: the connection is not there yet. */
static bool say(struct visit *v)
{
	ssize_t n = send(v->fd, message, MESSAGE, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
		return false;
	load_must(n < 0 ? -1 : 0, "send");
	v->sent = true;
	return true;
}

static void arrive(const struct worker *w, struct visit *v, int poller)
{
	static __thread unsigned turn;
	*v = (struct visit){.fd = load_socket(), .from = load_now()};
	take_address(w, v->fd, turn++);
	if (connect(v->fd, (struct sockaddr *)&plan.to, sizeof plan.to) < 0 && errno != EINPROGRESS)
		load_must(-1, "connect");
	/* On loopback it is connected by now, unless the server's queue is full. */
	bool said = say(v);
	struct epoll_event e = {.events = said ? EPOLLIN : EPOLLIN | EPOLLOUT, .data.ptr = v};
	load_must(epoll_ctl(poller, EPOLL_CTL_ADD, v->fd, &e), "epoll_ctl");
}

/* true: what was sent is back. */
static bool listen_to(struct visit *v, int poller)
{
	if (!v->sent) {
		if (!say(v))
			return false;
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = v};
		load_must(epoll_ctl(poller, EPOLL_CTL_MOD, v->fd, &e), "epoll_ctl");
	}
	char back[MESSAGE];
	ssize_t n = recv(v->fd, back, (size_t)(MESSAGE - v->got), 0);
	if (n < 0 && errno == EAGAIN)
		return false;
	load_must(n < 0 ? -1 : 0, "recv");
	if (n == 0)
		load_fail("the server has closed a connection");
	v->got += (int)n;
	return v->got == MESSAGE;
}

void *visits(void *arg)
{
	struct worker *w = arg;
	struct epoll_event events[EVENTS];
	int poller = load_must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	struct visit *all = calloc((size_t)w->connections, sizeof *all);
	if (!all)
		load_fail("no memory");
	load_ready();
	for (int i = 0; i < w->connections; i++)
		arrive(w, &all[i], poller);
	while (!load_ended(load_now())) {
		int n = epoll_wait(poller, events, EVENTS, 100);
		for (int i = 0; i < n; i++) {
			struct visit *v = events[i].data.ptr;
			if (!listen_to(v, poller))
				continue;
			close(v->fd);
			load_count(w, v->from, load_now());
			arrive(w, v, poller);
		}
	}
	for (int i = 0; i < w->connections; i++)
		close(all[i].fd);
	free(all);
	close(poller);
	return NULL;
}
