/* SPDX-License-Identifier: MIT */
/*
 * Signals as values of channels. The main thread blocks them all, as a signal that the process gets would else go to
 * it, and ThreadSanitizer keeps signals of a thread that waits in a bare system call.
 */
#include "unit/task_test.h"

#include <signal.h>
#include <sys/wait.h>
#include <undergo/os.h>
#include <unistd.h>

typedef UG_CHAN(int) signal_chan;

static signal_chan channel(size_t capacity)
{
	signal_chan c;
	CHECK_IS(ug_chan_new(&c, capacity), 0);
	return c;
}

static int next(signal_chan c)
{
	int signo = 0;
	UG_WITH_TIMEOUT(20 * UG_SECOND) {
		CHECK_IS(ug_recv(c, &signo), 0);
	}
	return signo;
}

static void raise_here(int signo)
{
	CHECK_IS(kill(getpid(), signo), 0);
}

/* A signal sent after another has come through the same channel proves that none is on its way. */
static void nothing_in(signal_chan c)
{
	signal_chan probe = channel(1);
	CHECK_IS(ug_signal_notify(probe, SIGWINCH), 0);
	raise_here(SIGWINCH);
	CHECK_IS(next(probe), SIGWINCH);
	CHECK_IS(ug_signal_stop(probe), 0);
	CHECK_IS(ug_chan_unref(&probe), 0);
	CHECK_IS(ug_len(c), 0);
}

static void *action_of(int signo)
{
	struct sigaction a;
	CHECK_IS(sigaction(signo, NULL, &a), 0);
	return (void *)a.sa_handler;
}

TEST_ANYWHERE(notify)
{
	signal_chan c = channel(4);
	CHECK_IS(ug_signal_notify(c, SIGUSR1), 0);
	CHECK_IS(ug_signal_notify(c, SIGUSR1), 0);
	CHECK_IS(ug_signal_notify(c, SIGUSR2), 0);
	CHECK_IS(ug_signal_notify(c, SIGRTMIN + 3), 0);
	raise_here(SIGUSR1);
	CHECK_IS(next(c), SIGUSR1);
	raise_here(SIGUSR2);
	CHECK_IS(next(c), SIGUSR2);
	raise_here(SIGRTMIN + 3);
	CHECK_IS(next(c), SIGRTMIN + 3);
	nothing_in(c);
	CHECK_IS(ug_signal_stop(c), 0);
	CHECK(action_of(SIGUSR1) == (void *)SIG_DFL);
	CHECK(action_of(SIGUSR2) == (void *)SIG_DFL);
	CHECK_IS(ug_signal_stop(c), 0);
	CHECK_IS(ug_chan_unref(&c), 0);
	return 0;
}

TEST_ANYWHERE(several_channels)
{
	signal_chan a = channel(1), b = channel(1);
	CHECK_IS(ug_signal_notify(a, SIGUSR1), 0);
	CHECK_IS(ug_signal_notify(b, SIGUSR1), 0);
	CHECK_IS(ug_signal_notify(b, SIGUSR2), 0);
	raise_here(SIGUSR1);
	CHECK_IS(next(a), SIGUSR1);
	CHECK_IS(next(b), SIGUSR1);
	CHECK_IS(ug_signal_stop(a), 0);
	CHECK(action_of(SIGUSR1) != (void *)SIG_DFL);
	raise_here(SIGUSR1);
	CHECK_IS(next(b), SIGUSR1);
	nothing_in(a);
	CHECK_IS(ug_signal_stop(b), 0);
	CHECK_IS(ug_chan_unref(&a), 0);
	CHECK_IS(ug_chan_unref(&b), 0);
	return 0;
}

/* A full channel misses signals, a closed one too; neither stops the others. */
TEST_ANYWHERE(full_and_closed)
{
	signal_chan full = channel(1), closed = channel(1), other = channel(1);
	CHECK_IS(ug_signal_notify(full, SIGUSR1), 0);
	CHECK_IS(ug_signal_notify(closed, SIGUSR1), 0);
	CHECK_IS(ug_signal_notify(other, SIGUSR1), 0);
	CHECK_IS(ug_close(closed), 0);
	for (int i = 0; i < 3; i++) {
		raise_here(SIGUSR1);
		CHECK_IS(next(other), SIGUSR1);
	}
	CHECK_IS(next(full), SIGUSR1);
	CHECK_IS(ug_len(full), 0);
	ug_signal_stop(full);
	ug_signal_stop(closed);
	ug_signal_stop(other);
	ug_chan_unref(&full);
	ug_chan_unref(&closed);
	ug_chan_unref(&other);
	return 0;
}

/* The registry holds the channel; stop drops that hold. */
TEST_ANYWHERE(holds_the_channel)
{
	signal_chan c = channel(1), held = c;
	CHECK_IS(ug_chan_ref(&held), 0);
	CHECK_IS(ug_signal_notify(c, SIGUSR1), 0);
	CHECK_IS(ug_chan_unref(&c), 0);
	raise_here(SIGUSR1);
	CHECK_IS(next(held), SIGUSR1);
	CHECK_IS(ug_signal_reset(SIGUSR1), 0);
	CHECK_IS(ug_chan_unref(&held), 0);
	return 0;
}

static volatile sig_atomic_t own_calls;
static void own_handler(int signo)
{
	(void)signo;
	own_calls++;
}

TEST_ANYWHERE(actions_come_back)
{
	struct sigaction own = {.sa_handler = own_handler}, before;
	CHECK_IS(sigaction(SIGUSR1, &own, &before), 0);
	signal_chan c = channel(1);
	CHECK_IS(ug_signal_notify(c, SIGUSR1), 0);
	raise_here(SIGUSR1);
	CHECK_IS(next(c), SIGUSR1);
	CHECK_IS(own_calls, 0);
	CHECK_IS(ug_signal_ignore(SIGUSR1), 0);
	CHECK(action_of(SIGUSR1) == (void *)SIG_IGN);
	raise_here(SIGUSR1);
	nothing_in(c);
	CHECK_IS(ug_signal_notify(c, SIGUSR1), 0);
	raise_here(SIGUSR1);
	CHECK_IS(next(c), SIGUSR1);
	CHECK_IS(ug_signal_reset(SIGUSR1), 0);
	CHECK(action_of(SIGUSR1) == (void *)own_handler);
	CHECK_IS(ug_signal_ignore(SIGUSR1), 0);
	CHECK_IS(ug_signal_reset(SIGUSR1), 0);
	CHECK_IS(ug_signal_reset(SIGUSR1), 0);
	CHECK(action_of(SIGUSR1) == (void *)own_handler);
	ug_signal_stop(c);
	ug_chan_unref(&c);
	CHECK_IS(sigaction(SIGUSR1, &before, NULL), 0);
	return 0;
}

TEST_ANYWHERE(refused)
{
	static const int never[] = {
		SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, 0, -1, 32, 33, 65, 1000};
	signal_chan c = channel(1), nil = UG_NIL;
	for (size_t i = 0; i < UG_COUNT_OF(never); i++) {
		CHECK_IS(ug_signal_notify(c, never[i]), -EINVAL);
		CHECK_IS(ug_signal_ignore(never[i]), -EINVAL);
		CHECK_IS(ug_signal_reset(never[i]), -EINVAL);
	}
	CHECK_IS(ug_signal_notify(nil, SIGUSR1), -EINVAL);
	CHECK_IS(ug_signal_stop(nil), 0);
	CHECK(action_of(SIGUSR1) == (void *)SIG_DFL);
	ug_chan_unref(&c);
	return 0;
}

TEST_ANYWHERE(names)
{
	CHECK_TEXT(ug_signal_name(SIGTERM), "SIGTERM");
	CHECK_TEXT(ug_signal_name(SIGRTMIN), "SIGRTMIN");
	CHECK_TEXT(ug_signal_name(SIGRTMIN + 2), "SIGRTMIN+2");
	CHECK_TEXT(ug_signal_name(0), "?");
	CHECK_TEXT(ug_signal_name(-3), "?");
	CHECK_TEXT(ug_signal_name(32), "?");
	CHECK_TEXT(ug_signal_name(1000), "?");
	CHECK_IS(ug_signal_number("SIGTERM"), SIGTERM);
	CHECK_IS(ug_signal_number("hup"), SIGHUP);
	CHECK_IS(ug_signal_number("RTMIN+5"), SIGRTMIN + 5);
	CHECK_IS(ug_signal_number(""), -EINVAL);
	CHECK_IS(ug_signal_number("SIG"), -EINVAL);
	CHECK_IS(ug_signal_number("SIGNOSUCH"), -EINVAL);
	for (int signo = 1; signo <= SIGRTMAX; signo++)
		if (signo != 32 && signo != 33)
			CHECK_IS(ug_signal_number(ug_signal_name(signo)), signo);
	return 0;
}

/* Tasks subscribe, are notified and stop at once; each one must see its own signal. */
static int churn(void *arg)
{
	int signo = *(int *)arg;
	for (int i = 0; i < 30; i++) {
		signal_chan c = channel(1);
		CHECK_IS(ug_signal_notify(c, signo), 0);
		raise_here(signo);
		CHECK_IS(next(c), signo);
		CHECK_IS(ug_signal_stop(c), 0);
		CHECK_IS(ug_chan_unref(&c), 0);
	}
	return 0;
}

TEST(churn)
{
	static int signals[4];
	ug_task *t[4];
	for (int i = 0; i < 4; i++) {
		signals[i] = SIGRTMIN + i;
		t[i] = start(churn, &signals[i]);
	}
	for (int i = 0; i < 4; i++)
		CHECK_IS(finish(t[i]), 0);
	return 0;
}

/* A subscription made before a runtime serves in it, and in the next. */
static int wait_in_task(void *chan)
{
	raise_here(SIGUSR2);
	return next(*(signal_chan *)chan);
}

static void test_across_runs(void **state)
{
	(void)state;
	signal_chan c = channel(1);
	CHECK_IS(ug_signal_notify(c, SIGUSR2), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ug_run(wait_in_task, &c, NULL), SIGUSR2);
	raise_here(SIGUSR2);
	CHECK_IS(next(c), SIGUSR2);
	ug_signal_stop(c);
	ug_chan_unref(&c);
}

int main(void)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_several_channels),
		cmocka_unit_test(test_full_and_closed),
		cmocka_unit_test(test_holds_the_channel),
		cmocka_unit_test(test_actions_come_back),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_across_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
