/* SPDX-License-Identifier: MIT */
/* Many threads bind at once, and set options. */
#include "tests/preload/program.h"

#include <pthread.h>
#include <sys/epoll.h>

#define THREADS 8
#define ROUNDS	50

static int set;

static void *binder(void *argument)
{
	long bad = 0;

	for (int i = 0; i < ROUNDS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = fd};

		bad += set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0;
		bad += set_int(fd, SOL_SOCKET, SO_RCVBUF, 10000 + i) < 0;
		bad += epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0;
		bad += bind_port(fd, i % 2 ? 0 : 3050 + (unsigned)(long)argument) < 0;
		bad += !in_target(fd);
		bad += get_int(fd, SOL_SOCKET, SO_RCVBUF) != 2 * (10000 + i);
		bad += listen(fd, 5) < 0;
		bad += epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) < 0;
		bad += close(fd) < 0;
	}
	return (void *)bad;
}

/* bind(2) is no cancellation point. */
static void *cancelled(void *argument)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), state;

	pthread_cancel(pthread_self());
	SAY(bind_port(fd, 3058));
	SAY(in_target(fd));
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	printf("cancellation was %s\n", state == PTHREAD_CANCEL_ENABLE ? "enabled" : "disabled");
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS], one;
	void *bad;

	set = epoll_create1(EPOLL_CLOEXEC);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, binder, (void *)i);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &bad);
		printf("failed: %ld\n", (long)bad);
	}
	pthread_create(&one, NULL, cancelled, NULL);
	pthread_join(one, &bad);
	printf("%s\n", bad == PTHREAD_CANCELED ? "cancelled" : "went on");
	return 0;
}
