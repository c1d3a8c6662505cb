/* SPDX-License-Identifier: MIT */
/* A resolver that does not answer holds up those who ask it, and nobody else. */
#include "unit/task_test.h"

#include <netdb.h>
#include <pthread.h>
#include <undergo/net.h>

#define ASKERS 700

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static int is_open, asked;

/* Stands before the C library's. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
	(void)host, (void)port, (void)hints, (void)out;
	pthread_mutex_lock(&lock);
	asked++;
	while (!is_open)
		pthread_cond_wait(&opened, &lock);
	pthread_mutex_unlock(&lock);
	return EAI_NONAME;
}

static int has_asked(void)
{
	pthread_mutex_lock(&lock);
	int n = asked;
	pthread_mutex_unlock(&lock);
	return n;
}

static int ask(void *started)
{
	ug_addr a;
	__atomic_fetch_add((int *)started, 1, __ATOMIC_RELAXED);
	return ug_resolve("tcp", "some.example", "80", &a, 1) == UG_ENOHOST ? 0 : -EIO;
}

static int quick(void *unused)
{
	(void)unused;
	return 7;
}

TEST(others_go_on)
{
	static ug_task *t[ASKERS];
	int started = 0;
	for (int i = 0; i < ASKERS; i++)
		t[i] = start(ask, &started);
	UNTIL(__atomic_load_n(&started, __ATOMIC_RELAXED) == ASKERS && has_asked() > 0);
	for (int i = 0; i < 100; i++)
		ug_yield(); /* as many as can are with the resolver */
	UG_WITH_TIMEOUT(10 * UG_SECOND) {
		CHECK_IS(ug_blocking(quick, NULL), 7);
	}
	CHECK(has_asked() < ASKERS);
	pthread_mutex_lock(&lock);
	is_open = 1;
	pthread_cond_broadcast(&opened);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < ASKERS; i++)
		CHECK_IS(finish(t[i]), 0);
	CHECK_IS(has_asked(), ASKERS);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others_go_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
