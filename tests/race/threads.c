/* Two plain threads add to one number without a lock. */

#include <pthread.h>
#include <stddef.h>

static volatile int planted; /* each addition shall reach memory: of two that meet but once the detector sees neither */

static void *add(void *arg)
{
	for (int i = 0; i < 1000; i++)
		*(volatile int *)arg += i;
	return NULL;
}

int main(void)
{
	pthread_t other;
	if (pthread_create(&other, NULL, add, (void *)&planted) != 0)
		return 1;
	add((void *)&planted);
	pthread_join(other, NULL);
	return 0;
}
