/* SPDX-License-Identifier: MIT */
/* Tasks for which there is no memory for a stack: in nobody's way, and served when there is. */
#include "little_space.h"
#include "sched_test.h"

#include "sched/sched_priv.h"
#include "stack/announce.h"
#include <limits.h>
#include <sys/mman.h>
#include <time.h>
#include <undergo/sync.h>

#define MANY 500 /* more than there are stacks for */
static uint32_t hog_runs, with_stack;

static int wait_for_hog(void *done)
{
	int none;
	add_seq(&with_stack, 1u);
	CHECK(ug_chan_recv(done, &none) < 0);
	return 0;
}

/* Its processor is taken from it, and all that is ready besides needs a stack. */
static int give_stacks_back(void *done)
{
	set(&hog_runs);
	uint32_t seen = 0;
	do {
		seen = load_seq(&with_stack);
		work_for(100 * UG_MS);
	} while (seen != load_seq(&with_stack));
	ug_yield();
	return ug_chan_close(done);
}

static int want_stacks(void *unused)
{
	(void)unused;
	ug_chan *done;
	UG_TRY(ug_chan_make(&done, sizeof(int), 0, NULL));
	ug_group g;
	ug_task *hog = start(give_stacks_back, done);
	UNTIL(is_set(&hog_runs));
	UG_GROUP(&g) {
		for (int i = 0; i < MANY; i++)
			UG_TRY(ug_group_go(&g, wait_for_hog, done));
		CHECK(load_seq(&with_stack) < MANY);
	}
	CHECK_IS(load_seq(&with_stack), MANY);
	ug_chan_unref(&done);
	return finish(hog);
}

/* Tasks for which there are no stacks hold up none that has one. */
static void who_has_a_stack_goes_on(void **state)
{
	(void)state;
#if defined(UG__TSAN) || defined(UG__ASAN)
	skip();
#endif
	assert_int_equal(run_in_little_space(want_stacks, NULL, &(struct ug_opts){.procs = 1}), 0);
}

/* Some wait with a stack each, and the others for one. */
static uint32_t started;
static ug_chan *end;

static int wait_for_end(void *unused)
{
	(void)unused;
	int none;
	add_seq(&started, 1u);
	CHECK(ug_chan_recv(end, &none) < 0);
	return 0;
}

static int beside_starved(ug_fn *fn)
{
	started = 0;
	UG_TRY(ug_chan_make(&end, sizeof(int), 0, NULL));
	ug_group g;
	UG_GROUP(&g) {
		for (int i = 0; i < MANY; i++)
			UG_TRY(ug_group_go(&g, wait_for_end, NULL));
		UNTIL(load_relaxed(&S->starved) + load_seq(&started) == MANY);
		CHECK(load_relaxed(&S->starved) > MANY / 2);
		CHECK_IS(fn(NULL), 0);
		CHECK(load_relaxed(&S->starved) > MANY / 2);
		CHECK_IS(ug_chan_close(end), 0);
	}
	CHECK_IS(started, MANY);
	ug_chan_unref(&end);
	return ug_group_result(&g);
}

static int sleep_in_virtual_time(void *unused)
{
	(void)unused;
	int64_t begin = ug_now();
	for (int i = 0; i < 100; i++)
		CHECK_IS(ug_sleep(UG_MS), 0);
	CHECK_IS(ug_now() - begin, 100 * UG_MS);
	return 0;
}

/* How often the thread slept. */
static long sleeps(void)
{
	struct rusage used;
	getrusage(RUSAGE_THREAD, &used);
	return used.ru_nvcsw;
}

/* More than once, for a task may come to another thread meanwhile. */
static int yield_often(void *unused)
{
	(void)unused;
	long slept = LONG_MAX;
	for (int round = 0; round < 5 && slept >= 50; round++) {
		long before = sleeps();
		for (int i = 0; i < 64 * 50; i++)
			ug_yield();
		slept = labs(sleeps() - before);
	}
	CHECK(slept < 50);
	return 0;
}

static int beside_in_virtual_time(void *unused)
{
	(void)unused;
	return beside_starved(sleep_in_virtual_time);
}

static int beside_yields(void *unused)
{
	(void)unused;
	return beside_starved(yield_often);
}

static const struct ug_opts one = {.procs = 1}, virtual_clock = {.virtual_clock = 1};

static void needs_no_sanitizer(void **state)
{
	(void)state;
#if defined(UG__TSAN) || defined(UG__ASAN)
	skip();
#endif
}

static void a_sleep_takes_no_longer_beside_them(void **state)
{
	needs_no_sanitizer(state);
	assert_int_equal(run_in_little_space(beside_in_virtual_time, NULL, &virtual_clock), 0);
}

static void a_yield_takes_no_longer_beside_them(void **state)
{
	needs_no_sanitizer(state);
	char procs[16] = "", *given = getenv("UG_PROCS");
	if (given)
		snprintf(procs, sizeof procs, "%s", given);
	setenv("UG_PROCS", "1", 1);
	assert_int_equal(run_in_little_space(beside_yields, NULL, &one), 0);
	if (given)
		setenv("UG_PROCS", procs, 1);
	else
		unsetenv("UG_PROCS");
}

/* Sleepers whose stacks are needed again and again, and no room for as many records. */
static int sleep_a_little(void *ms)
{
	add_seq(&started, 1u);
	return ug_sleep((int64_t)(intptr_t)ms * UG_MS);
}

static int sleep_many(uint32_t many, intptr_t ms)
{
	started = 0;
	ug_group g;
	UG_GROUP(&g)
		for (uint32_t i = 0; i < many; i++)
			UG_TRY(ug_group_go(&g, sleep_a_little, (void *)ms));
	CHECK_IS(started, many);
	return ug_group_result(&g);
}

static int many_sleep(void *many)
{
	return sleep_many(*(uint32_t *)many, 1);
}

/* For longer than who starts them looks whether they are served. */
static int many_sleep_long(void *unused)
{
	(void)unused;
	return sleep_many(10 * MANY, 10);
}

static void stacks_that_come_back_are_theirs(void **state)
{
	needs_no_sanitizer(state);
	uint32_t some = MANY, many = 16 * MANY;
	assert_int_equal(run_in_little_space(many_sleep, &some, &virtual_clock), 0);
	assert_int_equal(run_in_little_space(many_sleep, &many, &one), 0);
	assert_int_equal(run_in_little_space(many_sleep, &many, NULL), 0);
	assert_int_equal(run_in_little_space(many_sleep_long, NULL, &one), 0);
	assert_int_equal(run_in_little_space(many_sleep_long, NULL, NULL), 0);
}

/* What processors keep is used, also where they sleep. */
static uint32_t were_started;

static int count_started(void *unused)
{
	(void)unused;
	uint32_t want = were_started - were_started / 4;
	UNTIL(load_seq(&started) >= want);
	were_started = load_seq(&started);
	return 0;
}

static int again_and_again(void *unused)
{
	(void)unused;
	were_started = 0;
	for (int i = 0; i < 10; i++)
		UG_TRY(beside_starved(count_started));
	return 0;
}

static void no_stack_is_kept_from_them(void **state)
{
	needs_no_sanitizer(state);
	assert_int_equal(run_in_little_space(again_and_again, NULL, &one), 0);
	assert_int_equal(run_in_little_space(again_and_again, NULL, &(struct ug_opts){.procs = 4}), 0);
}

static int run_once(void *unused)
{
	(void)unused;
	add_seq(&started, 1u);
	return 0;
}

static int small_beside_large(void *unused)
{
	(void)unused;
	started = 0;
	int64_t begin = ug_now();
	for (int i = 0; i < 100; i++)
		UG_TRY(ug_go_with(run_once, NULL, &(struct ug_go_opts){.stack_size = 64 << 20}));
	for (int i = 0; i < 100; i++)
		CHECK_IS(finish(start(run_once, NULL)), 0);
	CHECK_IS(ug_sleep(UG_MS), 0);
	CHECK_IS(ug_now() - begin, UG_MS);
	CHECK_IS(started, 100);
	return 0;
}

/* And where there never is room for them, the program ends as others do. */
static void small_ones_do_not_wait_for_large_ones(void **state)
{
	needs_no_sanitizer(state);
	assert_int_equal(run_in_little_space(small_beside_large, NULL, &virtual_clock), 0);
	assert_int_equal(load_relaxed(&S->starved), 0);
}

static const struct ug_go_opts tiny = {.stack_size = 16 << 10}, huge = {.stack_size = 64 << 20};

/* Nor does a crowd of those that are served at once. */
static int crowd_beside_large(void *unused)
{
	(void)unused;
	started = 0;
	for (int i = 0; i < 2 * CROWD; i++)
		UG_TRY(ug_go_with(run_once, NULL, &huge));
	CHECK_IS(ug_sleep(UG_MS), 0);
	CHECK_IS(load_relaxed(&S->starved), 2 * CROWD);
	int64_t begin = ug_now();
	ug_group g;
	UG_GROUP(&g)
		for (int i = 0; i < 20 * MANY; i++)
			UG_TRY(ug_group_go(&g, run_once, NULL));
	CHECK_IS(ug_now() - begin, 0);
	CHECK_IS(started, 20 * MANY);
	return ug_group_result(&g);
}

static void a_crowd_does_not_wait_for_large_ones(void **state)
{
	needs_no_sanitizer(state);
	assert_int_equal(run_in_little_space(crowd_beside_large, NULL, &virtual_clock), 0);
}

static int leave_no_room(void *unused)
{
	(void)unused;
	CHECK(load_relaxed(&S->starved) > MANY / 2);
	for (size_t n = 1 << 20; n >= 4096; n /= 2)
		while (mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED)
			;
	return 0;
}

/* All stacks come back, and there is no room for any other: this test is the last. */
static int small_beside_free(void *unused)
{
	(void)unused;
	UG_TRY(beside_starved(leave_no_room));
	started = 0;
	UG_TRY(ug_go_with(run_once, NULL, &tiny));
	CHECK_IS(ug_sleep(UG_MS), 0);
	CHECK_IS(started, 1);
	return 0;
}

static void small_ones_take_stacks_of_larger_ones(void **state)
{
	needs_no_sanitizer(state);
	assert_int_equal(run_in_little_space(small_beside_free, NULL, &virtual_clock), 0);
}

/* A start that finds no memory for the processors leaves nothing behind. */
static void a_start_without_memory_leaves_the_clock(void **state)
{
	needs_no_sanitizer(state);
	struct timespec now;
	assert_int_equal(run_in_space(256 << 10, run_once, NULL, &virtual_clock), -ENOMEM);
	int64_t before = ug_now();
	for (int64_t then = before + UG_MS, t = 0; t < then; t = now.tv_sec * UG_SECOND + now.tv_nsec)
		clock_gettime(CLOCK_MONOTONIC, &now);
	assert_true(ug_now() > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_start_without_memory_leaves_the_clock),
		cmocka_unit_test(who_has_a_stack_goes_on),
		cmocka_unit_test(a_sleep_takes_no_longer_beside_them),
		cmocka_unit_test(a_yield_takes_no_longer_beside_them),
		cmocka_unit_test(stacks_that_come_back_are_theirs),
		cmocka_unit_test(no_stack_is_kept_from_them),
		cmocka_unit_test(small_ones_do_not_wait_for_large_ones),
		cmocka_unit_test(a_crowd_does_not_wait_for_large_ones),
		cmocka_unit_test(small_ones_take_stacks_of_larger_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
