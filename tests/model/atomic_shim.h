/* SPDX-License-Identifier: MIT */
/* Stands for base/atomic.h where code is explored: each operation is a point at which another thread may go on. */
#ifndef UG_BASE_ATOMIC_H
#define UG_BASE_ATOMIC_H

#include "explore.h"

#define MODEL_VALUE(v) ((uint64_t)(uintptr_t)(v))
#define MODEL_HERE __FILE__ ":" MODEL_TEXT(__LINE__)
#define MODEL_TEXT(x) MODEL_TEXT_(x)
#define MODEL_TEXT_(x) #x
#define load_relaxed(p) ((__typeof__(*(p)))(uintptr_t)model_load(MODEL_HERE, (p), sizeof *(p)))
#define load_acquire(p) load_relaxed(p)
#define load_seq(p) load_relaxed(p)
#define store_relaxed(p, v) model_store(MODEL_HERE, (p), sizeof *(p), MODEL_VALUE(v), false)
#define store_release(p, v) model_store(MODEL_HERE, (p), sizeof *(p), MODEL_VALUE(v), false)
#define store_seq(p, v) model_store(MODEL_HERE, (p), sizeof *(p), MODEL_VALUE(v), true)
#define swap_acq_rel(p, v) ({ (__typeof__(*(p)))(uintptr_t)model_swap(MODEL_HERE, (p), sizeof *(p), MODEL_VALUE(v)); })
#define swap_seq(p, v) swap_acq_rel(p, v)
#define add_relaxed(p, v) ({ (__typeof__(*(p)))(uintptr_t)model_add(MODEL_HERE, (p), sizeof *(p), MODEL_VALUE(v)); })
#define add_acq_rel(p, v) add_relaxed(p, v)
#define add_seq(p, v) add_relaxed(p, v)
#define cas_acq_rel(p, expected, v) model_cas(MODEL_HERE, (p), (expected), sizeof *(p), MODEL_VALUE(v))
#define cas_seq(p, expected, v) cas_acq_rel(p, expected, v)
#define and_seq(p, v)                                                                                                  \
	({                                                                                                             \
		__typeof__(*(p)) old_ = *(p);                                                                          \
		while (!cas_seq((p), &old_, old_ & (v)))                                                               \
			;                                                                                              \
		old_;                                                                                                  \
	})
#define compiler_barrier() __asm__ volatile("" ::: "memory")

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define UG__NOINLINE __attribute__((noinline))

#endif
