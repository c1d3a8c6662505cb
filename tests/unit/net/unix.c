/* SPDX-License-Identifier: MIT */
/* Unix sockets: paths and abstract names, the file's life. */
#include "net_test.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static void exchange(const char *address, ug_listener l)
{
	ug_conn c, s;
	char buf[4];
	CHECK_IS(ug_dial("unix", address, NULL, &c), 0);
	CHECK_IS(ug_accept(l, &s), 0);
	CHECK_IS(ug_conn_write(c, "abc", 3), 3);
	CHECK_IS(ug_conn_read(s, buf, sizeof buf), 3);
	ug_addr at;
	CHECK_IS(ug_conn_remote(c, &at), 0);
	CHECK_IS(at.family, AF_UNIX);
	CHECK_IS(ug_conn_remote(s, &at), 0);
	CHECK_IS(at.path_size, 0);
	ug_conn_close(c);
	ug_conn_close(s);
}

TEST_ANYWHERE(by_path)
{
	ug_listener l;
	ug_addr at;
	char text[UG_ADDR_TEXT], want[UG_ADDR_TEXT];
	struct ug_listen_opts opts = {.unix_mode = 0600};
	CHECK_IS(ug_listen("unix", path, &opts, &l), 0);
	struct stat st;
	CHECK_IS(stat(path, &st), 0);
	CHECK_IS(st.st_mode & 07777, 0600);
	CHECK_IS(ug_listener_addr(l, &at), 0);
	ug_addr_format(&at, text, sizeof text);
	snprintf(want, sizeof want, "unix:%s", path);
	CHECK_TEXT(text, want);
	exchange(path, l);
	ug_listener again;
	CHECK_IS(ug_listen("unix", path, NULL, &again), -EADDRINUSE);
	ug_listener_close(l);
	CHECK(stat(path, &st) < 0);
	ug_conn c;
	CHECK_IS(ug_dial("unix", path, NULL, &c), -ENOENT);
	return 0;
}

TEST_ANYWHERE(abstract)
{
	char name[64];
	snprintf(name, sizeof name, "@undergo-test-%d", getpid());
	ug_listener l;
	CHECK_IS(ug_listen("unix", name, NULL, &l), 0);
	exchange(name, l);
	ug_listener_close(l);
	ug_conn c;
	CHECK_IS(ug_dial("unix", name, NULL, &c), -ECONNREFUSED);
	return 0;
}

TEST_ANYWHERE(left_behind)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	strcpy(sa.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_IS(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	CHECK_IS(close(fd), 0);
	ug_listener l;
	CHECK_IS(ug_listen("unix", path, NULL, &l), 0);
	exchange(path, l);
	ug_listener_close(l);
	return 0;
}

/* A full queue makes a dial wait, unlike TCP's by trying again. */
struct dial {
	int result;
	ug_conn c;
};

static int dial_path(void *arg)
{
	struct dial *d = arg;
	return d->result = ug_dial("unix", path, NULL, &d->c);
}

TEST(full_queue)
{
	ug_listener l;
	struct ug_listen_opts small = {.backlog = 1};
	CHECK_IS(ug_listen("unix", path, &small, &l), 0);
	struct dial d[4];
	ug_task *t[4];
	for (int i = 0; i < 4; i++)
		t[i] = start(dial_path, &d[i]);
	ug_conn s, c;
	UG_WITH_TIMEOUT(5 * UG_MS) {
		int e = 0;
		while (e == 0)
			if ((e = ug_dial("unix", path, NULL, &c)) == 0)
				ug_conn_close(c);
		CHECK_IS(e, -ETIMEDOUT);
	}
	for (int ended = 0; ended < 4;) {
		CHECK_IS(ug_accept(l, &s), 0);
		ended += ug_conn_write(s, "x", 1) == 1;
		ug_conn_close(s);
	}
	for (int i = 0; i < 4; i++) {
		CHECK_IS(finish(t[i]), 0);
		ug_conn_close(d[i].c);
	}
	ug_listener_close(l);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_path),
		cmocka_unit_test(test_abstract),
		cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_full_queue),
	};
	return cmocka_run_group_tests(tests, make_socket_folder, remove_socket_folder);
}
