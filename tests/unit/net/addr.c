/* SPDX-License-Identifier: MIT */
/* Addresses: text and back, order, the system's form. Nothing here waits, so nothing needs a task. */
#include "unit/task_test.h"

#include <netinet/in.h>
#include <sys/un.h>
#include <undergo/net.h>

static void same_text(const char *text, const char *want)
{
	ug_addr a;
	char out[UG_ADDR_TEXT];
	CHECK_IS(ug_addr_parse(text, &a), 0);
	CHECK_IS(ug_addr_format(&a, out, sizeof out), strlen(want));
	CHECK_TEXT(out, want);
	ug_addr again;
	CHECK_IS(ug_addr_parse(out, &again), 0);
	CHECK_IS(ug_addr_compare(&a, &again), 0);
}

static void test_text(void **state)
{
	(void)state;
	same_text("127.0.0.1:80", "127.0.0.1:80");
	same_text("0.0.0.0:0", "0.0.0.0:0");
	same_text("255.255.255.255:65535", "255.255.255.255:65535");
	same_text("[::1]:80", "[::1]:80");
	same_text(":8080", "[::]:8080");
	same_text("[2001:DB8:0:0:1:0:0:1]:1", "[2001:db8::1:0:0:1]:1"); /* RFC 5952 4.2.3, 4.3 */
	same_text("[2001:db8:0:1:1:1:1:1]:1", "[2001:db8:0:1:1:1:1:1]:1"); /* 4.2.2 */
	same_text("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.1]:1"); /* 5 */
	same_text("[fe80::1%1]:22", "[fe80::1%lo]:22");
	same_text("[fe80::1%4000000000]:22", "[fe80::1%4000000000]:22");
	same_text("unix:/run/x.sock", "unix:/run/x.sock");
	same_text("unix:@name", "unix:@name");
}

static void test_bare_ip(void **state)
{
	(void)state;
	static const struct {
		const char *text, *with_port;
	} good[] = {
		{"192.0.2.1", "192.0.2.1:7"}, {"::1", "[::1]:7"}, {"::", "[::]:7"}, {"fe80::1%lo", "[fe80::1%lo]:7"}};
	static const char *const bad[] = {
		"", "localhost", "192.0.2", "192.0.2.1:7", "[::1]", "::1%", "1::2::3", " ::1"};
	ug_addr a;
	char out[UG_ADDR_TEXT];
	for (size_t i = 0; i < UG_COUNT_OF(good); i++) {
		CHECK_IS(ug_addr_parse_ip(good[i].text, 7, &a), 0);
		ug_addr_format(&a, out, sizeof out);
		CHECK_TEXT(out, good[i].with_port);
		ug_addr_format_ip(&a, out, sizeof out);
		CHECK_TEXT(out, good[i].text);
	}
	a = (ug_addr){.port = 9};
	for (size_t i = 0; i < UG_COUNT_OF(bad); i++)
		CHECK_IS(ug_addr_parse_ip(bad[i], 7, &a), -EINVAL);
	CHECK_IS(ug_addr_parse_ip("fe80::1%no-such-link", 7, &a), -ENODEV);
	CHECK_IS(a.port, 9);
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1",
		"127.0.0.1:+1", "127.0.0.1:65536", "127.0.0.1:18446744073709551617", "127.0.0.1: 80", "1.2.3:80",
		"1.2.3.256:80", "localhost:80", "::1:80", "[::1]", "[::1]80", "[::1]:80:90", "[::1", "::1]:80",
		"[[::1]]:80", "[::1%]:80", "[1::2::3]:80", "[]]:80", "unix:",
		"[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]:80"};
	for (size_t i = 0; i < UG_COUNT_OF(bad); i++) {
		ug_addr a = {.port = 7};
		if (ug_addr_parse(bad[i], &a) != -EINVAL || a.port != 7) {
			fprintf(stderr, "%s\n", bad[i]);
			fail();
		}
	}
	ug_addr a;
	CHECK_IS(ug_addr_parse("[fe80::1%no-such-link]:80", &a), -ENODEV);
	char path[128] = "unix:";
	memset(path + 5, 'x', 108);
	CHECK_IS(ug_addr_parse(path, &a), -ENAMETOOLONG);
	path[5 + 107] = '\0';
	CHECK_IS(ug_addr_parse(path, &a), 0);
}

static void test_cut(void **state)
{
	(void)state;
	ug_addr a;
	CHECK_IS(ug_addr_parse("127.0.0.1:80", &a), 0);
	char out[8] = "xxxxxxx";
	CHECK_IS(ug_addr_format(&a, out, 5), 12);
	CHECK_TEXT(out, "127.");
	CHECK_IS(out[5], 'x');
	CHECK_IS(ug_addr_format(&a, out, 1), 12);
	CHECK_TEXT(out, "");
	CHECK_IS(ug_addr_format(&a, NULL, 0), 12);
	CHECK_IS(ug_addr_format_ip(&a, NULL, 0), 9);
	a = (ug_addr){0};
	CHECK_IS(ug_addr_format(&a, out, sizeof out), 3);
	CHECK_TEXT(out, "mem");
}

static void split(const char *text, int want, const char *host, const char *port)
{
	char got[16] = "";
	const char *at = NULL;
	CHECK_IS(ug_host_port_split(text, got, sizeof got, &at), want);
	if (want == 0) {
		CHECK_TEXT(got, host);
		CHECK_TEXT(at, port);
	} else {
		CHECK(!at);
	}
}

/* The cases of Go's TestSplitHostPort. */
static void test_split(void **state)
{
	(void)state;
	split("localhost:http", 0, "localhost", "http");
	split("localhost:80", 0, "localhost", "80");
	split("lo%en0:80", 0, "lo%en0", "80");
	split("[lo%en0]:80", 0, "lo%en0", "80");
	split("127.0.0.1:80", 0, "127.0.0.1", "80");
	split("[::1]:80", 0, "::1", "80");
	split("[::1%en0]:80", 0, "::1%en0", "80");
	split(":http", 0, "", "http");
	split("golang.org:", 0, "golang.org", "");
	split("[::1]:", 0, "::1", "");
	split(":", 0, "", "");
	split("golang.org", -EINVAL, NULL, NULL);
	split("127.0.0.1", -EINVAL, NULL, NULL);
	split("[::1]", -EINVAL, NULL, NULL);
	split("::1:80", -EINVAL, NULL, NULL);
	split("fe80::1", -EINVAL, NULL, NULL);
	split("foo:a:b", -EINVAL, NULL, NULL);
	split("[foo:bar]", -EINVAL, NULL, NULL);
	split("[foo:bar]baz", -EINVAL, NULL, NULL);
	split("a]b:c", -EINVAL, NULL, NULL);
	split("a[b:c", -EINVAL, NULL, NULL);
	split("[foo]:[bar]:baz", -EINVAL, NULL, NULL);
	split("[foo]:[bar]", -EINVAL, NULL, NULL);
	split("foo[bar]:baz", -EINVAL, NULL, NULL);
	split("foo:[bar]", -EINVAL, NULL, NULL);
	split("0123456789abcde:1", 0, "0123456789abcde", "1");
	split("0123456789abcdef:1", -ERANGE, NULL, NULL);
}

static void test_order(void **state)
{
	(void)state;
	static const char *const rising[] = {"unix:/a", "unix:/a/b", "unix:/b", "1.2.3.4:5", "1.2.3.4:6", "1.2.3.5:1",
		"[::1]:9", "[fe80::1%1]:9", "[fe80::1%2]:1", "[fe80::1%2]:2", "[fe80::2]:1"};
	for (size_t i = 0; i < UG_COUNT_OF(rising); i++)
		for (size_t j = 0; j < UG_COUNT_OF(rising); j++) {
			ug_addr a, b;
			CHECK_IS(ug_addr_parse(rising[i], &a), 0);
			CHECK_IS(ug_addr_parse(rising[j], &b), 0);
			int order = ug_addr_compare(&a, &b);
			CHECK(i < j ? order < 0 : i > j ? order > 0 : order == 0);
		}
}

static void loopback(const char *text, int want)
{
	ug_addr a;
	CHECK_IS(ug_addr_parse(text, &a), 0);
	CHECK_IS(ug_addr_is_loopback(&a), want);
}

static void test_loopback(void **state)
{
	(void)state;
	loopback("127.0.0.1:1", 1);
	loopback("127.255.0.9:1", 1);
	loopback("128.0.0.1:1", 0);
	loopback("[::1]:1", 1);
	loopback("[::]:1", 0);
	loopback("[::ffff:127.0.0.1]:1", 1);
	loopback("[::ffff:10.0.0.1]:1", 0);
	loopback("unix:/x", 1);
}

static void through_sockaddr(const char *text, int family, int size)
{
	ug_addr a, b;
	struct sockaddr_storage sa;
	CHECK_IS(ug_addr_parse(text, &a), 0);
	int n = ug_addr_to_sockaddr(&a, (struct sockaddr *)&sa, sizeof sa);
	CHECK_IS(n, size);
	CHECK_IS(sa.ss_family, family);
	CHECK_IS(ug_addr_from_sockaddr((struct sockaddr *)&sa, (size_t)n, &b), 0);
	CHECK_IS(ug_addr_compare(&a, &b), 0);
	CHECK_IS(ug_addr_to_sockaddr(&a, (struct sockaddr *)&sa, (size_t)n - 1), -ERANGE);
}

static void test_sockaddr(void **state)
{
	(void)state;
	through_sockaddr("1.2.3.4:80", AF_INET, sizeof(struct sockaddr_in));
	through_sockaddr("[fe80::1%3]:80", AF_INET6, sizeof(struct sockaddr_in6));
	through_sockaddr("unix:/x", AF_UNIX, offsetof(struct sockaddr_un, sun_path) + 3);
	through_sockaddr("unix:@x", AF_UNIX, offsetof(struct sockaddr_un, sun_path) + 2);
	struct sockaddr_storage sa = {.ss_family = AF_APPLETALK};
	ug_addr a = {0};
	CHECK_IS(ug_addr_from_sockaddr((struct sockaddr *)&sa, sizeof sa, &a), -EAFNOSUPPORT);
	CHECK_IS(ug_addr_from_sockaddr((struct sockaddr *)&sa, 1, &a), -EAFNOSUPPORT);
	CHECK_IS(ug_addr_to_sockaddr(&a, (struct sockaddr *)&sa, sizeof sa), -EAFNOSUPPORT);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(258)};
	CHECK_IS(ug_addr_from_sockaddr((struct sockaddr *)&in, sizeof in, &a), 0);
	CHECK_IS(a.port, 258);
	/* The whole of a larger storage, as a caller has it. */
	memset(&sa, 0, sizeof sa);
	memcpy(&sa, &in, sizeof in);
	CHECK_IS(ug_addr_from_sockaddr((struct sockaddr *)&sa, sizeof sa, &a), 0);
	CHECK_IS(a.family, AF_INET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_bare_ip),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_sockaddr),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
