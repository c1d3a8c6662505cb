/* SPDX-License-Identifier: MIT */
/* Tasks that start when a descriptor is readable: what they are told, by whom, and that it is once. */
#include "sched_test.h"

#include "sched/fd_priv.h"
#include "unit/poor.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <undergo/sync.h>
#include <unistd.h>

#if UG_POOR
static __thread volatile bool no_mappings;
void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	if (no_mappings) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return (void *)syscall(SYS_mmap, at, bytes, protection, flags, fd, offset);
}
#endif

static void pair(ug_fd **a, ug_fd **b)
{
	int fds[2];
	CHECK_IS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	CHECK_IS(ug_fd_adopt(fds[0], UG_FD_NONBLOCK, a), 0);
	CHECK_IS(ug_fd_adopt(fds[1], UG_FD_NONBLOCK, b), 0);
}

static bool waits(const ug_fd *f)
{
	return !ug__waitq_idle(&f->waiters[0]);
}

struct told {
	uint32_t times;
	int result, err;
};

static int tell(void *arg, int result)
{
	struct told *t = arg;
	t->result = result;
	t->err = ug_ctx_err(NULL);
	add_seq(&t->times, 1u);
	return 0;
}

#define NOT_YET(told) CHECK_IS(load_seq(&(told).times), 0)
#define WAS_TOLD(told, code)                                                                                           \
	do {                                                                                                           \
		UNTIL(load_seq(&(told).times));                                                                        \
		CHECK_IS((told).result, code);                                                                         \
		CHECK_IS(load_seq(&(told).times), 1);                                                                  \
	} while (0)

IN_TASK(starts_at_once_where_there_is_something_to_read)
{
	ug_fd *a, *b;
	struct told t = {0};
	pair(&a, &b);
	CHECK_IS(ug_fd_write(b, "x", 1), 1);
	CHECK_IS(ug_go_when_readable(a, UG_FOREVER, tell, &t, NULL), 0);
	WAS_TOLD(t, 0);
	CHECK_IS(ug_fd_read(a, &(char){0}, 1), 1);
	ug_fd_close(a);
	ug_fd_close(b);
	return 0;
}

IN_TASK(starts_when_something_comes_or_the_other_end_goes)
{
	for (int round = 0; round < 200; round++) {
		ug_fd *a, *b;
		struct told t[3] = {0};
		pair(&a, &b);
		for (int i = 0; i < 2; i++) { /* the second time it is watched already, and known to be empty or not */
			CHECK_IS(ug_go_when_readable(a, UG_FOREVER, tell, &t[i], NULL), 0);
			CHECK(waits(a));
			NOT_YET(t[i]);
			CHECK_IS(ug_fd_write(b, "x", 1), 1);
			WAS_TOLD(t[i], 0);
			CHECK_IS(ug_fd_read(a, (char[2]){0}, 2), 1);
			UNTIL(!waits(a));
		}
		CHECK_IS(ug_go_when_readable(a, ug_now() + UG_HOUR, tell, &t[2], NULL), 0);
		ug_fd_close(b);
		WAS_TOLD(t[2], 0);
		CHECK_IS(ug_fd_read(a, &(char){0}, 1), 0);
		ug_fd_close(a);
	}
	return 0;
}

IN_TASK(starts_at_once_for_what_is_always_readable)
{
	struct told t = {0};
	ug_fd *f;
	CHECK_IS(ug_fd_adopt(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), 0, &f), 0);
	CHECK_IS(ug_go_when_readable(f, UG_FOREVER, tell, &t, NULL), 0);
	WAS_TOLD(t, 0);
	ug_fd_close(f);
	return 0;
}

IN_TASK(is_told_that_its_time_is_over)
{
	ug_fd *a, *b;
	struct told t[3] = {0};
	pair(&a, &b);
	CHECK_IS(ug_go_when_readable(a, ug_now() - 1, tell, &t[0], NULL), 0);
	WAS_TOLD(t[0], -ETIMEDOUT);
	int64_t then = ug_now() + 5 * UG_MS;
	CHECK_IS(ug_go_when_readable(a, then, tell, &t[1], NULL), 0);
	WAS_TOLD(t[1], -ETIMEDOUT);
	CHECK(ug_now() >= then);
	CHECK_IS(t[1].err, 0); /* the call's time, not the context's */
	UNTIL(!waits(a));
	/* And one whose time does not come. */
	CHECK_IS(ug_go_when_readable(a, ug_now() + UG_HOUR, tell, &t[2], NULL), 0);
	CHECK_IS(ug_fd_write(b, "x", 1), 1);
	WAS_TOLD(t[2], 0);
	ug_fd_close(a);
	ug_fd_close(b);
	return 0;
}

static int an_hour(void *unused)
{
	(void)unused;
	ug_fd *a, *b;
	struct told t = {0};
	pair(&a, &b);
	int64_t then = ug_now() + UG_HOUR;
	CHECK_IS(ug_go_when_readable(a, then, tell, &t, NULL), 0);
	CHECK_IS(ug_sleep(30 * UG_MINUTE), 0);
	NOT_YET(t);
	CHECK_IS(ug_sleep(31 * UG_MINUTE), 0);
	WAS_TOLD(t, -ETIMEDOUT);
	ug_fd_close(a);
	ug_fd_close(b);
	return 0;
}

static void keeps_virtual_time(void **state)
{
	(void)state;
	assert_int_equal(ug_run(an_hour, NULL, &(struct ug_opts){.virtual_clock = 1}), 0);
}

IN_TASK(is_told_of_a_close)
{
	for (int round = 0; round < 100; round++) {
		ug_fd *a, *b, *again;
		struct told t[2] = {0};
		pair(&a, &b);
		int number = ug_fd_number(a);
		again = ug_fd_ref(a);
		for (int i = 0; i < 2; i++)
			CHECK_IS(ug_go_when_readable(a, round % 2 ? UG_FOREVER : ug_now() + UG_HOUR, tell, &t[i], NULL),
				0);
		CHECK_IS(ug_fd_close(a), 0);
		WAS_TOLD(t[0], -ECANCELED);
		WAS_TOLD(t[1], -ECANCELED);
		UNTIL(fcntl(number, F_GETFD) < 0);
		CHECK_IS(ug_go_when_readable(again, UG_FOREVER, tell, &t[0], NULL), -EBADF);
		ug_fd_unref(again);
		ug_fd_close(b);
	}
	return 0;
}

IN_TASK(the_last_reference_dropped_is_a_close)
{
	ug_fd *a, *b;
	struct told t = {0};
	pair(&a, &b);
	CHECK_IS(ug_go_when_readable(a, UG_FOREVER, tell, &t, NULL), 0);
	ug_fd_unref(a);
	WAS_TOLD(t, -ECANCELED);
	CHECK_IS(ug_fd_read(b, &(char){0}, 1), 0);
	ug_fd_close(b);
	return 0;
}

IN_TASK(a_group_waits_for_it_and_gets_its_result)
{
	ug_fd *a, *b;
	struct told t = {0};
	ug_group g;
	pair(&a, &b);
	UG_GROUP(&g) {
		CHECK_IS(ug_group_go_when_readable(&g, a, ug_now() + UG_MS, tell, &t, NULL), 0);
	}
	CHECK_IS(load_seq(&t.times), 1);
	CHECK_IS(t.result, -ETIMEDOUT);
	CHECK_IS(ug_group_result(&g), 0);
	CHECK_IS(ug_group_go_when_readable(&g, a, UG_FOREVER, tell, &t, NULL), -ECANCELED);
	ug_fd_close(a);
	ug_fd_close(b);
	return 0;
}

static int fail_after(void *arg, int result)
{
	tell(arg, result);
	return result ? result : -EIO;
}

IN_TASK(the_end_of_its_group_s_context_reaches_it)
{
	for (int how = 0; how < 3; how++) {
		ug_fd *a, *b;
		struct told t[2] = {0};
		ug_group g;
		pair(&a, &b);
		UG_WITH_TIMEOUT(how == 2 ? 5 * UG_MS : UG_FOREVER) {
			UG_GROUP(&g) {
				CHECK_IS(ug_group_go_when_readable(&g, a, UG_FOREVER, tell, &t[0], NULL), 0);
				if (how == 0)
					ug_group_cancel(&g, -EIO);
				if (how == 1)
					CHECK_IS(
						ug_group_go_when_readable(&g, a, ug_now(), fail_after, &t[1], NULL), 0);
			}
		}
		CHECK_IS(load_seq(&t[0].times), 1);
		CHECK_IS(t[0].result, how == 2 ? -ETIMEDOUT : -ECANCELED);
		CHECK_IS(t[0].err, t[0].result);
		CHECK_IS(ug_group_result(&g), how == 1 ? -ETIMEDOUT : 0);
		CHECK_IS(ug_fd_close(a), 0);
		ug_fd_close(b);
	}
	ug_group g;
	ug_group_open(&g, NULL);
	ug_group_cancel(&g, 0);
	CHECK_IS(ug_group_go_when_readable(&g, NULL, UG_FOREVER, tell, NULL, NULL), -ECANCELED);
	CHECK_IS(ug_group_close(&g), 0);
	return 0;
}

IN_TASK(takes_room_in_a_group_with_a_limit)
{
	ug_fd *a, *b;
	struct told t = {0};
	ug_group g;
	pair(&a, &b);
	ug_group_open(&g, &(struct ug_group_opts){.limit = 1});
	CHECK_IS(ug_group_go_when_readable(&g, NULL, UG_FOREVER, tell, &t, NULL), -EBADF); /* keeps none */
	CHECK_IS(ug_group_go_when_readable(&g, a, UG_FOREVER, tell, &t, NULL), 0);
	UG_WITH_TIMEOUT(UG_MS) {
		CHECK_IS(ug_group_go_when_readable(&g, a, UG_FOREVER, tell, &t, NULL), -ETIMEDOUT);
	}
	NOT_YET(t);
	CHECK_IS(ug_fd_write(b, "x", 1), 1);
	CHECK_IS(ug_group_close(&g), 0);
	CHECK_IS(t.result, 0);
	ug_fd_close(a);
	ug_fd_close(b);
	return 0;
}

IN_TASK(refuses_what_it_cannot_do)
{
	ug_fd *a, *b;
	struct told t = {0};
	pair(&a, &b);
	CHECK_IS(ug_go_when_readable(NULL, UG_FOREVER, tell, &t, NULL), -EBADF);
	CHECK_IS(ug_go_when_readable(a, UG_FOREVER, NULL, &t, NULL), -EINVAL);
	CHECK_IS(ug_go_when_readable(a, UG_FOREVER, tell, &t, &(struct ug_go_opts){.copy_size = 1}), -EINVAL);
	CHECK_IS(ug_go_when_readable(a, UG_FOREVER, tell, &t, &(struct ug_go_opts){.stack_size = SIZE_MAX}), -EINVAL);
	CHECK(!waits(a));
	CHECK_IS(ug_fd_close(a), 0);
	ug_fd_close(b);
	NOT_YET(t);
	return 0;
}

/* For a record, all that have been mapped being in use. */
#if UG_POOR
IN_TASK(says_at_once_that_there_is_no_memory)
{
	enum { MANY = 10000 };
	static struct told t[MANY];
	ug_fd *a, *b;
	pair(&a, &b);
	int e = 0, n = 0;
	no_mappings = true;
	while (n < MANY - 1 && (e = ug_go_when_readable(a, UG_FOREVER, tell, &t[n], NULL)) == 0)
		n++;
	no_mappings = false;
	CHECK_IS(e, -ENOMEM);
	CHECK_IS(ug_fd_close(a), 0);
	for (int i = 0; i < n; i++)
		WAS_TOLD(t[i], -ECANCELED);
	NOT_YET(t[n]);
	ug_fd_close(b);
	return 0;
}
#endif

static void *from_thread(void *arg)
{
	void **a = arg;
	CHECK_IS(ug_go_when_readable(a[0], ug_now() + 5 * UG_MS, tell, a[1], NULL), 0);
	CHECK_IS(ug_go_when_readable(a[0], UG_FOREVER, tell, a[2], NULL), 0);
	return NULL;
}

IN_TASK(a_plain_thread_may_ask_for_it)
{
	ug_fd *a, *b;
	struct told t[2] = {0};
	pthread_t thread;
	pair(&a, &b);
	void *args[] = {a, &t[0], &t[1]};
	CHECK_IS(pthread_create(&thread, NULL, from_thread, args), 0);
	WAS_TOLD(t[0], -ETIMEDOUT);
	NOT_YET(t[1]);
	CHECK_IS(ug_fd_write(b, "x", 1), 1);
	WAS_TOLD(t[1], 0);
	CHECK_IS(pthread_join(thread, NULL), 0);
	ug_fd_close(a);
	ug_fd_close(b);
	return 0;
}

static void needs_a_runtime(void **state)
{
	(void)state;
	ug_fd *a, *b;
	struct told t = {0};
	pair(&a, &b);
	assert_int_equal(ug_go_when_readable(a, UG_FOREVER, tell, &t, NULL), -ESRCH);
	assert_int_equal(ug_fd_close(a), 0);
	ug_fd_close(b);
}

/* As with tasks that wait, and threads: whoever asks sees it. */
IN_TASK(a_dump_shows_it)
{
	static char dump[8192], want[200];
	ug_fd *a, *b;
	int out[2];
	struct told t = {0};
	pair(&a, &b);
	CHECK_IS(pipe(out), 0);
	CHECK_IS(ug_go_when_readable(a, UG_FOREVER, tell, &t, &(struct ug_go_opts){.name = "idle"}), 0);
	ug_dump(out[1]);
	close(out[1]);
	ssize_t n = read(out[0], dump, sizeof dump - 1);
	CHECK(n > 0);
	close(out[0]);
	snprintf(want, sizeof want, "task idle: not started, waits for readable descriptor %p, ", (void *)a);
	CHECK(strstr(dump, want));
	CHECK(strstr(dump, "1 tasks started, 1 not started"));
	ug_fd_close(a);
	WAS_TOLD(t, -ECANCELED);
	ug_fd_close(b);
	return 0;
}

static ug_fd *left[2];
static struct told left_told[2];

static int leave_it(void *unused)
{
	(void)unused;
	pair(&left[0], &left[1]);
	CHECK_IS(ug_go_when_readable(left[0], ug_now() + UG_HOUR, tell, &left_told[0], NULL), 0);
	CHECK_IS(ug_go_when_readable(left[0], UG_FOREVER, tell, &left_told[1], NULL), 0);
	return 0;
}

static void *leave_on_thread(void *unused)
{
	leave_it(unused);
	return NULL;
}

static int leave_by_thread(void *unused)
{
	pthread_t thread;
	CHECK_IS(pthread_create(&thread, NULL, leave_on_thread, unused), 0);
	CHECK_IS(pthread_join(thread, NULL), 0);
	return 0;
}

/* Like any task that has not ended by then: never called, and the descriptor is its owner's alone. */
static void the_runtime_s_end_is_its_end(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(ug_run(i % 2 ? leave_by_thread : leave_it, NULL, NULL), 0);
		int number = ug_fd_number(left[0]);
		assert_int_equal(ug_fd_write(left[1], "x", 1), 1);
		assert_int_equal(ug_fd_read(left[0], &(char){0}, 1), 1);
		assert_int_equal(ug_fd_close(left[0]), 0);
		assert_true(fcntl(number, F_GETFD) < 0);
		ug_fd_close(left[1]);
		assert_int_equal(left_told[0].times + left_told[1].times, 0);
	}
}

/* All at once, many times over: bytes, time, close, and the end of the group; exactly one of them starts it. */
struct hunt {
	ug_fd *a, *b;
	ug_group *g;
	uint32_t go;
};

static void wait_for_go(struct hunt *h)
{
	while (!is_set(&h->go))
		ug_yield();
	for (uint32_t i = ug__random() % 3; i; i--)
		ug_yield();
}

static int by_writing(void *arg)
{
	struct hunt *h = arg;
	wait_for_go(h);
	ssize_t n = ug_fd_write(h->b, "x", 1);
	CHECK(n == 1 || n == -EPIPE);
	return 0;
}

static int by_closing(void *arg)
{
	struct hunt *h = arg;
	wait_for_go(h);
	ug_fd_close(ug_fd_ref(h->a));
	return 0;
}

static int by_cancelling(void *arg)
{
	struct hunt *h = arg;
	wait_for_go(h);
	ug_group_cancel(h->g, 0);
	return 0;
}

enum { WRITE = 1, CLOSE = 2, CANCEL = 4, TIME = 8, EVERY = 16 };

static int fits(int what, int result)
{
	return (result == 0 && (what & WRITE)) || (result == -ECANCELED && (what & (CLOSE | CANCEL))) ||
		(result == -ETIMEDOUT && (what & TIME));
}

IN_TASK(one_of_many_starts_it)
{
	for (int round = 0; round < 1500; round++) {
		int what = round % (EVERY - 1) + 1;
		struct told t = {0};
		ug_group g, hunters;
		struct hunt h = {.g = &g};
		pair(&h.a, &h.b);
		ug_group_open(&hunters, NULL);
		ug_group_open(&g, NULL);
		int64_t when = what & TIME ? ug_now() + (int64_t)(ug__random() % 100) * UG_US : UG_FOREVER;
		if (what & WRITE)
			CHECK_IS(ug_group_go(&hunters, by_writing, &h), 0);
		if (what & CLOSE)
			CHECK_IS(ug_group_go(&hunters, by_closing, &h), 0);
		if (what & CANCEL)
			CHECK_IS(ug_group_go(&hunters, by_cancelling, &h), 0);
		if (round % 2) /* else they are quicker, or may be */
			CHECK_IS(ug_group_go_when_readable(&g, h.a, when, tell, &t, NULL), 0);
		set(&h.go);
		int e = round % 2 ? 0 : ug_group_go_when_readable(&g, h.a, when, tell, &t, NULL);
		CHECK(e == 0 || (e == -EBADF && (what & CLOSE)) || (e == -ECANCELED && (what & CANCEL)));
		if (e == 0)
			UNTIL(load_seq(&t.times));
		ug_group_cancel(&g, 0); /* hunters may do it yet: it is closed after them */
		struct told after = {0};
		CHECK(ug_group_go_when_readable(&g, h.a, UG_FOREVER, tell, &after, NULL) < 0);
		UNTIL(load_acquire(&hunters.left_) == -(hunters.started_ + hunters.room_));
		CHECK_IS(ug_group_close(&g), 0);
		CHECK_IS(ug_group_close(&hunters), 0);
		CHECK_IS(load_seq(&t.times), e == 0);
		CHECK(e < 0 || fits(what, t.result));
		CHECK_IS(after.times, 0);
		CHECK(ug__waitq_idle(&h.a->waiters[0]));
		ug_fd_close(h.a);
		ug_fd_close(h.b);
	}
	return 0;
}

/* They cost no stacks: hundreds at a time, and the tasks that come of them take turns on a few. */
struct herd {
	struct told told;
	ug_fd *a, *b;
};

IN_TASK(hundreds_at_once)
{
	enum { N = 400 };
	struct rlimit files;
	CHECK_IS(getrlimit(RLIMIT_NOFILE, &files), 0);
	CHECK(files.rlim_cur >= 2 * N + 50);
	struct herd *herd = calloc(N, sizeof *herd);
	ug_group g;
	UG_GROUP(&g) {
		for (int i = 0; i < N; i++) {
			pair(&herd[i].a, &herd[i].b);
			CHECK_IS(
				ug_group_go_when_readable(&g, herd[i].a, ug_now() + UG_HOUR, tell, &herd[i].told, NULL),
				0);
		}
		for (int i = 0; i < N; i++)
			NOT_YET(herd[i].told);
		for (int i = 0; i < N; i++)
			CHECK_IS(ug_fd_write(herd[i].b, "x", 1), 1);
	}
	for (int i = 0; i < N; i++) {
		WAS_TOLD(herd[i].told, 0);
		ug_fd_close(herd[i].a);
		ug_fd_close(herd[i].b);
	}
	free(herd);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(needs_a_runtime),
		cmocka_unit_test(starts_at_once_where_there_is_something_to_read),
		cmocka_unit_test(starts_when_something_comes_or_the_other_end_goes),
		cmocka_unit_test(starts_at_once_for_what_is_always_readable),
		cmocka_unit_test(is_told_that_its_time_is_over),
		cmocka_unit_test(keeps_virtual_time),
		cmocka_unit_test(is_told_of_a_close),
		cmocka_unit_test(the_last_reference_dropped_is_a_close),
		cmocka_unit_test(a_group_waits_for_it_and_gets_its_result),
		cmocka_unit_test(the_end_of_its_group_s_context_reaches_it),
		cmocka_unit_test(takes_room_in_a_group_with_a_limit),
		cmocka_unit_test(refuses_what_it_cannot_do),
#if UG_POOR
		cmocka_unit_test(says_at_once_that_there_is_no_memory),
#endif
		cmocka_unit_test(a_plain_thread_may_ask_for_it),
		cmocka_unit_test(a_dump_shows_it),
		cmocka_unit_test(the_runtime_s_end_is_its_end),
		cmocka_unit_test(one_of_many_starts_it),
		cmocka_unit_test(hundreds_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
