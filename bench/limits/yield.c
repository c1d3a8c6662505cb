/* SPDX-License-Identifier: MIT */
/* yield: two stacks and the switch between them, with no queue, no state and no other processor to look at. */
#include "stacks.h"

static struct stack here, there;

static void other(void)
{
	for (;;)
		stack_switch(&there, &here);
}

int main(int argc, char **argv)
{
	size_t n = limit_size(argc, argv, 5000000);
	there = stack_new(other);
	int64_t start = limit_now();
	for (size_t i = 0; i < n; i++)
		stack_switch(&here, &there);
	return limit_report_per("yield", start, 2 * n, "ns/switch");
}
