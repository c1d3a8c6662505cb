/*
 * An echo server over TCP: 06-echo [ADDRESS]. Speak to it with `nc 127.0.0.1 7000`.
 *
 * One task a connection, in straight-line code: what looks blocking parks the task, and no thread. The task gets its
 * own copy of the connection, and closes it on every way out.
 */
#include <undergo/undergo.h>

static int echo(void *arg)
{
	UG_CLEAN(ug_conn_clean) ug_conn c = *(ug_conn *)arg;
	return ug_copy(ug_conn_writer(c), ug_conn_reader(c), NULL);
}

static int app(int argc, char **argv)
{
	UG_CLEAN(ug_listener_clean) ug_listener l = UG_ZERO;
	int e = ug_listen("tcp", argc > 1 ? argv[1] : "127.0.0.1:7000", NULL, &l);
	for (ug_conn c; e == 0 && (e = ug_accept(l, &c)) == 0;)
		e = ug_go_copy(echo, &c, sizeof c);
	ug_printf("echo: %s\n", ug_strerror(e));
	return e;
}

int main(int argc, char **argv)
{
	return ug_main(argc, argv, app, NULL);
}
