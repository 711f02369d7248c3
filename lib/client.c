/* SPDX-License-Identifier: MIT */
/*
 * One request on a connection of its own, and the client, which keeps one.
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
 *     parent and would take the parent's answers; it closes its copy and opens its own. A child of
 *     a signal handler that goes on with the call that was interrupted gets -EBADF, if its side of
 *     fork(2) has closed the copy (client_close() in pthread_atfork(3)): for that, a connection is
 *     the handle's as soon as it is there;
 *   - the number still is that socket: SO_COOKIE (kernel 4.12) is unique among sockets. If not,
 *     the number belongs to somebody else, so it is not closed but forgotten.
 */
#include "lib/client.h"

#include "lib/exchange.h"

#include "common/cleanup.h"
#include "common/cookie.h"
#include "common/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

#define CONNECTION_NULL                                                                            \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* How long to wait before asking again. */
static const long pauses_ms[] = {10, 40, 160};
#define PAUSES (sizeof(pauses_ms) / sizeof(pauses_ms[0]))

static void pause_ms(long ms)
{
	struct timespec left = {.tv_nsec = ms * 1000000};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static bool client_owns_connection(const struct xsocket_client *client)
{
	return client->fd >= 0 && client->cookie != 0 &&
	       cookie_of_socket(client->fd) == client->cookie;
}

void client_close(struct xsocket_client *client)
{
	if (client_owns_connection(client))
		close_fd(&client->fd);
	client->fd = -1;
}

/*
 * A new connection, which is the client's before a signal handler runs: if that forks, the child
 * can close its copy (client_close()) before it goes on with what it interrupted.
 */
static int open_for(struct xsocket_client *client, struct exchange *exchange)
{
	sigset_t signals;
	int r;

	signals_hold(&signals);
	r = exchange_open(exchange);
	if (r == 0) {
		client->cookie = cookie_of_socket(exchange->fd);
		client->fd = exchange->fd;
	}
	signals_release(&signals);
	return r;
}

/* Closes the connection. client is whose it is, or NULL. */
static void hang_up(struct xsocket_client *client, struct exchange *exchange)
{
	if (client && client->cookie != 0)
		client_close(client);
	else
		close_fd(&exchange->fd);
	exchange->fd = -1;
	if (client)
		client->fd = -1;
}

static int connect_for(
	struct xsocket_client *client, struct exchange *exchange, const struct address *address)
{
	int r = client ? open_for(client, exchange) : exchange_open(exchange);

	if (r < 0)
		return r;
	r = exchange_connect(exchange, address);
	if (r < 0)
		hang_up(client, exchange);
	return r;
}

/*
 * Asks by the connection in exchange->fd, or by a new one where that is -1, and leaves there the
 * connection that may be used again, or -1. client is whose connection it is, or NULL.
 */
static int ask(struct xsocket_client *client, struct exchange *exchange,
	const struct address *address, const struct request *request, int *fds)
{
	size_t pauses = 0;

	exchange->deadline_ns = exchange_deadline();
	for (;;) {
		bool kept = exchange->fd >= 0, alive = false;
		int r = 0;

		if (!kept)
			r = connect_for(client, exchange, address);
		if (r == 0)
			r = exchange_ask(exchange, request, fds, &alive);
		if (r < 0 && !alive)
			hang_up(client, exchange);
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

static uint32_t cpu_number(void)
{
	int cpu = sched_getcpu();

	return cpu < 0 ? WIRE_CPU_UNKNOWN : (uint32_t)cpu;
}

static struct request sockets_request(
	int domain, int type, int protocol, unsigned count, uint32_t flags)
{
	return (struct request){
		.opcode = WIRE_OP_SOCKET,
		.socket =
			{
				.domain = (uint32_t)domain,
				.type = (uint32_t)type,
				.protocol = (uint32_t)protocol,
				.count = count,
				.flags = flags,
				.cpu = cpu_number(),
			},
	};
}

static struct request file_request(int file, uint32_t flags)
{
	return (struct request){
		.opcode = WIRE_OP_RESOLVER,
		.resolver = {.file = (uint32_t)file, .flags = flags, .cpu = cpu_number()},
	};
}

static bool is_file(int file)
{
	return file == WIRE_RESOLV_CONF || file == WIRE_HOSTS || file == WIRE_NSSWITCH;
}

/* One descriptor by a connection of its own. Returns it or a negative errno. */
static int once(const struct address *address, const struct request *request, bool cloexec)
{
	struct exchange exchange = CONNECTION_NULL;
	_cleanup_fd_ int fd = -1;
	int r;

	r = ask(NULL, &exchange, address, request, &fd);
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
		if (!cloexec)
			fcntl(fd, F_SETFD, 0);
		return steal_fd(&fd);
	}
	if (dup3(fd, exchange.fd, cloexec ? O_CLOEXEC : 0) < 0) {
		r = -errno;
		close_fd(&exchange.fd);
		return r;
	}
	return exchange.fd;
}

static int once_socket(const struct address *address, int domain, int type, int protocol)
{
	struct request request = sockets_request(domain, type, protocol, 1, WIRE_LAST);

	return once(address, &request, type & SOCK_CLOEXEC);
}

static int once_file(const struct address *address, int file)
{
	struct request request = file_request(file, WIRE_LAST);

	return once(address, &request, true);
}

int client_once_socket(const char *server, int domain, int type, int protocol)
{
	struct address address;
	int r = address_from_server(server, &address);

	return r < 0 ? r : once_socket(&address, domain, type, protocol);
}

int client_once_file(const char *server, int file)
{
	struct address address;
	int r = is_file(file) ? address_from_server(server, &address) : -EINVAL;

	return r < 0 ? r : once_file(&address, file);
}

int client_init(struct xsocket_client *client, const char *server, int lowest_fd)
{
	*client = (struct xsocket_client){.fd = -1, .lowest_fd = lowest_fd};
	atomic_flag_clear(&client->busy);
	return address_from_server(server, &client->address);
}

int client_connect(struct xsocket_client *client)
{
	struct exchange exchange = CONNECTION_NULL;
	int r;

	client_close(client);
	exchange.lowest_fd = client->lowest_fd;
	exchange.deadline_ns = exchange_deadline();
	client->pid = getpid();
	r = connect_for(client, &exchange, &client->address);
	client->armed_ms = exchange.armed_ms;
	return r;
}

/* Asks by the client's connection, which the caller has taken. */
static int client_ask(struct xsocket_client *client, const struct request *request, int *fds)
{
	struct exchange exchange = CONNECTION_NULL;
	pid_t pid = getpid();
	int r;

	if (client->pid != pid || !client_owns_connection(client))
		client_close(client);
	client->pid = pid;
	/* It stays the client's meanwhile: a handler may jump out of here and never come back. */
	exchange.fd = client->fd;
	exchange.lowest_fd = client->lowest_fd;
	exchange.armed_ms = client->armed_ms;
	r = ask(client, &exchange, &client->address, request, fds);
	client->armed_ms = exchange.armed_ms;
	/* A sandbox keeps its cookie from us: it could not be told from another one later. */
	if (exchange.fd >= 0 && client->cookie == 0)
		hang_up(client, &exchange);
	return r;
}

static int taken_sockets(
	struct xsocket_client *client, int domain, int type, int protocol, int *fds, unsigned n)
{
	unsigned have = 0;
	int r = 0;

	if (n > INT_MAX)
		n = INT_MAX;
	while (have < n) {
		unsigned wanted = n - have < WIRE_BATCH_MAX ? n - have : WIRE_BATCH_MAX;
		struct request request = sockets_request(domain, type, protocol, wanted, 0);

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
		int fd = once_socket(&client->address, domain, type, protocol);

		if (fd < 0)
			return i > 0 ? (int)i : fd;
		fds[i] = fd;
	}
	return (int)n;
}

int client_sockets(
	struct xsocket_client *client, int domain, int type, int protocol, int *fds, unsigned n)
{
	int r;

	if (atomic_flag_test_and_set(&client->busy))
		return busy_sockets(client, domain, type, protocol, fds, n);
	r = taken_sockets(client, domain, type, protocol, fds, n);
	atomic_flag_clear(&client->busy);
	return r;
}

int client_socket(struct xsocket_client *client, int domain, int type, int protocol)
{
	int fd, r = client_sockets(client, domain, type, protocol, &fd, 1);

	return r < 0 ? r : fd;
}

int client_file(struct xsocket_client *client, int file)
{
	struct request request;
	int fd, r;

	if (!is_file(file))
		return -EINVAL;
	if (atomic_flag_test_and_set(&client->busy))
		return once_file(&client->address, file);
	request = file_request(file, 0);
	r = client_ask(client, &request, &fd);
	atomic_flag_clear(&client->busy);
	return r < 0 ? r : fd;
}
