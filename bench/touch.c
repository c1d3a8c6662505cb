/* SPDX-License-Identifier: MIT */
/*
 * touch back [--quick]: touches and frees 6 GiB on all processors, so that what runs next meets page faults of this
 * kernel alone and none of its host's.
 *
 * touch ROW PROCS [--quick]: times the first touch of a million pages side by side ("touch"), shared out to PROCS
 * threads, and then of a quarter as many, one page every 256 KiB ("touch-256k"), which is what stacks of that size do
 * at the least: eight of them fill a page table.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, STACK = 256 * 1024, MAX_PROCS = 256 };

struct part {
	pthread_t thread;
	volatile char *from;
	size_t pages, stride;
};

static void *touch_part(void *arg)
{
	struct part *p = arg;
	for (size_t i = 0; i < p->pages; i++)
		p->from[i * p->stride] = 1;
	return NULL;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds a page: touched by `procs` threads at once, then freed. */
static double touch(size_t pages, size_t stride, size_t procs)
{
	static struct part parts[MAX_PROCS];
	size_t each = pages / procs, size = each * procs * stride;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED || madvise(memory, size, MADV_NOHUGEPAGE) < 0) {
		perror("touch");
		exit(1);
	}
	double start = now();
	for (size_t i = 0; i < procs; i++) {
		parts[i] = (struct part){.from = memory + i * each * stride, .pages = each, .stride = stride};
		if (pthread_create(&parts[i].thread, NULL, touch_part, &parts[i]) != 0)
			exit(1);
	}
	for (size_t i = 0; i < procs; i++)
		pthread_join(parts[i].thread, NULL);
	double ns = (now() - start) / (double)(each * procs);
	munmap(memory, size);
	return ns;
}

int main(int argc, char **argv)
{
	bool back = argc > 1 && strcmp(argv[1], "back") == 0;
	int procs = back ? (int)sysconf(_SC_NPROCESSORS_ONLN) : argc > 2 ? atoi(argv[2]) : 0;
	size_t less = argc > 2 && strcmp(argv[argc - 1], "--quick") == 0 ? 100 : 1;
	if (procs < 1 || procs > MAX_PROCS) {
		fprintf(stderr, "usage: touch back|ROW PROCS [--quick]\n");
		return 2;
	}
	if (back) {
		touch((UINT64_C(6) << 30) / PAGE / less, PAGE, (size_t)procs);
		return 0;
	}
	printf("touch\t%s\t%d\t%.4f\tns/page\n", argv[1], procs, touch(1000000 / less, PAGE, (size_t)procs));
	printf("touch-256k\t%s\t%d\t%.4f\tns/page\n", argv[1], procs, touch(250000 / less, STACK, (size_t)procs));
	return 0;
}
