/* SPDX-License-Identifier: MIT */
/*
 * Tasks and the runtime: starting, results, handles, arguments, names, locals; sleep and yield; what a
 * program may and may not do with ug_run.
 */
#include "actor.h"

/* Tasks ---------------------------------------------------------------------------------------------------------- */

struct shared {
	atomic_int ran, go_on, order;
	int_chan ch;
	int seen[64];
	uint64_t id;
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

static int hold_and_say(void *p)
{
	struct shared *s = p;
	int v = hold(s);
	atomic_store(&s->ran, 1);
	return v;
}

static void task_goes_on_without_its_handle(void)
{
	CHAN ch = chan_of(1);
	struct shared s = {.ch = ch};
	ug_task *task = NULL;
	CHECK_EQ(ug_go_task(hold_and_say, &s, NULL, &task), 0);
	ug_task_unref(task);
	CHECK_EQ(put(ch, 1), 0);
	/* It runs, and so comes to its end; one that has only been woken would be left by the runtime's. */
	UNTIL(atomic_load(&s.ran));
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
	s->id = ug_task_id();
	ug_yield();
	CHECK(ug_task_local() == s);
	CHECK_EQ(ug_task_id(), s->id);
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
		CHECK(s[i].id != 0 && s[i].id != ug_task_id());
		for (int k = 0; k < i; k++)
			CHECK(s[i].id != s[k].id);
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
	struct whereabouts *where;
	int64_t until, woke;
	int place;
};

static int sleep_till(void *p)
{
	struct sleeper *me = p;
	note_thread(me->where);
	int e = ug_sleep_until(me->until);
	me->woke = ug_now();
	me->place = atomic_fetch_add(&me->s->order, 1);
	note_thread(me->where);
	return e;
}

/* Whether they all fell asleep and woke on one thread, and so in an order that is known: each processor has timers of
 * its own, and who comes to those of another late may run their tasks after its own. */
static int sleepers_wake_once(void)
{
	enum { N = 16 };
	struct shared s = {.name = NULL};
	struct whereabouts where = {0};
	struct sleeper me[N];
	int64_t base = ug_now() + 20 * UG_MS;
	for (int i = 0; i < N; i++) {
		me[i] = (struct sleeper){.s = &s, .where = &where, .until = base + (i * 7 % N) * UG_MS};
		start(&me[i].actor, sleep_till, &me[i]);
	}
	for (int i = 0; i < N; i++)
		CHECK_EQ(join(&me[i].actor), 0);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++) {
			CHECK(me[i].woke >= me[i].until);
			if (!atomic_load(&where.moved) && me[i].until < me[k].until)
				CHECK(me[i].place < me[k].place);
		}
	return !atomic_load(&where.moved);
}

static void sleepers_wake_in_the_order_of_their_times(void)
{
	int known = sleepers_wake_once();
	while (!known && ug_procs() == 1 && conf.current->mode == CONF_TASKS)
		known = sleepers_wake_once();
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
	struct whereabouts *where;
	int me;
};

static int take_turns(void *p)
{
	struct turn *t = p;
	for (int i = 0; i < 10; i++) {
		int n = atomic_fetch_add(&t->s->order, 1);
		t->s->seen[n] = t->me;
		note_thread(t->where);
		ug_yield();
	}
	return 0;
}

static void yield_goes_round_on_one_processor(void)
{
	for (int known = 0; !known;) {
		struct shared s = {.name = NULL};
		struct whereabouts where = {0};
		struct turn t[4];
		for (int i = 0; i < 4; i++) {
			t[i] = (struct turn){.s = &s, .where = &where, .me = i};
			start(&t[i].actor, take_turns, &t[i]);
		}
		for (int i = 0; i < 4; i++)
			join(&t[i].actor);
		known = !atomic_load(&where.moved);
		for (int round = 0; known && round < 10; round++) {
			int seen = 0;
			for (int i = 0; i < 4; i++)
				seen |= 1 << s.seen[4 * round + i];
			CHECK_EQ(seen, 15); /* in each round everybody once */
		}
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
	ALONE(yield_goes_round_on_one_processor),
	ALL(busy_task_keeps_nobody_out),
	ALL(processors_are_as_many_as_asked_for),
	TASKS(a_task_cannot_start_a_runtime),
	ALL(one_runtime_at_a_time),
	BARE(no_runtime_no_tasks),
	BARE(runtimes_one_after_the_other),
	BARE(end_of_the_first_task_ends_the_program),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
