/* SPDX-License-Identifier: MIT */
/*
 * Many parked tasks: all start, all wait on one channel at the same time, all end when it is closed.
 *
 * usage: parked [COUNT [BYTES]]    BYTES: at most so many a task, resident memory and page tables; 0: not looked at
 *
 * 1,000,000 tasks have to fit into 5 GiB, which is 5,368 bytes each. The rest of the process is charged 64 MiB.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <undergo/base.h>
#include <undergo/sched.h>
#include <undergo/sync.h>

typedef UG_CHAN(int) int_chan;

static int_chan gate = UG_NIL;
static ug_waitgroup all = UG_ZERO;
static atomic_long arrived, wrong;
static long count = 20000, bytes = 5368;

/* A line of /proc/self/status, in bytes. */
static long status_of(const char *what)
{
	char line[256];
	long kib = 0;
	FILE *f = fopen("/proc/self/status", "r");
	if (!f)
		return 0;
	while (fgets(line, sizeof line, f))
		if (strncmp(line, what, strlen(what)) == 0)
			kib = strtol(line + strlen(what) + 1, NULL, 10);
	fclose(f);
	return kib * 1024;
}

static int wait_at_the_gate(void *arg)
{
	int v;
	(void)arg;
	atomic_fetch_add(&arrived, 1);
	if (ug_recv(gate, &v) != -EPIPE)
		atomic_fetch_add(&wrong, 1);
	return ug_waitgroup_done(&all);
}

static int app(void *arg)
{
	(void)arg;
	UG_TRY(ug_chan_new(&gate, 0));
	UG_TRY(ug_waitgroup_add(&all, count));
	int64_t begin = ug_now();
	for (long i = 0; i < count; i++)
		UG_TRY(ug_go(wait_at_the_gate, NULL));
	while (atomic_load(&arrived) < count)
		UG_TRY(ug_sleep(UG_MS));
	int64_t there = ug_now();
	long resident = status_of("VmHWM"), tables = status_of("VmPTE");
	int64_t open = ug_now();
	UG_TRY(ug_close(gate));
	UG_TRY(ug_waitgroup_wait(&all));
	int64_t end = ug_now();
	UG_TRY(ug_chan_unref(&gate));
	printf("%ld tasks: start %.0f ns, end %.0f ns each; %.2f GiB resident, %.2f GiB page tables, %.0f bytes each\n",
		count, (double)(there - begin) / (double)count, (double)(end - open) / (double)count,
		(double)resident / (1 << 30), (double)tables / (1 << 30), (double)(resident + tables) / (double)count);
	if (atomic_load(&wrong)) {
		printf("%ld tasks were woken by something else\n", atomic_load(&wrong));
		return 1;
	}
	long room = count < 1000000 ? 64 << 20 : 0;
	if (bytes && resident + tables > count * bytes + room) {
		printf("that is more than %ld bytes each\n", bytes);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		count = strtol(argv[1], NULL, 10);
	if (argc > 2)
		bytes = strtol(argv[2], NULL, 10);
	if (count <= 0)
		return 64;
	int e = ug_run(app, NULL, NULL);
	if (e < 0)
		printf("%s\n", ug_strerror(e));
	return e != 0;
}
