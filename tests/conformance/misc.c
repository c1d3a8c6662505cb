/* SPDX-License-Identifier: MIT */
/*
 * Tasks and the runtime: starting, results, handles, arguments, names, locals; sleep, yield, pin, blocking calls; what a
 * program may and may not do with ug_run; descriptors adopted and closed.
 */
#include "actor.h"
#include <fcntl.h>
#include <sys/socket.h>

/* Tasks ---------------------------------------------------------------------------------------------------------- */

struct shared {
	atomic_int ran, go_on, order;
	int_chan ch;
	int tid[64], seen[64];
	uint64_t ids[64];
	void *local;
	const char *name;
};

static int answer(void *p)
{
	(void)p;
	return 41;
}

static int refuse(void *p)
{
	(void)p;
	return -ENOSPC;
}

static void results_of_tasks(void)
{
	ug_task *good = NULL, *bad = NULL;
	int result = 0;
	CHECK_EQ(ug_go_task(answer, NULL, NULL, &good), 0);
	CHECK_EQ(ug_go_task(refuse, NULL, NULL, &bad), 0);
	CHECK_EQ(ug_task_wait(good, &result), 0);
	CHECK_EQ(result, 41);
	CHECK_EQ(ug_task_wait(bad, &result), 0);
	CHECK_EQ(result, -ENOSPC);
	CHECK_EQ(ug_task_wait(bad, NULL), 0); /* as often as one likes */
	ug_task_unref(good);
	ug_task_unref(bad);
	ug_task_unref(NULL);
}

struct handle {
	struct actor actor;
	ug_task *task;
};

static int wait_for_handle(void *p)
{
	struct handle *h = p;
	int result = -1;
	UG_TRY(ug_task_wait(h->task, &result));
	ug_task_unref(h->task);
	return result;
}

static int hold(void *p)
{
	struct shared *s = p;
	return next(s->ch);
}

static void many_wait_for_one_task(void)
{
	CHAN ch = chan_of(0);
	struct shared s = {.ch = ch};
	ug_task *task = NULL;
	struct handle h[5];
	CHECK_EQ(ug_go_task(hold, &s, NULL, &task), 0);
	for (int i = 0; i < 5; i++) {
		h[i].task = ug_task_ref(task);
		start(&h[i].actor, wait_for_handle, &h[i]);
	}
	ug_task_unref(task);
	settle();
	CHECK_EQ(put(ch, 23), 0);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(join(&h[i].actor), 23);
}

static void task_goes_on_without_its_handle(void)
{
	CHAN ch = chan_of(1);
	struct shared s = {.ch = ch};
	ug_task *task = NULL;
	CHECK_EQ(ug_go_task(hold, &s, NULL, &task), 0);
	ug_task_unref(task);
	CHECK_EQ(put(ch, 1), 0);
	UNTIL(ug_len(ch) == 0);
}

struct copied {
	int_chan out;
	int values[20];
};

static int send_sum(void *p)
{
	struct copied *c = p;
	int sum = 0;
	for (size_t i = 0; i < UG_COUNT_OF(c->values); i++)
		sum += c->values[i];
	return put(c->out, sum);
}

static void arguments_are_copied_into_the_task(void)
{
	CHAN ch = chan_of(3);
	struct copied c = {.out = ch};
	_Static_assert(sizeof c <= UG_COPY_MAX, "fits");
	for (int i = 0; i < 20; i++)
		c.values[i] = i;
	CHECK_EQ(ug_go_copy(send_sum, &c, sizeof c), 0);
	memset(c.values, 0, sizeof c.values);
	c.values[0] = 7;
	struct ug_go_opts opts = {.copy_size = sizeof c};
	CHECK_EQ(ug_go_with(send_sum, &c, &opts), 0);
	c.values[0] = 0;
	int a = next(ch), b = next(ch);
	CHECK((a == 190 && b == 7) || (a == 7 && b == 190));
	static const char large[UG_COPY_MAX + 1];
	CHECK_EQ(ug_go_copy(send_sum, large, sizeof large), -EINVAL);
}

static int note_self(void *p)
{
	struct shared *s = p;
	s->name = ug_task_name();
	CHECK(ug_task_local() == NULL);
	ug_task_set_local(s);
	s->ids[0] = ug_task_id();
	ug_yield();
	CHECK(ug_task_local() == s);
	CHECK_EQ(ug_task_id(), s->ids[0]);
	ug_task_set_name("second");
	CHECK(strcmp(ug_task_name(), "second") == 0);
	return 0;
}

static void names_ids_and_locals(void)
{
	struct shared s[4];
	ug_task *task[4];
	memset(s, 0, sizeof s);
	int mine = 0;
	ug_task_set_local(&mine);
	for (int i = 0; i < 4; i++) {
		struct ug_go_opts opts = {.name = i ? "first" : NULL};
		CHECK_EQ(ug_go_task(note_self, &s[i], &opts, &task[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(ug_task_wait(task[i], NULL), 0);
		ug_task_unref(task[i]);
		CHECK(s[i].name && strcmp(s[i].name, i ? "first" : "") == 0);
		CHECK(s[i].ids[0] != 0 && s[i].ids[0] != ug_task_id());
		for (int k = 0; k < i; k++)
			CHECK(s[i].ids[0] != s[k].ids[0]);
	}
	CHECK(ug_task_local() == &mine);
	ug_task_set_local(NULL);
}

static void plain_threads_have_no_id(void)
{
	CHECK_EQ(ug_task_id(), 0);
	CHECK(strcmp(ug_task_name(), "") == 0);
}

static int count_run(void *p)
{
	struct shared *s = p;
	atomic_fetch_add(&s->ran, 1);
	return 0;
}

static void tasks_from_every_kind_of_actor(void)
{
	struct shared s = {.name = NULL};
	for (int i = 0; i < 200; i++)
		CHECK_EQ(ug_go(count_run, &s), 0);
	UNTIL(atomic_load(&s.ran) == 200);
}

static __attribute__((noinline)) int eat_stack(int kib, volatile char *above)
{
	volatile char page[1024];
	page[0] = above ? above[0] : 1;
	page[1023] = (char)kib;
	return kib > 1 ? eat_stack(kib - 1, page) + page[0] : page[0];
}

static int eat_two_thirds(void *p)
{
	return eat_stack(*(int *)p * 2 / 3 / CONF_SLOW, NULL) > 0 ? 0 : -EIO;
}

static void stacks_are_as_large_as_asked_for(void)
{
	static const int kib[] = {16, 64, 256, 1024, 8192};
	for (size_t i = 0; i < UG_COUNT_OF(kib); i++) {
		struct ug_go_opts opts = {.stack_size = (size_t)kib[i] << 10};
		ug_task *task = NULL;
		int result = -1, size = kib[i];
		if (size < 64)
			size = 4; /* the first frames and a signal's need theirs */
		CHECK_EQ(ug_go_task(eat_two_thirds, &size, &opts, &task), 0);
		CHECK_EQ(ug_task_wait(task, &result), 0);
		CHECK_EQ(result, 0);
		ug_task_unref(task);
	}
	struct ug_go_opts opts = {.stack_size = (size_t)65 << 20};
	CHECK_EQ(ug_go_with(answer, NULL, &opts), -EINVAL);
}

/* Sleep and yield ------------------------------------------------------------------------------------------------ */

static void sleep_takes_its_time(void)
{
	static const int64_t d[] = {1, UG_US, 300 * UG_US, UG_MS, 5 * UG_MS};
	for (size_t i = 0; i < UG_COUNT_OF(d); i++) {
		int64_t begin = ug_now();
		CHECK_EQ(ug_sleep(d[i]), 0);
		CHECK(ug_now() - begin >= d[i]);
		int64_t until = ug_now() + d[i];
		CHECK_EQ(ug_sleep_until(until), 0);
		CHECK(ug_now() >= until);
	}
	CHECK_EQ(ug_sleep(0), 0);
	CHECK_EQ(ug_sleep(-UG_HOUR), 0);
	CHECK_EQ(ug_sleep_until(0), 0);
}

struct sleeper {
	struct actor actor;
	struct shared *s;
	int64_t until, woke;
	int place;
};

static int sleep_till(void *p)
{
	struct sleeper *me = p;
	int e = ug_sleep_until(me->until);
	me->woke = ug_now();
	me->place = atomic_fetch_add(&me->s->order, 1);
	return e;
}

static void sleepers_wake_in_the_order_of_their_times(void)
{
	enum { N = 16 };
	struct shared s = {.name = NULL};
	struct sleeper me[N];
	int64_t base = ug_now() + 20 * UG_MS;
	for (int i = 0; i < N; i++) {
		me[i] = (struct sleeper){.s = &s, .until = base + (i * 7 % N) * UG_MS};
		start(&me[i].actor, sleep_till, &me[i]);
	}
	for (int i = 0; i < N; i++)
		CHECK_EQ(join(&me[i].actor), 0);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++) {
			CHECK(me[i].woke >= me[i].until);
			/* on one processor the order is known, where the times are no tie */
			if (ug_procs() == 1 && conf.current->mode == CONF_TASKS && me[i].until < me[k].until)
				CHECK(me[i].place < me[k].place);
		}
}

static int spin_until_told(void *p)
{
	struct shared *s = p;
	atomic_fetch_add(&s->ran, 1);
	while (!atomic_load(&s->go_on))
		ug_yield();
	return 0;
}

static void yield_lets_others_run(void)
{
	struct shared s = {.name = NULL};
	struct actor a;
	start(&a, spin_until_told, &s);
	UNTIL(atomic_load(&s.ran)); /* two that yield to each other both get on */
	for (int i = 0; i < 100; i++)
		ug_yield();
	atomic_store(&s.go_on, 1);
	CHECK_EQ(join(&a), 0);
}

struct turn {
	struct actor actor;
	struct shared *s;
	int me;
};

static int take_turns(void *p)
{
	struct turn *t = p;
	for (int i = 0; i < 10; i++) {
		int n = atomic_fetch_add(&t->s->order, 1);
		t->s->seen[n] = t->me;
		ug_yield();
	}
	return 0;
}

static void yield_goes_round_on_one_processor(void)
{
	if (ug_procs() != 1)
		return;
	struct shared s = {.name = NULL};
	struct turn t[4];
	for (int i = 0; i < 4; i++) {
		t[i] = (struct turn){.s = &s, .me = i};
		start(&t[i].actor, take_turns, &t[i]);
	}
	for (int i = 0; i < 4; i++)
		join(&t[i].actor);
	for (int round = 0; round < 10; round++) {
		int seen = 0;
		for (int i = 0; i < 4; i++)
			seen |= 1 << s.seen[4 * round + i];
		CHECK_EQ(seen, 15); /* in each round everybody once */
	}
}

/* The loop below makes no call that could let others run. */
static int spin_without_calls(void *p)
{
	struct shared *s = p;
	atomic_store(&s->ran, 1);
	int64_t end = ug_now() + 10 * CONF_SLOW * UG_SECOND;
	while (!atomic_load(&s->go_on))
		if (ug_now() > end)
			return -EDEADLK;
	return 0;
}

static void busy_task_keeps_nobody_out(void)
{
	struct shared s = {.name = NULL};
	struct actor a;
	start(&a, spin_without_calls, &s);
	UNTIL(atomic_load(&s.ran));
	CHECK_EQ(ug_sleep(UG_MS), 0);
	atomic_store(&s.go_on, 1);
	CHECK_EQ(join(&a), 0);
}

/* Pin and blocking ----------------------------------------------------------------------------------------------- */

static int stay(void *p)
{
	struct shared *s = p;
	CHECK_EQ(ug_pin(), 0);
	CHECK_EQ(ug_pin(), 0);
	int tid = thread_id();
	for (int i = 0; i < 30; i++) {
		if (i % 10 == 9)
			CHECK_EQ(ug_sleep(200 * UG_US), 0);
		else if (i % 3 == 0)
			CHECK_EQ(put(s->ch, i), 0);
		else
			ug_yield();
		CHECK_EQ(thread_id(), tid);
	}
	ug_unpin();
	ug_yield();
	CHECK_EQ(thread_id(), tid); /* pins nest */
	ug_unpin();
	return 0;
}

static int drain(void *p)
{
	struct shared *s = p;
	int e;
	while ((e = next(s->ch)) >= 0)
		;
	return e == -EPIPE ? 0 : e;
}

static void pinned_tasks_stay_on_their_thread(void)
{
	CHAN ch = chan_of(0);
	struct shared s = {.ch = ch};
	struct actor a[6], sink[2];
	for (int i = 0; i < 2; i++)
		start(&sink[i], drain, &s);
	for (int i = 0; i < 6; i++)
		start(&a[i], stay, &s);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(join(&a[i]), 0);
	CHECK_EQ(ug_close(ch), 0);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(join(&sink[i]), 0);
}

static int pin_and_note(void *p)
{
	struct shared *s = p;
	int n = atomic_fetch_add(&s->order, 1);
	CHECK_EQ(ug_pin(), 0);
	s->tid[n] = thread_id();
	UNTIL(atomic_load(&s->order) == 4);
	ug_yield();
	CHECK_EQ(thread_id(), s->tid[n]);
	atomic_fetch_add(&s->ran, 1);
	UNTIL(atomic_load(&s->ran) == 4); /* all are pinned at once: on four threads */
	ug_unpin();
	return 0;
}

static void pinned_tasks_have_threads_of_their_own(void)
{
	struct shared s = {.name = NULL};
	struct actor a[4];
	for (int i = 0; i < 4; i++)
		start(&a[i], pin_and_note, &s);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(join(&a[i]), 0);
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < i; k++)
			CHECK(s.tid[i] != s.tid[k]);
}

static int block_on_flag(void *p)
{
	struct shared *s = p;
	s->tid[0] = thread_id();
	atomic_store(&s->ran, 1);
	for (int i = 0; i < 100000 && !atomic_load(&s->go_on); i++)
		usleep(100);
	return atomic_load(&s->go_on) ? 9 : -EIO;
}

static int call_blocking(void *p)
{
	return ug_blocking(block_on_flag, p);
}

static void blocking_calls_block_nobody(void)
{
	struct shared s = {.name = NULL};
	struct actor a;
	start(&a, call_blocking, &s);
	UNTIL(atomic_load(&s.ran));
	CHECK(s.tid[0] != thread_id());
	atomic_store(&s.go_on, 1);
	CHECK_EQ(join(&a), 9);
}

static void many_blocking_calls_at_once(void)
{
	enum { N = 8 };
	struct shared s[N];
	struct actor a[N];
	memset(s, 0, sizeof s);
	for (int i = 0; i < N; i++)
		start(&a[i], call_blocking, &s[i]);
	for (int i = 0; i < N; i++)
		UNTIL(atomic_load(&s[i].ran)); /* all of them run at the same time */
	for (int i = 0; i < N; i++)
		atomic_store(&s[i].go_on, 1);
	for (int i = 0; i < N; i++)
		CHECK_EQ(join(&a[i]), 9);
}

struct cut {
	struct shared s;
	ug_ctx *_Atomic scope;
	int err;
};

static int blocking_in_scope(void *p)
{
	struct cut *c = p;
	ug_ctx scope;
	ug_ctx_push(&scope);
	atomic_store(&c->scope, &scope);
	int e = ug_blocking(block_on_flag, &c->s);
	c->err = ug_ctx_err(NULL);
	ug_ctx_pop(&scope);
	return e;
}

static void running_blocking_call_is_not_cut_short(void)
{
	struct cut c;
	struct actor a;
	memset(&c, 0, sizeof c);
	start(&a, blocking_in_scope, &c);
	UNTIL(atomic_load(&c.s.ran));
	CHECK_EQ(ug_ctx_cancel(atomic_load(&c.scope), 0), 1);
	settle();
	atomic_store(&c.s.go_on, 1);
	CHECK_EQ(join(&a), 9);
	CHECK_EQ(c.err, -ECANCELED);
}

/* The runtime ---------------------------------------------------------------------------------------------------- */

static void processors_are_as_many_as_asked_for(void)
{
	const char *procs = getenv("UG_PROCS");
	CHECK(ug_procs() >= 1);
	if (procs && atoi(procs) > 0)
		CHECK_EQ(ug_procs(), atoi(procs));
}

static void a_task_cannot_start_a_runtime(void)
{
	CHECK_EQ(ug_run(answer, NULL, NULL), -EDEADLK);
}

static int run_another(void *p)
{
	(void)p;
	return ug_run(answer, NULL, NULL);
}

static void one_runtime_at_a_time(void)
{
	struct actor a;
	start_thread(&a, run_another, NULL);
	CHECK_EQ(join(&a), -EBUSY);
}

static void no_runtime_no_tasks(void)
{
	struct shared s = {.name = NULL};
	ug_task *task = NULL;
	CHECK_EQ(ug_procs(), 0);
	CHECK_EQ(ug_go(count_run, &s), -ESRCH);
	CHECK_EQ(ug_go_task(count_run, &s, NULL, &task), -ESRCH);
	CHECK(task == NULL);
	CHECK_EQ(ug_sleep(UG_MS), 0);
	ug_yield();
	CHECK_EQ(ug_blocking(answer, NULL), 41);
}

static void runtimes_one_after_the_other(void)
{
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(ug_run(answer, NULL, NULL), 41);
		CHECK_EQ(ug_run(refuse, NULL, NULL), -ENOSPC);
	}
	struct ug_opts opts = {.procs = -1};
	CHECK_EQ(ug_run(answer, NULL, &opts), -EINVAL);
	opts = (struct ug_opts){.poller = "no such poller"};
	if (!getenv("UG_POLLER"))
		CHECK_EQ(ug_run(answer, NULL, &opts), -EINVAL);
	CHECK_EQ(ug_procs(), 0);
}

static int wait_for_ever(void *p)
{
	struct shared *s = p;
	atomic_fetch_add(&s->ran, 1);
	(void)next(s->ch);
	atomic_fetch_add(&s->go_on, 1);
	return 0;
}

static int leave_tasks_behind(void *p)
{
	struct shared *s = p;
	for (int i = 0; i < 20; i++)
		CHECK_EQ(ug_go(i % 2 ? wait_for_ever : spin_until_told, s), 0);
	UNTIL(atomic_load(&s->ran) == 20);
	return 5;
}

/* The others end where they stand, as Go's do when main returns. */
static void end_of_the_first_task_ends_the_program(void)
{
	struct shared s = {.ch = UG_NIL};
	CHECK_EQ(ug_run(leave_tasks_behind, &s, NULL), 5);
	CHECK_EQ(atomic_load(&s.go_on), 0);
	CHECK_EQ(ug_run(answer, NULL, NULL), 41);
}

/* Descriptors ---------------------------------------------------------------------------------------------------- */

struct pair {
	ug_fd *a, *b;
};

static struct pair pair_of_sockets(void)
{
	int fd[2] = {-1, -1};
	struct pair p = {NULL, NULL};
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	CHECK_EQ(ug_fd_adopt(fd[0], UG_FD_NONBLOCK, &p.a), 0);
	CHECK_EQ(ug_fd_adopt(fd[1], UG_FD_NONBLOCK, &p.b), 0);
	return p;
}

static int echo(void *p)
{
	struct pair *s = p;
	char buf[4096];
	ssize_t n;
	while ((n = ug_fd_read(s->b, buf, sizeof buf)) > 0)
		for (ssize_t done = 0; done < n;) {
			ssize_t e = ug_fd_write(s->b, buf + done, (size_t)(n - done));
			if (e < 0)
				return (int)e;
			done += e;
		}
	return (int)n;
}

static void echo_over_a_socket(void)
{
	struct pair s = pair_of_sockets();
	struct actor a;
	start(&a, echo, &s);
	for (int i = 0; i < 100; i++) {
		char out[100], in[100] = {0};
		memset(out, i, sizeof out);
		CHECK_EQ(ug_fd_write(s.a, out, sizeof out), sizeof out);
		size_t got = 0;
		while (got < sizeof in) {
			ssize_t n = ug_fd_read(s.a, in + got, sizeof in - got);
			if (!CHECK(n > 0))
				break;
			got += (size_t)n;
		}
		CHECK(memcmp(in, out, sizeof in) == 0);
	}
	CHECK_EQ(ug_fd_close(s.a), 0);
	CHECK_EQ(join(&a), 0);
	CHECK_EQ(ug_fd_close(s.b), 0);
}

struct reader {
	struct actor actor;
	ug_fd *fd;
};

static int read_it(void *p)
{
	struct reader *r = p;
	char byte;
	int e = (int)ug_fd_read(r->fd, &byte, 1);
	ug_fd_unref(r->fd);
	return e;
}

static void closing_wakes_who_waits(void)
{
	for (int round = 0; round < 10; round++) {
		struct pair s = pair_of_sockets();
		struct reader r[2];
		for (int i = 0; i < 2; i++) {
			r[i].fd = ug_fd_ref(s.a);
			start(&r[i].actor, read_it, &r[i]);
		}
		if (round)
			settle();
		CHECK_EQ(ug_fd_close(s.a), 0);
		for (int i = 0; i < 2; i++) {
			int e = join(&r[i].actor);
			CHECK(e == -ECANCELED || e == -EBADF);
		}
		CHECK_EQ(ug_fd_close(s.b), 0);
	}
	CHECK_EQ(ug_fd_close(NULL), 0);
	ug_fd_unref(NULL);
}

static void closed_descriptors_answer_so(void)
{
	struct pair s = pair_of_sockets();
	ug_fd *again = ug_fd_ref(s.a);
	char byte;
	CHECK(ug_fd_number(again) >= 0);
	CHECK_EQ(ug_fd_close(s.a), 0);
	CHECK_EQ(ug_fd_number(again), -EBADF);
	CHECK_EQ(ug_fd_read(again, &byte, 1), -EBADF);
	CHECK_EQ(ug_fd_write(again, &byte, 1), -EBADF);
	CHECK_EQ(ug_fd_wait_readable(again), -EBADF);
	ug_fd_unref(again);
	CHECK_EQ(ug_fd_close(s.b), 0);
	ug_fd *none = NULL;
	CHECK_EQ(ug_fd_adopt(-1, 0, &none), -EBADF);
	CHECK_EQ(ug_fd_adopt(1 << 20, 0, &none), -EBADF);
	CHECK(none == NULL);
}

static void borrowed_descriptors_stay_open(void)
{
	int fd[2] = {-1, -1};
	ug_fd *f = NULL;
	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(ug_fd_adopt(fd[1], UG_FD_BORROW | UG_FD_NONBLOCK, &f), 0);
	CHECK_EQ(ug_fd_write(f, "x", 1), 1);
	CHECK_EQ(ug_fd_close(f), 0);
	CHECK(fcntl(fd[1], F_GETFD) >= 0);
	CHECK_EQ(ug_fd_adopt(fd[1], 0, &f), 0);
	ug_fd_unref(f); /* the last reference closes */
	CHECK_EQ(fcntl(fd[1], F_GETFD), -1);
	CHECK_EQ(close(fd[0]), 0);
}

/* A write that has begun answers what went, not the deadline's error. */
static void partial_io_answers_its_count(void)
{
	struct pair s = pair_of_sockets();
	static const char zeros[1 << 22];
	UG_WITH_TIMEOUT(3 * UG_MS) {
		ssize_t n = ug_fd_write(s.a, zeros, sizeof zeros);
		CHECK(n > 0 && n < (ssize_t)sizeof zeros);
		while (n > 0)
			n = ug_fd_write(s.a, zeros, sizeof zeros);
		CHECK_EQ(n, -ETIMEDOUT);
	}
	CHECK_EQ(ug_fd_close(s.a), 0);
	CHECK_EQ(ug_fd_close(s.b), 0);
}

static const struct CMUnitTest tests[] = {
	ALL(results_of_tasks),
	ALL(many_wait_for_one_task),
	ALL(task_goes_on_without_its_handle),
	ALL(arguments_are_copied_into_the_task),
	ALL(names_ids_and_locals),
	CONF_TEST(plain_threads_have_no_id, "", CONF_THREADS),
	ALL(tasks_from_every_kind_of_actor),
	ALL(stacks_are_as_large_as_asked_for),
	ALL(sleep_takes_its_time),
	ALL(sleepers_wake_in_the_order_of_their_times),
	ALL(yield_lets_others_run),
	TASKS(yield_goes_round_on_one_processor),
	ALL(busy_task_keeps_nobody_out),
	ALL(pinned_tasks_stay_on_their_thread),
	ALL(pinned_tasks_have_threads_of_their_own),
	ALL(blocking_calls_block_nobody),
	ALL(many_blocking_calls_at_once),
	ALL(running_blocking_call_is_not_cut_short),
	ALL(processors_are_as_many_as_asked_for),
	TASKS(a_task_cannot_start_a_runtime),
	ALL(one_runtime_at_a_time),
	BARE(no_runtime_no_tasks),
	BARE(runtimes_one_after_the_other),
	BARE(end_of_the_first_task_ends_the_program),
	ALL(echo_over_a_socket),
	ALL(closing_wakes_who_waits),
	ALL(closed_descriptors_answer_so),
	ALL(borrowed_descriptors_stay_open),
	ALL(partial_io_answers_its_count),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
