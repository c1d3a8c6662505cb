/* SPDX-License-Identifier: MIT */
/* A task that forks: in the child it is alone, and every call that would need the runtime says so. */
#include "sched_test.h"

#include "stack/announce.h"
#include <sys/wait.h>
#include <unistd.h>

static uint32_t ran;

#ifdef UG__ASAN
/* What the parent had when it forked is no leak of the child's. */
static int forked;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return forked;
}
#define FORKED() (forked = 1)
#else
#define FORKED() ((void)0)
#endif

static int count(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++) {
		add_seq(&ran, 1u);
		ug_yield();
	}
	return 0;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* What went wrong in the child, 0: nothing. */
static int child(void)
{
	uint32_t before = ran;
	ug_task *t;
	if (ug_go(count, NULL) != -ENOTSUP || ug_go_task(count, NULL, NULL, &t) != -ENOTSUP)
		return 1;
	for (int i = 0; i < 10; i++)
		ug_yield();
	if (ran != before)
		return 2;
	if (ug_sleep(UG_MS) != -ENOTSUP || ug_ctx_err(NULL) != -ENOTSUP)
		return 3;
	UG_WITH_TIMEOUT(UG_SECOND)
		if (ug_blocking(nothing, NULL) != -ENOTSUP)
			return 4;
	if (ug_procs() != 0 || ug_run(nothing, NULL, NULL) != -ENOTSUP)
		return 5;
	if (ug_pin() != 0)
		return 6;
	ug_unpin();
	return 0;
}

static int status_of(pid_t pid)
{
	int status;
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void start_others(void)
{
	store_seq(&ran, 0u);
	for (int i = 0; i < 10; i++)
		CHECK_IS(ug_go(count, NULL), 0);
}

IN_TASK(the_child_runs_no_other_task)
{
	start_others();
	pid_t pid = fork();
	if (pid == 0)
		_exit(child());
	CHECK_IS(status_of(pid), 0);
	UNTIL(load_seq(&ran) == 1000);
	return 0;
}

IN_TASK(the_scope_that_was_open_is_closed_in_the_child_too)
{
	pid_t pid = -1;
	UG_WITH_TIMEOUT(UG_MINUTE) {
		pid = fork();
		if (pid == 0 && ug_sleep(UG_MS) != -ENOTSUP)
			_exit(1);
	}
	if (pid == 0)
		_exit(ug_sleep(UG_MS) == -ENOTSUP ? 0 : 2);
	CHECK_IS(status_of(pid), 0);
	return 0;
}

static int fork_and_return(void *arg)
{
	pid_t *pid = arg;
	*pid = fork();
	if (*pid != 0)
		return 0;
	FORKED();
	return 7;
}

/* As a thread would be that was alone. */
IN_TASK(the_end_of_the_task_is_the_end_of_the_child)
{
	start_others();
	pid_t pid;
	ug_task *t = start(fork_and_return, &pid);
	CHECK_IS(ug_task_wait(t, NULL), 0);
	ug_task_unref(t);
	CHECK_IS(status_of(pid), 7);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_child_runs_no_other_task),
		cmocka_unit_test(the_scope_that_was_open_is_closed_in_the_child_too),
		cmocka_unit_test(the_end_of_the_task_is_the_end_of_the_child),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
