/* SPDX-License-Identifier: MIT */
/*
 * What libxbind adds to the calls of a program that it is loaded into, and what a bind(2) costs
 * that it redirects.
 *
 *   LD_PRELOAD=libxbind.so XBIND=3000 XSOCKET=SERVER hooks [ROUNDS]
 *
 * In each round each call is made through the library, as the program's own calls are, and as libc
 * has it, by turns in one process. Printed are the medians over the rounds and their spread: of
 * both in ns, of their ratio, and of their difference in cheapest system calls on a socket
 * (SO_COOKIE), which are timed in the same round.
 */
#include "bench/figures.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS_MAX 201
#define LISTED	   3000
#define UNLISTED   4000
#define SOCKETS	   200

typedef int bind_function(int, const struct sockaddr *, socklen_t);
typedef int setsockopt_function(int, int, int, const void *, socklen_t);
typedef int fcntl_function(int, int, ...);
typedef int ioctl_function(int, unsigned long, ...);

/* Through the library, or not. */
struct calls {
	bind_function *bind;
	setsockopt_function *setsockopt;
	fcntl_function *fcntl;
	ioctl_function *ioctl;
};

/* ---- what is measured: one batch, after which the time is divided by how many ---- */

struct sockets {
	int unbound, accepted;
	int fresh[SOCKETS];
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void refuse(const char *text)
{
	fprintf(stderr, "hooks: %s\n", text);
	exit(2);
}

static void check(int result, const char *what)
{
	if (result < 0)
		die(what);
}

static struct sockaddr_in loopback(unsigned port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	check(fd, "socket");
	return fd;
}

static void set_many(const struct calls *calls, int fd, int level, int name, int value)
{
	for (int i = 0; i < SOCKETS; i++)
		check(calls->setsockopt(fd, level, name, &value, sizeof(value)), "setsockopt");
}

static void run_reuseaddr(const struct calls *calls, struct sockets *sockets)
{
	set_many(calls, sockets->unbound, SOL_SOCKET, SO_REUSEADDR, 1);
}

static void run_keepidle(const struct calls *calls, struct sockets *sockets)
{
	set_many(calls, sockets->unbound, IPPROTO_TCP, TCP_KEEPIDLE, 600);
}

static void run_accepted_nodelay(const struct calls *calls, struct sockets *sockets)
{
	set_many(calls, sockets->accepted, IPPROTO_TCP, TCP_NODELAY, 1);
}

static void run_accepted_keepidle(const struct calls *calls, struct sockets *sockets)
{
	set_many(calls, sockets->accepted, IPPROTO_TCP, TCP_KEEPIDLE, 600);
}

static void run_fcntl(const struct calls *calls, struct sockets *sockets)
{
	for (int i = 0; i < SOCKETS; i++)
		check(calls->fcntl(sockets->unbound, F_SETFL, O_RDWR), "fcntl");
}

static void run_ioctl(const struct calls *calls, struct sockets *sockets)
{
	int off = 0;

	for (int i = 0; i < SOCKETS; i++)
		check(calls->ioctl(sockets->unbound, FIONBIO, &off), "ioctl");
}

static void run_bind_unlisted(const struct calls *calls, struct sockets *sockets)
{
	for (unsigned i = 0; i < SOCKETS; i++) {
		struct sockaddr_in address = loopback(UNLISTED + i);

		check(calls->bind(sockets->fresh[i], (struct sockaddr *)&address, sizeof(address)),
			"bind");
	}
}

/* The whole of what a server does, but for listening. */
static void bind_sequence(const struct calls *calls, unsigned port)
{
	struct sockaddr_in address = loopback(port);
	int fd = new_socket(), on = 1;

	check(calls->setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "setsockopt");
	check(calls->bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind");
	close(fd);
}

static void run_sequence(const struct calls *calls, struct sockets *sockets)
{
	for (int i = 0; i < SOCKETS; i++)
		bind_sequence(calls, LISTED);
}

static void run_cookie(const struct calls *calls, struct sockets *sockets)
{
	for (int i = 0; i < SOCKETS; i++) {
		uint64_t cookie;
		socklen_t length = sizeof(cookie);

		check(getsockopt(sockets->unbound, SOL_SOCKET, SO_COOKIE, &cookie, &length),
			"SO_COOKIE");
	}
}

enum {
	COOKIE,
};

static const struct operation {
	const char *name;
	void (*run)(const struct calls *calls, struct sockets *sockets);
	int batches;
	bool fresh; /* needs sockets that are not bound yet */
} operations[] = {
	[COOKIE] = {"getsockopt SO_COOKIE, for comparison", run_cookie, 50},
	{"setsockopt SO_REUSEADDR", run_reuseaddr, 50},
	{"setsockopt TCP_KEEPIDLE", run_keepidle, 50},
	{"setsockopt TCP_NODELAY, accepted socket", run_accepted_nodelay, 50},
	{"setsockopt TCP_KEEPIDLE, accepted socket", run_accepted_keepidle, 50},
	{"fcntl F_SETFL", run_fcntl, 50},
	{"ioctl FIONBIO", run_ioctl, 50},
	{"bind to an unlisted port", run_bind_unlisted, 5, true},
	{"socket, SO_REUSEADDR, bind to a listed port, close", run_sequence, 2},
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* ---- measuring ---- */

static int accepted_socket(void)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);
	int listener = new_socket(), client = new_socket(), accepted;

	check(listen(listener, 1), "listen");
	check(getsockname(listener, (struct sockaddr *)&address, &length), "getsockname");
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(connect(client, (struct sockaddr *)&address, sizeof(address)), "connect");
	accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	check(accepted, "accept4");
	close(listener);
	return accepted;
}

/* ns for one call */
static double time_operation(
	const struct operation *operation, const struct calls *calls, struct sockets *sockets)
{
	double total = 0;

	for (int batch = 0; batch < operation->batches; batch++) {
		double start;

		for (int i = 0; operation->fresh && i < SOCKETS; i++)
			sockets->fresh[i] = new_socket();
		start = now_us();
		operation->run(calls, sockets);
		total += now_us() - start;
		for (int i = 0; operation->fresh && i < SOCKETS; i++)
			close(sockets->fresh[i]);
	}
	return total * 1e3 / operation->batches / SOCKETS;
}

static void print_spread(const char *name, double *values, int rounds)
{
	qsort(values, (size_t)rounds, sizeof(*values), compare);
	printf("    %-46s %9.2f [%.2f, %.2f]\n", name, values[rounds / 2], values[0],
		values[rounds - 1]);
}

static double figures[OPERATIONS][2][ROUNDS_MAX];

static void print_operation(size_t operation, int rounds)
{
	static double ratio[ROUNDS_MAX], more[ROUNDS_MAX];

	for (int i = 0; i < rounds; i++) {
		const double native = figures[operation][0][i], hooked = figures[operation][1][i];

		ratio[i] = hooked / native;
		more[i] = (hooked - native) / figures[COOKIE][0][i];
	}
	printf("%s\n", operations[operation].name);
	print_spread("libc, ns", figures[operation][0], rounds);
	if (operation == COOKIE)
		return;
	print_spread("through libxbind, ns", figures[operation][1], rounds);
	print_spread("ratio", ratio, rounds);
	print_spread("difference, in system calls SO_COOKIE", more, rounds);
}

int main(int argc, char **argv)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	const struct calls calls[] = {
		{
			.bind = (bind_function *)dlsym(libc, "bind"),
			.setsockopt = (setsockopt_function *)dlsym(libc, "setsockopt"),
			.fcntl = (fcntl_function *)dlsym(libc, "fcntl"),
			.ioctl = (ioctl_function *)dlsym(libc, "ioctl"),
		},
		{bind, setsockopt, fcntl, ioctl},
	};
	int rounds = argc > 1 ? atoi(argv[1]) : 21;
	struct sockets sockets;

	if (!libc)
		refuse("only glibc is known here");
	if (rounds < 1 || rounds > ROUNDS_MAX)
		refuse("ROUNDS is a number from 1 to 201");
	if (calls[0].bind == calls[1].bind)
		refuse("start it with LD_PRELOAD=libxbind.so and XBIND=3000");
	sockets.unbound = new_socket();
	sockets.accepted = accepted_socket();
	/* the first round warms up */
	for (int round = -1; round < rounds; round++) {
		for (size_t i = 0; i < OPERATIONS; i++) {
			for (int turn = 0; turn < 2; turn++) {
				int which = (turn + round) & 1;

				figures[i][which][round < 0 ? 0 : round] =
					time_operation(&operations[i], &calls[which], &sockets);
			}
		}
	}
	printf("calls through libxbind, median of %d [least, most]\n", rounds);
	for (size_t i = 0; i < OPERATIONS; i++)
		print_operation(i, rounds);
	return 0;
}
