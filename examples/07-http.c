/*
 * An HTTP service with two routes: 07-http [ADDRESS]. Try `curl http://127.0.0.1:8080/hello/Ada`.
 *
 * A handler is straight-line code that may wait wherever it likes: each connection has a task. Limits and time-outs are
 * on by default. On SIGTERM or SIGINT the server finishes what it has begun, and then the program ends.
 */
#include <signal.h>
#include <undergo/undergo.h>

typedef UG_CHAN(int) signal_chan;

struct service {
	ug_http_server *server;
	signal_chan signals;
};

static int home(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q, (void)arg;
	return ug_http_text(r, 200, "hello, world\n");
}

static int greet(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)arg;
	return ug_fprintf(ug_http_writer(r), "hello, %s\n", ug_http_param(q, "name"));
}

static int stop_on_signal(void *arg)
{
	struct service *s = (struct service *)arg;
	int signo;
	UG_TRY(ug_recv(s->signals, &signo));
	ug_http_shutdown(s->server);
	return 0;
}

static int serve(const char *address)
{
	UG_CLEAN(ug_http_server_clean) ug_http_server *s = NULL;
	UG_CLEAN(ug_listener_clean) ug_listener l = UG_ZERO;
	UG_CLEAN(ug_chan_unref) signal_chan signals = UG_NIL;
	UG_TRY(ug_http_server_new(NULL, &s));
	UG_TRY(ug_http_route(s, "GET /", home, NULL));
	UG_TRY(ug_http_route(s, "GET /hello/{name}", greet, NULL));
	UG_TRY(ug_chan_new(&signals, 1));
	UG_TRY(ug_signal_notify(signals, SIGTERM));
	UG_TRY(ug_signal_notify(signals, SIGINT));
	UG_TRY(ug_listen("tcp", address, NULL, &l)); /* who can connect can also tell it to stop */

	struct service service = {s, signals};
	int e = 0;
	ug_group g;
	UG_GROUP(&g) {
		UG_TRY(ug_group_go(&g, stop_on_signal, &service));
		e = ug_http_serve(s, l);
		break; /* early: whoever waits for a signal still is cancelled */
	}
	return e;
}

static int app(int argc, char **argv)
{
	int e = serve(argc > 1 ? argv[1] : "127.0.0.1:8080");
	if (e < 0)
		ug_fprintf(ug_stderr(), "07-http: %s\n", ug_strerror(e));
	return e;
}

int main(int argc, char **argv)
{
	return ug_main(argc, argv, app, NULL);
}
