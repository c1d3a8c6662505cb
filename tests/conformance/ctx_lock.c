/* SPDX-License-Identifier: MIT */
/* The end of a context, against waits for locks. */
#include "ctx_wait.h"

static void mutex_make(struct place *p, int blocked)
{
	if (blocked)
		CHECK_EQ(ug_mutex_lock(&p->mutex), 0);
}

static int mutex_wait(struct place *p)
{
	return ug_mutex_lock(&p->mutex);
}

static void mutex_check(struct place *p, int blocked)
{
	if (blocked)
		CHECK_EQ(ug_mutex_unlock(&p->mutex), 0);
	CHECK_EQ(ug_mutex_unlock(&p->mutex), -EINVAL);
	CHECK_EQ(ug_mutex_lock(&p->mutex), 0);
	CHECK_EQ(ug_mutex_unlock(&p->mutex), 0);
}

static void write_lock_make(struct place *p, int blocked)
{
	if (blocked)
		CHECK_EQ(ug_rwmutex_rlock(&p->rw), 0);
}

static int write_lock_wait(struct place *p)
{
	return ug_rwmutex_lock(&p->rw);
}

static void write_lock_check(struct place *p, int blocked)
{
	CHECK_EQ(ug_rwmutex_try_rlock(&p->rw), 0); /* no writer is left waiting in its way */
	CHECK_EQ(ug_rwmutex_runlock(&p->rw), 0);
	if (blocked)
		CHECK_EQ(ug_rwmutex_runlock(&p->rw), 0);
	CHECK_EQ(ug_rwmutex_try_lock(&p->rw), 0);
	CHECK_EQ(ug_rwmutex_unlock(&p->rw), 0);
}

static void read_lock_make(struct place *p, int blocked)
{
	if (blocked)
		CHECK_EQ(ug_rwmutex_lock(&p->rw), 0);
}

static int read_lock_wait(struct place *p)
{
	return ug_rwmutex_rlock(&p->rw);
}

static void read_lock_check(struct place *p, int blocked)
{
	if (blocked)
		CHECK_EQ(ug_rwmutex_unlock(&p->rw), 0);
	CHECK_EQ(ug_rwmutex_try_lock(&p->rw), 0); /* nobody holds it for reading */
	CHECK_EQ(ug_rwmutex_unlock(&p->rw), 0);
}

static int cond_wait(struct place *p)
{
	UG_SHIELD
		CHECK_EQ(ug_mutex_lock(&p->mutex), 0);
	int e = ug_cond_wait(&p->cond, &p->mutex);
	CHECK_EQ(ug_mutex_try_lock(&p->mutex), -EBUSY); /* it is locked whatever came */
	CHECK_EQ(ug_mutex_unlock(&p->mutex), 0);
	return e;
}

static void cond_check(struct place *p, int blocked)
{
	(void)blocked;
	ug_cond_signal(&p->cond);
	ug_cond_broadcast(&p->cond);
	CHECK_EQ(ug_mutex_try_lock(&p->mutex), 0);
	CHECK_EQ(ug_mutex_unlock(&p->mutex), 0);
}

static int once_body(void *arg)
{
	struct place *p = arg;
	atomic_fetch_add(&p->ran, 1);
	UNTIL(atomic_load(&p->go_on));
	return 5;
}

static int once_helper(void *arg)
{
	struct place *p = arg;
	return ug_once_do(&p->once, once_body, p);
}

static void once_make(struct place *p, int blocked)
{
	(void)blocked;
	start(&p->helper, once_helper, p);
	UNTIL(atomic_load(&p->ran) == 1);
}

static int once_wait(struct place *p)
{
	return ug_once_do(&p->once, once_body, p);
}

static void once_check(struct place *p, int blocked)
{
	(void)blocked;
	atomic_store(&p->go_on, 1);
	CHECK_EQ(join(&p->helper), 5);
	CHECK_EQ(ug_once_do(&p->once, once_body, p), 5);
	CHECK_EQ(atomic_load(&p->ran), 1);
}

static void waitgroup_make(struct place *p, int blocked)
{
	if (blocked)
		CHECK_EQ(ug_waitgroup_add(&p->wg, 1), 0);
}

static int waitgroup_wait(struct place *p)
{
	return ug_waitgroup_wait(&p->wg);
}

static void waitgroup_check(struct place *p, int blocked)
{
	if (blocked)
		CHECK_EQ(ug_waitgroup_done(&p->wg), 0);
	CHECK_EQ(ug_waitgroup_wait(&p->wg), 0);
	CHECK_EQ(ug_waitgroup_done(&p->wg), -EINVAL);
}

static void sem_make(struct place *p, int blocked)
{
	ug_sem_init(&p->sem, 3);
	if (blocked)
		CHECK_EQ(ug_sem_acquire(&p->sem, 2), 0);
}

static int sem_wait_two(struct place *p)
{
	return ug_sem_acquire(&p->sem, 2);
}

static void sem_check(struct place *p, int blocked)
{
	CHECK_EQ(ug_sem_try_acquire(&p->sem, blocked ? 1 : 3),
		0); /* no ghost in the queue, and all that is left is free */
	CHECK_EQ(ug_sem_release(&p->sem, 3), 0);
	CHECK_EQ(ug_sem_release(&p->sem, 1), -EINVAL);
}

KIND(mutex, mutex_make, mutex_wait, mutex_check)
KIND(write_lock, write_lock_make, write_lock_wait, write_lock_check)
KIND(read_lock, read_lock_make, read_lock_wait, read_lock_check)
KIND(cond, nothing_make, cond_wait, cond_check)
KIND(once, once_make, once_wait, once_check)
KIND(waitgroup, waitgroup_make, waitgroup_wait, waitgroup_check)
KIND(sem, sem_make, sem_wait_two, sem_check)

static const struct CMUnitTest tests[] = {
	ALL_OF(mutex),
	ALL_OF(write_lock),
	ALL_OF(read_lock),
	ALL_OF(cond),
	ALL_OF(once),
	ALL_OF(waitgroup),
	ALL_OF(sem),
	BARE(mutex_ends_by_cancel),
	BARE(cond_ends_by_deadline),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
