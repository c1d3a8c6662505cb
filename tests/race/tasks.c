/* SPDX-License-Identifier: MIT */
/*
 * Two tasks of one group add to one number without a lock, on two processors at once: neither begins before both run.
 * (Two that ran one after the other on one worker would not be told: the switch between them counts as order.)
 */
#include <stdlib.h>
#include <undergo/undergo.h>

static volatile int planted; /* each addition shall reach memory: of two that meet but once the detector sees neither */
static int here;

static int add(void *arg)
{
	__atomic_fetch_add(&here, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&here, __ATOMIC_RELAXED) < 2)
		; /* no call that could order anything */
	for (int i = 0; i < 1000; i++)
		*(volatile int *)arg += i;
	return 0;
}

static int app(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	ug_group g;
	UG_GROUP(&g) {
		UG_TRY(ug_group_go(&g, add, (void *)&planted));
		UG_TRY(ug_group_go(&g, add, (void *)&planted));
	}
	return ug_group_result(&g);
}

int main(int argc, char **argv)
{
	setenv("UG_PROCS", "2", 1);
	return ug_main(argc, argv, app, NULL);
}
