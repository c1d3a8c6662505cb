/* SPDX-License-Identifier: MIT */
/* Starting and ending the runtime, again and again in one process; what is refused; what is left behind. */
#include "sched_test.h"

#include "sched/sched_priv.h"
#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

static int answer(void *arg)
{
	return *(int *)arg;
}

static void the_first_tasks_result_is_answered(void **state)
{
	(void)state;
	static int values[] = {0, 1, 77, 300, -ENOENT, INT32_MAX};
	for (size_t i = 0; i < UG_COUNT_OF(values); i++)
		assert_int_equal(ug_run(answer, &values[i], NULL), values[i]);
}

static int run_inside(void *arg)
{
	CHECK_IS(ug_run(answer, arg, NULL), -EDEADLK);
	return 0;
}

static void *run_beside(void *arg)
{
	*(int *)arg = ug_run(answer, arg, NULL);
	return NULL;
}

static int start_run_beside(void *unused)
{
	(void)unused;
	pthread_t t;
	int result = 5;
	CHECK_IS(pthread_create(&t, NULL, run_beside, &result), 0);
	CHECK_IS(pthread_join(t, NULL), 0);
	CHECK_IS(result, -EBUSY);
	return 0;
}

static void wrong_calls_are_refused(void **state)
{
	(void)state;
	int value = 3;
	assert_int_equal(ug_run(NULL, NULL, NULL), -EINVAL);
	struct ug_opts o = {.procs = -1};
	assert_int_equal(ug_run(answer, &value, &o), -EINVAL);
	o = (struct ug_opts){.procs = 257};
	assert_int_equal(ug_run(answer, &value, &o), -EINVAL);
	o = (struct ug_opts){.stack_size = ((size_t)64 << 20) + 1};
	assert_int_equal(ug_run(answer, &value, &o), -EINVAL);
	o = (struct ug_opts){.poller = "kqueue"};
	assert_int_equal(ug_run(answer, &value, &o), -EINVAL);
	assert_int_equal(ug_run(run_inside, &value, NULL), 0);
	assert_int_equal(ug_run(start_run_beside, NULL, NULL), 0);
	assert_int_equal(ug_go(answer, &value), -ESRCH);
	assert_int_equal(ug_procs(), 0);
}

static int count_entries(const char *path)
{
	DIR *d = opendir(path);
	CHECK(d);
	int n = 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int some_work(void *arg)
{
	uint32_t *left = arg;
	CHECK_IS(ug_sleep(UG_MS / 10), 0);
	ug_yield();
	add_seq(left, -1u);
	return 0;
}

static int some_blocking(void *arg)
{
	(void)arg;
	return 0;
}

static int busy_app(void *unused)
{
	(void)unused;
	uint32_t left = 50;
	int fds[2];
	ug_fd *r;
	CHECK_IS(pipe(fds), 0);
	CHECK_IS(ug_fd_adopt(fds[0], UG_FD_NONBLOCK, &r), 0);
	for (int i = 0; i < 50; i++)
		CHECK_IS(ug_go(some_work, &left), 0);
	CHECK_IS(ug_blocking(some_blocking, NULL), 0);
	char byte;
	UG_WITH_TIMEOUT(UG_MS / 2)
		CHECK_IS(ug_fd_read(r, &byte, 1), -ETIMEDOUT);
	UNTIL(load_seq(&left) == 0);
	ug_fd_close(r);
	close(fds[1]);
	return 0;
}

static void nothing_is_left_of_a_runtime(void **state)
{
	(void)state;
	assert_int_equal(ug_run(busy_app, NULL, NULL), 0);
	int fds = count_entries("/proc/self/fd");
	for (int i = 0; i < 30; i++)
		assert_int_equal(ug_run(busy_app, NULL, NULL), 0);
	assert_int_equal(count_entries("/proc/self/fd"), fds);
	/* Their last act is not their end for the kernel. */
	int threads = 99;
	for (int i = 0; i < 10000 && (threads = count_entries("/proc/self/task")) > 4; i++)
		usleep(1000);
	assert_true(threads <= 4); /* "." and "..", this one, and a sanitizer's own */
}

static uint32_t stuck_started;

static int waits_for_ever(void *unused)
{
	(void)unused;
	add_seq(&stuck_started, 1u);
	ug_sleep(UG_FOREVER);
	CHECK(!"an abandoned task went on");
	return 0;
}

static int spins(void *unused)
{
	(void)unused;
	add_seq(&stuck_started, 1u);
	while (!load_relaxed(&S->stopping))
		ug_yield();
	return 0;
}

static int leave_some_behind(void *unused)
{
	(void)unused;
	stuck_started = 0;
	for (int i = 0; i < 20; i++)
		CHECK_IS(ug_go(i % 4 ? waits_for_ever : spins, NULL), 0);
	UNTIL(load_seq(&stuck_started) == 20);
	for (int i = 0; i < 1000; i++) /* these never start, or hardly */
		CHECK_IS(ug_go(some_blocking, NULL), 0);
	return 0;
}

static void tasks_that_are_left_never_go_on(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(ug_run(leave_some_behind, NULL, NULL), 0);
}

static int leave_handles_behind(void *unused)
{
	(void)unused;
	ug_task *t;
	stuck_started = 0;
	for (int i = 0; i < 200; i++) {
		if (i == 100)
			UNTIL(load_seq(&stuck_started) == 100); /* the others never start, or hardly */
		CHECK_IS(ug_go_task(waits_for_ever, NULL, NULL, &t), 0);
		ug_task_unref(t);
	}
	return 0;
}

/* Leaks are for a build with sanitizers to see, too. */
static void tasks_that_are_left_keep_no_memory(void **state)
{
	(void)state;
	assert_int_equal(ug_run(leave_handles_behind, NULL, NULL), 0);
	size_t had = mallinfo2().uordblks;
	for (int i = 0; i < 20; i++)
		assert_int_equal(ug_run(leave_handles_behind, NULL, NULL), 0);
	assert_true(mallinfo2().uordblks < had + 64000); /* a third of what the handles take */
}

static uint64_t last_id;

static int id_is_new(void *unused)
{
	(void)unused;
	CHECK(ug_task_id() != 0);
	CHECK(ug_task_id() != last_id);
	last_id = ug_task_id();
	return 0;
}

static void ids_are_not_used_again_in_a_later_runtime(void **state)
{
	(void)state;
	struct ug_opts o = {.procs = 1};
	for (int i = 0; i < 5; i++)
		assert_int_equal(ug_run(id_is_new, NULL, &o), 0);
	assert_int_equal(ug_task_id(), 0);
}

static int procs_are(void *arg)
{
	return ug_procs() == *(int *)arg ? 0 : -1;
}

static void the_environment_wins_over_the_options(void **state)
{
	(void)state;
	char *had = getenv("UG_PROCS");
	struct ug_opts o = {.procs = 3};
	int want = 5;
	setenv("UG_PROCS", "5", 1);
	assert_int_equal(ug_run(procs_are, &want, &o), 0);
	setenv("UG_PROCS", "", 1);
	want = 3;
	assert_int_equal(ug_run(procs_are, &want, &o), 0);
	unsetenv("UG_PROCS");
	assert_int_equal(ug_run(procs_are, &want, &o), 0);
	if (had)
		setenv("UG_PROCS", had, 1);
}

static uint32_t ran;

static int slow_call(void *unused)
{
	(void)unused;
	add_seq(&ran, 1u);
	while (!load_relaxed(&S->stopping))
		usleep(1000);
	usleep(200000);
	return 0;
}

static int calls(void *unused)
{
	(void)unused;
	return ug_blocking(slow_call, NULL);
}

static int leave_calls_queued(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3000; i++)
		CHECK_IS(ug_go(calls, NULL), 0);
	UNTIL(load_seq(&ran) > 0);
	return 0;
}

static void calls_that_no_thread_has_begun_are_dropped_at_the_end(void **state)
{
	(void)state;
	ran = 0;
	assert_int_equal(ug_run(leave_calls_queued, NULL, NULL), 0);
	assert_in_range(
		ran, 1, 2999); /* 512 at a time, each for long: all have begun only where the end stops for a second */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_tasks_result_is_answered),
		cmocka_unit_test(wrong_calls_are_refused),
		cmocka_unit_test(nothing_is_left_of_a_runtime),
		cmocka_unit_test(tasks_that_are_left_never_go_on),
		cmocka_unit_test(tasks_that_are_left_keep_no_memory),
		cmocka_unit_test(ids_are_not_used_again_in_a_later_runtime),
		cmocka_unit_test(the_environment_wins_over_the_options),
		cmocka_unit_test(calls_that_no_thread_has_begun_are_dropped_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
