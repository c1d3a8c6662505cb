/* SPDX-License-Identifier: MIT */
/*
 * sleep-1M: a million stacks that were never used, each with its first page and its guard, by a thread a processor;
 * then the second that the last one sleeps. After a second the first ones are free to be used again: no more are made
 * from then on. Nothing is queued or run, and no timer is set.
 */
#include "slots.h"

#define SECOND INT64_C(1000000000)

int main(int argc, char **argv)
{
	size_t n = limit_size(argc, argv, 1000000);
	int64_t start = limit_now();
	if (!slots_make(n, SECOND) || nanosleep(&(struct timespec){.tv_sec = 1}, NULL) < 0)
		return 1;
	return limit_report_per("sleep-1M", start, SECOND, "s");
}
