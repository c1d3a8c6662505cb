/* SPDX-License-Identifier: MIT */
/* ug_copy between files, sockets and memory connections: whichever way it goes, the bytes are the same. */
#include "unit/task_test.h"

#include <undergo/net.h>
#include <undergo/os.h>
#include <undergo/sync.h>
#include <unistd.h>

enum { SIZE = 5 << 20 };

static char folder[128];
static unsigned char *data;

static const char *in_folder(const char *name)
{
	static char path[2][256];
	static int turn;
	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
	return path[turn];
}

static int make_data(void *unused)
{
	data = malloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (unsigned char)(i * 7 + (i >> 8) * 13);
	UG_TRY(ug_temp_dir("undergo-copy-", folder, sizeof folder));
	(void)unused;
	return ug_write_file(in_folder("source"), data, SIZE, 0600);
}

static void tcp_pair(ug_conn *a, ug_conn *b)
{
	ug_listener l;
	ug_addr at;
	CHECK_IS(ug_listen("tcp", "127.0.0.1:0", NULL, &l), 0);
	CHECK_IS(ug_listener_addr(l, &at), 0);
	CHECK_IS(ug_dial_addr(&at, NULL, a), 0);
	CHECK_IS(ug_accept(l, b), 0);
	ug_listener_close(l);
}

static void mem_pair(ug_conn *a, ug_conn *b)
{
	CHECK_IS(ug_mem_pair(10000, a, b), 0);
}

static int send_file(void *conn)
{
	ug_conn c = *(ug_conn *)conn;
	ug_file *f;
	int64_t n;
	CHECK_IS(ug_file_open(in_folder("source"), O_RDONLY, 0, &f), 0);
	CHECK_IS(ug_copy(ug_conn_writer(c), ug_file_reader(f), &n), 0);
	CHECK_IS(n, SIZE);
	ug_file_close(f);
	return ug_conn_close(c);
}

struct relay {
	ug_conn from, to;
};

static int pass_on(void *arg)
{
	struct relay *r = arg;
	int64_t n;
	CHECK_IS(ug_copy(ug_conn_writer(r->to), ug_conn_reader(r->from), &n), 0);
	CHECK_IS(n, SIZE);
	ug_conn_close(r->from);
	return ug_conn_close(r->to);
}

/* file -> connection -> connection -> file */
static void chain(void (*first)(ug_conn *, ug_conn *), void (*second)(ug_conn *, ug_conn *))
{
	ug_conn a, b, c, d;
	first(&a, &b);
	second(&c, &d);
	struct relay r = {b, c};
	ug_task *sender = start(send_file, &a), *relay = start(pass_on, &r);
	ug_file *f;
	int64_t n;
	char path[256], *got;
	snprintf(path, sizeof path, "%s/target", folder);
	CHECK_IS(ug_file_create(path, &f), 0);
	CHECK_IS(ug_copy(ug_file_writer(f), ug_conn_reader(d), &n), 0);
	CHECK_IS(n, SIZE);
	ug_file_close(f);
	ug_conn_close(d);
	CHECK_IS(finish(sender), 0);
	CHECK_IS(finish(relay), 0);
	size_t size;
	CHECK_IS(ug_read_file(path, 0, &got, &size), 0);
	CHECK_IS(size, SIZE);
	CHECK(memcmp(got, data, SIZE) == 0);
	free(got);
}

TEST(through_sockets)
{
	chain(tcp_pair, tcp_pair);
	return 0;
}

TEST(through_memory)
{
	chain(mem_pair, mem_pair);
	chain(tcp_pair, mem_pair);
	chain(mem_pair, tcp_pair);
	return 0;
}

TEST(section)
{
	ug_conn a, b;
	ug_file *f;
	int64_t n;
	unsigned char got[300];
	tcp_pair(&a, &b);
	CHECK_IS(ug_file_open(in_folder("source"), O_RDONLY, 0, &f), 0);
	struct ug_section s;
	CHECK_IS(ug_copy(ug_conn_writer(a), ug_section_reader(&s, ug_file_reader_at(f), 12345, 300), &n), 0);
	CHECK_IS(n, 300);
	CHECK_IS(ug_file_seek(f, 0, SEEK_CUR), 0);
	CHECK_IS(ug_read_full(ug_conn_reader(b), got, sizeof got), 300);
	CHECK(memcmp(got, data + 12345, 300) == 0);
	ug_file_close(f);
	ug_conn_close(a);
	ug_conn_close(b);
	return 0;
}

/* A peer that reads nothing holds a copy up until its deadline; what went is told. */
TEST(deadline)
{
	ug_conn a, b;
	ug_file *f;
	int64_t n = 0;
	tcp_pair(&a, &b);
	CHECK_IS(ug_conn_set(b, UG_CONN_READ_BUFFER, 4096), 0);
	CHECK_IS(ug_conn_set(a, UG_CONN_WRITE_BUFFER, 4096), 0);
	CHECK_IS(ug_file_open(in_folder("source"), O_RDONLY, 0, &f), 0);
	for (int64_t time = 20 * UG_MS; n == 0; time *= 2) /* on a slow machine it may come before the copy begins */
		UG_WITH_TIMEOUT(time) {
			CHECK_IS(ug_copy(ug_conn_writer(a), ug_file_reader(f), &n), -ETIMEDOUT);
		}
	CHECK(n > 0 && n < SIZE);
	CHECK_IS(ug_file_seek(f, 0, SEEK_CUR), n);
	ug_file_close(f);
	ug_conn_close(a);
	ug_conn_close(b);
	return 0;
}

/* Descriptors of files and connections are cases of a select. */
TEST(select)
{
	ug_conn a, b;
	tcp_pair(&a, &b);
	struct ug_case c[] = {UG_READABLE(ug_conn_fd(b)), UG_AFTER(UG_MS)};
	CHECK_IS(ug_select(c, 2), 1);
	CHECK_IS(ug_conn_write(a, "x", 1), 1);
	struct ug_case d[] = {UG_READABLE(ug_conn_fd(b)), UG_AFTER(20 * UG_SECOND)};
	CHECK_IS(ug_select(d, 2), 0);
	struct ug_case e[] = {UG_WRITABLE(ug_conn_fd(b)), UG_AFTER(20 * UG_SECOND)};
	CHECK_IS(ug_select(e, 2), 0);
	ug_conn_close(a);
	ug_conn_close(b);
	return 0;
}

int main(void)
{
	if (make_data(NULL) < 0)
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_through_sockets),
		cmocka_unit_test(test_through_memory),
		cmocka_unit_test(test_section),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_select),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	ug_remove_all(folder);
	free(data);
	return failed;
}
