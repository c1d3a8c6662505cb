/* SPDX-License-Identifier: MIT */
/*
 * What the workloads share: arguments, the clock, the line of output.
 *
 * Each workload is one file and one program, `build/bench/ROW [--quick]`. It prints "undergo ROW PROCS VALUE UNIT",
 * tab-separated, on success only: a workload that lost an item, a task or a call's success says so and answers 1. Tasks
 * that have nothing left to do are left where they stand, as their counterparts in Go are.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <undergo/sched.h>
#include <undergo/sync.h>

static const char *bench_row;
static bool bench_quick;
static int (*bench_body)(void);

/* The number of units that the row asks for; --quick shows that it works, and measures nothing. */
static inline size_t bench_size(size_t n)
{
	return bench_quick ? (n + 99) / 100 : n;
}

/* Not ug_now: what is measured does not hold the watch. */
static inline int64_t bench_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UG_SECOND + t.tv_nsec;
}

static inline void bench_check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s: %s\n", bench_row, what);
	exit(1);
}

/* Ends the program where a call that cannot fail here did. */
static inline void bench_must(int result)
{
	if (__builtin_expect(result < 0, 0))
		bench_check(false, ug_strerror(result));
}

static inline void bench_report(double value, const char *unit)
{
	printf("undergo\t%s\t%d\t%.4f\t%s\n", bench_row, ug_procs(), value, unit);
	fflush(stdout);
}

/* Reports the time since `start` in units of 1 ns, 1 µs …, `n` a unit of work. */
static inline void bench_report_per(int64_t start, size_t n, const char *unit)
{
	bench_report((double)(bench_now() - start) / (double)n, unit);
}

static inline int bench_app(int argc, char **argv)
{
	(void)argc, (void)argv;
	return bench_body();
}

static inline int bench_main(int argc, char **argv, const char *row, int (*body)(void), const struct ug_opts *opts)
{
	bench_row = row;
	bench_body = body;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quick") == 0) {
			bench_quick = true;
		} else {
			fprintf(stderr, "%s: no option %s\n", row, argv[i]);
			return 2;
		}
	}
	return ug_main(argc, argv, bench_app, opts);
}

/* The program of one row: BENCH("yield", yield) */
#define BENCH(row, body) BENCH_OPTS(row, body, NULL)
#define BENCH_OPTS(row, body, opts)                                                                                    \
	int main(int argc, char **argv)                                                                                \
	{                                                                                                              \
		return bench_main(argc, argv, row, body, opts);                                                        \
	}

#endif
