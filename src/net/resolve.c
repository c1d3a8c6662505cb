/* SPDX-License-Identifier: MIT */
/*
 * Names of hosts, by the system's resolver: it alone knows all that a system may be set up to ask. It blocks, for up to
 * a minute where no server answers, and cannot be interrupted; so a task of its own sees it through on the blocking
 * pool, and whoever asked waits for that task's word, or leaves when the context ends. The last of the two frees what
 * they share.
 *
 * The pool has a limit, and files need it too: so only ASKING_MOST ask at a time, and the others look again and again
 * whether it is their turn. Rejected: a semaphore. A runtime that ends leaves tasks where they stand, with what they
 * hold and in the queues where they wait; the count is changed on the pool's threads alone, which always finish.
 */
#include "net/net_priv.h"

#include "base/atomic.h"
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <undergo/sync.h>

#define ASKING_MOST 128
#define TURN_PAUSE (10 * UG_MS)
#define BUSY 1

static uint32_t asking; /* calls of the system's resolver under way */

struct lookup {
	UG_CHAN(int) done; /* room for the one word */
	uint32_t refs;
	int family, type;
	const char *host, *port; /* behind the struct */
	ug_addr *addrs;
	size_t count;
};

static void unref(struct lookup *l)
{
	if (add_acq_rel(&l->refs, -1u) != 1)
		return;
	ug_chan_unref(&l->done);
	free(l->addrs);
	free(l);
}

static int code_of(int eai, int error)
{
	switch (eai) {
	case 0:
		return 0;
	case EAI_AGAIN:
		return UG_EHOSTAGAIN;
	case EAI_FAIL:
		return UG_EHOSTFAIL;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SERVICE:
		return -EINVAL;
	case EAI_SYSTEM:
		return error ? error : UG_EHOSTFAIL;
	default:
		return UG_ENOHOST; /* NONAME, NODATA, ADDRFAMILY, FAMILY */
	}
}

static int take_addresses(struct lookup *l, const struct addrinfo *list)
{
	size_t n = 0;
	for (const struct addrinfo *i = list; i; i = i->ai_next)
		n++;
	l->addrs = calloc(n ? n : 1, sizeof *l->addrs);
	if (!l->addrs)
		return -ENOMEM;
	for (const struct addrinfo *i = list; i; i = i->ai_next)
		if (ug_addr_from_sockaddr(i->ai_addr, i->ai_addrlen, &l->addrs[l->count]) == 0)
			l->count++;
	return l->count ? 0 : UG_ENOHOST;
}

static int ask(void *arg)
{
	struct lookup *l = arg;
	struct addrinfo hints = {.ai_family = l->family, .ai_socktype = l->type}, *list = NULL;
	int error = 0;
	if (add_acq_rel(&asking, 1u) >= ASKING_MOST) {
		add_acq_rel(&asking, -1u);
		return BUSY;
	}
	int e = code_of(ug__sys_getaddrinfo(l->host, *l->port ? l->port : NULL, &hints, &list, &error), error);
	if (e == 0)
		e = take_addresses(l, list);
	if (list)
		freeaddrinfo(list);
	add_acq_rel(&asking, -1u);
	return e;
}

static int ask_in_turn(struct lookup *l)
{
	int e = BUSY;
	while (e == BUSY) {
		e = load_acquire(&asking) < ASKING_MOST ? ug_blocking(ask, l) : BUSY;
		if (e == BUSY)
			UG_TRY(ug_sleep(TURN_PAUSE));
	}
	return e;
}

static int lookup_task(void *arg)
{
	struct lookup *l = arg;
	int e = ask_in_turn(l);
	(void)ug_try_send(l->done, &e);
	unref(l);
	return 0;
}

static int lookup_new(int family, int type, const char *host, const char *port, struct lookup **out)
{
	size_t host_size = strlen(host) + 1, port_size = strlen(port) + 1;
	struct lookup *l = malloc(sizeof *l + host_size + port_size);
	if (!l)
		return -ENOMEM;
	char *text = (char *)(l + 1);
	*l = (struct lookup){.refs = 1, .family = family, .type = type, .host = text, .port = text + host_size};
	memcpy(text, host, host_size);
	memcpy(text + host_size, port, port_size);
	int e = ug_chan_new(&l->done, 1);
	if (e < 0)
		free(l);
	else
		*out = l;
	return e;
}

static int lookup_run(struct lookup *l)
{
	static const struct ug_go_opts opts = {.name = "resolve", .stack_size = 16 * 1024};
	UG_TRY(ug_ctx_err(NULL));
	l->refs = 2;
	int e = ug_go_with(lookup_task, l, &opts);
	if (e < 0)
		l->refs = 1;
	if (e == -ESRCH) /* no runtime: this thread may block */
		return ask_in_turn(l);
	UG_TRY(e);
	int word = 0;
	UG_TRY(ug_recv(l->done, &word));
	return word;
}

static void put(ug_addr *out, size_t max, size_t *count, const ug_addr *a)
{
	if (*count < max)
		out[*count] = *a;
	++*count;
}

/* What needs no resolver: 0 where it does. */
static int numeric(int family, const char *host, const char *port, ug_addr *out, size_t max)
{
	char *end;
	unsigned long n = strtoul(port, &end, 10);
	if (*port && (*end || *port < '0' || *port > '9'))
		return 0;
	if (n > UINT16_MAX)
		return -EINVAL;
	size_t count = 0;
	ug_addr a;
	if (*host) {
		int e = ug_addr_parse_ip(host, (uint16_t)n, &a);
		if (e < 0)
			return e == -EINVAL ? 0 : e;
		if (family != AF_UNSPEC && family != a.family)
			return UG_ENOHOST;
		put(out, max, &count, &a);
		return 1;
	}
	for (int f = AF_INET6; f; f = f == AF_INET6 ? AF_INET : 0) {
		a = (ug_addr){.family = (uint16_t)f, .port = (uint16_t)n};
		if (family == AF_UNSPEC || family == f)
			put(out, max, &count, &a);
	}
	return (int)count;
}

int ug__network_family(const char *network)
{
	static const struct {
		const char *name;
		int family;
	} networks[] = {
		{"tcp", AF_UNSPEC},
		{"tcp4", AF_INET},
		{"tcp6", AF_INET6},
		{"udp", AF_UNSPEC},
		{"udp4", AF_INET},
		{"udp6", AF_INET6},
		{"unix", AF_UNIX},
	};
	for (size_t i = 0; i < UG_COUNT_OF(networks); i++)
		if (strcmp(network, networks[i].name) == 0)
			return networks[i].family;
	return -EINVAL;
}

static int is_udp(const char *network)
{
	return strncmp(network, "udp", 3) == 0;
}

/* By the system's resolver. */
static int lookup(int family, int type, const char *host, const char *port, ug_addr **out, size_t *count)
{
	struct lookup *l;
	UG_TRY(lookup_new(family, type, host, port, &l));
	int e = lookup_run(l);
	if (e == 0) {
		*out = l->addrs;
		*count = l->count;
		l->addrs = NULL;
	}
	unref(l);
	return e;
}

/* No host, and a service by name: its number, asked for with some host, goes with the unspecified addresses. */
static int any_host(int family, int type, const char *port, ug_addr **out, size_t *count)
{
	ug_addr *found;
	UG_TRY(lookup(AF_INET6, type, "::", port, &found, count));
	uint16_t number = found[0].port;
	free(found);
	ug_addr *direct = malloc(2 * sizeof *direct);
	if (!direct)
		return -ENOMEM;
	*out = direct;
	*count = (size_t)numeric(family, "", "", direct, 2);
	for (size_t i = 0; i < *count; i++)
		direct[i].port = number;
	return 0;
}

/* All that there are, in memory from malloc. */
static int resolve(const char *network, const char *host, const char *port, ug_addr **out, size_t *count)
{
	int family = ug__network_family(network), type = is_udp(network) ? SOCK_DGRAM : SOCK_STREAM;
	UG_TRY(family);
	if (family == AF_UNIX)
		return -EINVAL;
	ug_addr *direct = malloc(2 * sizeof *direct);
	if (!direct)
		return -ENOMEM;
	int n = numeric(family, host, port, direct, 2);
	if (n > 0) {
		*out = direct;
		*count = (size_t)n;
		return 0;
	}
	free(direct);
	UG_TRY(n);
	return *host ? lookup(family, type, host, port, out, count) : any_host(family, type, port, out, count);
}

int ug_resolve(const char *network, const char *host, const char *port, ug_addr *out, size_t max)
{
	ug_addr *all;
	size_t count;
	UG_TRY(resolve(network, host, port, &all, &count));
	for (size_t i = 0; i < count && i < max; i++)
		out[i] = all[i];
	free(all);
	return count > INT32_MAX ? INT32_MAX : (int)count;
}

int ug__resolve_all(const char *network, const char *address, ug_addr **out, size_t *count)
{
	int family = is_udp(network) ? -EINVAL : ug__network_family(network);
	UG_TRY(family);
	if (family == AF_UNIX) {
		ug_addr a;
		UG_TRY(ug__addr_unix(address, &a));
		*out = malloc(sizeof **out);
		if (!*out)
			return -ENOMEM;
		**out = a;
		*count = 1;
		return 0;
	}
	char host[256]; /* a name has 253 bytes at most: RFC 1035 2.3.4 */
	const char *port;
	int e = ug_host_port_split(address, host, sizeof host, &port);
	UG_TRY(e == -ERANGE ? UG_ENOHOST : e);
	return resolve(network, host, port, out, count);
}
