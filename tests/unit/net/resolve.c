/* SPDX-License-Identifier: MIT */
/* Names of hosts. The system's resolver is asked for nothing but "localhost" and names that cannot exist (RFC 6761
 * 6.4). */
#include "unit/task_test.h"

#include <netinet/in.h>
#include <undergo/net.h>

static void resolves(const char *network, const char *host, const char *port, const char *want)
{
	ug_addr a[4];
	char text[UG_ADDR_TEXT];
	int n = ug_resolve(network, host, port, a, 4);
	CHECK(n >= 1);
	ug_addr_format(&a[0], text, sizeof text);
	CHECK_TEXT(text, want);
}

TEST_ANYWHERE(numbers)
{
	resolves("tcp", "127.0.0.1", "80", "127.0.0.1:80");
	resolves("tcp", "::1", "80", "[::1]:80");
	resolves("udp6", "::1", "", "[::1]:0");
	resolves("tcp", "", "80", "[::]:80");
	resolves("tcp4", "", "80", "0.0.0.0:80");
	ug_addr a[2];
	CHECK_IS(ug_resolve("tcp", "", "80", a, 2), 2);
	CHECK_IS(a[1].family, AF_INET);
	a[1].port = 7;
	CHECK_IS(ug_resolve("tcp", "", "80", a, 1), 2);
	CHECK_IS(a[1].port, 7);
	CHECK_IS(ug_resolve("tcp", "", "80", NULL, 0), 2);
	CHECK_IS(ug_resolve("tcp4", "::1", "80", a, 2), UG_ENOHOST);
	CHECK_IS(ug_resolve("tcp", "127.0.0.1", "65536", a, 2), -EINVAL);
	CHECK_IS(ug_resolve("sctp", "127.0.0.1", "1", a, 2), -EINVAL);
	CHECK_IS(ug_resolve("unix", "/x", "1", a, 2), -EINVAL);
	return 0;
}

TEST_ANYWHERE(names)
{
	ug_addr a[8];
	int n = ug_resolve("tcp", "localhost", "80", a, 8);
	CHECK(n >= 1 && n <= 8);
	for (int i = 0; i < n; i++) {
		CHECK(ug_addr_is_loopback(&a[i]));
		CHECK_IS(a[i].port, 80);
	}
	resolves("tcp4", "localhost", "http", "127.0.0.1:80");
	resolves("tcp", "127.0.0.1", "http", "127.0.0.1:80");
	CHECK_IS(ug_resolve("tcp", "localhost", "no-such-service", a, 8), -EINVAL);
	return 0;
}

/* Services by name: each network has its own, and no host stands for all. */
TEST_ANYWHERE(services)
{
	ug_addr a[2];
	resolves("udp", "127.0.0.1", "tftp", "127.0.0.1:69"); /* of UDP alone */
	CHECK_IS(ug_resolve("tcp", "127.0.0.1", "tftp", a, 2), -EINVAL);
	resolves("tcp4", "", "http", "0.0.0.0:80");
	resolves("tcp6", "", "http", "[::]:80");
	CHECK_IS(ug_resolve("tcp", "", "http", a, 2), 2);
	CHECK_IS(a[0].family, AF_INET6);
	CHECK_IS(a[1].family, AF_INET);
	CHECK_IS(a[1].port, 80);
	return 0;
}

TEST_ANYWHERE(no_such)
{
	ug_addr a;
	int e = ug_resolve("tcp", "no-such-name.invalid", "80", &a, 1);
	CHECK(e == UG_ENOHOST || e == UG_EHOSTAGAIN || e == UG_EHOSTFAIL);
	CHECK(strlen(ug_strerror(e)) > 0 && strcmp(ug_strerror(e), ug_strerror(-9999)) != 0);
	ug_conn c;
	char long_name[400] = "";
	memset(long_name, 'x', 300);
	strcat(long_name, ":80");
	CHECK_IS(ug_dial("tcp", long_name, NULL, &c), UG_ENOHOST);
	e = ug_dial("tcp", "no-such-name.invalid:80", NULL, &c);
	CHECK(e == UG_ENOHOST || e == UG_EHOSTAGAIN || e == UG_EHOSTFAIL);
	return 0;
}

/* Whoever asked may leave while the resolver is still busy. */
TEST(abandoned)
{
	ug_addr a;
	for (int i = 0; i < 50; i++) {
		ug_ctx scope;
		ug_ctx_push_timeout(&scope, i * 20 * UG_US);
		int e = ug_resolve("tcp", "localhost", "80", &a, 1);
		ug_ctx_pop(&scope);
		CHECK(e >= 1 || e == -ETIMEDOUT);
	}
	ug_ctx scope;
	ug_ctx_push(&scope);
	ug_ctx_cancel(&scope, 0);
	CHECK_IS(ug_resolve("tcp", "localhost", "80", &a, 1), -ECANCELED);
	ug_ctx_pop(&scope);
	return 0;
}

TEST(dial_by_name)
{
	ug_listener l;
	ug_addr at;
	CHECK_IS(ug_listen("tcp4", "localhost:0", NULL, &l), 0);
	CHECK_IS(ug_listener_addr(l, &at), 0);
	char text[32];
	snprintf(text, sizeof text, "localhost:%d", at.port);
	ug_conn c, s;
	CHECK_IS(ug_dial("tcp", text, NULL, &c), 0); /* ::1, where localhost is that too, refuses */
	CHECK_IS(ug_accept(l, &s), 0);
	ug_conn_close(c);
	ug_conn_close(s);
	ug_listener_close(l);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_no_such),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_dial_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
