/* SPDX-License-Identifier: MIT */
/* A call through libc, made again as long as a signal's handler has run instead; answers as ug__sys_result does. */
#ifndef UG_BASE_RETRY_PRIV_H
#define UG_BASE_RETRY_PRIV_H

#include "base/sys.h"
#include <errno.h>

#define RETRY(call)                                                                                                    \
	({                                                                                                             \
		long result_;                                                                                          \
		do                                                                                                     \
			result_ = ug__sys_result(call);                                                                \
		while (unlikely(result_ == -EINTR));                                                                   \
		result_;                                                                                               \
	})

#endif
