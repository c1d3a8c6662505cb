/* SPDX-License-Identifier: MIT */
/*
 * parked-1M-start: a million stacks that were never used, each with its first page and its guard, by a thread a
 * processor. Nothing is started, queued or run on them.
 */
#include "slots.h"

int main(int argc, char **argv)
{
	size_t n = limit_size(argc, argv, 1000000);
	int64_t start = limit_now();
	if (!slots_make(n, INT64_MAX / 2))
		return 1;
	return limit_report_per("parked-1M-start", start, n, "ns/task");
}
