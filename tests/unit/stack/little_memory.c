/* SPDX-License-Identifier: MIT */
/* Stacks where memory or address space comes to an end for a while. */
#include <dlfcn.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "stack/announce.h"
#include "stack/stack.h"

#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

#if defined(UG__TSAN) || defined(UG__ASAN)
#define SANITIZED 1
#else
#define SANITIZED 0

/* Stands before the C library's: advice for many pages is done for half of them while `scarce`. */
static int scarce;
static unsigned advised; /* calls that did all */

long syscall(long nr, ...)
{
	static long (*real)(long nr, ...);
	if (!real)
		real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long a[6];
	va_list list;
	va_start(list, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (nr == SYS_process_madvise && scarce)
		a[2] /= 2;
	long r = real(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	advised += nr == SYS_process_madvise && r > 0 && !scarce;
	return r;
}
#endif

static int tear_down(void **state)
{
	(void)state;
	ug__stack_end();
	return 0;
}

static inline struct ug__stack *use_many(int n) /* inline: sanitizers leave no test that does */
{
	struct ug__stack *s = NULL;
	while (n-- > 0)
		if ((s = ug__stack_get_some(18)))
			*((volatile char *)ug__stack_start(s) - 1) = 1;
	return s;
}

static void a_shortage_is_no_refusal(void **state)
{
	(void)state;
#if SANITIZED
	skip();
#else
	use_many(100);
	if (advised == 0)
		skip(); /* an older kernel */
	scarce = 1;
	use_many(2);
	scarce = 0;
	unsigned before = advised;
	use_many(10);
	assert_int_equal(advised - before, 2 * 10); /* guards, and memory */
#endif
}

static int stand_on(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof set, &set);
}

/* Two cores that may be used, and take from different slabs. */
static int two_cores(int cpu[2])
{
	cpu_set_t all;
	if (sched_getaffinity(0, sizeof all, &all) < 0)
		return 0;
	int n = 0;
	for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &all) && (n == 0 || i % 8 != cpu[0] % 8))
			cpu[n++] = i;
	return n == 2;
}

/* Room for stacks, but not for a slab as large as usual. */
static int leave_little_room(void)
{
	char text[64] = "";
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || !fgets(text, sizeof text, f))
		return -1;
	fclose(f);
	size_t used = strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
	struct rlimit limit = {used + (32 << 20), used + (32 << 20)};
	return setrlimit(RLIMIT_AS, &limit);
}

/* The child's status: what is wrong. */
static int use_the_others_share(const int cpu[2])
{
	const struct ug__slab *slab[2] = {NULL, NULL};
	stand_on(cpu[0]);
	for (int i = 0; i < 1200; i++) /* from here on each has a share */
		ug__stack_get(18);
	for (int who = 0; who < 2; who++) {
		stand_on(cpu[who]);
		for (int i = 0; i < 100 || who == 1; i++) {
			struct ug__stack *s = ug__stack_get_some(18);
			slab[who] = s->slab;
			if (who == 1 && s->next) /* a batch, of its own share */
				break;
		}
	}
	if (slab[0] == slab[1])
		return 1;
	if (leave_little_room() != 0)
		return 2;
	stand_on(cpu[0]);
	for (int i = 0; i < 3000; i++) {
		const struct ug__stack *s = ug__stack_get_some(18);
		if (!s)
			return 3;
		if (s->slab == slab[1])
			return 0;
		if (s->slab != slab[0])
			return 4; /* a small one, made though there are fresh stacks */
	}
	return 5;
}

static void other_cores_share_comes_before_small_slabs(void **state)
{
	(void)state;
	int cpu[2];
	if (SANITIZED || !two_cores(cpu))
		skip();
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(use_the_others_share(cpu));
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_shortage_is_no_refusal, tear_down),
		cmocka_unit_test_teardown(other_cores_share_comes_before_small_slabs, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
