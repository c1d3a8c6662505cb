/* SPDX-License-Identifier: MIT */
/* Tasks: how they start, what they carry, their handles. */
#include "sched_test.h"

#include "sched/sched_priv.h"
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint32_t ran, started;

static int nothing(void *unused)
{
	(void)unused;
	return 0;
}

static int count_run(void *unused)
{
	(void)unused;
	add_seq(&ran, 1u);
	return 0;
}

IN_TASK(wrong_starts_are_refused)
{
	ug_task *t = (ug_task *)(void *)&ran;
	struct ug_go_opts o = {.copy_size = UG_COPY_MAX + 1};
	CHECK_IS(ug_go(NULL, NULL), -EINVAL);
	CHECK_IS(ug_go_with(count_run, &o, &o), -EINVAL);
	o = (struct ug_go_opts){.stack_size = ((size_t)64 << 20) + 1};
	CHECK_IS(ug_go_with(count_run, NULL, &o), -EINVAL);
	CHECK_IS(ug_go_task(NULL, NULL, NULL, &t), -EINVAL);
	CHECK_IS(ug_go_task(count_run, NULL, &o, &t), -EINVAL);
	CHECK(t == (ug_task *)(void *)&ran);
	CHECK_IS(ug_task_wait(NULL, NULL), -EINVAL);
	ug_task_unref(NULL);
	return 0;
}

#define PAIRS 50000

static int start_two(void *depth)
{
	add_seq(&ran, 1u);
	uintptr_t n = (uintptr_t)depth;
	for (int i = 0; n && i < 2; i++)
		CHECK_IS(ug_go(start_two, (void *)(n - 1)), 0);
	return 0;
}

IN_TASK(a_tree_of_starts_runs_each_once)
{
	ran = 0;
	CHECK_IS(ug_go(start_two, (void *)(uintptr_t)16), 0);
	UNTIL(load_seq(&ran) == (1u << 17) - 1);
	ran = 0;
	for (int i = 0; i < PAIRS; i++)
		CHECK_IS(ug_go(count_run, NULL), 0);
	UNTIL(load_seq(&ran) == PAIRS);
	return 0;
}

#define START_MOST 2000000

/* Each starts the next and one that does nothing, which is newer, so that there is always one newer than those that
 * wait. */
static int start_next(void *unused)
{
	if (load_seq(&ran) || add_seq(&started, 1u) >= START_MOST)
		return 0;
	CHECK_IS(ug_go(start_next, unused), 0);
	CHECK_IS(ug_go(nothing, NULL), 0);
	return 0;
}

static int start_for_ever(void *unused)
{
	ug_task *t;
	CHECK_IS(ug_go_task(count_run, unused, NULL, &t), 0);
	CHECK_IS(ug_go(start_next, unused), 0);
	CHECK_IS(ug_task_wait(t, NULL), 0);
	ug_task_unref(t);
	CHECK(load_seq(&started) < START_MOST);
	return 0;
}

static void one_that_was_started_runs_though_others_start_for_ever(void **state)
{
	(void)state;
	ran = started = 0;
	struct ug_opts opts = {.procs = 1};
	assert_int_equal(ug_run(start_for_ever, NULL, &opts), 0);
}

static void *start_from_thread(void *unused)
{
	(void)unused;
	for (int i = 0; i < 5000; i++)
		CHECK_IS(ug_go(count_run, NULL), 0);
	return NULL;
}

IN_TASK(plain_threads_start_tasks)
{
	pthread_t t[4];
	ran = 0;
	for (int i = 0; i < 4; i++)
		CHECK_IS(pthread_create(&t[i], NULL, start_from_thread, NULL), 0);
	UNTIL(load_seq(&ran) == 20000);
	for (int i = 0; i < 4; i++)
		CHECK_IS(pthread_join(t[i], NULL), 0);
	return 0;
}

struct carried {
	int number;
	char bytes[UG_COPY_MAX - sizeof(int)];
};
_Static_assert(sizeof(struct carried) == UG_COPY_MAX, "the largest that can be carried");

static int check_copy(void *arg)
{
	const struct carried *c = arg;
	CHECK_IS((uintptr_t)c % 16, 0);
	ug_yield();
	for (size_t i = 0; i < sizeof c->bytes; i++)
		CHECK_IS(c->bytes[i], (char)(c->number + (int)i));
	add_seq(&ran, 1u);
	return 0;
}

IN_TASK(arguments_are_carried)
{
	ran = 0;
	for (int i = 0; i < 2000; i++) {
		struct carried c = {.number = i};
		for (size_t k = 0; k < sizeof c.bytes; k++)
			c.bytes[k] = (char)(i + (int)k);
		CHECK_IS(ug_go_copy(check_copy, &c, sizeof c), 0);
		memset(&c, 0xee, sizeof c);
		if (i % 7 == 0)
			ug_yield();
	}
	UNTIL(load_seq(&ran) == 2000);
	return 0;
}

static __attribute__((noinline)) size_t use_stack(size_t bytes)
{
	volatile char frame[4096];
	memset((char *)(uintptr_t)frame, (int)bytes, sizeof frame);
	size_t below = bytes > sizeof frame + 512 ? use_stack(bytes - sizeof frame - 128) : 0;
	return below + (size_t)frame[bytes % sizeof frame];
}

static int fill_stack(void *arg)
{
	size_t bytes = *(size_t *)arg;
	ug_yield();
	use_stack(bytes);
	ug_yield();
	use_stack(bytes / 2);
	add_seq(&ran, 1u);
	return 0;
}

IN_TASK(stacks_have_the_size_that_was_asked_for)
{
	static const size_t sizes[] = {1, 16 << 10, 20 << 10, 64 << 10, 256 << 10, 1 << 20, 8 << 20, 64 << 20};
	ran = 0;
	uint32_t expected = 0;
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < UG_COUNT_OF(sizes); i++) {
			size_t use = sizes[i] < 16 << 10 ? 16 << 10 : sizes[i];
			use = use / 2 - 4096; /* a sanitizer's frames are larger */
			struct ug_go_opts o = {.stack_size = sizes[i], .copy_size = sizeof use};
			CHECK_IS(ug_go_with(fill_stack, &use, &o), 0);
			expected++;
		}
	UNTIL(load_seq(&ran) == expected);
	return 0;
}

static int default_stack(void *arg)
{
	size_t use = *(size_t *)arg;
	return fill_stack(&use);
}

static void the_programs_default_size_holds(void **state)
{
	(void)state;
	struct ug_opts o = {.stack_size = 2 << 20};
	size_t use = 1 << 20;
	assert_int_equal(ug_run(default_stack, &use, &o), 0);
}

static uint64_t ids[2000];

static int note_id(void *at)
{
	*(uint64_t *)at = ug_task_id();
	add_seq(&ran, 1u);
	return 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

IN_TASK(each_has_a_number_of_its_own)
{
	ran = 0;
	for (size_t i = 0; i < UG_COUNT_OF(ids); i++)
		CHECK_IS(ug_go(note_id, &ids[i]), 0);
	UNTIL(load_seq(&ran) == UG_COUNT_OF(ids));
	qsort(ids, UG_COUNT_OF(ids), sizeof ids[0], by_value);
	CHECK(ids[0] != 0);
	for (size_t i = 1; i < UG_COUNT_OF(ids); i++)
		CHECK(ids[i] != ids[i - 1]);
	return 0;
}

static int has_its_own(void *arg)
{
	CHECK(strcmp(ug_task_name(), "worker bee") == 0);
	CHECK(ug_task_local() == NULL);
	ug_task_set_local(arg);
	for (int i = 0; i < 20; i++) {
		ug_yield();
		CHECK(ug_task_local() == arg);
	}
	ug_task_set_name("renamed");
	ug_yield();
	CHECK(strcmp(ug_task_name(), "renamed") == 0);
	add_seq(&ran, 1u);
	return 0;
}

IN_TASK(names_and_locals_are_the_tasks_own)
{
	struct ug_go_opts o = {.name = "worker bee"};
	ran = 0;
	CHECK(strcmp(ug_task_name(), "") == 0);
	for (uintptr_t i = 0; i < 300; i++)
		CHECK_IS(ug_go_with(has_its_own, (void *)(i + 1), &o), 0);
	UNTIL(load_seq(&ran) == 300);
	CHECK(ug_task_local() == NULL);
	return 0;
}

static void a_plain_thread_has_a_name_and_a_local_too(void **state)
{
	(void)state;
	assert_string_equal(ug_task_name(), "");
	ug_task_set_name("outside");
	ug_task_set_local(&ran);
	assert_string_equal(ug_task_name(), "outside");
	assert_ptr_equal(ug_task_local(), &ran);
	assert_int_equal(ug_task_id(), 0);
	ug_yield();
	ug_task_set_local(NULL);
}

/* Handles ---------------------------------------------------------------------------------------------------------- */

static uint32_t gate;

static int wait_for_gate(void *result)
{
	UNTIL(is_set(&gate));
	return *(int *)result;
}

static int wait_for_task(void *t)
{
	int r = 0;
	CHECK_IS(ug_task_wait(t, &r), 0);
	CHECK_IS(r, -EXDEV);
	ug_task_unref(t);
	add_seq(&ran, 1u);
	return 0;
}

static void *wait_on_thread(void *t)
{
	wait_for_task(t);
	return NULL;
}

IN_TASK(all_who_wait_for_a_task_get_its_result)
{
	int result = -EXDEV;
	for (int round = 0; round < 20; round++) {
		ug_task *t;
		pthread_t thread;
		ran = gate = 0;
		CHECK_IS(ug_go_task(wait_for_gate, &result, NULL, &t), 0);
		for (int i = 0; i < 10; i++)
			CHECK_IS(ug_go(wait_for_task, ug_task_ref(t)), 0);
		CHECK_IS(pthread_create(&thread, NULL, wait_on_thread, ug_task_ref(t)), 0);
		UG_WITH_TIMEOUT(UG_MS / 4)
			CHECK_IS(ug_task_wait(t, NULL), -ETIMEDOUT);
		set(&gate);
		UNTIL(load_seq(&ran) == 11);
		CHECK_IS(ug_task_wait(t, NULL), 0); /* and again, once it is over */
		int r = 0;
		CHECK_IS(ug_task_wait(t, &r), 0);
		CHECK_IS(r, -EXDEV);
		CHECK_IS(pthread_join(thread, NULL), 0);
		ug_task_clean(&t);
		CHECK(t == NULL);
	}
	return 0;
}

static int at_once(void *result)
{
	add_seq(&ran, 1u);
	return *(int *)result;
}

IN_TASK(a_handle_may_go_before_the_task_and_the_task_before_the_handle)
{
	static int result = 3; /* some are still to read it when this has ended */
	ran = 0;
	for (int i = 0; i < 3000; i++) {
		ug_task *t;
		CHECK_IS(ug_go_task(at_once, &result, NULL, &t), 0);
		if (i % 3 == 0) {
			int r = 0;
			CHECK_IS(ug_task_wait(t, &r), 0);
			CHECK_IS(r, 3);
		} else if (i % 3 == 1) {
			ug_yield();
		}
		ug_task_unref(t);
	}
	UNTIL(load_seq(&ran) ==
		3000); /* one that has begun ends, and drops its reference; one that has not would leak it */
	return 0;
}

static int wait_briefly(void *t)
{
	for (int i = 0; i < 100; i++)
		UG_WITH_TIMEOUT(ug__random() % 40 * UG_US) {
			int e = ug_task_wait(t, NULL);
			CHECK(e == 0 || e == -ETIMEDOUT);
		}
	ug_task_unref(t);
	add_seq(&ran, 1u);
	return 0;
}

IN_TASK(waits_for_a_task_that_end_early_leave_nothing_behind)
{
	int result = 0;
	ug_task *t;
	ran = gate = 0;
	CHECK_IS(ug_go_task(wait_for_gate, &result, NULL, &t), 0);
	for (int i = 0; i < 20; i++)
		CHECK_IS(ug_go(wait_briefly, ug_task_ref(t)), 0);
	CHECK_IS(ug_sleep(2 * UG_MS), 0);
	set(&gate);
	UNTIL(load_seq(&ran) == 20);
	CHECK_IS(ug_task_wait(t, NULL), 0);
	ug_task_unref(t);
	return 0;
}

/* Memory ----------------------------------------------------------------------------------------------------------- */

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define BURST 500
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define BURST 500
#endif
#endif
#ifndef BURST
#define BURST 6000 /* more than goes back in the second before the monitor sleeps */
#endif

static void *frames[BURST];

struct of_burst {
	void **frame;
	ug_task *gate;
};

static int stay(void *arg)
{
	struct of_burst *b = arg;
	*b->frame = __builtin_frame_address(0);
	add_seq(&ran, 1u);
	return ug_task_wait(b->gate, NULL);
}

static size_t frames_in_memory(void)
{
	size_t n = 0;
	unsigned char in = 0;
	for (size_t i = 0; i < BURST; i++) {
		CHECK_IS(mincore((void *)((uintptr_t)frames[i] & ~(uintptr_t)4095), 1, &in), 0);
		n += in & 1;
	}
	return n;
}

/* On a thread of the pool: no task runs meanwhile, and so nothing but the monitor does anything. */
static int wait_until_few(void *most)
{
	int64_t give_up = ug_now() + 20 * UG_SECOND;
	while (frames_in_memory() > *(size_t *)most) {
		CHECK(ug_now() < give_up);
		usleep(20000);
	}
	return 0;
}

IN_TASK(memory_of_a_burst_goes_back_though_nothing_runs)
{
	struct ug_go_opts o = {.stack_size = 16 << 10, .copy_size = sizeof(struct of_burst)};
	int result = 0;
	struct of_burst b = {.gate = NULL};
	size_t most = (size_t)ug_procs() * 64 + 64; /* those that processors keep, and some for a worker's last */
	ran = gate = 0;
	CHECK_IS(ug_go_task(wait_for_gate, &result, NULL, &b.gate), 0);
	for (b.frame = frames; b.frame < frames + BURST; b.frame++)
		CHECK_IS(ug_go_with(stay, &b, &o), 0);
	UNTIL(load_seq(&ran) == BURST);
	CHECK_IS(frames_in_memory(), BURST);
	set(&gate);
	CHECK_IS(ug_task_wait(b.gate, NULL), 0);
	CHECK_IS(ug_blocking(wait_until_few, &most), 0);
	ug_task_unref(b.gate);
	return 0;
}

/* Pages of eight chunks a processor, sixteen at the least: each may keep records of some. */
static size_t enough;

/* Pages of records of tasks that were waiting to run. */
static struct {
	uintptr_t page[65536];
	size_t count;
} seen;

static void note_page(const struct record *r, void *unused)
{
	(void)unused;
	uintptr_t page = (uintptr_t)r & ~(uintptr_t)4095;
	if (seen.count < UG_COUNT_OF(seen.page) && (!seen.count || seen.page[seen.count - 1] != page))
		seen.page[seen.count++] = page;
}

static int wait_until_most_pages_went(void *unused)
{
	(void)unused;
	int64_t give_up = ug_now() + 20 * UG_SECOND;
	for (size_t there = seen.count; there > seen.count / 2; usleep(20000)) {
		there = 0;
		unsigned char in = 0;
		for (size_t i = 0; i < seen.count; i++) {
			CHECK_IS(mincore((void *)seen.page[i], 1, &in), 0);
			there += in & 1;
		}
		CHECK(ug_now() < give_up);
	}
	return 0;
}

/* The one that starts them does not wait meanwhile, so that they pile up. */
static int start_many(void *with_arguments)
{
	ran = 0;
	seen.count = 0;
	enough = ug_procs() > 2 ? (size_t)ug_procs() * 512 : 1024;
	/* More where several ran them meanwhile, for records without arguments are a third as large. */
	unsigned many = with_arguments || ug_procs() <= 2 || BURST < 6000 ? 2 * PAIRS : 6 * PAIRS;
	for (unsigned i = 0; i < many; i++)
		CHECK_IS(with_arguments ? ug_go_copy(count_run, &enough, sizeof enough) : ug_go(count_run, NULL), 0);
	ug__each_record(note_page, NULL);
	UNTIL(load_seq(&ran) == many);
	return seen.count < enough ? 0 : ug_blocking(wait_until_most_pages_went, NULL);
}

static void memory_goes_back(void *with_arguments)
{
	struct ug_opts opts = {.procs = 1};
	seen.count = 0;
	enough = 1;
	for (int i = 0; i < (BURST < 6000 ? 3 : 20) && seen.count < enough; i++)
		assert_int_equal(ug_run(start_many, with_arguments, &opts), 0);
	if (seen.count < enough)
		skip(); /* other workers ran them as fast as they came */
}

static void memory_of_many_starts_goes_back(void **state)
{
	(void)state;
	memory_goes_back(NULL);
}

/* Those have larger records. */
static void memory_of_many_starts_with_arguments_goes_back(void **state)
{
	(void)state;
	memory_goes_back(&enough);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_starts_are_refused),
		cmocka_unit_test(a_tree_of_starts_runs_each_once),
		cmocka_unit_test(one_that_was_started_runs_though_others_start_for_ever),
		cmocka_unit_test(plain_threads_start_tasks),
		cmocka_unit_test(arguments_are_carried),
		cmocka_unit_test(stacks_have_the_size_that_was_asked_for),
		cmocka_unit_test(the_programs_default_size_holds),
		cmocka_unit_test(each_has_a_number_of_its_own),
		cmocka_unit_test(names_and_locals_are_the_tasks_own),
		cmocka_unit_test(a_plain_thread_has_a_name_and_a_local_too),
		cmocka_unit_test(all_who_wait_for_a_task_get_its_result),
		cmocka_unit_test(a_handle_may_go_before_the_task_and_the_task_before_the_handle),
		cmocka_unit_test(waits_for_a_task_that_end_early_leave_nothing_behind),
		cmocka_unit_test(memory_of_a_burst_goes_back_though_nothing_runs),
		cmocka_unit_test(memory_of_many_starts_goes_back),
		cmocka_unit_test(memory_of_many_starts_with_arguments_goes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
