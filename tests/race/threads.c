/* Two plain threads add to one number without a lock. */

#include <pthread.h>
#include <stddef.h>

static int planted;

static void *add(void *arg)
{
	for (int i = 0; i < 1000; i++)
		*(int *)arg += i;
	return NULL;
}

int main(void)
{
	pthread_t other;
	if (pthread_create(&other, NULL, add, &planted) != 0)
		return 1;
	add(&planted);
	pthread_join(other, NULL);
	return 0;
}
