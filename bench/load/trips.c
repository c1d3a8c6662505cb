/* SPDX-License-Identifier: MIT */
/*
 * Round trips of 64 bytes on connections that stay.
 *
 * Closed: each connection sends again as soon as its message is back, so that there are always as many messages under
 * way as connections; the server or the client is busy all the time.
 *
 * Paced: a message is due every so often, on each connection in turn, whatever comes back. It is timed from when it was
 * due, however late it is sent: neither a server that stalls its connection nor one that keeps the client from its
 * processor can hide it. A clock that is a descriptor says when, because epoll's own timeout counts in milliseconds; on
 * a core of its own the client looks at it without sleep, so that it is not late itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "load.h"

struct trip {
	int fd;
	int got; /* bytes of the message that are back */
	bool away; /* a message is under way */
	int64_t from;
	int64_t sent, owed; /* messages so far, and those that are due and wait */
};

static const char message[MESSAGE] = "A message of sixty-four bytes, as the table of benchmarks asks.";

static void send_message(struct trip *t, int64_t from)
{
	t->from = from;
	t->got = 0;
	t->away = true;
	t->sent++;
	if (send(t->fd, message, MESSAGE, MSG_NOSIGNAL) != MESSAGE)
		load_fail("a connection does not take 64 bytes");
}

/* true: the message is back as a whole. */
static bool take_message(struct trip *t)
{
	char back[MESSAGE];
	ssize_t n = recv(t->fd, back, (size_t)(MESSAGE - t->got), MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0)
		load_fail("the server has closed a connection");
	t->got += (int)n;
	if (t->got < MESSAGE)
		return false;
	t->away = false;
	return true;
}

static struct trip *connect_all(struct worker *w, int poller)
{
	struct trip *all = calloc((size_t)w->connections, sizeof *all);
	if (!all)
		load_fail("no memory");
	for (int i = 0; i < w->connections; i++) {
		all[i].fd = load_connected();
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = &all[i]};
		load_must(epoll_ctl(poller, EPOLL_CTL_ADD, all[i].fd, &e), "epoll_ctl");
	}
	load_ready();
	return all;
}

static void close_all(struct worker *w, struct trip *all)
{
	for (int i = 0; i < w->connections; i++)
		close(all[i].fd);
	free(all);
}

void *trips_closed(void *arg)
{
	struct worker *w = arg;
	struct epoll_event events[EVENTS];
	int poller = load_must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	struct trip *all = connect_all(w, poller);
	int64_t now = load_now();
	for (int i = 0; i < w->connections; i++)
		send_message(&all[i], load_now());
	while (!load_ended(now)) {
		int n = epoll_wait(poller, events, EVENTS, 100);
		if (n == 0)
			now = load_now();
		for (int i = 0; i < n; i++) {
			struct trip *t = events[i].data.ptr;
			if (!take_message(t))
				continue;
			now = load_now();
			load_count(w, t->from, now);
			send_message(t, now);
		}
	}
	close_all(w, all);
	close(poller);
	return NULL;
}

/* When messages of a worker are due: the i-th at `first + i * apart`, on the connection i % connections. */
struct beat {
	int fd;
	int64_t first, apart;
	int64_t due; /* messages so far */
};

static int64_t beat_at(const struct beat *b, int64_t i)
{
	return b->first + i * b->apart;
}

static struct beat start_beat(const struct worker *w, int poller)
{
	struct beat b = {.fd = load_must(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd")};
	b.apart = (int64_t)(1e9 * plan.threads / plan.rate);
	if (b.apart < 1)
		load_fail("the rate is too high");
	b.first = load_now() + b.apart * (w->number + 1) / plan.threads;
	struct itimerspec when = {
		.it_value = {b.first / SECOND, b.first % SECOND}, .it_interval = {b.apart / SECOND, b.apart % SECOND}};
	load_must(timerfd_settime(b.fd, TFD_TIMER_ABSTIME, &when, NULL), "timerfd_settime");
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
	load_must(epoll_ctl(poller, EPOLL_CTL_ADD, b.fd, &e), "epoll_ctl");
	return b;
}

static void tick(const struct worker *w, struct beat *b, struct trip *all)
{
	uint64_t n = 0;
	if (read(b->fd, &n, sizeof n) != sizeof n)
		return;
	for (; n > 0; n--) {
		int64_t i = b->due++;
		struct trip *t = &all[i % w->connections];
		if (t->away)
			t->owed++;
		else
			send_message(t, beat_at(b, i));
	}
}

static void paced_back(struct worker *w, const struct beat *b, struct trip *all, struct trip *t)
{
	load_count(w, t->from, load_now());
	if (t->owed == 0)
		return;
	t->owed--;
	send_message(t, beat_at(b, t->sent * w->connections + (t - all)));
}

void *trips_paced(void *arg)
{
	struct worker *w = arg;
	struct epoll_event events[EVENTS];
	int poller = load_must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	struct trip *all = connect_all(w, poller);
	struct beat b = start_beat(w, poller);
	int patience = plan.core >= 0 ? 0 : 100;
	while (!load_ended(load_now())) {
		int n = epoll_wait(poller, events, EVENTS, patience);
		for (int i = 0; i < n; i++) {
			struct trip *t = events[i].data.ptr;
			if (!t)
				tick(w, &b, all);
			else if (take_message(t))
				paced_back(w, &b, all, t);
		}
	}
	close_all(w, all);
	close(b.fd);
	close(poller);
	return NULL;
}
