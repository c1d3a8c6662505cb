/* SPDX-License-Identifier: MIT */
/*
 * What the conformance cases share: one body, several kinds of actors.
 *
 * A case is a `static void name(void)`, run in a fresh runtime. It starts its actors with start() and joins them; what
 * they are depends on the table at the end of the file:
 *
 *	ALL(name)      three tests: all tasks; body and actors plain threads; a task whose every other actor is a thread
 *	TASKS(name)    all tasks only, where the case is about tasks
 *	ALONE(name)    the same on one processor, whatever UG_PROCS says: only there is it known who came first
 *	BARE(name)     plain threads, and no runtime at all
 *
 * Checks count and go on: cmocka's own asserts leave by longjmp, which must not happen on a task's stack. They print
 * at once, so that a case that hangs after a failed check says why.
 *
 * A case holds in every order in which its actors may run. settle() only makes it likely that the others wait already,
 * where that is the interesting order; where an order is needed, UNTIL waits for something that can be seen.
 */
#ifndef CONFORMANCE_ACTOR_H
#define CONFORMANCE_ACTOR_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <undergo/base.h>
#include <undergo/sched.h>
#include <undergo/sync.h>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define CONF_SLOW 4
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define CONF_SLOW 4
#endif
#endif
#ifndef CONF_SLOW
#define CONF_SLOW 1
#endif
#define CONF_SECONDS (25 * CONF_SLOW) /* a case that takes longer hangs */

enum conf_mode { CONF_TASKS, CONF_THREADS, CONF_MIXED, CONF_BARE };

struct conf_case {
	const char *name;
	void (*body)(void);
	enum conf_mode mode;
	int alone; /* on one processor */
};

static struct {
	const struct conf_case *current;
	atomic_int failures, started;
} conf;

/* Checks --------------------------------------------------------------------------------------------------------- */

__attribute__((noinline, format(printf, 3, 4))) static void conf_failed(
	const char *file, int line, const char *format, ...)
{
	if (atomic_fetch_add(&conf.failures, 1) < 10) {
		va_list args;
		va_start(args, format);
		fprintf(stderr, "%s: %s:%d: ", conf.current->name, file, line);
		vfprintf(stderr, format, args);
		fputc('\n', stderr);
		va_end(args);
	}
}

static inline int conf_equal(long long a, long long b, const char *what, const char *wanted, const char *file, int line)
{
	if (a != b)
		conf_failed(file, line, "%s is %lld, not %s (%lld)", what, a, wanted, b);
	return a == b;
}

/* Each answers whether it held. */
#define CHECK(cond) ((cond) ? 1 : (conf_failed(__FILE__, __LINE__, "%s", "not so: " #cond), 0))
#define CHECK_EQ(value, wanted) conf_equal((long long)(value), (long long)(wanted), #value, #wanted, __FILE__, __LINE__)

/* Lets others run until something can be seen; gives up after a while. */
#define UNTIL(cond)                                                                                                    \
	do {                                                                                                           \
		int64_t until_ = ug_now() + 10 * CONF_SLOW * UG_SECOND;                                                \
		while (!(cond)) {                                                                                      \
			if (ug_now() > until_) {                                                                       \
				conf_failed(__FILE__, __LINE__, "%s", "never: " #cond);                                \
				break;                                                                                 \
			}                                                                                              \
			ug_yield();                                                                                    \
		}                                                                                                      \
	} while (0)

static inline void settle(void)
{
	for (int i = 0; i < 20; i++)
		ug_yield();
	UG_SHIELD {
		if (ug_procs() != 1 || conf.current->mode != CONF_TASKS)
			(void)ug_sleep(UG_MS);
	}
}

static inline int thread_id(void)
{
	return (int)syscall(SYS_gettid);
}

/* The thread sleeps in the kernel, and not just for a moment. */
static inline int thread_sleeps(int tid)
{
	for (int i = 0; i < 3; i++) {
		char path[64], text[256], *state;
		snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
		FILE *f = fopen(path, "r");
		size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
		if (f)
			fclose(f);
		text[n] = 0;
		if (!(state = strrchr(text, ')')) || state[1] == 0 || state[2] != 'S')
			return 0;
		usleep(200);
	}
	return 1;
}

/*
 * Where it matters who came first: on one processor all tasks run on one thread, unless that is held up for so long
 * that another is given the processor. Those who matter note where they are; where two were not on the same thread the
 * order is nobody's, and the case is tried again.
 */
struct whereabouts {
	atomic_int tid, moved;
};

static inline void note_thread(struct whereabouts *w)
{
	int seen = 0, me = thread_id();
	if (!atomic_compare_exchange_strong(&w->tid, &seen, me) && seen != me)
		atomic_store(&w->moved, 1);
}

/* Actors --------------------------------------------------------------------------------------------------------- */

struct actor {
	ug_fn *fn;
	void *arg;
	int as_thread, result;
	pthread_t thread;
	ug_task *task;
};

static inline void *conf_thread(void *p)
{
	struct actor *a = p;
	a->result = a->fn(a->arg);
	return NULL;
}

static inline int conf_join_thread(void *p)
{
	struct actor *a = p;
	return -pthread_join(a->thread, NULL);
}

static inline void start_thread(struct actor *a, ug_fn *fn, void *arg)
{
	*a = (struct actor){.fn = fn, .arg = arg, .as_thread = 1};
	CHECK_EQ(pthread_create(&a->thread, NULL, conf_thread, a), 0);
}

static inline void start_task(struct actor *a, ug_fn *fn, void *arg)
{
	*a = (struct actor){.fn = fn, .arg = arg};
	CHECK_EQ(ug_go_task(fn, arg, NULL, &a->task), 0);
}

static inline void start(struct actor *a, ug_fn *fn, void *arg)
{
	int n = atomic_fetch_add(&conf.started, 1);
	switch (conf.current->mode) {
	case CONF_TASKS:
		start_task(a, fn, arg);
		break;
	case CONF_MIXED:
		(n % 2 ? start_task : start_thread)(a, fn, arg);
		break;
	default:
		start_thread(a, fn, arg);
	}
}

/* Waits for the actor's end, whatever became of the caller's context; answers its result. */
static inline int join(struct actor *a)
{
	UG_SHIELD {
		if (a->as_thread) {
			CHECK_EQ(ug_blocking(conf_join_thread, a), 0);
		} else {
			CHECK_EQ(ug_task_wait(a->task, &a->result), 0);
			ug_task_unref(a->task);
		}
	}
	return a->result;
}

/* Channels of ints, which most cases need -------------------------------------------------------------------------- */

typedef UG_CHAN(int) int_chan;

static inline int_chan chan_of(size_t capacity)
{
	int_chan c = UG_NIL;
	CHECK_EQ(ug_chan_new(&c, capacity), 0);
	return c;
}

static inline void chan_end(int_chan *c)
{
	CHECK_EQ(ug_chan_unref(c), 0); /* nobody is left waiting on it */
}

/* CHAN c = chan_of(1); */
#define CHAN UG_CLEAN(chan_end) int_chan

static inline int put(int_chan c, int value)
{
	return ug_send(c, &value);
}

/* The next value of a channel of values from 0 up, or the error. */
static inline int next(int_chan c)
{
	int value = -1;
	int e = ug_recv(c, &value);
	return e < 0 ? e : value;
}

static inline int try_put(int_chan c, int value)
{
	return ug_try_send(c, &value);
}

static inline int try_next(int_chan c)
{
	int value = -1;
	int e = ug_try_recv(c, &value);
	return e < 0 ? e : value;
}

/* An actor that sends or receives once. */
struct op {
	struct actor actor;
	int_chan ch;
	int value, result;
	atomic_int done;
};

static inline int op_send(void *p)
{
	struct op *o = p;
	o->result = ug_send(o->ch, &o->value);
	atomic_store(&o->done, 1);
	return 0;
}

static inline int op_recv(void *p)
{
	struct op *o = p;
	o->result = ug_recv(o->ch, &o->value);
	atomic_store(&o->done, 1);
	return 0;
}

static inline void op_start(struct op *o, ug_fn *fn, int_chan ch, int value)
{
	memset(o, 0, sizeof *o);
	o->ch = ch;
	o->value = value;
	start(&o->actor, fn, o);
}

static inline int op_join(struct op *o)
{
	join(&o->actor);
	return o->result;
}

/* Running a case --------------------------------------------------------------------------------------------------- */

static void conf_hangs(int sig)
{
	(void)sig;
	static const char text[] = ": hangs\n";
	ssize_t n = write(2, conf.current->name, strlen(conf.current->name));
	n = write(2, text, sizeof text - 1);
	(void)n;
	if (ug_procs() > 0)
		ug_dump(2);
	_exit(1);
}

static inline int conf_body(void *arg)
{
	(void)arg;
	conf.current->body();
	return 0;
}

static inline int conf_root(void *arg)
{
	if (conf.current->mode != CONF_THREADS)
		return conf_body(arg);
	struct actor body;
	start_thread(&body, conf_body, arg);
	return join(&body);
}

static void conf_test(void **state)
{
	conf.current = *state;
	atomic_store(&conf.failures, 0);
	atomic_store(&conf.started, 0);
	const char *only = getenv("CONF_ONLY");
	if (only && !strstr(conf.current->name, only))
		skip();
	char procs[16] = "", *set = getenv("UG_PROCS");
	if (conf.current->alone) {
		snprintf(procs, sizeof procs, "%s", set ? set : "");
		setenv("UG_PROCS", "1", 1);
	}
	signal(SIGALRM, conf_hangs);
	alarm(CONF_SECONDS);
	int r = conf.current->mode == CONF_BARE ? conf_body(NULL) : ug_run(conf_root, NULL, NULL);
	alarm(0);
	if (conf.current->alone)
		setenv("UG_PROCS", procs, 1);
	assert_int_equal(r, 0);
	assert_int_equal(atomic_load(&conf.failures), 0);
}

#define CONF_TEST(fn, suffix, ...)                                                                                     \
	{                                                                                                              \
		.name = #fn suffix, .test_func = conf_test,                                                            \
		.initial_state = &(struct conf_case){.name = #fn suffix, .body = fn, .mode = __VA_ARGS__},             \
	}
#define TASKS(body) CONF_TEST(body, "", CONF_TASKS)
#define ALONE(body) CONF_TEST(body, " (one processor)", CONF_TASKS, .alone = 1)
#define BARE(body) CONF_TEST(body, " (no runtime)", CONF_BARE)
#define ALL(body)                                                                                                      \
	CONF_TEST(body, "", CONF_TASKS), CONF_TEST(body, " (threads)", CONF_THREADS),                                  \
		CONF_TEST(body, " (mixed)", CONF_MIXED)

#endif
