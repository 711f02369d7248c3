/* SPDX-License-Identifier: MIT */
#include "bench/bare.h"

#include "common/cleanup.h"
#include "common/fdpass.h"
#include "common/wire.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the partner ---- */

static int serve(int connection)
{
	static const uint8_t descriptors[WIRE_DESCRIPTORS_SIZE], verdict[WIRE_VERDICT_SIZE];
	uint8_t request[WIRE_SOCKET_SIZE];
	int fd, r;

	if (recv(connection, request, sizeof(request), 0) <= 0)
		return -1;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	r = fdpass_send(connection, descriptors, sizeof(descriptors), &fd, 1, 0);
	close(fd);
	if (r < 0)
		return -1;
	return fdpass_send(connection, verdict, sizeof(verdict), NULL, 0, 0);
}

__attribute__((noreturn)) static void partner(int fd, bool fresh, pid_t caller)
{
	int connection;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != caller)
		_exit(0);
	while (fresh) {
		connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (connection < 0)
			_exit(1);
		serve(connection);
		close(connection);
	}
	while (serve(fd) == 0)
		;
	_exit(0);
}

/* ---- the caller ---- */

static int listen_somewhere(struct bare *bare)
{
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	bare->address = (struct sockaddr_un){.sun_family = AF_UNIX};
	bare->address_length = sizeof(bare->address);
	/* No name: the kernel finds an abstract one (unix(7), autobind). */
	if (fd < 0 ||
		bind(fd, (struct sockaddr *)&bare->address,
			offsetof(struct sockaddr_un, sun_path)) < 0 ||
		listen(fd, 8) < 0 ||
		getsockname(fd, (struct sockaddr *)&bare->address, &bare->address_length) < 0)
		return -1;
	return steal_fd(&fd);
}

int bare_start(struct bare *bare, unsigned cpu, bool fresh)
{
	pid_t caller = getpid();
	cpu_set_t cpus;
	int pair[2];

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		return -1;
	if (fresh)
		pair[0] = pair[1] = listen_somewhere(bare);
	else if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	if (pair[0] < 0)
		return -1;
	bare->partner = fork();
	if (bare->partner == 0)
		partner(pair[1], fresh, caller);
	if (!fresh)
		close(pair[1]);
	bare->fd = pair[0];
	return bare->partner < 0 ? -1 : 0;
}

static int exchange(int connection)
{
	static const uint8_t request[WIRE_SOCKET_SIZE];
	uint8_t buffers[2][WIRE_MESSAGE_MAX];
	struct fdpass_packet packets[2];
	int fd = -1, received, r;

	r = fdpass_send(connection, request, sizeof(request), NULL, 0, 0);
	for (received = 0; r >= 0 && received < 2; received += r) {
		void *pointers[2] = {buffers[0], buffers[1]};

		r = fdpass_receive(connection, pointers, sizeof(buffers[0]), packets,
			received == 0 ? 2 : 1, &fd, received == 0 ? 1 : 0, 0);
		if (r > 0 && packets[0].size == 0)
			r = -ECONNRESET;
	}
	if (r >= 0)
		return fd;
	close_fd(&fd);
	errno = -r;
	return -1;
}

int bare_socket(struct bare *bare)
{
	return exchange(bare->fd);
}

int bare_socket_fresh(struct bare *bare)
{
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&bare->address, bare->address_length) < 0)
		return -1;
	return exchange(fd);
}
