/* SPDX-License-Identifier: MIT */
/* What the files of os share: the record of an open file, and what stat answers. */
#ifndef UG_OS_FILE_PRIV_H
#define UG_OS_FILE_PRIV_H

#include "os/os.h"

struct ug_file {
	uint32_t refs;
	int number; /* of the descriptor; it stays open as long as there is a reference */
	uint32_t kind; /* enum kind in file.c */
	int flags; /* of open */
	ug_fd *fd;
};

/* Opens a bare descriptor. Waits. */
int ug__open(int dir, const char *path, int flags, mode_t mode, uint64_t resolve);

#endif
