/* SPDX-License-Identifier: MIT */
/*
 * The back end on io_uring: multishot polls, edge-triggered, on one ring.
 *
 * A ring's completions run on the thread that submitted, so only the thread that waits submits: others leave their
 * wishes in a list and wake it. That thread runs no tasks and never exits, so no stuck task can hold completions up.
 *
 * A multishot poll ends by itself when its completion queue overflowed or on an error; the completion then lacks
 * F_MORE, and the poll is armed anew, unless the key was removed. A poll holds its file open, so a removal is submitted
 * at once, and the descriptor's close is complete when the kernel has carried that out.
 *
 * Keys are user data; a removal's own completion carries none that means anything (IGNORE). The set of live keys is
 * kept by number (low 32 bits: the record's index), so that a completion that ended can tell whether to arm again.
 */
#include "poll/poll.h"

#include "base/lock.h"
#include "base/sys.h"
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>

#define ENTRIES 1024
#define RETRY UG_MS
#define IGNORE (UINT64_MAX - 1)

#ifndef IORING_POLL_ADD_MULTI
#error "liburing 2.0 or later is needed"
#endif

struct wish {
	uint64_t key;
	int fd; /* -1: remove */
};

static struct io_uring ring;
static int wake_fd = -1, wake_armed;
static uint32_t lock;
static struct wish *wishes;
static size_t wish_count, wish_room;
/* Which key is live under each record's index, and its descriptor plus one (0: removed); guarded by lock. */
static struct wish *live;
static size_t live_room;

static int start(void)
{
	int e = io_uring_queue_init(ENTRIES, &ring, IORING_SETUP_CLAMP);
	if (e < 0)
		return e;
	wake_fd = (int)ug__syscall(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK, 0, 0, 0, 0);
	if (wake_fd < 0) {
		io_uring_queue_exit(&ring);
		return wake_fd;
	}
	/* Multishot poll came with Linux 5.13, as did this feature's flag. */
	if (!(ring.features & IORING_FEAT_RSRC_TAGS)) {
		io_uring_queue_exit(&ring);
		ug__sys_close(wake_fd);
		return -ENOSYS;
	}
	wake_armed = 0;
	return 0;
}

static void end(void)
{
	io_uring_queue_exit(&ring);
	ug__sys_close(wake_fd);
	wake_fd = -1;
	free(wishes);
	free(live);
	wishes = live = NULL;
	wish_count = wish_room = live_room = 0;
}

static void wake(void)
{
	uint64_t one = 1;
	ug__sys_write(wake_fd, &one, sizeof one);
}

static int reserve(struct wish **list, size_t *room, size_t need)
{
	if (need <= *room)
		return 0;
	size_t more = *room ? *room * 2 : 64;
	while (more < need)
		more *= 2;
	struct wish *grown = realloc(*list, more * sizeof *grown);
	if (!grown)
		return -ENOMEM;
	memset(grown + *room, 0, (more - *room) * sizeof *grown);
	*list = grown;
	*room = more;
	return 0;
}

static int add(int fd, uint64_t key)
{
	size_t index = (uint32_t)key;
	ug__lock(&lock);
	/* Room for this key's removal is made now too: a removal must not fail. */
	int e = reserve(&wishes, &wish_room, 2 * (wish_count + live_room) + 2);
	if (e == 0)
		e = reserve(&live, &live_room, index + 1);
	if (e == 0) {
		live[index] = (struct wish){.key = key, .fd = fd + 1};
		wishes[wish_count++] = (struct wish){.key = key, .fd = fd};
	}
	ug__unlock(&lock);
	if (e == 0)
		wake();
	return e;
}

static void remove_fd(int fd, uint64_t key, int last)
{
	(void)fd;
	(void)last;
	size_t index = (uint32_t)key;
	ug__lock(&lock);
	if (index < live_room && live[index].key == key) {
		live[index].fd = 0;
		if (reserve(&wishes, &wish_room, wish_count + 1) == 0)
			wishes[wish_count++] = (struct wish){.key = key, .fd = -1};
	}
	ug__unlock(&lock);
	wake();
}

/* NULL: the queue is full, and the kernel takes nothing now (no memory; before Linux 5.18 too many completions
 * unread). */
static struct io_uring_sqe *sqe(void)
{
	struct io_uring_sqe *s = io_uring_get_sqe(&ring);
	if (!s && io_uring_submit(&ring) > 0)
		s = io_uring_get_sqe(&ring);
	return s;
}

static bool arm(int fd, uint64_t key)
{
	struct io_uring_sqe *s = sqe();
	if (!s)
		return false;
	io_uring_prep_poll_add(s, fd, key == UG__POLL_WAKE ? POLLIN : POLLIN | POLLOUT | POLLRDHUP | POLLPRI);
	s->len = IORING_POLL_ADD_MULTI;
	s->user_data = key;
	return true;
}

static bool remove_poll(uint64_t key)
{
	struct io_uring_sqe *s = sqe();
	if (!s)
		return false;
	io_uring_prep_poll_remove(s, key);
	s->user_data = IGNORE;
	return true;
}

/* false: some could not be submitted yet. */
static bool submit_wishes(void)
{
	if (!wake_armed)
		wake_armed = arm(wake_fd, UG__POLL_WAKE);
	ug__lock(&lock);
	size_t done = 0;
	while (done < wish_count &&
		(wishes[done].fd >= 0 ? arm(wishes[done].fd, wishes[done].key) : remove_poll(wishes[done].key)))
		done++;
	wish_count -= done;
	if (wish_count)
		memmove(wishes, wishes + done, wish_count * sizeof *wishes);
	bool all = wake_armed && wish_count == 0;
	ug__unlock(&lock);
	return all;
}

/* The descriptor to watch again under the key of a poll that ended; -1: it was removed. */
static int still_live(uint64_t key)
{
	size_t index = (uint32_t)key;
	ug__lock(&lock);
	int fd = index < live_room && live[index].key == key ? live[index].fd - 1 : -1;
	ug__unlock(&lock);
	return fd;
}

/* 1: an event for the caller. -1: it needs a submission for which there is no place, and is to be looked at again. */
static int take(const struct io_uring_cqe *c, struct ug__event *ev)
{
	if (c->user_data == IGNORE)
		return 0;
	if (c->user_data == UG__POLL_WAKE) {
		uint64_t count;
		ug__sys_read(wake_fd, &count, sizeof count);
		wake_armed = (c->flags & IORING_CQE_F_MORE) != 0;
		*ev = (struct ug__event){.key = UG__POLL_WAKE};
		return 1;
	}
	if ((c->flags & IORING_CQE_F_MORE) && still_live(c->user_data) < 0) {
		/* Its removal came while this completion was under way, and was answered EALREADY: the poll is armed
		 * yet. */
		return remove_poll(c->user_data) ? 0 : -1;
	}
	uint32_t m = c->res < 0 ? POLLERR : (uint32_t)c->res;
	if (!(c->flags & IORING_CQE_F_MORE)) {
		int fd = still_live(c->user_data);
		if (fd < 0)
			return 0;
		if ((c->res >= 0 || c->res == -ENOMEM) && !arm(fd, c->user_data))
			return -1;
	}
	ev->key = c->user_data;
	ev->what = (m & (POLLIN | POLLPRI | POLLRDHUP | POLLHUP | POLLERR) ? UG__POLL_IN : 0u) |
		(m & (POLLOUT | POLLHUP | POLLERR) ? UG__POLL_OUT : 0u) |
		(m & (POLLPRI | POLLRDHUP | POLLHUP | POLLERR) ? UG__POLL_HUP : 0u);
	return 1;
}

static int submit_and_wait(int64_t until)
{
	if (until == 0)
		return io_uring_submit_and_get_events(&ring);
	if (until == UG_FOREVER)
		return io_uring_submit_and_wait(&ring, 1);
	int64_t left = until - ug_now();
	struct __kernel_timespec ts = {
		.tv_sec = left > 0 ? left / UG_SECOND : 0, .tv_nsec = left > 0 ? left % UG_SECOND : 0};
	struct io_uring_cqe *c;
	return io_uring_submit_and_wait_timeout(&ring, &c, 1, &ts, NULL);
}

static int wait_events(struct ug__event *ev, int n, int64_t until)
{
	if (!submit_wishes() && (until == UG_FOREVER || until > ug_now() + RETRY))
		until = ug_now() + RETRY;
	int e = submit_and_wait(until);
	/* Read what is there after an error too: the kernel may take nothing more before that. */
	int got = 0, one;
	struct io_uring_cqe *c;
	while (got < n && io_uring_peek_cqe(&ring, &c) == 0 && (one = take(c, &ev[got])) >= 0) {
		got += one;
		io_uring_cqe_seen(&ring, c);
	}
	if (e < 0 && e != -EINTR && e != -ETIME && got == 0) {
		struct timespec pause = {.tv_nsec = RETRY};
		nanosleep(&pause, NULL); /* it may last (a sandbox since the start, no memory): no spinning */
	}
	return got || e == -ETIME ? got : e < 0 ? e : 0;
}

const struct ug__poller ug__poll_uring = {
	.name = "uring",
	.own_thread = 1,
	.start = start,
	.end = end,
	.add = add,
	.remove = remove_fd,
	.wait = wait_events,
	.wake = wake,
};
