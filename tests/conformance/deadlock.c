/* SPDX-License-Identifier: MIT */
/*
 * Programs that are deadlocked, programs that only look so, and programs whose stack overflows; deadlock.py runs them.
 *
 * usage: deadlock NAME
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <undergo/base.h>
#include <undergo/os.h>
#include <undergo/sched.h>
#include <undergo/sync.h>

typedef UG_CHAN(int) int_chan;

static int_chan never = UG_NIL;
static ug_mutex held = UG_ZERO;

static int start(const char *name, ug_fn *fn, void *arg)
{
	const struct ug_go_opts opts = {.name = name};
	return ug_go_with(fn, arg, &opts);
}

static int receive_for_ever(void *arg)
{
	int v;
	(void)arg;
	return ug_recv(never, &v);
}

/* Deadlocked: each task waits for another or for nothing --------------------------------------------------------- */

static int send_waits(void *arg)
{
	int v = 1;
	int_chan ch = UG_NIL;
	(void)arg;
	UG_TRY(ug_chan_new(&ch, 0));
	return ug_send(ch, &v);
}

static int nil_waits(void *arg)
{
	int v;
	int_chan nil = UG_NIL;
	(void)arg;
	return ug_recv(nil, &v);
}

static int select_waits(void *arg)
{
	int v = 0;
	struct ug_case c[] = {UG_RECV(never, &v), UG_IGNORE};
	(void)arg;
	return ug_select(c, 2);
}

static int mutex_waits(void *arg)
{
	(void)arg;
	UG_TRY(ug_mutex_lock(&held));
	return ug_mutex_lock(&held);
}

static int rwmutex_waits(void *arg)
{
	static ug_rwmutex m;
	(void)arg;
	UG_TRY(ug_rwmutex_rlock(&m));
	return ug_rwmutex_lock(&m);
}

static int cond_waits(void *arg)
{
	static ug_mutex m;
	static ug_cond c;
	(void)arg;
	UG_TRY(ug_mutex_lock(&m));
	return ug_cond_wait(&c, &m);
}

static ug_once once = UG_ZERO;

static int once_again(void *arg)
{
	return ug_once_do(&once, receive_for_ever, arg);
}

static int waitgroup_waits(void *arg)
{
	static ug_waitgroup w;
	(void)arg;
	UG_TRY(ug_waitgroup_add(&w, 1));
	return ug_waitgroup_wait(&w);
}

static int sem_waits(void *arg)
{
	static ug_sem s;
	(void)arg;
	ug_sem_init(&s, 1);
	UG_TRY(ug_sem_acquire(&s, 1));
	return ug_sem_acquire(&s, 1);
}

static int task_waits(void *arg)
{
	ug_task *other = NULL;
	const struct ug_go_opts opts = {.name = "the-awaited"};
	(void)arg;
	UG_TRY(ug_go_task(receive_for_ever, NULL, &opts, &other));
	return ug_task_wait(other, NULL);
}

static int group_waits(void *arg)
{
	const struct ug_go_opts opts = {.name = "the-member"};
	ug_group g;
	(void)arg;
	UG_GROUP(&g)
		UG_TRY(ug_group_go_with(&g, receive_for_ever, NULL, &opts));
	return ug_group_result(&g);
}

static int everything_waits(void)
{
	static const struct {
		const char *name;
		ug_fn *fn;
	} all[] = {
		{"the-sender", send_waits},
		{"the-receiver", receive_for_ever},
		{"the-nil", nil_waits},
		{"the-selector", select_waits},
		{"the-locker", mutex_waits},
		{"the-writer", rwmutex_waits},
		{"the-conditional", cond_waits},
		{"the-once", once_again},
		{"the-once-more", once_again},
		{"the-waitgroup", waitgroup_waits},
		{"the-semaphore", sem_waits},
		{"the-joiner", task_waits},
		{"the-scope", group_waits},
	};
	for (size_t i = 0; i < UG_COUNT_OF(all); i++)
		UG_TRY(start(all[i].name, all[i].fn, NULL));
	return receive_for_ever(NULL);
}

static int one_waits(void)
{
	return receive_for_ever(NULL);
}

static int waits_after_a_sleep(void)
{
	UG_TRY(ug_sleep(100 * UG_MS));
	return receive_for_ever(NULL);
}

static void *sleep_a_little(void *arg)
{
	usleep(300000);
	return arg;
}

static int waits_after_its_thread(void)
{
	pthread_t id;
	if (pthread_create(&id, NULL, sleep_a_little, NULL) || pthread_detach(id))
		return -EAGAIN;
	return receive_for_ever(NULL);
}

static void *sleep_long(void *arg)
{
	usleep(1500000);
	return arg;
}

/* Longer than the runtime looks by itself once nothing happens any more. */
static int waits_after_a_long_thread(void)
{
	pthread_t id;
	if (pthread_create(&id, NULL, sleep_long, NULL) || pthread_detach(id))
		return -EAGAIN;
	return receive_for_ever(NULL);
}

static int waits_after_a_long_computation(void)
{
	for (int64_t end = ug_now() + 1500 * UG_MS; ug_now() < end;)
		;
	return receive_for_ever(NULL);
}

/* It has called pthread_exit: main, below. */
static int waits_without_the_main_thread(void)
{
	return receive_for_ever(NULL);
}

static int brief_block(void *arg)
{
	usleep(300000);
	return arg != NULL;
}

static int waits_after_a_blocking_call(void)
{
	UG_TRY(start("the-receiver", receive_for_ever, NULL));
	UG_TRY(ug_blocking(brief_block, NULL));
	return receive_for_ever(NULL);
}

static int waits_after_the_last_signal(void)
{
	typedef UG_CHAN(int) signal_chan;
	signal_chan ch = UG_NIL;
	UG_TRY(ug_chan_new(&ch, 1));
	UG_TRY(ug_signal_notify(ch, SIGUSR1));
	UG_TRY(ug_sleep(50 * UG_MS));
	UG_TRY(ug_signal_stop(ch));
	return receive_for_ever(NULL);
}

/* Alive: something outside may yet wake a task -------------------------------------------------------------------- */

static int waits_for_a_signal(void)
{
	typedef UG_CHAN(int) signal_chan;
	signal_chan ch = UG_NIL;
	int signo;
	UG_TRY(ug_chan_new(&ch, 1));
	UG_TRY(ug_signal_notify(ch, SIGUSR1));
	return ug_recv(ch, &signo);
}

static int waits_for_a_descriptor(void)
{
	int fd[2];
	char byte;
	ug_fd *f = NULL;
	if (pipe(fd))
		return -EMFILE;
	UG_TRY(ug_fd_adopt(fd[0], UG_FD_NONBLOCK, &f));
	return (int)ug_fd_read(f, &byte, 1);
}

static int selects_on_a_descriptor(void)
{
	int fd[2], v;
	ug_fd *f = NULL;
	if (pipe(fd))
		return -EMFILE;
	UG_TRY(ug_fd_adopt(fd[0], UG_FD_NONBLOCK, &f));
	struct ug_case c[] = {UG_RECV(never, &v), UG_READABLE(f)};
	return ug_select(c, 2);
}

static int block_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg != NULL;
}

static int waits_for_a_blocking_call(void)
{
	return ug_blocking(block_for_ever, NULL);
}

static int waits_for_a_blocked_task(void)
{
	UG_TRY(start("the-blocked", block_for_ever, NULL)); /* announced to nobody */
	return receive_for_ever(NULL);
}

static int spin_for_ever(void *arg)
{
	volatile int forever = 1;
	while (forever)
		;
	return arg != NULL;
}

static int waits_for_a_busy_task(void)
{
	UG_TRY(start("the-busy", spin_for_ever, NULL));
	return receive_for_ever(NULL);
}

static int block_pinned(void *arg)
{
	UG_TRY(ug_pin());
	return block_for_ever(arg);
}

static int waits_for_a_pinned_task(void)
{
	UG_TRY(start("the-pinned", block_pinned, NULL));
	return receive_for_ever(NULL);
}

static int waits_for_a_timer(void)
{
	return ug_sleep(UG_HOUR);
}

static int selects_on_a_timer(void)
{
	int v;
	struct ug_case c[] = {UG_RECV(never, &v), UG_AFTER(UG_HOUR)};
	return ug_select(c, 2);
}

static int waits_for_a_deadline(void)
{
	int e = 0;
	UG_WITH_TIMEOUT(UG_HOUR)
		e = receive_for_ever(NULL);
	return e;
}

static int sleeps_pinned(void)
{
	UG_TRY(ug_pin());
	return ug_sleep(UG_HOUR);
}

static void *stay(void *arg)
{
	block_for_ever(arg);
	return NULL;
}

static int has_a_thread(void)
{
	pthread_t id;
	if (pthread_create(&id, NULL, stay, NULL))
		return -EAGAIN;
	return receive_for_ever(NULL);
}

static void *receive_as_thread(void *arg)
{
	receive_for_ever(arg);
	return NULL;
}

static int has_a_thread_that_waits(void)
{
	pthread_t id;
	if (pthread_create(&id, NULL, receive_as_thread, NULL))
		return -EAGAIN;
	return receive_for_ever(NULL);
}

/* Wakes from far away, so that most of the time nothing at all can run: a false alarm would hit here. */
static void *feed(void *arg)
{
	(void)arg;
	for (int v = 0;; v++) {
		usleep(3000);
		if (ug_send(never, &v) < 0)
			return NULL;
	}
}

static int is_fed_by_a_thread(void)
{
	pthread_t id;
	if (pthread_create(&id, NULL, feed, NULL))
		return -EAGAIN;
	for (int v; ug_recv(never, &v) == 0;)
		;
	return 0;
}

static int nap(void *arg)
{
	(void)arg;
	for (;;) {
		int v = 0;
		UG_TRY(ug_sleep(2 * UG_MS));
		UG_TRY(ug_send(never, &v));
	}
}

static int is_fed_by_naps(void)
{
	UG_TRY(start("the-napper", nap, NULL));
	for (int v; ug_recv(never, &v) == 0;)
		;
	return 0;
}

static int short_block(void *arg)
{
	usleep(2000);
	return arg != NULL;
}

static int is_fed_by_blocking_calls(void)
{
	for (;;)
		UG_TRY(ug_blocking(short_block, NULL));
}

static int runs_without_ug_main(void)
{
	return receive_for_ever(NULL);
}

/* Overflow ------------------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) int deeper(volatile char *above, int n)
{
	volatile char here[512];
	here[0] = above ? above[0] : 1;
	here[511] = (char)n;
	if (n > 0)
		return deeper(here, n + 1) + here[0];
	return here[0];
}

static int overflow(void *arg)
{
	(void)arg;
	return deeper(NULL, 1);
}

static int overflows(void)
{
	UG_TRY(start("the-deep-one", overflow, NULL));
	return receive_for_ever(NULL);
}

static int overflow_slowly(void *arg)
{
	ug_sleep(UG_MS);
	return overflow(arg);
}

static int overflows_a_small_stack(void)
{
	const struct ug_go_opts opts = {.name = "the-shallow-one", .stack_size = 32 << 10};
	UG_TRY(ug_go_with(overflow_slowly, NULL, &opts));
	return receive_for_ever(NULL);
}

static int fault(void *arg)
{
	*(volatile int *)arg = 1;
	return 0;
}

static int faults(void)
{
	UG_TRY(start("the-faulty", fault, NULL));
	return receive_for_ever(NULL);
}

#define PROGRAM(fn)                                                                                                    \
	{                                                                                                              \
		.name = #fn, .run = fn                                                                                 \
	}
static const struct {
	const char *name;
	int (*run)(void);
} programs[] = {
	PROGRAM(everything_waits),
	PROGRAM(one_waits),
	PROGRAM(waits_after_a_sleep),
	PROGRAM(waits_after_its_thread),
	PROGRAM(waits_after_a_long_thread),
	PROGRAM(waits_after_a_long_computation),
	PROGRAM(waits_without_the_main_thread),
	PROGRAM(waits_after_a_blocking_call),
	PROGRAM(waits_after_the_last_signal),
	PROGRAM(waits_for_a_signal),
	PROGRAM(waits_for_a_descriptor),
	PROGRAM(selects_on_a_descriptor),
	PROGRAM(waits_for_a_blocking_call),
	PROGRAM(waits_for_a_blocked_task),
	PROGRAM(waits_for_a_busy_task),
	PROGRAM(waits_for_a_pinned_task),
	PROGRAM(waits_for_a_timer),
	PROGRAM(selects_on_a_timer),
	PROGRAM(waits_for_a_deadline),
	PROGRAM(sleeps_pinned),
	PROGRAM(has_a_thread),
	PROGRAM(has_a_thread_that_waits),
	PROGRAM(is_fed_by_a_thread),
	PROGRAM(is_fed_by_naps),
	PROGRAM(is_fed_by_blocking_calls),
	PROGRAM(runs_without_ug_main),
	PROGRAM(overflows),
	PROGRAM(overflows_a_small_stack),
	PROGRAM(faults),
};

static int (*chosen)(void);

static int run_chosen(void *arg)
{
	(void)arg;
	ug_task_set_name("the-first");
	UG_TRY(ug_chan_new(&never, 0));
	return chosen();
}

static int app(int argc, char **argv)
{
	(void)argc, (void)argv;
	return run_chosen(NULL);
}

static void *main_elsewhere(void *unused)
{
	(void)unused;
	_exit(ug_main(0, NULL, app, NULL));
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < UG_COUNT_OF(programs); i++)
		if (argc > 1 && strcmp(argv[1], programs[i].name) == 0)
			chosen = programs[i].run;
	if (!chosen)
		return 64;
	if (chosen == waits_without_the_main_thread) {
		pthread_t id;
		if (pthread_create(&id, NULL, main_elsewhere, NULL))
			return 1;
		pthread_exit(NULL);
	}
	if (chosen == runs_without_ug_main)
		return ug_run(run_chosen, NULL, NULL) < 0;
	return ug_main(argc, argv, app, NULL);
}
