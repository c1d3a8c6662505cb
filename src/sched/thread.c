/* SPDX-License-Identifier: MIT */
/* What the kernel knows of a thread of this process, and what it is asked for the monitor's own. */
#include "sched/sched_priv.h"

#include <linux/prctl.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

uint32_t ug__thread_id(void)
{
	return (uint32_t)ug__syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

/* The letter after the name in parentheses, in which anything may stand; 0: not to be had. man 5 proc_pid_stat. Neither
 * allocates nor locks. */
static char state_of(uint32_t id)
{
	char path[48] = "/proc/self/task/", digits[12], text[128];
	size_t n = strlen(path), d = 0;
	do
		digits[d++] = (char)('0' + id % 10);
	while (id /= 10);
	while (d)
		path[n++] = digits[--d];
	strcpy(path + n, "/stat");
	const char *end = ug__sys_read_file(path, text, sizeof text) > 0 ? strrchr(text, ')') : NULL;
	return end && end[1] == ' ' ? end[2] : '\0';
}

bool ug__thread_sleeps(uint32_t id)
{
	char state = state_of(id);
	return state == 'S' || state == 'D';
}

bool ug__main_thread_gone(void)
{
	return state_of((uint32_t)getpid()) == 'Z';
}

/* The kernel's, in its first form: libc's headers and the kernel's cannot both be had here. man 2 sched_setattr */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/*
 * For a thread that runs for microseconds and is to do so on time: its sleeps are not rounded up (50 us, else), and
 * where all cores compute it goes before threads that have longer slices (Linux 6.12; older ones take no notice).
 */
void ug__thread_prompt(void)
{
	(void)ug__syscall(SYS_prctl, PR_SET_TIMERSLACK, 1, 0, 0, 0, 0);
	struct attributes attr = {.size = sizeof attr};
	if (ug__syscall(SYS_sched_getattr, 0, (long)&attr, sizeof attr, 0, 0, 0) < 0 || attr.policy != SCHED_OTHER)
		return;
	attr.size = sizeof attr;
	attr.runtime = 100 * UG_US;
	(void)ug__syscall(SYS_sched_setattr, 0, (long)&attr, 0, 0, 0, 0);
}
