/* SPDX-License-Identifier: MIT */
/*
 * Checks for bodies that run as tasks or as threads. They print and abort: cmocka's own assertions jump, and may do
 * that on the stack of the test program's main function only.
 */
#ifndef CHECK_H
#define CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <undergo/sched.h>

/* Where the body runs at present, for what a failure says. */
static const char *check_world __attribute__((unused)) = "";

#define CHECK_FAILED(format, ...)                                                                                      \
	(fprintf(stderr, "%s:%d: " format "%s\n", __FILE__, __LINE__, __VA_ARGS__, check_world), abort())
#define CHECK(cond)                                                                                                    \
	do {                                                                                                           \
		if (!(cond))                                                                                           \
			CHECK_FAILED("%s", #cond);                                                                     \
	} while (0)
#define CHECK_IS(expr, value)                                                                                          \
	do {                                                                                                           \
		long long is_ = (long long)(expr), want_ = (long long)(value);                                         \
		if (is_ != want_)                                                                                      \
			CHECK_FAILED("%s is %lld, not %lld", #expr, is_, want_);                                       \
	} while (0)
#define CHECK_TEXT(expr, value)                                                                                        \
	do {                                                                                                           \
		const char *is_ = (expr), *want_ = (value);                                                            \
		if (strcmp(is_, want_) != 0)                                                                           \
			CHECK_FAILED("%s is \"%s\", not \"%s\"", #expr, is_, want_);                                   \
	} while (0)
#define CHECK_BYTES(data, n, text)                                                                                     \
	do {                                                                                                           \
		CHECK_IS(n, sizeof(text) - 1);                                                                         \
		CHECK(memcmp(data, text, sizeof(text) - 1) == 0);                                                      \
	} while (0)

/* Yields until the condition holds; 20 s without it is a failure. */
#define UNTIL(cond)                                                                                                    \
	do {                                                                                                           \
		int64_t give_up_ = ug_now() + 20 * UG_SECOND;                                                          \
		while (!(cond)) {                                                                                      \
			CHECK(ug_now() < give_up_);                                                                    \
			ug_yield();                                                                                    \
		}                                                                                                      \
	} while (0)

#endif
