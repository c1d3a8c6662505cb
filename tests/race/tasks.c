/* SPDX-License-Identifier: MIT */
/*
 * Two tasks of one group add to one number without a lock. The tasks may well run one after the other on one thread:
 * the report is due all the same, for a switch between tasks orders nothing.
 */
#include <undergo/undergo.h>

static int planted;

static int add(void *arg)
{
	for (int i = 0; i < 1000; i++)
		*(int *)arg += i;
	return 0;
}

static int app(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	ug_group g;
	UG_GROUP(&g) {
		UG_TRY(ug_group_go(&g, add, &planted));
		UG_TRY(ug_group_go(&g, add, &planted));
	}
	return ug_group_result(&g);
}

int main(int argc, char **argv)
{
	return ug_main(argc, argv, app, NULL);
}
