/* SPDX-License-Identifier: MIT */
/* What dial and listen refuse, and what they leave behind when they fail. */
#include "net_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

/* Stands before the C library's: the next so many calls fail. */
static int refuse_listen;
int listen(int fd, int backlog)
{
	if (__atomic_load_n(&refuse_listen, __ATOMIC_RELAXED) > 0) {
		__atomic_fetch_sub(&refuse_listen, 1, __ATOMIC_RELAXED);
		errno = ENOBUFS;
		return -1;
	}
	return (int)syscall(SYS_listen, fd, backlog);
}

static int open_count(void)
{
	int n = 0;
	DIR *d = opendir("/proc/self/fd");
	CHECK(d != NULL);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Networks of datagrams make no streams. */
TEST_ANYWHERE(networks)
{
	static const char *const udp[] = {"udp", "udp4", "udp6"};
	ug_conn c;
	char text[UG_ADDR_TEXT];
	ug_listener l = listen_on("127.0.0.1:0", NULL, text);
	for (size_t i = 0; i < UG_COUNT_OF(udp); i++) {
		ug_listener other;
		CHECK_IS(ug_dial(udp[i], text, NULL, &c), -EINVAL);
		CHECK_IS(ug_listen(udp[i], ":0", NULL, &other), -EINVAL);
	}
	CHECK_IS(ug_listener_close(l), 0);
	return 0;
}

/* A close that would hold up its thread until all is sent cannot be asked for. */
TEST_ANYWHERE(linger)
{
	ug_conn c;
	char text[UG_ADDR_TEXT];
	ug_listener l = listen_on("127.0.0.1:0", NULL, text);
	CHECK_IS(ug_dial("tcp", text, NULL, &c), 0);
	CHECK_IS(ug_conn_set(c, UG_CONN_LINGER, 5), -EINVAL);
	CHECK_IS(ug_conn_set(c, UG_CONN_LINGER, 0), 0);
	CHECK_IS(ug_conn_set(c, UG_CONN_LINGER, -1), 0);
	ug_conn_close(c);
	ug_listener_close(l);
	return 0;
}

static int bound(const char *at, int type)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	strcpy(sa.sun_path, at);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	CHECK_IS(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	return fd;
}

static ino_t inode(void)
{
	struct stat st;
	return lstat(path, &st) == 0 ? st.st_ino : 0;
}

/* What is no deserted stream socket stays where it is. */
TEST_ANYWHERE(no_socket_of_ours)
{
	ug_listener l;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK_IS(write(fd, "precious", 8), 8);
	close(fd);
	ino_t ino = inode();
	CHECK_IS(ug_listen("unix", path, NULL, &l), -EADDRINUSE);
	CHECK_IS(inode(), ino);
	CHECK_IS(unlink(path), 0);

	char target[80];
	snprintf(target, sizeof target, "%s.target", path);
	close(bound(target, SOCK_STREAM));
	CHECK_IS(symlink(target, path), 0);
	ino = inode();
	CHECK_IS(ug_listen("unix", path, NULL, &l), -EADDRINUSE);
	CHECK_IS(inode(), ino);
	CHECK_IS(unlink(path), 0);
	CHECK_IS(unlink(target), 0);

	fd = bound(path, SOCK_DGRAM);
	ino = inode();
	CHECK_IS(ug_listen("unix", path, NULL, &l), -EADDRINUSE);
	CHECK_IS(inode(), ino);
	close(fd);
	CHECK_IS(unlink(path), 0);
	return 0;
}

/* Close removes the file that listen made, and not what another put in its place. */
TEST_ANYWHERE(successor)
{
	ug_listener first, second;
	CHECK_IS(ug_listen("unix", path, NULL, &first), 0);
	CHECK_IS(unlink(path), 0);
	CHECK_IS(ug_listen("unix", path, NULL, &second), 0);
	CHECK_IS(ug_listener_close(first), 0);
	CHECK(inode() != 0);
	ug_conn c;
	CHECK_IS(ug_dial("unix", path, NULL, &c), 0);
	ug_conn_close(c);
	CHECK_IS(ug_listener_close(second), 0);
	CHECK_IS(inode(), 0);
	return 0;
}

/* A listen that fails after its bind leaves no file and no descriptor. */
TEST_ANYWHERE(failed_listen)
{
	ug_listener l;
	int before = open_count();
	__atomic_store_n(&refuse_listen, 1, __ATOMIC_RELAXED);
	CHECK_IS(ug_listen("unix", path, NULL, &l), -ENOBUFS);
	CHECK_IS(inode(), 0);
	__atomic_store_n(&refuse_listen, 1, __ATOMIC_RELAXED);
	CHECK_IS(ug_listen("tcp", "127.0.0.1:0", NULL, &l), -ENOBUFS);
	CHECK_IS(open_count(), before);
	return 0;
}

/* Lengths at the limit: a path has 107 bytes, an abstract name 108 with the '@', that stands for a NUL. */
TEST_ANYWHERE(longest_names)
{
	char name[128];
	ug_listener l;
	ug_addr a;
	snprintf(name, sizeof name, "@undergo-%d-", getpid());
	for (size_t n = strlen(name); n < 109; n++)
		name[n] = 'x';
	name[109] = '\0';
	CHECK_IS(ug_listen("unix", name, NULL, &l), -ENAMETOOLONG);
	name[108] = '\0';
	CHECK_IS(ug_listen("unix", name, NULL, &l), 0);
	CHECK_IS(ug_listener_addr(l, &a), 0);
	CHECK_IS(a.path_size, 108);
	ug_conn c, s;
	CHECK_IS(ug_dial_addr(&a, NULL, &c), 0);
	CHECK_IS(ug_accept(l, &s), 0);
	ug_conn_close(c);
	ug_conn_close(s);
	ug_listener_close(l);
	memset(name, 'x', 108);
	CHECK_IS(ug_dial("unix", name, NULL, &c), -ENAMETOOLONG);
	return 0;
}

/* A loop that just calls again does not spin while there are no descriptors; the deadline holds meanwhile. */
TEST_ANYWHERE(out_of_descriptors)
{
	ug_conn c, s;
	char text[UG_ADDR_TEXT];
	ug_listener l = listen_on("127.0.0.1:0", NULL, text);
	CHECK_IS(ug_dial("tcp", text, NULL, &c), 0);
	struct rlimit before = no_more_descriptors();
	int64_t begin = ug_now();
	for (int i = 0; i < 10; i++)
		CHECK_IS(ug_accept(l, &s), -EMFILE);
	CHECK(ug_now() - begin >= 10 * UG_MS);
	UG_WITH_TIMEOUT(UG_US) {
		int e = ug_accept(l, &s);
		CHECK(e == -ETIMEDOUT);
	}
	CHECK_IS(setrlimit(RLIMIT_NOFILE, &before), 0);
	CHECK_IS(ug_accept(l, &s), 0);
	ug_conn_close(s);
	ug_conn_close(c);
	ug_listener_close(l);
	return 0;
}

/* The runtime's own threads may be faster: each opens a file for a moment, at times. */
static int shed(ug_listener l)
{
	int e = ug_listener_shed(l);
	for (int i = 0; i < 1000 && e == -EMFILE; i++) {
		sched_yield();
		e = ug_listener_shed(l);
	}
	return e;
}

/* Out of descriptors: accept says so and leaves the client in the queue, shed ends it. */
TEST_ANYWHERE(shed)
{
	char text[UG_ADDR_TEXT], byte;
	ug_listener l = listen_on("127.0.0.1:0", NULL, text);
	ug_conn clients[2], got;
	for (int i = 0; i < 2; i++)
		CHECK_IS(ug_dial("tcp", text, NULL, &clients[i]), 0);
	struct rlimit before = no_more_descriptors();
	CHECK_IS(ug_accept(l, &got), -EMFILE);
	CHECK_IS(ug_accept(l, &got), -EMFILE);
	for (int i = 0; i < 2; i++)
		CHECK_IS(shed(l), 0);
	CHECK_IS(shed(l), -EAGAIN);
	CHECK_IS(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_IS(ug_conn_read(clients[i], &byte, 1), 0);
		ug_conn_close(clients[i]);
	}
	ug_listener_close(l);
	return 0;
}

/* Each way to fail gives back what it took. */
TEST_ANYWHERE(no_descriptor_stays)
{
	ug_conn c;
	char text[UG_ADDR_TEXT];
	ug_listener l = listen_on("127.0.0.1:0", NULL, text);
	ug_listener_close(l);
	int before = open_count();
	ug_addr elsewhere;
	CHECK_IS(ug_addr_parse("192.0.2.1:0", &elsewhere), 0);
	struct ug_dial_opts from = {.local = &elsewhere}, silent = {.keep_alive = UG_HOUR * 24 * 365};
	for (int i = 0; i < 10; i++) {
		CHECK_IS(ug_dial("tcp", text, NULL, &c), -ECONNREFUSED);
		CHECK_IS(ug_dial("tcp", text, &from, &c), -EADDRNOTAVAIL);
		CHECK_IS(ug_dial("tcp", text, &silent, &c), -EINVAL);
		CHECK_IS(ug_dial("unix", path, NULL, &c), -ENOENT);
		CHECK_IS(ug_listen("unix", "/proc/none/none", NULL, &l), -ENOENT);
		CHECK_IS(ug_listen("tcp", "192.0.2.1:0", NULL, &l), -EADDRNOTAVAIL);
	}
	CHECK_IS(open_count(), before);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_linger),
		cmocka_unit_test(test_no_socket_of_ours),
		cmocka_unit_test(test_successor),
		cmocka_unit_test(test_failed_listen),
		cmocka_unit_test(test_longest_names),
		cmocka_unit_test(test_out_of_descriptors),
		cmocka_unit_test(test_shed),
		cmocka_unit_test(test_no_descriptor_stays),
	};
	return cmocka_run_group_tests(tests, make_socket_folder, remove_socket_folder);
}
