/* SPDX-License-Identifier: MIT */
/*
 * The report of an overflowed stack: SIGSEGV in the guard page of the stack that the fault's task runs on. The handler
 * runs on an alternate stack of each worker. Any other fault goes to the handler that was there before, or to the
 * default.
 */
#include "sched/sched_priv.h"

#include <execinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unwind.h>

#define SIGNAL_STACK ((size_t)64 << 10)
#define FRAMES 24

static struct sigaction before;

struct frames {
	void *ip[FRAMES];
	int count;
};

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *c, void *arg)
{
	struct frames *f = arg;
	if (f->count == FRAMES)
		return _URC_END_OF_STACK;
	f->ip[f->count++] = (void *)_Unwind_GetIP(c);
	return _URC_NO_REASON;
}

static void report(const struct ug__task *t)
{
	ug__report(2, "undergo: stack overflow in task %llu %s: its stack has %zu bytes\n", (unsigned long long)t->id,
		t->name ? t->name : "(no name)", (size_t)1 << t->stack.log);
	struct frames f = {.count = 0};
	_Unwind_Backtrace(add_frame, &f);
	backtrace_symbols_fd(f.ip, f.count, 2);
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
	struct worker *w = ug__worker();
	struct ug__task *t = w ? w->cur : NULL;
	const char *at = info->si_addr;
	if (t && info->si_code > 0) {
		const char *base = ug__stack_base(&t->stack);
		/* A frame larger than the guard may have jumped over it, into the stack below. */
		if (at < base + 4096 && at >= base - (64 << 10)) {
			report(t);
			abort();
		}
	}
	if ((before.sa_flags & SA_SIGINFO) && before.sa_sigaction) {
		before.sa_sigaction(signo, info, context);
		return;
	}
	if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(signo);
		return;
	}
	/* Back to what would have been: the access is made again, or the signal sent again, and ends the process. */
	signal(signo, SIG_DFL);
	if (info->si_code <= 0)
		raise(signo);
}

void ug__overflow_install(void)
{
	static bool installed;
	if (installed)
		return;
	installed = true;
	struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	sigemptyset(&a.sa_mask);
	sigaction(SIGSEGV, &a, &before);
}

/* Gives the calling worker its alternate stack, or takes it away. */
void ug__overflow_thread(struct worker *w, bool on)
{
	if (on) {
		void *m = mmap(NULL, SIGNAL_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (m == MAP_FAILED)
			return;
		w->signal_stack = m;
		stack_t s = {.ss_sp = m, .ss_size = SIGNAL_STACK};
		sigaltstack(&s, NULL);
	} else if (w->signal_stack) {
		stack_t s = {.ss_flags = SS_DISABLE};
		sigaltstack(&s, NULL);
		munmap(w->signal_stack, SIGNAL_STACK);
		w->signal_stack = NULL;
	}
}
