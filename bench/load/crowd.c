/* SPDX-License-Identifier: MIT */
/*
 * HTTP connections that ask for /hello once and then stay idle: "open=N" when all have their answer, and, once standard
 * input ends, "closed=K", how many of them the server has closed meanwhile.
 *
 * One after the other, in lots: a server's cost of serving many at once is another row's matter.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum { LOT = 16 };

static const char request[] = "GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
static const char answer_end[] = "\r\n\r\nHello, World!\n";

static void await_answer(int fd)
{
	char text[1024];
	size_t n = 0, end = sizeof answer_end - 1;
	while (n < end || memcmp(text + n - end, answer_end, end) != 0) {
		ssize_t got = recv(fd, text + n, sizeof text - n, 0);
		if (got <= 0)
			load_fail("a request has no answer that ends with \"Hello, World!\"");
		n += (size_t)got;
	}
}

static int closed(const int *fds, int n)
{
	int gone = 0;
	for (int i = 0; i < n; i++) {
		struct pollfd p = {.fd = fds[i], .events = POLLIN | POLLRDHUP};
		gone += poll(&p, 1, 0) != 0;
	}
	return gone;
}

int crowd(void)
{
	int n = plan.connections, *fds = calloc((size_t)n, sizeof *fds);
	if (!fds)
		load_fail("no memory");
	for (int done = 0; done < n;) {
		int upto = done + LOT < n ? done + LOT : n;
		for (int i = done; i < upto; i++) {
			fds[i] = load_connected();
			if (send(fds[i], request, sizeof request - 1, MSG_NOSIGNAL) != sizeof request - 1)
				load_fail("a connection does not take a request");
		}
		for (; done < upto; done++)
			await_answer(fds[done]);
	}
	printf("open=%d\n", n);
	fflush(stdout);
	for (char ignored; read(0, &ignored, 1) > 0;)
		;
	printf("closed=%d\n", closed(fds, n));
	return 0;
}
