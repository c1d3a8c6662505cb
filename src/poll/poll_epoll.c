/* SPDX-License-Identifier: MIT */
/*
 * The back end on epoll: one instance for the process, every descriptor registered once, both ways, edge-triggered, so
 * that an event reaches one of the threads that wait, and no call is made for each wait. wake writes to an eventfd that
 * is registered edge-triggered too, so nobody needs to read it.
 *	Rejected: one instance a processor, in which its worker sleeps. A connection that comes and goes costs a tenth
 *	less at two processors, but what becomes ready while a task computes then waits for its end beside an idle
 *	worker; and an instance of all of them, in which idle workers sleep, costs what is won (docs/rationale.md).
 */
#include "poll/poll.h"

#include "base/sys.h"
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BATCH 128

static int epfd = -1, wake_fd = -1;

static int control(int op, int fd, uint32_t events, uint64_t key)
{
	struct epoll_event e = {.events = events, .data.u64 = key};
	return (int)ug__syscall(SYS_epoll_ctl, epfd, op, fd, (long)&e, 0, 0);
}

static void end(void)
{
	ug__sys_close(epfd);
	ug__sys_close(wake_fd);
	epfd = wake_fd = -1;
}

static int start(void)
{
	epfd = (int)ug__syscall(SYS_epoll_create1, EPOLL_CLOEXEC, 0, 0, 0, 0, 0);
	if (epfd < 0)
		return epfd;
	wake_fd = (int)ug__syscall(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK, 0, 0, 0, 0);
	int e = wake_fd < 0 ? wake_fd : control(EPOLL_CTL_ADD, wake_fd, EPOLLIN | EPOLLET, UG__POLL_WAKE);
	if (e < 0)
		end();
	return e;
}

static int add(int fd, uint64_t key)
{
	return control(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET, key);
}

static void remove_fd(int fd, uint64_t key, int last)
{
	/* A close takes it out by itself, unless the open file is shared; then stale events are told by their
	 * generation. */
	if (!last)
		control(EPOLL_CTL_DEL, fd, 0, key);
}

/* epoll_pwait2 waits by the nanosecond, and is there since Linux 5.11. Sandboxes that are older refuse it with
 * EPERM. */
static int wait_until(struct epoll_event *e, int n, int64_t until)
{
	static int old_kernel;
	if (until == 0)
		return (int)ug__syscall(SYS_epoll_pwait, epfd, (long)e, n, 0, 0, 8);
	int64_t left = until == UG_FOREVER ? -1 : until - ug_now();
	if (until != UG_FOREVER && left < 0)
		left = 0;
#ifdef SYS_epoll_pwait2
	if (!load_relaxed(&old_kernel)) {
		struct timespec ts = {.tv_sec = left / UG_SECOND, .tv_nsec = left % UG_SECOND};
		long r = ug__syscall(SYS_epoll_pwait2, epfd, (long)e, n, left < 0 ? 0 : (long)&ts, 0, 8);
		if (r != -ENOSYS && r != -EPERM)
			return (int)r;
		store_relaxed(&old_kernel, 1);
	}
#endif
	int64_t ms = left < 0 ? -1 : (left + UG_MS - 1) / UG_MS;
	return (int)ug__syscall(SYS_epoll_pwait, epfd, (long)e, n, ms > 1000000 ? 1000000 : ms, 0, 8);
}

static int wait_events(struct ug__event *ev, int n, int64_t until)
{
	struct epoll_event e[BATCH];
	int got = wait_until(e, n < BATCH ? n : BATCH, until);
	for (int i = 0; i < got; i++) {
		uint32_t m = e[i].events;
		ev[i].key = e[i].data.u64;
		ev[i].what = (m & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? UG__POLL_IN : 0u) |
			(m & (EPOLLOUT | EPOLLHUP | EPOLLERR) ? UG__POLL_OUT : 0u) |
			(m & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? UG__POLL_HUP : 0u);
	}
	return got;
}

static void wake(void)
{
	uint64_t one = 1;
	ug__sys_write(wake_fd, &one, sizeof one);
}

const struct ug__poller ug__poll_epoll = {
	.name = "epoll",
	.start = start,
	.end = end,
	.add = add,
	.remove = remove_fd,
	.wait = wait_events,
	.wake = wake,
};
