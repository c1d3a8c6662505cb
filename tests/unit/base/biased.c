/* SPDX-License-Identifier: MIT */
/* Who is at work on a lock of its own gives it up when another asks: no force is needed. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/biased.h"
#include "base/membarrier.h"
#include "base/sys.h"
#include <undergo/base.h>

static struct ug__biased lock;
static struct ug__bias bias;
static uint32_t stop;
static long count; /* plain: the lock alone keeps it whole */

static void *at_work(void *arg)
{
	long *turns = arg;
	ug__owner_begin();
	for (; !load_relaxed(&stop); ++*turns) {
		struct ug__owner *owned = ug__biased_lock(&lock, &bias);
		count++;
		ug__biased_unlock(&lock, owned);
	}
	ug__owner_end();
	return NULL;
}

/* Takes it once, from an owner. true: that has given it up; force would have counted one more, or up to its limit. */
#define MOST_FORCED 5
static bool taken_by_asking(void)
{
	while (!load_relaxed(&bias.owner))
		sched_yield();
	struct ug__owner *owned = ug__biased_lock(&lock, &bias);
	static unsigned before;
	unsigned forced = bias.forced;
	bool asked = forced <= before && forced < MOST_FORCED;
	before = forced;
	count++;
	ug__biased_unlock(&lock, owned);
	return asked;
}

static void gives_up_when_asked(void **state)
{
	(void)state;
	cpu_set_t cores;
	if (sched_getaffinity(0, sizeof cores, &cores) < 0 || CPU_COUNT(&cores) < 2 || ug__membarrier_register() != 0)
		skip();
	pthread_t thread;
	long turns = 0, takes = 0, asked = 0;
	assert_int_equal(pthread_create(&thread, NULL, at_work, &turns), 0);
	/* It may not have a core at the time: that is force. */
	for (int64_t end = ug_now() + 20 * UG_SECOND; asked < 3 && ug_now() < end; takes++)
		asked += taken_by_asking();
	store_relaxed(&stop, 1u);
	pthread_join(thread, NULL);
	assert_int_equal(asked, 3);
	assert_int_equal(count, turns + takes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(gives_up_when_asked)};
	return cmocka_run_group_tests_name("biased", tests, NULL, NULL);
}
