/* SPDX-License-Identifier: MIT */
/*
 * `undergo serve`: a server with one route, a listener or a few, a log, and the signals that end it. Standard output
 * carries the addresses, the access log and the counts, in lines of the log's format; complaints go to standard error.
 */
#include "serve.h"

#include "http/http.h"
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

typedef UG_CHAN(int) signal_chan;

struct program {
	struct serve_options options;
	ug_http_server *server;
	serve_log *log;
	ug_listener listeners[LISTEN_MAX];
	int listening;
	signal_chan signals;
	ug_task *watcher; /* of the signals */
};

/* ---- what is said ---- */

static bool any_address(const ug_addr *a)
{
	static const uint8_t zero[16];
	return memcmp(a->ip, zero, a->family == AF_INET ? 4 : 16) == 0;
}

/* Where a browser finds the listener. */
static void url_of(ug_listener l, const char *asked, char *out, size_t size)
{
	ug_addr a;
	char text[UG_ADDR_TEXT];
	if (ug_listener_addr(l, &a) < 0 || a.family == AF_UNIX)
		snprintf(out, size, "%s", asked);
	else if (any_address(&a))
		snprintf(out, size, "http://localhost:%u/", a.port);
	else if (ug_addr_format(&a, text, sizeof text) >= 0)
		snprintf(out, size, "http://%s/", text);
}

static int say_where(struct program *p, int i)
{
	char url[UG_ADDR_TEXT + 16], escaped[6 * sizeof url];
	ug_addr a;
	url_of(p->listeners[i], p->options.listen[i], url, sizeof url);
	if (p->options.log == LOG_JSON) {
		ug__http_escape_json(url, strlen(url), escaped, sizeof escaped);
		return ug_printf("{\"event\":\"serving\",\"url\":\"%s\"}\n", escaped);
	}
	bool all = ug_listener_addr(p->listeners[i], &a) == 0 && a.family != AF_UNIX && any_address(&a);
	return ug_printf(
		"serving %s at %s%s\n", p->options.folder, url, all ? " and all addresses of this machine" : "");
}

static int say_counts(struct program *p)
{
	struct ug_http_stats s;
	ug_http_stats_get(p->server, &s);
	const unsigned long long v[] = {
		s.requests, s.connections, s.bytes, s.status[2], s.status[3], s.status[4], s.status[5], s.refused};
	if (p->options.log == LOG_JSON)
		return ug_printf(
			"{\"event\":\"ended\",\"requests\":%llu,\"connections\":%llu,\"bytes\":%llu,\"status_2xx\":%llu,"
			"\"status_3xx\":%llu,\"status_4xx\":%llu,\"status_5xx\":%llu,\"refused\":%llu}\n",
			v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]);
	return ug_printf(
		"served %llu requests on %llu connections, %llu bytes; 2xx %llu, 3xx %llu, 4xx %llu, 5xx %llu; "
		"refused %llu\n",
		v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]);
}

/* ---- signals ---- */

/* By the signal's own action, so that whoever started this sees it. The threads that run tasks block signals. */
static int end_at_once(int signo)
{
	sigset_t set;
	ug_signal_reset(signo);
	sigemptyset(&set);
	sigaddset(&set, signo);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(signo);
	return -EINTR;
}

static int dumping; /* atomic */

static int dump(void *unused)
{
	(void)unused;
	ug_dump(2);
	__atomic_store_n(&dumping, 0, __ATOMIC_RELEASE);
	return 0;
}

/* In a task that nobody waits for: who reads standard error may have stopped, and other signals are to be heard
 * meanwhile. */
static void start_dump(void)
{
	static const struct ug_go_opts opts = {.name = "dump"};
	if (!__atomic_exchange_n(&dumping, 1, __ATOMIC_ACQUIRE) && ug_go_with(dump, NULL, &opts) < 0)
		__atomic_store_n(&dumping, 0, __ATOMIC_RELEASE);
}

static int watch_signals(void *arg)
{
	struct program *p = arg;
	bool ending = false;
	for (int signo; ug_recv(p->signals, &signo) == 0;) {
		if (signo == SIGQUIT) {
			start_dump();
		} else if (ending) {
			return end_at_once(signo);
		} else {
			ending = true;
			ug_http_shutdown(p->server);
		}
	}
	return 0;
}

static int take_signals(struct program *p)
{
	UG_TRY(ug_chan_new(&p->signals, 8));
	UG_TRY(ug_signal_notify(p->signals, SIGTERM));
	UG_TRY(ug_signal_notify(p->signals, SIGINT));
	return ug_signal_notify(p->signals, SIGQUIT);
}

/* ---- serving ---- */

/* As many descriptors as the system lets this process have: each connection is one. */
static void raise_descriptors(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static int listen_all(struct program *p)
{
	for (int i = 0; i < p->options.listen_count; i++) {
		const char *address = p->options.listen[i];
		bool local = strncmp(address, "unix:", 5) == 0;
		int e = ug_listen(local ? "unix" : "tcp", local ? address + 5 : address, NULL, &p->listeners[i]);
		if (e < 0)
			return cmd_fail("serve", "cannot listen on %s: %s", address,
				e == -EINVAL ? "an address is HOST:PORT, :PORT or unix:PATH" : ug_strerror(e));
		p->listening++;
	}
	return 0;
}

struct one {
	struct program *program;
	int i;
};

static int serve_one(void *arg)
{
	struct one *o = arg;
	return ug_http_serve(o->program->server, o->program->listeners[o->i]);
}

/* Serves on all listeners until they stop. */
static int serve_all(struct program *p)
{
	ug_group g;
	UG_GROUP(&g) {
		for (int i = 0; i < p->listening; i++) {
			struct one o = {p, i};
			ug_group_go_copy(&g, serve_one, &o, sizeof o);
		}
	}
	return ug_group_result(&g);
}

static int run(struct program *p)
{
	static const struct ug_go_opts opts = {.name = "signals"};
	UG_TRY(take_signals(p));
	UG_TRY(ug_go_task(watch_signals, p, &opts, &p->watcher));
	for (int i = 0; i < p->listening; i++) {
		int status = cmd_said("serve", say_where(p, i));
		if (status != 0)
			return status;
	}
	return serve_all(p);
}

static int prepare(struct program *p)
{
	struct serve_options *o = &p->options;
	if (o->log != LOG_NONE) {
		UG_TRY(serve_log_open(o->log, &p->log));
		o->server.log = serve_log_entry;
		o->server.log_arg = p->log;
	}
	raise_descriptors();
	int e = ug_http_server_new(&o->server, &p->server);
	if (e < 0)
		return cmd_fail("serve", "these limits do not fit: %s", ug_strerror(e));
	e = ug_http_files(p->server, "/{path...}", o->folder, &o->files);
	if (e < 0)
		return cmd_fail("serve", "cannot serve %s: %s", o->folder, ug_strerror(e));
	return listen_all(p);
}

/* Whoever reads what is said may have stopped reading. */
static void say_end(struct program *p, int e, uint64_t lost)
{
	UG_WITH_TIMEOUT(UG_SECOND) {
		if (lost > 0)
			cmd_fail("serve", "%llu lines of the log got lost", (unsigned long long)lost);
		if (e <= 0 && p->listening > 0)
			say_counts(p);
		if (e == -ETIMEDOUT)
			cmd_fail("serve", "requests that went on beyond the drain time were cut");
		else if (e < 0)
			cmd_fail("serve", "%s", ug_strerror(e));
	}
}

static int finish(struct program *p, int e)
{
	say_end(p, e, serve_log_close(p->log));
	for (int i = 0; i < p->listening; i++)
		ug_listener_close(p->listeners[i]);
	/* Signals are heard to the end: a second one ends the program whatever it waits for. */
	if (p->watcher) {
		ug_close(p->signals);
		if (ug_task_wait(p->watcher, NULL) == 0)
			ug_task_unref(p->watcher);
	}
	ug_http_server_free(p->server);
	ug_chan_unref(&p->signals);
	return e;
}

int cmd_serve(int argc, char **argv)
{
	struct program p = {.signals = UG_NIL};
	int e = serve_options(argc, argv, &p.options);
	if (e != 0)
		return e == 1 ? 0 : -e;
	e = prepare(&p);
	if (e == 0)
		e = run(&p);
	return finish(&p, e);
}
