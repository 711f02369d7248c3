/* SPDX-License-Identifier: MIT */
/*
 * Threads that use one new socket at the same moment, each with an address that XREDIRECT_LOCAL has
 * (as in reach.c): it is moved once, and nobody notices.
 */
#include "tests/redirect/local.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define THREADS 4
#define ROUNDS	120
#define PORT	3500

static pthread_barrier_t barrier;
static int sock;
static atomic_int won, failed;

static void *sender(void *data)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&barrier);
		atomic_fetch_add(&failed, send_to(sock, "all", AF_INET, LISTED, PORT) != 3);
		pthread_barrier_wait(&barrier);
	}
	return data;
}

/* Each has a port of its own. */
static void *binder(void *data)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&barrier);
		if (bind_to(sock, AF_INET, LISTED, PORT + (unsigned)(uintptr_t)data) == 0)
			atomic_store(&won, PORT + (int)(uintptr_t)data);
		else
			atomic_fetch_add(&failed, errno == EINVAL ? 1 : 100);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void run(const char *what, void *(*start)(void *))
{
	pthread_t threads[THREADS];
	int good = 0;

	atomic_store(&failed, 0);
	for (uintptr_t i = 0; i < THREADS; i++)
		MUST(pthread_create(&threads[i], NULL, start, (void *)i) == 0);
	for (int i = 0; i < ROUNDS; i++) {
		sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		atomic_store(&won, 0);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		good += in_process(sock) &&
			(start == sender || port_of(sock) == (unsigned)atomic_load(&won));
		close(sock);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%s: good %d, failed %d\n", what, good, atomic_load(&failed));
}

int main(void)
{
	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	run("send", sender);
	run("bind", binder);
	return 0;
}
