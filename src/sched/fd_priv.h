/* SPDX-License-Identifier: MIT */
/* The record behind ug_fd; its life is told in fd.c. */
#ifndef UG_SCHED_FD_PRIV_H
#define UG_SCHED_FD_PRIV_H

#include "sched/sched_priv.h"

enum fd_kind {
	FD_OTHER, /* pipe, terminal, eventfd … */
	FD_SOCKET,
	FD_FILE, /* always ready: reads and writes may block on a disk */
};

enum fd_tcp { TCP_UNKNOWN, TCP_NO, TCP_YES }; /* unknown until who adopts says so, or it is watched */

struct fd_side {
	struct ug__waitq waiters; /* under the lock, as all here */
	uint32_t edges; /* events so far, odd: one who waits says how many it knew before it tried */
	uint32_t drained; /* by the reader: edges before the last read that was short; 0: none */
};

struct ug_fd {
	uint32_t lock, refs, use, gen, index, epoch;
	int fd;
	uint8_t kind, nonblock, borrowed, hup, gone;
	uint8_t tcp; /* enum fd_tcp */
	uint8_t note; /* what io has found out about it; 0: nothing yet */
	struct fd_side in[2]; /* reading, writing */
	ug_fd *next_free;
};

int ug__fd_wait(struct ug__task *t, ug_fd *f, int side, uint32_t seen);

/* Whether it is known that a read would find nothing (fd.c, "Short reads"), `seen` edges having come so far. */
static inline bool ug__fd_drained(const ug_fd *f, const struct fd_side *s, uint32_t seen)
{
	return load_relaxed(&s->drained) == seen && !load_relaxed(&f->hup);
}

#endif
