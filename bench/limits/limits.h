/* SPDX-License-Identifier: MIT */
/*
 * What the limits share: programs in bare C that do a row's work, or the part of it that nobody can leave out, without
 * undergo. bench/run builds each file here, named as its row, and shows it as the system "bare", beside which goals are
 * argued. Each says at its top what it is the limit of.
 *
 * A program prints "bare ROW PROCS VALUE UNIT" as the others do, with the row's unit; processors come from UG_PROCS.
 * Sizes are those of the row or less: what is timed is one unit.
 */
#ifndef LIMITS_H
#define LIMITS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline int limit_procs(void)
{
	const char *procs = getenv("UG_PROCS");
	int n = procs ? atoi(procs) : 1;
	return n > 0 ? n : 1;
}

/* The number of units, a hundredth of it with --quick. */
static inline size_t limit_size(int argc, char **argv, size_t n)
{
	return argc > 1 && strcmp(argv[1], "--quick") == 0 ? (n + 99) / 100 : n;
}

static inline int64_t limit_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Answers main's status. */
static inline int limit_report(const char *row, double value, const char *unit)
{
	return printf("bare\t%s\t%d\t%.4f\t%s\n", row, limit_procs(), value, unit) < 0;
}

static inline int limit_report_per(const char *row, int64_t start, size_t n, const char *unit)
{
	return limit_report(row, (double)(limit_now() - start) / (double)n, unit);
}

#endif
