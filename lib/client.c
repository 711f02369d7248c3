/* SPDX-License-Identifier: MIT */
/*
 * xsocket() and the client handle.
 *
 * Both ask through ask(): one exchange, and a few more on new connections while the broker hangs
 * up without an answer. That happens to a client whose request was queued while the broker ended:
 * systemd empties the queue before it listens again (FlushPending=, systemd.socket(5)), and may do
 * so once more just after we connected again, hence the pauses. A broker whose namespace is
 * missing hangs up each time, and that is then the error: ENETDOWN.
 *
 * A handle keeps its connection in a descriptor of a process that does not know of it. Before each
 * use it makes sure that
 *   - nobody else uses it: `busy` is taken. A call that finds it taken (a signal handler within a
 *     call, or after a longjmp(3) out of one) is served by a connection of its own;
 *   - this is the process that opened it. A child after fork(2) shares the connection with its
 *     parent and would take the parent's answers; it closes its copy and opens its own;
 *   - the number still is that socket: SO_COOKIE (kernel 4.12) is unique among sockets. If not,
 *     the number belongs to somebody else, so it is not closed but forgotten.
 */
#include "lib/exchange.h"
#include "lib/xsocket.h"

#include "common/cancel.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

#define CONNECTION_NULL                                                                            \
	{                                                                                          \
		.fd = -1                                                                           \
	}

struct xsocket_client {
	struct address address;
	atomic_flag busy;
	int fd;		  /* -1: not connected */
	uint64_t cookie;  /* SO_COOKIE of fd */
	int64_t armed_ms; /* as in struct exchange */
	pid_t pid;	  /* whose fd it is */
};

/* How long to wait before asking again. */
static const long pauses_ms[] = {10, 40, 160};
#define PAUSES (sizeof(pauses_ms) / sizeof(pauses_ms[0]))

static void pause_ms(long ms)
{
	struct timespec left = {.tv_nsec = ms * 1000000};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static uint64_t socket_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) < 0)
		return 0;
	return cookie;
}

/*
 * Asks by the connection in exchange->fd, or by a new one where that is -1, and leaves there the
 * connection that may be used again, or -1.
 */
static int ask(struct exchange *exchange, const struct address *address,
	const struct wire_socket *request, int *fds)
{
	size_t pauses = 0;

	exchange->deadline_ns = exchange_deadline();
	for (;;) {
		bool kept = exchange->fd >= 0, alive = false;
		int r = 0;

		if (!kept)
			r = exchange_connect(exchange, address);
		if (r == 0)
			r = exchange_sockets(exchange, request, fds, &alive);
		if (r < 0 && !alive)
			close_fd(&exchange->fd);
		/* The broker then looks again what its clients have received. */
		if (r == -ETOOMANYREFS && alive && pauses < PAUSES) {
			pause_ms(pauses_ms[pauses++]);
			continue;
		}
		if (r != -ECONNRESET || alive)
			return r;
		/* One that was kept may just have been idle for too long. */
		if (kept)
			continue;
		if (pauses == PAUSES)
			return -ENETDOWN;
		pause_ms(pauses_ms[pauses++]);
	}
}

static struct wire_socket request_of(int domain, int type, int protocol, unsigned count)
{
	int cpu = sched_getcpu();

	return (struct wire_socket){
		.domain = (uint32_t)domain,
		.type = (uint32_t)type,
		.protocol = (uint32_t)protocol,
		.count = count,
		.cpu = cpu < 0 ? WIRE_CPU_UNKNOWN : (uint32_t)cpu,
	};
}

/* One socket by a connection of its own. Returns the descriptor or a negative errno. */
static int one_shot(const struct address *address, int domain, int type, int protocol)
{
	struct wire_socket request = request_of(domain, type, protocol, 1);
	struct exchange exchange = CONNECTION_NULL;
	_cleanup_fd_ int fd = -1;
	int r;

	request.flags = WIRE_LAST;
	r = ask(&exchange, address, &request, &fd);
	if (r < 0) {
		close_fd(&exchange.fd);
		return r;
	}
	/*
	 * socket(2) returns the lowest free number, and programs count on it. That number is the
	 * connection's, or the socket's when another thread closed a lower one meanwhile.
	 */
	if (fd < exchange.fd) {
		close_fd(&exchange.fd);
		if (!(type & SOCK_CLOEXEC))
			fcntl(fd, F_SETFD, 0);
		return steal_fd(&fd);
	}
	if (dup3(fd, exchange.fd, type & SOCK_CLOEXEC ? O_CLOEXEC : 0) < 0) {
		r = -errno;
		close_fd(&exchange.fd);
		return r;
	}
	return exchange.fd;
}

static bool client_owns_connection(const struct xsocket_client *client)
{
	return client->fd >= 0 && socket_cookie(client->fd) == client->cookie;
}

static void client_disconnect(struct xsocket_client *client)
{
	if (client_owns_connection(client))
		close_fd(&client->fd);
	client->fd = -1;
}

/* Up to WIRE_BATCH_MAX sockets by the client's connection, which the caller has taken. */
static int client_ask(struct xsocket_client *client, const struct wire_socket *request, int *fds)
{
	struct exchange exchange = CONNECTION_NULL;
	pid_t pid = getpid();
	int r;

	if (client->pid != pid || !client_owns_connection(client))
		client_disconnect(client);
	client->pid = pid;
	/* It stays the client's meanwhile: a handler may jump out of here and never come back. */
	exchange.fd = client->fd;
	exchange.armed_ms = client->armed_ms;
	r = ask(&exchange, &client->address, request, fds);
	if (exchange.fresh && exchange.fd >= 0)
		client->cookie = socket_cookie(exchange.fd);
	client->armed_ms = exchange.armed_ms;
	client->fd = steal_fd(&exchange.fd);
	return r;
}

static int client_sockets(
	struct xsocket_client *client, int domain, int type, int protocol, int *fds, unsigned n)
{
	unsigned have = 0;
	int r = 0;

	if (n > INT_MAX)
		n = INT_MAX;
	while (have < n) {
		unsigned wanted = n - have < WIRE_BATCH_MAX ? n - have : WIRE_BATCH_MAX;
		struct wire_socket request = request_of(domain, type, protocol, wanted);

		r = client_ask(client, &request, fds + have);
		if (r < 0)
			break;
		if (!(type & SOCK_CLOEXEC)) {
			for (int i = 0; i < r; i++)
				fcntl(fds[have + (unsigned)i], F_SETFD, 0);
		}
		have += (unsigned)r;
	}
	return have > 0 ? (int)have : r;
}

/* The same for a client that is in use: a signal handler interrupted its user. */
static int busy_sockets(const struct xsocket_client *client, int domain, int type, int protocol,
	int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int fd = one_shot(&client->address, domain, type, protocol);

		if (fd < 0)
			return i > 0 ? (int)i : fd;
		fds[i] = fd;
	}
	return (int)n;
}

/* ---- what is exported: the only place where negative errno values become errno ---- */

static int as_libc(int r, int saved_errno)
{
	errno = r < 0 ? -r : saved_errno;
	return r < 0 ? -1 : r;
}

EXPORT int xsocket(const char *server, int domain, int type, int protocol)
{
	int saved_errno = errno, r;
	struct cancel cancel;
	struct address address;

	cancel_hold(&cancel);
	r = address_from_server(server, &address);
	if (r == 0)
		r = one_shot(&address, domain, type, protocol);
	cancel_release(&cancel);
	return as_libc(r, saved_errno);
}

EXPORT struct xsocket_client *xsocket_client_new(const char *server)
{
	int saved_errno = errno, r;
	struct cancel cancel;
	struct exchange exchange = CONNECTION_NULL;
	struct xsocket_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	cancel_hold(&cancel);
	r = address_from_server(server, &client->address);
	exchange.deadline_ns = exchange_deadline();
	if (r == 0)
		r = exchange_connect(&exchange, &client->address);
	cancel_release(&cancel);
	if (as_libc(r, saved_errno) < 0) {
		free(client);
		return NULL;
	}
	atomic_flag_clear(&client->busy);
	client->fd = exchange.fd;
	client->armed_ms = exchange.armed_ms;
	client->cookie = socket_cookie(exchange.fd);
	client->pid = getpid();
	return client;
}

EXPORT int xsocket_client_sockets(
	struct xsocket_client *client, int domain, int type, int protocol, int *fds, unsigned n)
{
	int saved_errno = errno, r;
	struct cancel cancel;

	cancel_hold(&cancel);
	if (atomic_flag_test_and_set(&client->busy)) {
		r = busy_sockets(client, domain, type, protocol, fds, n);
	} else {
		r = client_sockets(client, domain, type, protocol, fds, n);
		atomic_flag_clear(&client->busy);
	}
	cancel_release(&cancel);
	return as_libc(r, saved_errno);
}

EXPORT int xsocket_client_socket(struct xsocket_client *client, int domain, int type, int protocol)
{
	int fd, r;

	r = xsocket_client_sockets(client, domain, type, protocol, &fd, 1);
	return r < 0 ? r : fd;
}

EXPORT void xsocket_client_free(struct xsocket_client *client)
{
	int saved_errno = errno;
	struct cancel cancel;

	if (!client)
		return;
	cancel_hold(&cancel);
	client_disconnect(client);
	free(client);
	cancel_release(&cancel);
	errno = saved_errno;
}
