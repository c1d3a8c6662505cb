/* SPDX-License-Identifier: MIT */
/* Stacks: their sizes, that the guard faults, that memory goes back, and what is left where guards cannot be had. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "base/atomic.h"
#include "stack/announce.h"
#include "stack/stack.h"
#include "two_cores.h"

#define PAGE ((size_t)4096)

static int tear_down(void **state)
{
	(void)state;
	ug__stack_end();
	return 0;
}

static size_t size_of(const struct ug__stack *s)
{
	return (size_t)1 << s->log;
}

static void each_size_has_its_bytes_and_its_head(void **state)
{
	(void)state;
	for (unsigned log = UG__STACK_MIN_LOG; log <= UG__STACK_MAX_LOG; log++) {
		struct ug__stack *s[5];
		for (int i = 0; i < 5; i++) { /* more than one slab of the largest */
			s[i] = ug__stack_get(log);
			assert_non_null(s[i]);
			assert_int_equal(s[i]->log, log);
			char *base = ug__stack_base(s[i]), *start = ug__stack_start(s[i]);
			assert_int_equal((uintptr_t)base % PAGE, 0);
			assert_int_equal((uintptr_t)start % 16, 0);
			assert_int_equal((size_t)(start - base), ((size_t)1 << log) - UG__STACK_HEAD);
			/* Frames may use everything above the guard; a big one is only looked at here and there. */
			for (char *at = start - 1; at >= base + PAGE; at -= log > 20 ? 65536 : 64)
				*at = (char)log;
			base[PAGE] = 1;
			char *head_end = (char *)s[i] + UG__STACK_HEAD;
			for (char *at = (char *)(s[i] + 1); at < head_end; at++)
				assert_int_equal(*at, 0);
			memset(s[i] + 1, 0x55, UG__STACK_HEAD - sizeof *s[i]);
			for (int k = 0; k < i; k++)
				assert_true(base + size_of(s[i]) <= ug__stack_base(s[k]) ||
					base >= ug__stack_base(s[k]) + size_of(s[k]));
		}
		for (int i = 0; i < 5; i++)
			ug__stack_put(s[i]);
	}
}

/* The signal that ends a child which touches an address; 0: it lived. */
static int touch(volatile char *address, int write)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		if (write)
			*address = 1;
		else
			(void)*address;
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void is_guarded(struct ug__stack *s)
{
	char *base = ug__stack_base(s);
	assert_int_equal(s->canary, 0);
	assert_int_equal(touch(base, 0), SIGSEGV);
	assert_int_equal(touch(base + PAGE - 1, 1), SIGSEGV);
	assert_int_equal(touch(base + PAGE, 1), 0);
}

static void the_guard_faults_and_stays_when_memory_goes(void **state)
{
	(void)state;
	struct ug__stack *s[3];
	/* An emulator that takes any advice, even one that there is not, sets no guards. */
	if (madvise((void *)((uintptr_t)state & ~(uintptr_t)(PAGE - 1)), PAGE, 9999) == 0)
		skip();
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++) {
			s[i] = ug__stack_get(16);
			is_guarded(s[i]);
		}
		for (int i = 0; i < 3; i++)
			ug__stack_put(s[i]);
		for (int i = 0; i < 20; i++) /* all cold */
			ug__stack_trim();
	}
}

/* Pages of a stack of 2^18 bytes that are in memory; its head may be gone. */
static size_t resident(const struct ug__stack *s)
{
	unsigned char pages[(1 << 18) / PAGE];
	size_t n = sizeof pages, count = 0;
	assert_int_equal(mincore((char *)(uintptr_t)s + UG__STACK_HEAD - (1 << 18), 1 << 18, pages), 0);
	for (size_t i = 0; i < n; i++)
		count += pages[i] & 1;
	return count;
}

#define MANY 2000
#define BATCH 32 /* who needs many gets so many ready at a time */

static void what_is_not_needed_goes_back_to_the_system(void **state)
{
	(void)state;
	static struct ug__stack *s[MANY];
	for (int i = 0; i < MANY; i++) {
		s[i] = ug__stack_get(18);
		memset(ug__stack_start(s[i]) - 5 * PAGE, 1, 5 * PAGE);
		assert_true(resident(s[i]) >= 6);
	}
	for (int i = 0; i < MANY; i++)
		ug__stack_put(s[i]);
	assert_true(resident(s[0]) >= 6); /* warm for now */
	size_t kept = ug__stack_trim(), before = MANY + BATCH;
	int trims = 1;
	for (; kept; trims++) {
		assert_true(kept <= before);
		before = kept;
		kept = ug__stack_trim();
		assert_true(trims < 100);
	}
	assert_true(trims > 2); /* not all at once: a burst may come again */
	for (int i = 0; i < MANY; i++)
		assert_int_equal(resident(s[i]), 0);
	/* They are used again, with a head of zeros. */
	for (int i = 0; i < MANY; i++) {
		struct ug__stack *t = ug__stack_get(18);
		assert_int_equal(t->log, 18);
		assert_true(ug__stack_at(t) == t);
		assert_null(t->next);
		assert_int_equal(((char *)t)[UG__STACK_HEAD - 1], 0);
	}
}

/* They are made ready in batches by then. */
static void the_many_are_guarded_too_and_hold_a_page(void **state)
{
	(void)state;
	static struct ug__stack *s[MANY];
	for (int i = 0; i < MANY; i++)
		s[i] = ug__stack_get(18);
	for (int i = 0; i < MANY; i += i < 100 ? 7 : 97) {
		assert_int_equal(resident(s[i]), 1);
		is_guarded(s[i]);
	}
}

#define CROWD 8000

/* Each new mapping stops all who ask for memory: 32 of 64 MiB would be needed here. */
static void the_more_are_used_the_larger_a_slab_is(void **state)
{
	(void)state;
	static struct ug__stack *s[CROWD];
	static const struct ug__slab *slabs[CROWD];
	int slabs_count = 0;
	for (int i = 0; i < CROWD; i++) {
		s[i] = ug__stack_get(18);
		*((uint64_t *)(void *)ug__stack_start(s[i]) - 1) = (uintptr_t)s[i];
		int k = 0;
		while (k < slabs_count && slabs[k] != s[i]->slab)
			k++;
		slabs[k] = s[i]->slab;
		slabs_count += k == slabs_count;
	}
	assert_in_range(slabs_count, 1, 24);
	for (int i = 0; i < CROWD; i++) {
		assert_true(*((uint64_t *)(void *)ug__stack_start(s[i]) - 1) == (uintptr_t)s[i]);
		assert_true(ug__stack_at(ug__stack_base(s[i])) == s[i]);
	}
}

static void where_many_are_used_cores_take_from_slabs_of_their_own(void **state)
{
	(void)state;
	int cpu[2];
	cpu_set_t before;
	assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
	if (!two_cores(cpu))
		skip();
	const struct ug__slab *last[2] = {NULL, NULL};
	int changes[2] = {0, 0};
	for (int i = 0; i < 1200; i++) /* from here on it is so */
		ug__stack_get(18);
	for (int i = 0; i < 200; i++) {
		int who = i % 2;
		assert_int_equal(stand_on(cpu[who]), 0);
		const struct ug__stack *s = ug__stack_get_some(18);
		if (!s->next) /* of no batch: it was warm, or the last of a slab */
			continue;
		assert_ptr_not_equal(s->slab, last[!who]);
		changes[who] += s->slab != last[who];
		last[who] = s->slab;
	}
	assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
	assert_in_range(changes[0] + changes[1], 2, 20); /* 256 are in a slab at the least */
}

#define ROOM ((rlim_t)3 << 30)
#define SPARE 8 /* stacks that the library's own memory takes the place of, at the most */

/* Bytes of address space in use. */
static rlim_t space_used(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%lu", &pages) != 1)
		return 0;
	fclose(f);
	return pages * PAGE;
}

/* The child's status: what is wrong. */
static int use_all_room(void)
{
	int cpu[2], cores = two_cores(cpu);
	struct rlimit limit = {ROOM, ROOM};
	ug__stack_end(); /* nothing is left of what came before */
	rlim_t before = space_used();
	if (before == 0 || setrlimit(RLIMIT_AS, &limit) < 0)
		return 1;
	size_t n = 0;
	struct ug__stack *s, *last = NULL;
	for (; (s = ug__stack_get(18)); n++) {
		if (cores && n % 100 == 0)
			stand_on(cpu[n / 100 % 2]);
		*((volatile char *)ug__stack_start(s) - 1) = 1;
		last = s;
	}
	if ((n + SPARE) << 18 < ROOM - before)
		return 2;
	ug__stack_put(last);
	return ug__stack_get(18) == last ? 0 : 3;
}

static void where_address_space_ends_nothing_of_it_is_left_over(void **state)
{
	(void)state;
#if defined(UG__TSAN) || defined(UG__ASAN)
	skip(); /* they need terabytes of it */
#endif
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(use_all_room());
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void what_comes_and_goes_steadily_stays_warm(void **state)
{
	(void)state;
	struct ug__stack *s[64], *first = ug__stack_get(18);
	ug__stack_put(first);
	for (int round = 0; round < 30; round++) {
		for (int i = 0; i < 64; i++)
			s[i] = ug__stack_get(18);
		memset(ug__stack_start(s[0]) - PAGE, 1, PAGE);
		for (int i = 63; i >= 0; i--)
			ug__stack_put(s[i]);
		assert_int_equal(ug__stack_trim(), 64);
	}
	assert_true(resident(s[0]) >= 1);
}

static void huge_pages_are_off(void **state)
{
	(void)state;
	/* Aligned 2 MiB of one slab, a page touched in one slot: no more may become resident. */
	struct ug__stack *s[40];
	for (int i = 0; i < 40; i++) {
		s[i] = ug__stack_get(18);
		memset(ug__stack_start(s[i]) - 64, 1, 64);
	}
	for (int i = 0; i < 40; i++)
		assert_true(resident(s[i]) <= 2);
}

static void an_address_finds_its_stack(void **state)
{
	(void)state;
	int here = 0;
	assert_null(ug__stack_at(&here));
	struct ug__stack *a = ug__stack_get(14), *b = ug__stack_get(26), *c = ug__stack_get(14);
	struct ug__stack *all[] = {a, b, c};
	for (int i = 0; i < 3; i++) {
		char *base = ug__stack_base(all[i]);
		assert_ptr_equal(ug__stack_at(base), all[i]);
		assert_ptr_equal(ug__stack_at(base + size_of(all[i]) - 1), all[i]);
		assert_ptr_equal(ug__stack_at(base + size_of(all[i]) / 2), all[i]);
		assert_ptr_not_equal(ug__stack_at(base - 1), all[i]);
		assert_ptr_not_equal(ug__stack_at(base + size_of(all[i])), all[i]);
	}
	assert_null(ug__stack_at(NULL));
	assert_null(ug__stack_at(&here));
}

static void count(struct ug__stack *s, void *arg)
{
	(void)s;
	++*(size_t *)arg;
}

static void all_that_are_used_are_walked(void **state)
{
	(void)state;
	size_t n = 0;
	struct ug__stack *s[100];
	for (int i = 0; i < 100; i++)
		s[i] = ug__stack_get(i % 2 ? 14 : 25); /* 13 slabs of the latter at least */
	for (int i = 0; i < 100; i += 3)
		ug__stack_put(s[i]);
	ug__stack_each(count, &n);
	assert_in_range(n, 100, 100 + 2 * BATCH);
}

static uint32_t wrong;

static void *churn(void *arg)
{
	struct ug__stack *mine[50] = {NULL};
	uint32_t x = (uint32_t)(uintptr_t)arg | 1;
	for (int i = 0; i < 20000; i++) {
		x = x * 1664525 + 1013904223;
		struct ug__stack **at = &mine[(x >> 8) % 50];
		if (*at) {
			volatile uint64_t *owner = (uint64_t *)(void *)ug__stack_start(*at) - 1;
			if (*owner != (uintptr_t)at)
				add_relaxed(&wrong, 1u);
			*owner = 0;
			ug__stack_put(*at);
			*at = NULL;
		} else {
			*at = ug__stack_get(14 + (x >> 20) % 4);
			*((uint64_t *)(void *)ug__stack_start(*at) - 1) = (uintptr_t)at;
		}
		if (i % 500 == 0)
			ug__stack_trim();
	}
	return NULL;
}

static void threads_share_them(void **state)
{
	(void)state;
	pthread_t t[4];
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, churn, (void *)(i * 77)), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_int_equal(wrong, 0);
}

/* An older kernel: madvise does not know guards. Then mprotect makes them, as far as a process may have mappings; then
 * canaries. */
static int forget_guards(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_madvise, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 32), /* the third argument's low half */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 102, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

#define OLD_STACKS 33000

static int on_an_old_kernel(void)
{
	if (forget_guards() < 0)
		return 77;
	struct ug__stack **s = calloc(OLD_STACKS, sizeof *s);
	int guarded = 0;
	for (int i = 0; i < OLD_STACKS; i++) {
		s[i] = ug__stack_get(14);
		if (!s[i])
			return 2;
		guarded += !s[i]->canary;
	}
	if (guarded < 10000 || guarded == OLD_STACKS || s[0]->canary)
		return 3;
	struct ug__stack *bare = s[OLD_STACKS - 1];
	char *base = ug__stack_base(bare);
	if (!bare->canary || !ug__stack_intact(bare, ug__stack_start(bare) - 100))
		return 4;
	base[20] = 1; /* an overflow that reached the lowest bytes */
	if (ug__stack_intact(bare, ug__stack_start(bare) - 100))
		return 5;
	base[20] = 0;
	if (ug__stack_intact(bare, base + 100)) /* one that has not yet come back */
		return 6;
	if (touch(ug__stack_base(s[0]), 1) != SIGSEGV)
		return 7;
	/* Cold and back: the ones without a guard are still known to be. */
	for (int i = 0; i < OLD_STACKS; i++)
		ug__stack_put(s[i]);
	for (int i = 0; ug__stack_trim(); i++)
		if (i > 1000)
			return 8;
	for (int i = 0; i < OLD_STACKS; i++) {
		s[i] = ug__stack_get(14);
		if (s[i] == bare && !s[i]->canary)
			return 9;
	}
	/* A stack asked whether it is intact must not be one whose guard faults. */
	for (int i = 0; i < OLD_STACKS; i++)
		if (s[i]->canary && !ug__stack_intact(s[i], ug__stack_start(s[i]) - 100))
			return 10;
	return 0;
}

static void old_kernels_get_guards_by_mprotect_then_canaries(void **state)
{
	(void)state;
#ifdef UG__TSAN
	skip(); /* its own threads make calls that such a filter confuses */
#endif
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(on_an_old_kernel());
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip(); /* no filters here (qemu-user) */
	assert_int_equal(status, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(each_size_has_its_bytes_and_its_head),
		CASE(the_guard_faults_and_stays_when_memory_goes),
		CASE(what_is_not_needed_goes_back_to_the_system),
		CASE(the_many_are_guarded_too_and_hold_a_page),
		CASE(the_more_are_used_the_larger_a_slab_is),
		CASE(where_many_are_used_cores_take_from_slabs_of_their_own),
		CASE(where_address_space_ends_nothing_of_it_is_left_over),
		CASE(what_comes_and_goes_steadily_stays_warm),
		CASE(huge_pages_are_off),
		CASE(an_address_finds_its_stack),
		CASE(all_that_are_used_are_walked),
		CASE(threads_share_them),
		CASE(old_kernels_get_guards_by_mprotect_then_canaries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
