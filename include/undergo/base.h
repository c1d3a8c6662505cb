/* SPDX-License-Identifier: MIT */
/* undergo/base.h: errors, time, and the small macros that every other header uses. */
#ifndef UNDERGO_BASE_H
#define UNDERGO_BASE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UG_VERSION_MAJOR 0
#define UG_VERSION_MINOR 1
#define UG_VERSION "0.1.0"

/*
 * errno of users. glibc declares the accessor behind `errno` as const, so a compiler may keep its address across a
 * call that moves the task to another thread. This accessor is not const: after each call the address is asked for
 * anew. Define UG_KEEP_ERRNO before the first include to keep the system's own.
 */
int *ug_errno_location(void);
#ifndef UG_KEEP_ERRNO
#undef errno
#define errno (*ug_errno_location())
#endif

/* Errors ----------------------------------------------------------------------------------------------------------
 * Functions answer 0, a count, or a negative code: -errno of the system, or one of the library's own below -4095. */
enum ug_error {
	UG_ETOOLONG = -4096, /* a line, token or head is longer than its limit */
	UG_EPROTO_HTTP = -4097, /* the peer broke HTTP's rules */
	UG_ESHORT = -4098, /* the stream ended inside a unit that had begun (Go: io.ErrUnexpectedEOF) */
	UG_ENOPROGRESS = -4099, /* a reader or writer of the caller's answered nothing, over and over */
	UG_ENOHOST = -4112, /* no such host */
	UG_EHOSTAGAIN = -4113, /* the name could not be resolved this time */
	UG_EHOSTFAIL = -4114, /* the name cannot be resolved */
};

/* Text for a negative code (a positive one is taken as its negation). Never NULL; static storage; any thread. */
const char *ug_strerror(int code);
/* The symbol of a code, "ETIMEDOUT"; "?" where it has none. Static storage; any thread. */
const char *ug_errname(int code);

/* Time ------------------------------------------------------------------------------------------------------------
 * int64_t nanoseconds on the monotonic clock. */
#define UG_NS INT64_C(1)
#define UG_US INT64_C(1000)
#define UG_MS INT64_C(1000000)
#define UG_SECOND INT64_C(1000000000)
#define UG_MINUTE (60 * UG_SECOND)
#define UG_HOUR (60 * UG_MINUTE)
#define UG_FOREVER INT64_MAX /* "no deadline" wherever a time is given or answered */

/* Nanoseconds on the monotonic clock. Does not wait; any thread. man clock_gettime */
int64_t ug_now(void);
/* t + d, in nanoseconds, clamped to UG_FOREVER and to 0. Any thread. */
int64_t ug_time_add(int64_t t, int64_t d);

/* Parses a duration such as "300ms", "1.5h", "1m30s", "-2us" (units ns us µs ms s m h) into nanoseconds; "0" needs no
 * unit. -EINVAL where it is none, -ERANGE where it does not fit. Any thread. Source: Go's time.ParseDuration. */
int ug_duration_parse(const char *text, int64_t *out);
/* Writes a duration as ug_duration_parse reads it ("1m30s"), NUL-terminated, cut to `size` bytes; answers the length
 * that the whole text has, as snprintf does. Any thread. Source: Go's Duration.String, with "us" for "µs". */
int ug_duration_format(int64_t d, char *buf, size_t size);

/* A timer's storage, part of what callers store. The library's own. */
struct ug__timer {
	int64_t when_;
	void (*fire_)(struct ug__timer *t);
	struct ug__timers *heap_;
	size_t slot_;
};

/* Small macros ----------------------------------------------------------------------------------------------------- */

/* Runs `fn(&variable)` when the variable's scope ends, by whatever way. */
#define UG_CLEAN(fn) __attribute__((cleanup(fn)))
#define UG_MUST_CHECK __attribute__((warn_unused_result))
#define UG_PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Returns from the function with the expression's value where that is negative. */
#define UG_TRY(expr)                                                                                                   \
	do {                                                                                                           \
		long long ug_try_result_ = (expr);                                                                     \
		if (ug_try_result_ < 0)                                                                                \
			return (int)ug_try_result_;                                                                    \
	} while (0)

/* Initialises any of the library's structs: ug_mutex m = UG_ZERO; */
#ifdef __cplusplus
#define UG_ZERO                                                                                                        \
	{                                                                                                              \
	}
#else
#define UG_ZERO                                                                                                        \
	{                                                                                                              \
		0                                                                                                      \
	}
#endif

/* A name of the line's own. */
#define UG__PASTE2(a, b) a##b
#define UG__PASTE(a, b) UG__PASTE2(a, b)
#define UG__UNIQUE(name) UG__PASTE(name, __LINE__)

#define UG_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#ifdef __cplusplus
}
#endif

#endif
