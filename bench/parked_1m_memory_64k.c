/* SPDX-License-Identifier: MIT */
/* What a parked task holds, with stacks of 64 KiB. */
#include "parked.h"

static const struct ug_opts opts = {.stack_size = 64 * 1024};

BENCH_OPTS("parked-1M-memory-64k", parked_memory, &opts)
