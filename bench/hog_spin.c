/* SPDX-License-Identifier: MIT */
/* The hog computes. */
#include "hog.h"

static int spin(void *arg)
{
	(void)arg;
	for (int64_t start = bench_now(); bench_now() - start < HOG_TIME;)
		;
	return 0;
}

static int hog_spin(void)
{
	return hog(spin);
}

BENCH("hog-spin", hog_spin)
