/* SPDX-License-Identifier: MIT */
/*
 * Threads that wait for a socket since before it was bound. In epoll_wait(2) they notice nothing;
 * with an argument: the calls in which they would wait for ever.
 */
#include "tests/preload/program.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>

static atomic_int waiter;
static int set, sock, woken, pipes[2];
static struct epoll_event woken_by;
static const char *how;

/* Until the waiter sleeps, so is in the one call that it makes. */
static void until_it_waits(void)
{
	char path[64], state = '?';

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)waiter);
	while (state != 'S') {
		FILE *file = fopen(path, "re");

		if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			exit(1);
		fclose(file);
		usleep(1000);
	}
}

static void start(pthread_t *thread, void *(*function)(void *))
{
	waiter = 0;
	pthread_create(thread, NULL, function, NULL);
	while (!waiter)
		usleep(1000);
	until_it_waits();
}

static void *in_epoll(void *argument)
{
	waiter = (int)syscall(SYS_gettid);
	woken = epoll_wait(set, &woken_by, 1, 10000);
	return NULL;
}

static void send_to(unsigned port)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_storage to = address_of(AF_INET, "127.0.0.1", port);

	SAY(bind_port(fd, 0));
	SAY(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(struct sockaddr_in)));
	close(fd);
}

/* The set that the thread waits for has the socket in it, or a set that has. */
static void epoll(const char *text, uint32_t events, int nested, unsigned port)
{
	int inner = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = events, .data.u64 = port};
	pthread_t thread;

	printf("-- %s\n", text);
	sock = socket(AF_INET, SOCK_DGRAM, 0);
	set = nested ? epoll_create1(EPOLL_CLOEXEC) : inner;
	SAY(epoll_ctl(inner, EPOLL_CTL_ADD, sock, &event));
	event.events = EPOLLIN | EPOLLET;
	if (nested)
		SAY(epoll_ctl(set, EPOLL_CTL_ADD, inner, &event));
	start(&thread, in_epoll);
	SAY(bind_port(sock, port));
	SAY(in_target(sock));
	send_to(port);
	pthread_join(thread, NULL);
	printf("woken: %d %x:%llx\n", woken, woken_by.events, (unsigned long long)woken_by.data.u64);
	close(sock);
	close(inner);
	if (nested)
		close(set);
}

/* How long they are to wait, in seconds; 0 is for ever. */
static long limit(void)
{
	return strstr(how, "-limited") ? 3 : 0;
}

static void *in_another(void *argument)
{
	struct pollfd both[40] = {{.fd = pipes[0], .events = POLLIN}};
	struct timeval time = {.tv_sec = limit()};
	fd_set reads;
	char byte;
	int n = -1;

	for (int i = 1; i < 40; i++)
		both[i] = (struct pollfd){.fd = i == 30 ? sock : -1, .events = POLLIN};
	FD_ZERO(&reads);
	FD_SET(pipes[0], &reads);
	FD_SET(sock, &reads);
	waiter = (int)syscall(SYS_gettid);
	if (strncmp(how, "poll", 4) == 0)
		n = poll(both, 40, limit() ? 3000 : -1);
	else if (strncmp(how, "select", 6) == 0)
		n = select(sock + 1, &reads, NULL, NULL, limit() ? &time : NULL);
	else if (strncmp(how, "recv", 4) == 0)
		n = (int)recv(sock, &byte, 1, 0);
	else if (strncmp(how, "read", 4) == 0)
		n = (int)read(sock, &byte, 1);
	else if (strncmp(how, "pipe", 4) == 0)
		n = poll(both, 1, -1);
	printf("woken: %d\n", n);
	return NULL;
}

static void another(void)
{
	struct timeval time = {.tv_sec = limit()};
	pthread_t thread;
	int bound;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		exit(1);
	sock = fcntl(socket(AF_INET, SOCK_DGRAM, 0), F_DUPFD, 70);
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	start(&thread, in_another);
	bound = bind_port(sock, 3090);
	program_say("bind", bound);
	SAY(in_target(sock));
	if (bound == 0 && write(pipes[1], "x", 1) != 1)
		exit(1);
	/* Whoever still waits to receive is let go without a socket of another namespace. */
	if (bound < 0)
		shutdown(sock, SHUT_RDWR);
	pthread_join(thread, NULL);
	if (bound < 0)
		return;
	send_to(3090);
	program_say("next", poll(&(struct pollfd){.fd = sock, .events = POLLIN}, 1, 2000));
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		how = argv[1];
		another();
		return 0;
	}
	epoll("level", EPOLLIN, 0, 3091);
	epoll("edge", EPOLLIN | EPOLLET, 0, 3092);
	epoll("once", EPOLLIN | EPOLLONESHOT, 0, 3093);
	epoll("exclusive", EPOLLIN | EPOLLEXCLUSIVE, 0, 3094);
	epoll("nested", EPOLLIN, 1, 3095);
	return 0;
}
