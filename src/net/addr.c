/* SPDX-License-Identifier: MIT */
#include "net/net_priv.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reading -------------------------------------------------------------------------------------------------------- */

static int parse_number(const char *text, uint32_t max, uint32_t *out)
{
	uint64_t n = 0;
	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > max)
			return -EINVAL;
	}
	*out = (uint32_t)n;
	return 0;
}

static int parse_zone(const char *text, uint32_t *out)
{
	if (!*text)
		return -EINVAL;
	if (parse_number(text, UINT32_MAX, out) == 0)
		return 0;
	uint32_t index = if_nametoindex(text);
	if (index == 0)
		return -ENODEV;
	*out = index;
	return 0;
}

int ug_addr_parse_ip(const char *text, uint16_t port, ug_addr *out)
{
	ug_addr a = {.family = AF_INET, .port = port};
	if (inet_pton(AF_INET, text, a.ip) == 1) {
		*out = a;
		return 0;
	}
	char ip[INET6_ADDRSTRLEN];
	size_t size = strcspn(text, "%");
	if (size >= sizeof ip)
		return -EINVAL;
	memcpy(ip, text, size);
	ip[size] = '\0';
	a.family = AF_INET6;
	if (inet_pton(AF_INET6, ip, a.ip) != 1)
		return -EINVAL;
	if (text[size])
		UG_TRY(parse_zone(text + size + 1, &a.zone));
	*out = a;
	return 0;
}

int ug__addr_unix(const char *path, ug_addr *out)
{
	ug_addr a = {.family = AF_UNIX};
	size_t size = strlen(path);
	if (size == 0)
		return -EINVAL;
	/* A path has a NUL after it, an abstract name one before it, which the '@' stands for. */
	if (size > sizeof((struct sockaddr_un *)0)->sun_path - (*path != '@'))
		return -ENAMETOOLONG;
	memcpy(a.path, path, size);
	if (a.path[0] == '@')
		a.path[0] = '\0';
	a.path_size = (uint16_t)size;
	*out = a;
	return 0;
}

int ug_addr_parse(const char *text, ug_addr *out)
{
	if (strncmp(text, "unix:", 5) == 0)
		return ug__addr_unix(text + 5, out);
	char host[128];
	const char *port_text;
	uint32_t port;
	UG_TRY(ug_host_port_split(text, host, sizeof host, &port_text) < 0 ? -EINVAL : 0);
	UG_TRY(parse_number(port_text, UINT16_MAX, &port));
	return ug_addr_parse_ip(*host ? host : "::", (uint16_t)port, out);
}

int ug_host_port_split(const char *text, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(text, ':'), *start = text, *end = colon;
	if (!colon)
		return -EINVAL;
	if (*text == '[') {
		start = text + 1;
		end = strchr(text, ']');
		/* The last colon stands right behind the bracket. */
		if (!end || end + 1 != colon)
			return -EINVAL;
	} else if (strchr(text, ':') != colon) {
		return -EINVAL;
	}
	size_t n = (size_t)(end - start);
	if (memchr(start, '[', n) || memchr(start, ']', n) || strpbrk(colon, "[]"))
		return -EINVAL;
	if (n >= size)
		return -ERANGE;
	memcpy(host, start, n);
	host[n] = '\0';
	*port = colon + 1;
	return 0;
}

/* Writing -------------------------------------------------------------------------------------------------------- */

/* A text that grows in a buffer, and goes on counting where that ends. */
struct text {
	char *buf;
	size_t size, length;
};

static void add(struct text *t, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++, t->length++)
		if (t->length + 1 < t->size)
			t->buf[t->length] = data[i];
}

static void add_text(struct text *t, const char *s)
{
	add(t, s, strlen(s));
}

static void add_number(struct text *t, uint32_t n)
{
	char digits[10];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	add(t, digits + at, sizeof digits - at);
}

static int text_end(struct text *t)
{
	if (t->size > 0)
		t->buf[t->length < t->size ? t->length : t->size - 1] = '\0';
	return (int)t->length;
}

static void add_ip(struct text *t, const ug_addr *a)
{
	char ip[INET6_ADDRSTRLEN], name[IF_NAMESIZE];
	if (inet_ntop(a->family, a->ip, ip, sizeof ip))
		add_text(t, ip);
	if (a->family != AF_INET6 || a->zone == 0)
		return;
	add_text(t, "%");
	if (if_indextoname(a->zone, name))
		add_text(t, name);
	else
		add_number(t, a->zone);
}

static void add_path(struct text *t, const ug_addr *a)
{
	add_text(t, "unix:");
	int abstract = a->path_size > 0 && a->path[0] == '\0';
	if (abstract)
		add_text(t, "@");
	add(t, a->path + abstract, (size_t)(a->path_size - abstract));
}

int ug_addr_format_ip(const ug_addr *a, char *buf, size_t size)
{
	struct text t = {.buf = buf, .size = size};
	if (a->family == AF_INET || a->family == AF_INET6)
		add_ip(&t, a);
	else if (a->family == AF_UNIX)
		add_path(&t, a);
	else
		add_text(&t, "mem");
	return text_end(&t);
}

int ug_addr_format(const ug_addr *a, char *buf, size_t size)
{
	if (a->family != AF_INET && a->family != AF_INET6)
		return ug_addr_format_ip(a, buf, size);
	struct text t = {.buf = buf, .size = size};
	int six = a->family == AF_INET6;
	add_text(&t, six ? "[" : "");
	add_ip(&t, a);
	add_text(&t, six ? "]:" : ":");
	add_number(&t, a->port);
	return text_end(&t);
}

/* Asking --------------------------------------------------------------------------------------------------------- */

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

int ug_addr_compare(const ug_addr *a, const ug_addr *b)
{
	int order = ORDER(a->family, b->family);
	if (order)
		return order;
	if (a->family == AF_UNIX) {
		order = memcmp(a->path, b->path, a->path_size < b->path_size ? a->path_size : b->path_size);
		return order ? order : ORDER(a->path_size, b->path_size);
	}
	order = memcmp(a->ip, b->ip, a->family == AF_INET ? 4 : 16);
	if (order == 0)
		order = ORDER(a->zone, b->zone);
	return order ? order : ORDER(a->port, b->port);
}

int ug_addr_is_loopback(const ug_addr *a)
{
	static const uint8_t one[16] = {[15] = 1}, mapped[12] = {[10] = 0xff, [11] = 0xff};
	if (a->family == AF_INET)
		return a->ip[0] == 127;
	if (a->family != AF_INET6)
		return 1;
	if (memcmp(a->ip, mapped, sizeof mapped) == 0)
		return a->ip[12] == 127;
	return memcmp(a->ip, one, sizeof one) == 0;
}

/* The system's form ---------------------------------------------------------------------------------------------- */

static socklen_t fill(const ug_addr *a, union ug__sockaddr *sa)
{
	switch (a->family) {
	case AF_INET:
		sa->in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a->port)};
		memcpy(&sa->in.sin_addr, a->ip, 4);
		return sizeof sa->in;
	case AF_INET6:
		sa->in6 = (struct sockaddr_in6){
			.sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_scope_id = a->zone};
		memcpy(&sa->in6.sin6_addr, a->ip, 16);
		return sizeof sa->in6;
	case AF_UNIX:
		sa->un = (struct sockaddr_un){.sun_family = AF_UNIX};
		if (a->path_size > sizeof sa->un.sun_path)
			return 0;
		memcpy(sa->un.sun_path, a->path, a->path_size);
		/* An abstract name is all that the size says; a path has its NUL, but for one that others bound to the
		 * brim. */
		int nul = a->path_size > 0 && a->path_size < sizeof sa->un.sun_path && a->path[0];
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + a->path_size + (size_t)nul);
	default:
		return 0;
	}
}

int ug_addr_to_sockaddr(const ug_addr *a, struct sockaddr *sa, size_t size)
{
	union ug__sockaddr u;
	socklen_t n = fill(a, &u);
	if (n == 0)
		return -EAFNOSUPPORT;
	if (n > size)
		return -ERANGE;
	memcpy(sa, &u, n);
	return (int)n;
}

int ug_addr_from_sockaddr(const struct sockaddr *sa, size_t size, ug_addr *out)
{
	union ug__sockaddr u = {0};
	if (size < sizeof sa->sa_family)
		return -EAFNOSUPPORT;
	if (size > sizeof u)
		size = sizeof u;
	memcpy(&u, sa, size);
	ug_addr a = {.family = u.any.sa_family};
	if (a.family == AF_INET && size >= sizeof u.in) {
		a.port = ntohs(u.in.sin_port);
		memcpy(a.ip, &u.in.sin_addr, 4);
	} else if (a.family == AF_INET6 && size >= sizeof u.in6) {
		a.port = ntohs(u.in6.sin6_port);
		a.zone = u.in6.sin6_scope_id;
		memcpy(a.ip, &u.in6.sin6_addr, 16);
	} else if (a.family == AF_UNIX) {
		size_t n = size - offsetof(struct sockaddr_un, sun_path);
		if (n > 0 && u.un.sun_path[0])
			n = strnlen(u.un.sun_path, n);
		memcpy(a.path, u.un.sun_path, n);
		a.path_size = (uint16_t)n;
	} else {
		return -EAFNOSUPPORT;
	}
	*out = a;
	return 0;
}
