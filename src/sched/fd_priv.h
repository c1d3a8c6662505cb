/* SPDX-License-Identifier: MIT */
/* The record behind ug_fd; its life is told in fd.c. */
#ifndef UG_SCHED_FD_PRIV_H
#define UG_SCHED_FD_PRIV_H

#include "sched/sched_priv.h"
#include <stddef.h>

enum fd_kind {
	FD_OTHER, /* pipe, terminal, eventfd … */
	FD_SOCKET,
	FD_FILE, /* always ready: reads and writes may block on a disk */
};

enum fd_tcp { TCP_UNKNOWN, TCP_NO, TCP_YES }; /* unknown until who adopts says so, or it is watched */

/* What calls, waits and events touch lies on one line: where there are thousands, each is cold when its turn comes. */
struct ug_fd {
	uint32_t lock, use, gen, epoch;
	int fd;
	uint8_t kind, nonblock, borrowed, hup, gone;
	uint8_t tcp; /* enum fd_tcp */
	uint8_t note; /* what io has found out about it; 0: nothing yet */
	/* Of reading, and of writing; under the lock. */
	uint32_t edges[2]; /* events so far, odd: one who waits says how many it knew before it tried */
	uint32_t drained; /* by the reader: edges before the last read that was short; 0: none */
	struct ug__waitq waiters[2]; /* of the second, only the head is on that line */
	uint32_t refs, index;
	union {
		ug_fd *next_free;
		char room[UG__FD_ROOM]; /* of whoever adopted it */
		uint64_t warm; /* of a file: what io has found out about its beginning; 0: nothing yet */
	};
} __attribute__((aligned(64)));
_Static_assert(offsetof(struct ug_fd, waiters[1].tail_) == 64, "lines that are touched together");

int ug__fd_wait(struct ug__task *t, ug_fd *f, int side, uint32_t seen);

#define CLOSED (UINT32_C(1) << 31) /* in `use` */

/* ug__fd_unuse where nothing else is to be done: the references count, so this is not the last. */
static inline void ug__fd_done(ug_fd *f)
{
	uint32_t use = load_relaxed(&f->use);
	if (unlikely((use & CLOSED) || !cas_acq_rel(&f->use, &use, use - 1)))
		ug__fd_unuse(f);
}

/* Whether it is known that a read would find nothing (fd.c, "Short reads"), `seen` edges having come so far. */
static inline bool ug__fd_drained(const ug_fd *f, int side, uint32_t seen)
{
	return side == 0 && load_relaxed(&f->drained) == seen && !load_relaxed(&f->hup);
}

#endif
