/* SPDX-License-Identifier: MIT */
/* Copies that do not come to the end of their source: contexts, full targets, sides that are closed, peers that are
 * gone. */
#include <poll.h>
#include <time.h>

#include "copy_test.h"
#include "io/io.h"

/* A copy that waits ends with its context, and says how much went. */
TASK_TEST(deadlines)
{
	char *data = pattern(100, 8);
	for (enum kind from = PIPE_KIND; from <= TCP_KIND; from++) {
		for (enum kind to = 0; to < KINDS; to++) {
			struct side out;
			int ends[2];
			int64_t went = -1;
			make_pair(from, ends);
			ug_fd *f = adopt(ends[0]);
			CHECK_IS(write(ends[1], data, 100), 100);
			open_target(&out, to);
			UG_WITH_TIMEOUT(5 * UG_MS) {
				CHECK_IS(ug_copy(side_writer(&out), ug_fd_reader(f), &went), -ETIMEDOUT);
				CHECK(went == 100 || went == 0); /* 0: the machine was slow */
			}
			UG_WITH_TIMEOUT(0) {
				int64_t none = -1;
				CHECK_IS(ug_copy(side_writer(&out), ug_fd_reader(f), &none), -ETIMEDOUT);
				CHECK_IS(none, 0);
			}
			ug_fd_close(f);
			close(ends[1]);
			close_target(&out, data, (size_t)went);
		}
	}
	free(data);
	return 0;
}

/* What goes at once, and never more than one call of the kernel's takes. */
TASK_TEST(now)
{
	size_t n = 8 << 20;
	char *data = pattern(n, 8), first;
	for (enum kind from = 0; from < KINDS; from++) {
		for (enum kind to = 0; to < KINDS; to++) {
			struct side in, out;
			open_source(&in, from, data, from == FILE_KIND ? n : 100);
			int moves = from == FILE_KIND && (to == TCP_KIND || to == UNIX_KIND) &&
				tells(ug_fd_number(in.mine));
			open_target(&out, to);
			ug_reader r = side_reader(&in);
			UG_WITH_TIMEOUT(0)
				CHECK_IS(ug__copy_now(side_writer(&out), r, (int64_t)n), moves ? -ETIMEDOUT : 0);
			ssize_t went = ug__copy_now(side_writer(&out), r, 1000), more;
			CHECK_IS(went, moves ? 1000 : 0);
			for (int i = 0; i < 100 && (more = ug__copy_now(side_writer(&out), r, (int64_t)n)) > 0; i++)
				went += more;
			CHECK_IS(more, 0); /* full, at the end, or none of its work */
			CHECK_IS(went > 0, moves);
			if (from == FILE_KIND)
				CHECK_IS(lseek(ug_fd_number(in.mine), 0, SEEK_CUR), went);
			CHECK_IS(in.calls + out.calls, 0);
			close_target(&out, data, (size_t)went);
			while (in.other && ug_fd_read(in.mine, &first, 1) > 0)
				;
			end_helper(&in);
		}
	}
	free(data);
	return 0;
}

/* Into a pipe or socket that nobody empties. */
TASK_TEST(full_targets)
{
	size_t n = 8 << 20;
	char *data = pattern(n, 8);
	for (enum kind from = 0; from < KINDS; from++) {
		for (enum kind to = PIPE_KIND; to <= TCP_KIND; to++) {
			struct side in;
			int ends[2];
			int64_t went = -1;
			open_source(&in, from, data, n);
			make_pair(to, ends);
			ug_fd *f = adopt(ends[1]), *other = adopt(ends[0]);
			UG_WITH_TIMEOUT(50 * UG_MS) {
				CHECK_IS(ug_copy(ug_fd_writer(f), side_reader(&in), &went), -ETIMEDOUT);
			}
			ug_fd_close(f);
			ug_buf got = UG_ZERO;
			CHECK_IS(ug_read_all(ug_fd_reader(other), 0, &got), 0);
			/* By hand a write that fails may have gone in part; by the kernel the count is exact. */
			if (from == MEMORY_KIND)
				CHECK(ug_buf_len(&got) >= (size_t)went);
			else
				CHECK_IS(ug_buf_len(&got), went);
			CHECK(memcmp(ug_buf_bytes(&got), data, ug_buf_len(&got)) == 0);
			ug_buf_done(&got);
			ug_fd_close(other);
			end_helper(&in);
		}
	}
	free(data);
	return 0;
}

static int64_t cpu_time(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * UG_SECOND + t.tv_nsec;
}

/* A copy that waits, for a silent source or a full target, takes no processor's time. */
TASK_TEST(patience)
{
	char *data = pattern(8 << 20, 8);
	for (enum kind from = FILE_KIND; from <= TCP_KIND; from++) {
		for (enum kind to = PIPE_KIND; to <= TCP_KIND; to++) {
			struct side in;
			int source[2] = {-1, -1}, target[2];
			make_pair(to, target);
			ug_fd *f = adopt(target[1]), *g = NULL;
			ug_reader r;
			if (from == FILE_KIND) {
				open_source(&in, FILE_KIND, data, 8 << 20);
				r = side_reader(&in);
			} else {
				make_pair(from, source);
				g = adopt(source[0]);
				r = ug_fd_reader(g);
			}
			UG_WITH_TIMEOUT(20 * UG_MS) { /* fills what there is to fill */
				CHECK_IS(ug_copy(ug_fd_writer(f), r, NULL), -ETIMEDOUT);
			}
			int64_t before = cpu_time();
			UG_WITH_TIMEOUT(60 * UG_MS) {
				CHECK_IS(ug_copy(ug_fd_writer(f), r, NULL), -ETIMEDOUT);
			}
			CHECK(cpu_time() - before < 45 * UG_MS);
			ug_fd_close(f);
			close(target[0]);
			if (from == FILE_KIND)
				end_helper(&in);
			ug_fd_close(g);
			if (source[1] >= 0)
				close(source[1]);
		}
	}
	free(data);
	return 0;
}

struct doomed {
	ug_writer w;
	ug_reader r;
	int result;
};

static int copy_doomed(void *arg)
{
	struct doomed *d = arg;
	d->result = ug_copy(d->w, d->r, NULL);
	return 0;
}

static int ready(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	return check(poll(&p, 1, 0));
}

/* Closing a side ends the copy. */
TASK_TEST(closed_sides)
{
	for (int which = 0; which < 2; which++) {
		int a[2], b[2], result;
		char page[4096] = "";
		make_pair(UNIX_KIND, a);
		make_pair(UNIX_KIND, b);
		ug_fd *from = adopt(a[0]), *to = adopt(b[1]);
		struct doomed d = {ug_fd_writer(to), ug_fd_reader(from), 0};
		ug_task *t;
		ug_fd_ref(from);
		ug_fd_ref(to);
		CHECK_IS(ug_go_task(copy_doomed, &d, NULL, &t), 0);
		/* It waits for its source, which is empty, or for its target, which is full. */
		if (which == 0) {
			ug_yield();
			ug_fd_close(from);
		} else {
			int64_t give_up = ug_now() + 20 * UG_SECOND;
			while (ready(b[1], POLLOUT) || !ready(a[0], POLLIN)) {
				CHECK(ug_now() < give_up);
				send(a[1], page, sizeof page, MSG_DONTWAIT);
				ug_yield();
			}
			ug_fd_close(to);
			/* The target may have had room yet for all that the source held: then it waits for that
			 * again. */
			send(a[1], page, sizeof page, MSG_DONTWAIT);
		}
		CHECK_IS(ug_task_wait(t, &result), 0);
		CHECK(d.result == -ECANCELED || d.result == -EBADF);
		ug_task_unref(t);
		if (which)
			ug_fd_close(from);
		else
			ug_fd_close(to);
		ug_fd_unref(from);
		ug_fd_unref(to);
		close(a[1]);
		close(b[0]);
	}
	return 0;
}

/* A peer that is gone is an error and no signal. */
TASK_TEST(lost_peers)
{
	char *data = pattern(3 << 20, 8);
	for (enum kind from = 0; from < KINDS; from++) {
		for (enum kind to = PIPE_KIND; to <= TCP_KIND; to++) {
			struct side in;
			int ends[2];
			open_source(&in, from, data, 3 << 20);
			make_pair(to, ends);
			ug_fd *f = adopt(ends[1]);
			close(ends[0]);
			int e = ug_copy(ug_fd_writer(f), side_reader(&in), NULL);
			CHECK(e == -EPIPE || e == -ECONNRESET);
			ug_fd_close(f);
			end_helper(&in);
		}
	}
	free(data);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_now),
		cmocka_unit_test(test_full_targets),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_closed_sides),
		cmocka_unit_test(test_lost_peers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
