/* SPDX-License-Identifier: MIT */
/* What a parked task holds, with the stack size that a program gets by default. */
#include "parked.h"

BENCH("parked-1M-memory", parked_memory)
