/* SPDX-License-Identifier: MIT */
/* Tasks that compute, and call what may wait but need not: no more of them run at a time than there are processors. */
#include "sched_test.h"

#include <stdlib.h>
#include <undergo/sync.h>

#define FOR (200 * UG_MS)
#define STUCK (6 * UG_MS) /* the shortest time after which a processor is taken */

static uint64_t turns[2], beside;

/* In each turn it looks whether the other made two turns meanwhile. One whose processor was taken sees that, once: at its next
 * call it gives way. */
static int take_turns(void *arg)
{
	ug_mutex own = UG_ZERO;
	size_t me = (size_t)(uintptr_t)arg;
	int64_t begin = ug_now();
	while (ug_now() - begin < FOR) {
		UG_TRY(ug_mutex_lock(&own));
		uint64_t before = load_relaxed(&turns[!me]);
		for (int i = 0; i < 2000; i++)
			compiler_barrier();
		if (load_relaxed(&turns[!me]) - before >= 2)
			add_relaxed(&beside, 1);
		ug_mutex_unlock(&own);
		store_relaxed(&turns[me], turns[me] + 1);
	}
	return 0;
}

static int two(void *arg)
{
	ug_group g;
	int64_t begin = ug_now();
	(void)arg;
	UG_GROUP(&g) {
		for (uintptr_t i = 0; i < 2; i++)
			UG_TRY(ug_group_go(&g, take_turns, (void *)i));
	}
	CHECK(turns[0] > 0 && turns[1] > 0);
	CHECK(beside <= 2 + (uint64_t)((ug_now() - begin) / STUCK));
	return 0;
}

static void two_tasks_on_one_processor_take_turns(void **state)
{
	(void)state;
	static const struct ug_opts one = {.procs = 1};
	unsetenv("UG_PROCS"); /* it would go before the option */
	assert_int_equal(ug_run(two, NULL, &one), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_tasks_on_one_processor_take_turns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
