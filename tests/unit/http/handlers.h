/* SPDX-License-Identifier: MIT */
/* What several tests ask for, and handlers: one that answers at once, and a gate in which one waits to be let go. */
#ifndef TESTS_HTTP_HANDLERS_H
#define TESTS_HTTP_HANDLERS_H

#include "talk.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK(length, body)                                                                                               \
	"HTTP/1.1 200 OK\r\nContent-Length: " length "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" body
#define HELLO OK("6", "hello\n")

static int calls; /* of hello */

static inline int hello(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	return ug_http_text(r, 200, arg ? arg : "hello\n");
}

static ug_sem entered, leave;

static inline void gate_init(void)
{
	ug_sem_init(&entered, 100);
	ug_sem_init(&leave, 100);
	expect(ug_sem_acquire(&entered, 100) == 0 && ug_sem_acquire(&leave, 100) == 0);
}

static inline int pass_gate(void)
{
	UG_TRY(ug_sem_release(&entered, 1));
	return ug_sem_acquire(&leave, 1);
}

static inline int gate(ug_http_request *q, ug_http_response *r, void *arg)
{
	(void)q;
	(void)arg;
	UG_TRY(pass_gate());
	return ug_http_text(r, 200, "done\n");
}

#endif
