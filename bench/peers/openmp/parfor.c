/* SPDX-License-Identifier: MIT */
/* openmpbench parfor [--quick]: the loop of 10 M small bodies in OpenMP; OMP_NUM_THREADS says how many threads. */
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The small body: the finaliser of MurmurHash3. */
static inline uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccd;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53;
	x ^= x >> 33;
	return x;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "rows") == 0) {
		puts("parfor");
		return 0;
	}
	uint64_t n = argc > 2 && strcmp(argv[2], "--quick") == 0 ? 100000 : 10000000, sum = 0, want = 0;
	/* Its threads are there before, as other systems' are. */
#pragma omp parallel
	__asm__ volatile("");
	double start = omp_get_wtime();
#pragma omp parallel for reduction(+ : sum) schedule(static)
	for (uint64_t i = 0; i < n; i++)
		sum += mix(i);
	double ns = (omp_get_wtime() - start) * 1e9 / (double)n;
	for (uint64_t i = 0; i < n; i++)
		want += mix(i);
	if (sum != want)
		return 1;
	printf("openmp\tparfor\t%d\t%.4f\tns/body\n", omp_get_max_threads(), ns);
	return 0;
}
