/* SPDX-License-Identifier: MIT */
/*
 * Many threads: each asks for a kind, and a broker, of its own, and gets nothing else; they come
 * and go, and leave nothing. "crowds HOW". SERVER and OTHER_SERVER name two brokers.
 */
#include "tests/redirect/program.h"

#include "lib/xsocket.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define BUSY   8
#define EACH   1500
#define CROWD  100
#define COMERS 4000

static const struct {
	int domain, type, protocol;
} kinds[] = {
	{AF_INET, SOCK_STREAM, IPPROTO_TCP},
	{AF_INET6, SOCK_STREAM, IPPROTO_TCP},
	{AF_INET, SOCK_DGRAM, IPPROTO_UDP},
	{AF_INET6, SOCK_DGRAM, IPPROTO_UDP},
};

static atomic_int wrong;

/* A socket of a kind, which is tried, and closed. */
static int is_good(int kind, const char *place)
{
	int domain = kinds[kind].domain, type = kinds[kind].type;
	int fd = socket(domain, type | SOCK_CLOEXEC, 0), good;

	good = fd >= 0 && strcmp(where(fd), place) == 0 &&
	       get_int(fd, SOL_SOCKET, SO_DOMAIN) == domain &&
	       get_int(fd, SOL_SOCKET, SO_TYPE) == type &&
	       get_int(fd, SOL_SOCKET, SO_PROTOCOL) == kinds[kind].protocol &&
	       /* it is new, and nobody else's */
	       port_of(fd) == 0 &&
	       bind_to(fd, domain, domain == AF_INET ? "127.0.0.1" : "::1", 0) == 0;
	close(fd);
	return good;
}

static void *work(void *data)
{
	uintptr_t self = (uintptr_t)data;
	const char *server = self & 4 ? "OTHER_SERVER" : "SERVER";

	MUST(xsocket_push(getenv(server)) == 0);
	for (int i = 0; i < EACH; i++)
		atomic_fetch_add(&wrong, !is_good(self & 3, self & 4 ? "other" : "there"));
	xsocket_pop();
	return NULL;
}

static void all_at_once(void)
{
	pthread_t threads[BUSY];
	int before = all_descriptors();

	for (uintptr_t i = 0; i < BUSY; i++)
		MUST(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
	for (int i = 0; i < BUSY; i++)
		pthread_join(threads[i], NULL);
	printf("wrong: %d, left: %d\n", atomic_load(&wrong), all_descriptors() - before);
}

static pthread_barrier_t all_are_here;

static void *attend(void *data)
{
	atomic_fetch_add(&wrong, !is_good((uintptr_t)data & 3, "there"));
	pthread_barrier_wait(&all_are_here);
	/* Whoever keeps a connection has it now. */
	pthread_barrier_wait(&all_are_here);
	atomic_fetch_add(&wrong, !is_good((uintptr_t)data & 3, "there"));
	return NULL;
}

static void more_than_may_keep_one(void)
{
	pthread_t threads[CROWD];
	int before = all_descriptors(), during;

	MUST(pthread_barrier_init(&all_are_here, NULL, CROWD + 1) == 0);
	for (uintptr_t i = 0; i < CROWD; i++)
		MUST(pthread_create(&threads[i], NULL, attend, (void *)i) == 0);
	pthread_barrier_wait(&all_are_here);
	during = all_descriptors() - before;
	pthread_barrier_wait(&all_are_here);
	for (int i = 0; i < CROWD; i++)
		pthread_join(threads[i], NULL);
	printf("wrong: %d, kept: %d, left: %d\n", atomic_load(&wrong), during,
		all_descriptors() - before);
}

static void *come_and_go(void *data)
{
	atomic_fetch_add(&wrong, !is_good((uintptr_t)data & 3, "there"));
	return NULL;
}

static void come_and_go_all_the_time(void)
{
	int before = all_descriptors(), most = 0;

	for (uintptr_t i = 0; i < COMERS; i++) {
		pthread_t thread;
		int now;

		MUST(pthread_create(&thread, NULL, come_and_go, (void *)i) == 0);
		pthread_join(thread, NULL);
		if (i % 100)
			continue;
		now = all_descriptors() - before;
		most = now > most ? now : most;
	}
	printf("wrong: %d, most: %d\n", atomic_load(&wrong), most);
}

int main(int argc, char **argv)
{
	if (strcmp(argv[1], "busy") == 0)
		all_at_once();
	else if (strcmp(argv[1], "many") == 0)
		more_than_may_keep_one();
	else
		come_and_go_all_the_time();
	fflush(stdout);
	/* until the test has looked at the broker */
	return getchar() == EOF ? 1 : 0;
}
