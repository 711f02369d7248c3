/* SPDX-License-Identifier: MIT */
/*
 * More about epoll sets and sockets that were put into them before bind(2): many sets, sets of
 * other processes, entries whose number is closed. With an argument: what is not the same.
 */
#include "tests/preload/epoll.h"

#include <stdint.h>
#include <sys/wait.h>

#define MANY 150

static int wait_for(int set, struct epoll_event *event)
{
	return epoll_wait(set, event, 1, 2000);
}

/* What the kernel has of a set with one entry. */
static void print_entry(int set)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", set);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		char *end = strstr(line, " pos:");

		if (strncmp(line, "tfd:", 4) == 0 && end)
			printf("%.*s\n", (int)(end - line), line);
	}
	if (file)
		fclose(file);
	fflush(stdout);
}

static void modes(void)
{
	static const uint32_t modes[] = {EPOLLIN, 0, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		EPOLLIN | EPOLLWAKEUP, EPOLLIN | EPOLLONESHOT | EPOLLET | EPOLLWAKEUP,
		EPOLLIN | EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLET,
		EPOLLRDNORM | EPOLLRDBAND | EPOLLWRNORM | EPOLLMSG};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		int set = epoll_create1(EPOLL_CLOEXEC), fd = listener();

		printf("-- mode %x\n", modes[i]);
		SAY(add(set, fd, modes[i], UINT64_MAX - i));
		print_entry(set);
		SAY(bind_port(fd, 3080));
		print_entry(set);
		/* It is not told yet, and is as ready as it was. */
		print_events("not listening", set, 0);
		close(fd);
		print_events("closed", set, 0);
		close(set);
	}
}

static void many(void)
{
	int sets[MANY], same[MANY], fd = listener(), good = 0, bad = 0;
	struct epoll_event event;

	printf("-- many\n");
	for (int i = 0; i < MANY; i++) {
		same[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		sets[i] = epoll_create1(EPOLL_CLOEXEC);
		bad += add(sets[i], fd, EPOLLIN, 1000 + (uint64_t)i) < 0;
		bad += add(sets[i], same[i], EPOLLIN | EPOLLET, 2000 + (uint64_t)i) < 0;
	}
	SAY(bind_port(fd, 3081));
	SAY(listen(fd, 5));
	SAY(client(3081) >= 0);
	for (int i = 0; i < MANY; i++) {
		bad += !in_target(same[i]) || fcntl(same[i], F_GETFD) != FD_CLOEXEC;
		for (int n = 0; n < 2; n++) {
			if (wait_for(sets[i], &event) == 1)
				good += event.data.u64 % 1000 == (uint64_t)i;
		}
		/* The edge was told, the level stays. */
		bad += wait_for(sets[i], &event) != 1 || event.data.u64 != 1000 + (uint64_t)i;
	}
	printf("bad: %d, good: %d\n", bad, good);
	close(fd);
	for (int i = 0; i < MANY; i++) {
		close(sets[i]);
		close(same[i]);
	}
}

/* It was registered by a number that is closed since, while a duplicate lives. */
static void closed_number(void)
{
	int set = epoll_create1(EPOLL_CLOEXEC), fd = listener();
	int kept = fcntl(fd, F_DUPFD_CLOEXEC, 100);

	printf("-- a number that is closed\n");
	SAY(add(set, fd, EPOLLIN, 0x21));
	SAY(add(set, kept, EPOLLIN, 0x22));
	SAY(close(fd));
	SAY(bind_port(kept, 3082));
	SAY(listen(kept, 5));
	SAY(in_target(kept));
	print_events("quiet", set, 0);
	/* The number is free as before. */
	SAY(fcntl(fd, F_GETFD));
	SAY(client(3082) >= 0);
	print_events("client", set, 2000);
	SAY(epoll_ctl(set, EPOLL_CTL_DEL, kept, NULL));
	print_events("client", set, 2000);
	SAY(close(kept));
	print_events("closed", set, 0);
	close(set);
}

static void send_byte(int fd)
{
	if (write(fd, "x", 1) != 1)
		exit(1);
}

static void await_byte(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		exit(1);
}

/* A set has the same entries in all processes that have it. */
static void shared(int parent_closes, unsigned port)
{
	int set = epoll_create1(EPOLL_CLOEXEC), fd = listener(), there[2], back[2];
	pid_t pid;

	printf("-- shared with a child, %s\n", parent_closes ? "alone" : "both");
	if (pipe2(there, O_CLOEXEC) < 0 || pipe2(back, O_CLOEXEC) < 0)
		exit(1);
	SAY(add(set, fd, EPOLLIN | EPOLLRDHUP, 0x31));
	pid = fork();
	if (pid == 0) {
		await_byte(there[0]);
		SAY(bind_port(fd, port));
		SAY(in_target(fd));
		SAY(listen(fd, 5));
		print_events("child", set, 0);
		SAY(client(port) >= 0);
		print_events("child", set, 2000);
		send_byte(back[1]);
		await_byte(there[0]);
		SAY(accept4(fd, NULL, NULL, SOCK_CLOEXEC) >= 0);
		print_events("child", set, 0);
		_exit(0);
	}
	if (parent_closes)
		close(fd);
	send_byte(there[1]);
	await_byte(back[0]);
	print_events("parent", set, 2000);
	send_byte(there[1]);
	waitpid(pid, NULL, 0);
	if (parent_closes)
		print_events("parent", set, 0);
	else
		close(fd);
	close(set);
}

/* A set and a socket that another process made, and registered by a number of its own. */
static void received(void)
{
	int pair[2], fds[2];
	pid_t pid;

	printf("-- received\n");
	fflush(stdout);
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0)
		exit(1);
	pid = fork();
	if (pid == 0) {
		int set = epoll_create1(EPOLL_CLOEXEC), fd = fcntl(listener(), F_DUPFD, 200);

		if (add(set, fd, EPOLLIN, 0x41) < 0)
			_exit(1);
		send_fds(pair[1], (int[]){set, fd}, 2);
		_exit(0);
	}
	receive_fds(pair[0], fds, 2);
	waitpid(pid, NULL, 0);
	SAY(bind_port(fds[1], 3085));
	SAY(in_target(fds[1]));
	SAY(listen(fds[1], 5));
	print_events("quiet", fds[0], 0);
	SAY(client(3085) >= 0);
	print_events("client", fds[0], 2000);
	SAY(close(fds[1]));
	print_events("closed", fds[0], 0);
	close(fds[0]);
}

/* The number of the entry is another file now, and cannot be lent. */
static void number_in_use(void)
{
	int set = epoll_create1(EPOLL_CLOEXEC), fd = listener();
	int kept = fcntl(fd, F_DUPFD_CLOEXEC, 100);

	SAY(add(set, fd, EPOLLIN, 0x51));
	SAY(add(set, kept, EPOLLIN, 0x52));
	SAY(dup2(STDIN_FILENO, fd) == fd);
	SAY(bind_port(kept, 3086));
	SAY(in_target(kept));
	SAY(epoll_ctl(set, EPOLL_CTL_DEL, kept, NULL));
	print_events("unbound", set, 0);
	SAY(dup2(kept, fd) == fd);
	SAY(bind_port(kept, 3086));
	SAY(in_target(kept));
	SAY(listen(kept, 5));
	SAY(client(3086) >= 0);
	print_events("client", set, 2000);
}

/* What had been told already is told once more. */
static void told_again(void)
{
	int set = epoll_create1(EPOLL_CLOEXEC), fd = listener();

	SAY(add(set, fd, EPOLLIN | EPOLLET, 0x61));
	print_events("first", set, 0);
	SAY(bind_port(fd, 3087));
	print_events("again", set, 0);
	print_events("no more", set, 0);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		if (strcmp(argv[1], "in-use") == 0)
			number_in_use();
		if (strcmp(argv[1], "again") == 0)
			told_again();
		return 0;
	}
	modes();
	many();
	closed_number();
	shared(1, 3083);
	shared(0, 3084);
	received();
	return 0;
}
