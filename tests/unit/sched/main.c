/* SPDX-License-Identifier: MIT */
/* ug_main: exit statuses, and what it does about SIGPIPE. Each case is a process of its own, for the runtime goes on at
 * its end. */
#include "sched_test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int status_of(int (*app)(int argc, char **argv), int arguments)
{
	char *none[] = {NULL};
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(ug_main(arguments, none, app, NULL));
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int answer(int argc, char **argv)
{
	(void)argv;
	return argc;
}

static void statuses(void **state)
{
	(void)state;
	assert_int_equal(status_of(answer, 0), 0);
	assert_int_equal(status_of(answer, 3), 3);
	assert_int_equal(status_of(answer, 300), 255);
	assert_int_equal(status_of(answer, -5), 1);
	assert_int_equal(status_of(NULL, 0), 1);
}

static int is_ignored(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct sigaction now;
	return sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_IGN ? 0 : 1;
}

static void no_death_of_sigpipe(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(status_of(is_ignored, 0), 0);
}

static uint32_t heard;

static void hear(int signo)
{
	(void)signo;
	add_seq(&heard, 1u);
}

static int raise_it(int argc, char **argv)
{
	(void)argc, (void)argv;
	kill(getpid(), SIGPIPE);
	UNTIL(load_seq(&heard) == 1);
	return 0;
}

static void a_handler_of_the_program_stays(void **state)
{
	(void)state;
	signal(SIGPIPE, hear);
	assert_int_equal(status_of(raise_it, 0), 0);
	signal(SIGPIPE, SIG_DFL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses),
		cmocka_unit_test(no_death_of_sigpipe),
		cmocka_unit_test(a_handler_of_the_program_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
