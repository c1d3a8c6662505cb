/* SPDX-License-Identifier: MIT */
/* Plain threads and descriptors where no runtime runs, where one ends meanwhile, and faults that are none of the
 * library's. */
#include "sched_test.h"

#include "stack/announce.h"
#include "unit/poor.h"
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <undergo/sync.h>
#include <unistd.h>

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* What a select says of a descriptor: readable, -ESRCH where nobody can wait for it. */
static void select_both(void)
{
	int p[2];
	ug_fd *f;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(ug_fd_adopt(p[0], UG_FD_NONBLOCK, &f), 0);
	struct ug_case cases[] = {UG_READABLE(f), UG_AFTER(10 * UG_SECOND)};
	assert_int_equal(ug_select(cases, 2), 0);
	assert_int_equal(cases[0].result, -ESRCH);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(ug_select(cases, 2), 0);
	assert_int_equal(cases[0].result, 0);
	ug_fd_close(f);
	close(p[1]);
}

static void select_needs_a_runtime_for_descriptors(void **state)
{
	(void)state;
	select_both();
	assert_int_equal(ug_run(nothing, NULL, NULL), 0);
	select_both();
}

static uint32_t about_to_wait;
static int selected;

static void *select_thread(void *f)
{
	struct ug_case cases[] = {UG_READABLE(f), UG_AFTER(20 * UG_SECOND)};
	set(&about_to_wait);
	int i = ug_select(cases, 2);
	selected = i == 0 ? cases[0].result : 1;
	return NULL;
}

static pthread_t waiter;

static int end_while_it_waits(void *f)
{
	CHECK_IS(pthread_create(&waiter, NULL, select_thread, f), 0);
	UNTIL(is_set(&about_to_wait));
	return ug_sleep(20 * UG_MS); /* most likely it waits by now; if not, the answer is the same */
}

static void a_select_that_waits_is_told_of_the_runtimes_end(void **state)
{
	(void)state;
	int p[2];
	ug_fd *f;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(ug_fd_adopt(p[0], UG_FD_NONBLOCK, &f), 0);
	assert_int_equal(ug_run(end_while_it_waits, f, NULL), 0);
	assert_int_equal(pthread_join(waiter, NULL), 0);
	assert_int_equal(selected, -ESRCH);
	ug_fd_close(f);
	close(p[1]);
}

static int be_killed(void *arg)
{
	(void)arg;
	struct rlimit none = {0};
	setrlimit(RLIMIT_CORE, &none);
	kill(getpid(), SIGSEGV);
	ug_sleep(10 * UG_SECOND);
	return 0;
}

static void a_fault_that_another_process_sends_ends_this_one(void **state)
{
	(void)state;
#if defined(UG__TSAN) || defined(UG__ASAN)
	skip(); /* their handlers get it */
#endif
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL); /* cmocka has one */
		_exit(ug_run(be_killed, NULL, NULL));
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* Where others have all the keys there are, what they keep under them is left alone. */
static int take_all_keys(void)
{
	static pthread_key_t keys[PTHREAD_KEYS_MAX];
	size_t n = 0;
	while (n < PTHREAD_KEYS_MAX && pthread_key_create(&keys[n], NULL) == 0)
		pthread_setspecific(keys[n++], &keys);
	if (ug_sleep(UG_MS) != 0)
		return 1;
	for (size_t i = 0; i < n; i++)
		if (pthread_getspecific(keys[i]) != &keys)
			return 2;
	return 0;
}

static void others_keys_are_theirs(void **state)
{
	(void)state;
	pid_t child = fork(); /* which has called nothing yet */
	assert_true(child >= 0);
	if (child == 0)
		_exit(take_all_keys());
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* A thread that has called nothing yet, where there is no memory for what stands for it. */
static pthread_barrier_t all_there;

static void *poor_thread(void *result)
{
	be_poor(1);
	*(int *)result = ug_sleep(UG_MS);
	pthread_barrier_wait(&all_there); /* none has what another has left */
	return NULL;
}

static void first_calls_need_no_memory(void **state)
{
	(void)state;
	pthread_t threads[4];
	int results[4];
	if (!UG_POOR)
		skip();
	assert_int_equal(pthread_barrier_init(&all_there, NULL, UG_COUNT_OF(threads)), 0);
	for (size_t i = 0; i < UG_COUNT_OF(threads); i++) {
		results[i] = 1;
		assert_int_equal(pthread_create(&threads[i], NULL, poor_thread, &results[i]), 0);
	}
	for (size_t i = 0; i < UG_COUNT_OF(threads); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(results[i], 0);
	}
}

/* A plain thread's calls beside the beginning and the end of runtimes, of which they can know nothing. */
struct caller {
	ug_fd *readable;
	ug_rwmutex lock;
	uint32_t begun, enough;
};

static int nothing_when(void *arg, int result)
{
	(void)arg;
	return result;
}

static int went(int e)
{
	return e == 0 || e == -ESRCH;
}

static void *call_on(void *arg)
{
	static const struct ug_go_opts small = {.stack_size = 16 << 10};
	struct caller *c = arg;
	for (; !is_set(&c->enough); set(&c->begun)) {
		CHECK(went(ug_go(nothing, NULL)));
		CHECK(went(ug_go_with(nothing, NULL, &small)));
		CHECK(went(ug_go_copy(nothing, &small, sizeof small)));
		CHECK(went(ug_go_when_readable(c->readable, UG_FOREVER, nothing_when, NULL, NULL)));
		CHECK(ug_procs() >= 0);
		for (int i = 0; i < 8; i++) { /* often enough to have workers note who reads */
			CHECK_IS(ug_rwmutex_rlock(&c->lock), 0);
			CHECK_IS(ug_rwmutex_runlock(&c->lock), 0);
		}
		CHECK_IS(ug_rwmutex_lock(&c->lock), 0);
		CHECK_IS(ug_rwmutex_unlock(&c->lock), 0);
		CHECK_IS(ug_sleep(UG_US), 0);
	}
	return NULL;
}

static void threads_call_while_runtimes_come_and_go(void **state)
{
	(void)state;
	static struct caller c;
	pthread_t thread;
	int p[2];
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(ug_fd_adopt(p[0], UG_FD_NONBLOCK, &c.readable), 0);
	assert_int_equal(pthread_create(&thread, NULL, call_on, &c), 0);
	while (!is_set(&c.begun))
		sched_yield();
	for (int i = 0; i < 20; i++)
		assert_int_equal(ug_run(nothing, NULL, &(struct ug_opts){.stack_size = i % 2 ? 64 << 10 : 0}), 0);
	set(&c.enough);
	assert_int_equal(pthread_join(thread, NULL), 0);
	ug_fd_close(c.readable);
	close(p[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_keys_are_theirs), /* before anything else calls the library */
		cmocka_unit_test(a_fault_that_another_process_sends_ends_this_one),
		cmocka_unit_test(select_needs_a_runtime_for_descriptors),
		cmocka_unit_test(a_select_that_waits_is_told_of_the_runtimes_end),
		cmocka_unit_test(first_calls_need_no_memory),
		cmocka_unit_test(threads_call_while_runtimes_come_and_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
