/* SPDX-License-Identifier: MIT */
/* Stacks where memory or address space comes to an end for a while. */
#include <errno.h>
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
#include "two_cores.h"

#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

#if defined(UG__TSAN) || defined(UG__ASAN)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static int scarce, refused;
static unsigned advised; /* calls that did all */
static unsigned refusals;

long __real_ug__syscall(long nr, long a, long b, long c, long d, long e, long f);
long __wrap_ug__syscall(long nr, long a, long b, long c, long d, long e, long f);

/* Stands before base's own: while `scarce`, advice for many pages is done for half of them, while `refused` for
 * none. */
long __wrap_ug__syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr == SYS_process_madvise && scarce)
		c /= 2;
	if (nr == SYS_process_madvise && refused)
		return refusals++, -EPERM;
	long r = __real_ug__syscall(nr, a, b, c, d, e, f);
	advised += nr == SYS_process_madvise && r > 0 && !scarce;
	return r;
}

static int tear_down(void **state)
{
	(void)state;
	ug__stack_end();
	return 0;
}

static struct ug__stack *use_many(int n)
{
	struct ug__stack *s = NULL;
	while (n-- > 0)
		if ((s = ug__stack_get_some(18)))
			*((volatile char *)ug__stack_start(s) - 1) = 1;
	return s;
}

/* Where slots are guarded by batches. */
static pid_t fork_with_stacks(void)
{
	use_many(100);
	if (advised == 0)
		skip(); /* an older kernel */
	pid_t child = fork();
	assert_true(child >= 0);
	return child;
}

static void ends_well(pid_t child)
{
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void a_shortage_is_no_refusal(void **state)
{
	(void)state;
	use_many(100);
	unsigned guards = advised;
	if (guards == 0)
		skip(); /* an older kernel */
	scarce = 1;
	use_many(2);
	scarce = 0;
	use_many(10);
	assert_int_equal(advised - guards, 10);
}

/* In the child of a fork, since it is for good. */
static void a_refusal_is_asked_for_once(void **state)
{
	(void)state;
	pid_t child = fork_with_stacks();
	if (child == 0) {
		refused = 1;
		struct ug__stack *s = use_many(10);
		_exit(!s || refusals != 1);
	}
	ends_well(child);
}

static char *last_byte(struct ug__stack *s)
{
	return (char *)s + UG__STACK_HEAD - 1;
}

/* Whose slots have the addresses of those that its parent has taken since. */
static void the_child_of_a_fork_leaves_its_parent_alone(void **state)
{
	(void)state;
	enum { N = 200 };
	int taken[2];
	char byte = 0;
	use_many(100);
	assert_int_equal(pipe(taken), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(read(taken[0], &byte, 1) != 1 || !use_many(N));
	struct ug__stack *s[N];
	for (int i = 0; i < N; i++) {
		s[i] = ug__stack_get(18);
		assert_non_null(s[i]);
		*last_byte(s[i]) = 1;
	}
	assert_int_equal(write(taken[1], &byte, 1), 1);
	ends_well(child);
	for (int i = 0; i < N; i++)
		assert_int_equal(*last_byte(s[i]), 1);
	close(taken[0]);
	close(taken[1]);
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
	ends_well(child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_shortage_is_no_refusal, tear_down),
		cmocka_unit_test_teardown(a_refusal_is_asked_for_once, tear_down),
		cmocka_unit_test_teardown(the_child_of_a_fork_leaves_its_parent_alone, tear_down),
		cmocka_unit_test_teardown(other_cores_share_comes_before_small_slabs, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
