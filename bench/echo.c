/* SPDX-License-Identifier: MIT */
/* A server that sends back what comes, at the address it is given, until bench/run, which drives it, ends it. */
#include <stdio.h>
#include <undergo/net.h>
#include <undergo/sched.h>

/* A loop, not ug_copy: that lets the kernel move the bytes, which pays for more than 64 of them. */
static int echo(void *arg)
{
	UG_CLEAN(ug_conn_clean) ug_conn c = *(ug_conn *)arg;
	char buf[2048];
	ssize_t n;
	while ((n = ug_conn_read(c, buf, sizeof buf)) > 0)
		UG_TRY((int)ug_conn_write(c, buf, (size_t)n));
	return (int)n;
}

static int app(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
		return 2;
	}
	UG_CLEAN(ug_listener_clean) ug_listener l = UG_ZERO;
	int e = ug_listen("tcp", argv[1], NULL, &l);
	for (ug_conn c; e == 0 && (e = ug_accept(l, &c)) == 0;)
		e = ug_go_copy(echo, &c, sizeof c);
	fprintf(stderr, "%s: %s\n", argv[1], ug_strerror(e));
	return e;
}

int main(int argc, char **argv)
{
	return ug_main(argc, argv, app, NULL);
}
