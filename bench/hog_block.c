/* SPDX-License-Identifier: MIT */
/* The hog is in a call of libc that blocks its thread, and told nobody. */
#include "hog.h"
#include <unistd.h>

static int block(void *arg)
{
	(void)arg;
	return usleep(HOG_TIME / UG_US);
}

static int hog_block(void)
{
	return hog(block);
}

BENCH("hog-block", hog_block)
