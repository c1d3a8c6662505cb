/* SPDX-License-Identifier: MIT */
/* man 2 membarrier */
#include "base/membarrier.h"

#include "base/sys.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>

int ug__membarrier_register(void)
{
	return (int)ug__syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0, 0, 0, 0);
}

int ug__membarrier(void)
{
	return (int)ug__syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0, 0, 0, 0);
}
