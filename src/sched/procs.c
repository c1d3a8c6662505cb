/* SPDX-License-Identifier: MIT */
/*
 * How many processors a runtime gets: UG_PROCS, else what the caller says, else the cores that the process may use
 * (affinity), or the CPU time that its cgroup gives it where that is less. A quota of a cgroup above counts too, as far
 * as it can be seen: in a container the tree is mounted from the container's own on. cgroup v2 alone. man 7 cgroups
 */
#include "sched/sched_priv.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define ROOT "/sys/fs/cgroup"
#define PATH_ROOM 2048

/* cpu.max of the cgroup whose folder's path is given: "max 100000" or "150000 100000"; INT_MAX: no quota. */
static int quota_of(const char *folder, size_t n)
{
	char path[PATH_ROOM + sizeof ROOT + 16], text[64] = "", *end;
	memcpy(path, ROOT, sizeof ROOT - 1);
	memcpy(path + sizeof ROOT - 1, folder, n);
	strcpy(path + sizeof ROOT - 1 + n, "/cpu.max");
	ug__sys_read_file(path, text, sizeof text);
	long long quota = strtoll(text, &end, 10), period = strtoll(end, NULL, 10);
	return quota > 0 && period > 0 && quota / period < INT32_MAX ? (int)((quota + period - 1) / period) : INT32_MAX;
}

/* The least quota from the process's own cgroup up to the topmost that can be seen. */
static int quota(void)
{
	char text[PATH_ROOM] = "";
	ug__sys_read_file("/proc/self/cgroup", text, sizeof text);
	const char *own = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	own = own ? strchr(own, '/') : NULL;
	size_t n = own ? strcspn(own, "\n") : 0;
	int least = quota_of("", 0);
	while (n) {
		int q = quota_of(own, n);
		least = q < least ? q : least;
		while (n && own[--n] != '/')
			;
	}
	return least;
}

int ug__count_procs(int wanted)
{
	const char *text = getenv("UG_PROCS");
	int n = text ? atoi(text) : 0;
	if (n <= 0)
		n = wanted;
	if (n <= 0) {
		cpu_set_t set;
		CPU_ZERO(&set);
		sched_getaffinity(0, sizeof set, &set);
		int most = quota();
		n = CPU_COUNT(&set);
		n = most < n ? most : n;
	}
	return n < 1 ? 1 : n > UG__MAX_PROCS ? UG__MAX_PROCS : n;
}
