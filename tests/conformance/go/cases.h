/* SPDX-License-Identifier: MIT */
/*
 * What the cases in C share: the words of an outcome, channels of ints, and the tables of the two files.
 */
#ifndef CONFORMANCE_GO_CASES_H
#define CONFORMANCE_GO_CASES_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <undergo/base.h>
#include <undergo/sched.h>
#include <undergo/sync.h>

typedef UG_CHAN(int) int_chan;

struct named_case {
	const char *name;
	void (*run)(void);
};
extern const struct named_case chan_cases[], sync_cases[]; /* each ends with an empty one */

extern char outcome[256]; /* of the case that runs */

/* Adds a word to the outcome. */
__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...)
{
	size_t used = strlen(outcome);
	va_list args;
	if (used)
		outcome[used++] = ' ';
	va_start(args, format);
	vsnprintf(outcome + used, sizeof outcome - used, format, args);
	va_end(args);
}

static inline void say_bool(int value)
{
	say("%s", value ? "true" : "false");
}

static inline int_chan make(size_t capacity)
{
	int_chan ch = UG_NIL;
	if (ug_chan_new(&ch, capacity) < 0)
		abort();
	return ch;
}

static inline int put(int_chan ch, int v)
{
	return ug_send(ch, &v);
}

static inline int get(int_chan ch)
{
	int v = -1, e = ug_recv(ch, &v);
	return e < 0 ? e : v;
}

static inline int_chan filled(size_t capacity, int n, const int *values)
{
	int_chan ch = make(capacity);
	for (int i = 0; i < n; i++)
		if (put(ch, values[i]) < 0)
			abort();
	return ch;
}
#define FILLED(capacity, ...) filled(capacity, (int)UG_COUNT_OF(((int[]){__VA_ARGS__})), (const int[]){__VA_ARGS__})

static inline int_chan closed(int_chan ch)
{
	ug_close(ch);
	return ch;
}

static inline void say_answer(int answer, const char *word)
{
	if (answer == -EPIPE || answer == -EINVAL)
		say("refused");
	else if (answer == -EAGAIN)
		say("not now");
	else
		say("%s", answer < 0 ? ug_strerror(answer) : word);
}

static inline void say_recv(int_chan ch)
{
	int v = get(ch);
	if (v == -EPIPE)
		say("closed");
	else
		say("%d", v);
}

static inline void say_try_send(int_chan ch, int v)
{
	say_answer(ug_try_send(ch, &v), "sent");
}

static inline void say_try_recv(int_chan ch)
{
	int v, e = ug_try_recv(ch, &v);
	if (e == -EPIPE)
		say("closed");
	else if (e == -EAGAIN)
		say("not now");
	else
		say("%d", v);
}

static inline void settle(void)
{
	ug_sleep(2 * UG_MS);
}

/* An actor that does one thing. */
struct op {
	int_chan ch, answers;
	int value;
};

static inline int do_send(void *p)
{
	struct op *o = p;
	int e = put(o->ch, o->value);
	return o->answers.core ? put(o->answers, e) : e;
}

static inline int do_recv(void *p)
{
	struct op *o = p;
	return put(o->answers, get(o->ch));
}

static inline void go(ug_fn *fn, struct op o)
{
	if (ug_go_copy(fn, &o, sizeof o) < 0)
		abort();
}

#endif
