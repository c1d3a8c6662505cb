/* SPDX-License-Identifier: MIT */
/*
 * uvbench ADDRESS PORT: sends back what comes, as users of libuv write it for speed.
 *
 * A loop a processor (UG_PROCS, else 1), each with a listening socket of one SO_REUSEPORT group. What is read lies in
 * the loop's one buffer and is written at once with uv_try_write; only what the socket does not take is copied and
 * queued.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

enum { ROOM = 65536, BACKLOG = 4096, MAX_PROCS = 256 };

struct queued {
	uv_write_t write;
	char data[];
};

static struct sockaddr_in address;

static void must(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "uvbench: %s: %s\n", what, uv_strerror(result));
	exit(1);
}

static void closed(uv_handle_t *handle)
{
	free(handle);
}

static void drop(uv_stream_t *stream)
{
	if (!uv_is_closing((uv_handle_t *)stream))
		uv_close((uv_handle_t *)stream, closed);
}

static void written(uv_write_t *write, int status)
{
	if (status < 0)
		drop(write->handle);
	free(write);
}

/* The loop's buffer: it is empty again when the read's callback returns. */
static void room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)suggested;
	*buf = uv_buf_init(handle->loop->data, ROOM);
}

static void came(uv_stream_t *stream, ssize_t n, const uv_buf_t *in)
{
	if (n < 0) {
		drop(stream);
		return;
	}
	uv_buf_t out = uv_buf_init(in->base, (unsigned)n);
	int gone = n > 0 ? uv_try_write(stream, &out, 1) : 0;
	if (gone < 0 && gone != UV_EAGAIN) {
		drop(stream);
		return;
	}
	size_t left = (size_t)n - (gone > 0 ? (size_t)gone : 0);
	if (left == 0)
		return;
	struct queued *q = malloc(sizeof *q + left);
	must(q ? 0 : UV_ENOMEM, "queue");
	memcpy(q->data, in->base + ((size_t)n - left), left);
	out = uv_buf_init(q->data, (unsigned)left);
	must(uv_write(&q->write, stream, &out, 1, written), "write");
}

static void connected(uv_stream_t *listener, int status)
{
	must(status, "accept");
	uv_tcp_t *conn = malloc(sizeof *conn);
	must(conn ? 0 : UV_ENOMEM, "accept");
	must(uv_tcp_init(listener->loop, conn), "init");
	if (uv_accept(listener, (uv_stream_t *)conn) < 0) {
		drop((uv_stream_t *)conn);
		return;
	}
	uv_tcp_nodelay(conn, 1);
	if (uv_read_start((uv_stream_t *)conn, room, came) < 0)
		drop((uv_stream_t *)conn);
}

/* Made before any loop runs: whoever finds the port open finds them all. */
static int listening(void)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) < 0 ||
		bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0) {
		perror("uvbench: listen");
		exit(1);
	}
	return fd;
}

static void *run(void *arg)
{
	uv_loop_t loop;
	uv_tcp_t listener;
	must(uv_loop_init(&loop), "loop");
	loop.data = malloc(ROOM);
	must(loop.data ? 0 : UV_ENOMEM, "buffer");
	must(uv_tcp_init(&loop, &listener), "init");
	must(uv_tcp_open(&listener, *(int *)arg), "open");
	must(uv_listen((uv_stream_t *)&listener, BACKLOG, connected), "listen");
	uv_run(&loop, UV_RUN_DEFAULT);
	return NULL;
}

int main(int argc, char **argv)
{
	const char *procs = getenv("UG_PROCS");
	int n = procs ? atoi(procs) : 1;
	if (argc != 3 || n < 1 || n > MAX_PROCS || uv_ip4_addr(argv[1], atoi(argv[2]), &address) < 0) {
		fprintf(stderr, "usage: uvbench ADDRESS PORT\n");
		return 2;
	}
	static int fds[MAX_PROCS];
	for (int i = 0; i < n; i++)
		fds[i] = listening();
	pthread_t t;
	for (int i = 1; i < n; i++)
		if (pthread_create(&t, NULL, run, &fds[i]) != 0)
			return 1;
	run(&fds[0]);
	return 0;
}
