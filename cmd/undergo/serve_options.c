/* SPDX-License-Identifier: MIT */
/* The command line of `undergo serve`. */
#include "serve.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help[] = "usage: undergo serve [OPTION]... [FOLDER]\n"
			   "\n"
			   "Serves the files of FOLDER (default: the current one) over HTTP until SIGINT\n"
			   "or SIGTERM. Then it finishes what runs; a second signal ends it at once.\n"
			   "SIGQUIT writes what each task does to standard error.\n"
			   "\n"
			   "  --listen ADDRESS    HOST:PORT, :PORT (all addresses) or unix:PATH; may be\n"
			   "                      given several times (default: 127.0.0.1:8080)\n"
			   "  --index NAME        file that stands for its folder, \"\" for none\n"
			   "                      (default: index.html)\n"
			   "  --no-listing        folders without such a file are not listed\n"
			   "  --hidden            serve names that begin with a dot, too\n"
			   "  --cache-time TIME   how long a file that is asked for often is believed to be\n"
			   "                      as it was, or none: each request opens its file\n"
			   "                      (default: 100ms)\n"
			   "  --log FORMAT        access log on standard output: common, json or none\n"
			   "                      (default: common)\n"
			   "  --drain TIME        time for what runs when it is to stop, or none for any\n"
			   "                      (default: 10s)\n"
			   "  --limit NAME=VALUE  a limit. Times are like 500ms, 10s, 2m, sizes like 64k,\n"
			   "                      8M; none turns off all but the first two and rate-time\n"
			   "      head=16k            bytes of a request's head\n"
			   "      fields=100          header fields of a request\n"
			   "      body=8M             bytes of a request's body\n"
			   "      connections=N       open connections (default: nine tenths of the\n"
			   "                          descriptors)\n"
			   "      head-time=10s       until a request's head is there\n"
			   "      idle-time=60s       between requests\n"
			   "      rate-time=10s       how long a client may be slower than the least rates\n"
			   "      read-rate=1k        bytes a second that a client must send of a body\n"
			   "      write-rate=1k       bytes a second that a client must take of an answer\n"
			   "  --help, --version\n";

/* A count with an optional k, M or G; -1 for "none"; -EINVAL. */
static int parse_size(const char *text, int64_t *out)
{
	static const struct {
		char unit;
		int shift;
	} units[] = {{'k', 10}, {'K', 10}, {'M', 20}, {'G', 30}};
	int64_t v = 0;
	const char *s = text;
	int shift = 0;
	if (strcmp(text, "none") == 0) {
		*out = -1;
		return 0;
	}
	for (; *s >= '0' && *s <= '9'; s++) {
		if (v > INT64_MAX / 100)
			return -EINVAL;
		v = v * 10 + (*s - '0');
	}
	for (size_t i = 0; i < UG_COUNT_OF(units) && *s; i++) {
		if (*s == units[i].unit) {
			shift = units[i].shift;
			s++;
			break;
		}
	}
	if (s == text || *s || v == 0 || v > INT64_MAX >> 1 >> shift)
		return -EINVAL;
	*out = v << shift;
	return 0;
}

static int parse_time(const char *text, int64_t *out)
{
	int64_t t;
	if (strcmp(text, "none") == 0) {
		*out = -1;
		return 0;
	}
	if (ug_duration_parse(text, &t) < 0 || t <= 0)
		return -EINVAL;
	*out = t;
	return 0;
}

static int set_small(const char *value, int64_t least, int64_t most, int none_is, int64_t *out)
{
	int64_t v;
	UG_TRY(parse_size(value, &v));
	if (v < 0 && none_is) {
		*out = none_is;
		return 0;
	}
	if (v < least || v > most)
		return -EINVAL;
	*out = v;
	return 0;
}

/* One NAME=VALUE. -ENOENT: no such name; -EINVAL: no such value. */
static int set_limit(struct ug_http_server_opts *o, const char *name, const char *value)
{
	int64_t v = 0;
	int e = -ENOENT;
	if (strcmp(name, "head") == 0) {
		e = set_small(value, 1 << 10, 1 << 20, 0, &v);
		o->max_head = (uint32_t)v;
	} else if (strcmp(name, "fields") == 0) {
		e = set_small(value, 1, 10000, 0, &v);
		o->max_fields = (uint32_t)v;
	} else if (strcmp(name, "connections") == 0) {
		e = set_small(value, 1, INT32_MAX, -1, &v);
		o->max_connections = (int)v;
	} else if (strcmp(name, "body") == 0) {
		e = parse_size(value, &o->max_body);
	} else if (strcmp(name, "head-time") == 0) {
		e = parse_time(value, &o->head_time);
	} else if (strcmp(name, "idle-time") == 0) {
		e = parse_time(value, &o->idle_time);
	} else if (strcmp(name, "rate-time") == 0) {
		e = strcmp(value, "none") == 0 ? -EINVAL : parse_time(value, &o->rate_time);
	} else if (strcmp(name, "read-rate") == 0) {
		e = set_small(value, 1, 1 << 30, -1, &o->min_read_rate);
	} else if (strcmp(name, "write-rate") == 0) {
		e = set_small(value, 1, 1 << 30, -1, &o->min_write_rate);
	}
	return e;
}

static int limit(struct serve_options *o, const char *text)
{
	char name[32];
	const char *equals = strchr(text, '=');
	if (!equals || (size_t)(equals - text) >= sizeof name)
		return -cmd_fail("serve", "--limit wants NAME=VALUE, not %s", text);
	memcpy(name, text, (size_t)(equals - text));
	name[equals - text] = 0;
	int e = set_limit(&o->server, name, equals + 1);
	if (e == -ENOENT)
		return -cmd_fail("serve", "there is no limit %s", name);
	return e < 0 ? -cmd_fail("serve", "the limit %s cannot be %s", name, equals + 1) : 0;
}

static int log_format(struct serve_options *o, const char *text)
{
	static const char *const names[] = {"common", "json", "none"};
	for (unsigned i = 0; i < UG_COUNT_OF(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			o->log = (enum log_format)i;
			return 0;
		}
	}
	return -cmd_fail("serve", "--log is common, json or none, not %s", text);
}

/* Beyond all letters, so that one that getopt_long complains of is known for a letter. */
enum {
	OPTION_LISTEN = 256,
	OPTION_INDEX,
	OPTION_NO_LISTING,
	OPTION_HIDDEN,
	OPTION_CACHE_TIME,
	OPTION_LOG,
	OPTION_LIMIT,
	OPTION_DRAIN,
	OPTION_VERSION,
};

static int one(struct serve_options *o, int key, char *value)
{
	switch (key) {
	case OPTION_LISTEN:
		if (o->listen_count == LISTEN_MAX)
			return -cmd_fail("serve", "more than %d addresses", LISTEN_MAX);
		o->listen[o->listen_count++] = value;
		return 0;
	case OPTION_INDEX:
		if (strchr(value, '/'))
			return -cmd_fail("serve", "--index is a name without a slash, not %s", value);
		o->files.index = value;
		return 0;
	case OPTION_NO_LISTING:
		o->files.no_listing = 1;
		return 0;
	case OPTION_HIDDEN:
		o->files.show_hidden = 1;
		return 0;
	case OPTION_CACHE_TIME:
		if (parse_time(value, &o->files.cache_time) < 0)
			return -cmd_fail("serve", "--cache-time is a time such as 100ms, or none, not %s", value);
		return 0;
	case OPTION_LOG:
		return log_format(o, value);
	case OPTION_LIMIT:
		return limit(o, value);
	case OPTION_DRAIN:
		if (parse_time(value, &o->server.drain_time) < 0)
			return -cmd_fail("serve", "--drain is a time such as 10s, or none, not %s", value);
		return 0;
	default:
		return 0;
	}
}

int serve_options(int argc, char **argv, struct serve_options *out)
{
	static const struct option options[] = {{"listen", required_argument, NULL, OPTION_LISTEN},
		{"index", required_argument, NULL, OPTION_INDEX}, {"no-listing", no_argument, NULL, OPTION_NO_LISTING},
		{"hidden", no_argument, NULL, OPTION_HIDDEN},
		{"cache-time", required_argument, NULL, OPTION_CACHE_TIME},
		{"log", required_argument, NULL, OPTION_LOG}, {"limit", required_argument, NULL, OPTION_LIMIT},
		{"drain", required_argument, NULL, OPTION_DRAIN}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, OPTION_VERSION}, {0}};
	struct serve_options o = {.folder = "."};
	opterr = 0;
	for (int key; (key = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
		if (key == 'h' || key == OPTION_VERSION) {
			int e = ug_printf("%s", key == 'h' ? help : "undergo " UG_VERSION "\n");
			return e < 0 ? -cmd_said("serve", e) : 1;
		}
		if (key == '?' && optopt > 0 && optopt < OPTION_LISTEN)
			return -cmd_fail("serve", "no option -%c; `undergo serve --help` lists them", optopt);
		if (key == '?')
			return -cmd_fail("serve", "no option %s; `undergo serve --help` lists them", argv[optind - 1]);
		if (key == ':')
			return -cmd_fail("serve", "option %s wants a value", argv[optind - 1]);
		UG_TRY(one(&o, key, optarg));
	}
	if (optind + 1 < argc)
		return -cmd_fail("serve", "one folder, not %d", argc - optind);
	if (optind < argc)
		o.folder = argv[optind];
	if (o.listen_count == 0)
		o.listen[o.listen_count++] = "127.0.0.1:8080";
	*out = o;
	return 0;
}
