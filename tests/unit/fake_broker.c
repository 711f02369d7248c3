/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_broker.h"

#include "tests/unit/unit.h"

#include "common/address.h"
#include "common/fdpass.h"
#include "common/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

const struct fake_action fake_serve[] = {FAKE_SERVE, FAKE_HANG_UP};

/* One connection, in the broker's process. */
struct fake_connection {
	struct fake_counts *counts;
	const struct fake_action *actions;
	int fd, gate;
	bool file; /* whether the last request was for one */
	struct wire_socket request;
	struct wire_resolver resolver;
};

/* ---- in the broker's process ---- */

/* A file that says which one it is, opened again as flags say. */
static int make_file(const struct fake_connection *connection, int flags)
{
	int fd = memfd_create("file", MFD_CLOEXEC), again;
	char path[32];

	must(fd >= 0 && dprintf(fd, "file %u\n", connection->resolver.file) > 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, flags | O_CLOEXEC);
	close(fd);
	return again;
}

static int make_fd(const struct fake_connection *connection, enum fake_kind kind)
{
	const struct wire_socket *request = &connection->request;
	int pair[2];

	switch (kind) {
	case FAKE_ASKED:
		if (connection->file)
			return make_file(connection, O_RDONLY);
		if (request->domain == 0)
			return socket(AF_INET, SOCK_STREAM, 0);
		return socket(
			(int)request->domain, (int)request->type, (int)request->protocol);
	case FAKE_TCP:
		return socket(AF_INET, SOCK_STREAM, 0);
	case FAKE_UDP:
		return socket(AF_INET, SOCK_DGRAM, 0);
	case FAKE_UNIX:
		return socket(AF_UNIX, SOCK_STREAM, 0);
	case FAKE_ONE_ASKED:
	case FAKE_PIPE:
		must(pipe(pair) == 0);
		close(pair[1]);
		return pair[0];
	case FAKE_DEVICE:
		return open("/dev/null", O_RDONLY);
	case FAKE_DIRECTORY:
		return open("/", O_RDONLY);
	case FAKE_WRITABLE:
		return make_file(connection, O_RDWR);
	case FAKE_WRITE_ONLY:
		return make_file(connection, O_WRONLY);
	case FAKE_PATH:
		return make_file(connection, O_PATH);
	}
	return -1;
}

/* Unread packets count against the sender's buffer (unix(7)). */
static void wait_read(int fd)
{
	int64_t deadline = now_ms() + 10000;
	int unread;

	while (ioctl(fd, SIOCOUTQ, &unread) == 0 && unread > 0 && now_ms() < deadline)
		sched_yield();
}

/* The client may have hung up, that is its right. */
static void send_packet(struct fake_connection *connection, const void *packet, size_t size,
	unsigned count, enum fake_kind kind)
{
	int fds[FDPASS_MAX] = {0};

	for (unsigned i = 0; i < count; i++) {
		fds[i] = make_fd(
			connection, kind == FAKE_ONE_ASKED && i == 0 ? FAKE_ASKED : kind);
		must(fds[i] >= 0);
	}
	fdpass_send(connection->fd, packet, size, fds, count, 0);
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
	if (atomic_load(&connection->counts->one_by_one))
		wait_read(connection->fd);
}

static void send_descriptors(
	struct fake_connection *connection, uint32_t claimed, unsigned count, enum fake_kind kind)
{
	uint8_t packet[WIRE_DESCRIPTORS_SIZE];

	wire_descriptors_encode(packet, claimed);
	send_packet(connection, packet, sizeof(packet), count, kind);
}

static void send_verdict(struct fake_connection *connection, uint32_t error, uint32_t count)
{
	uint8_t packet[WIRE_VERDICT_SIZE];

	wire_verdict_encode(packet, &(struct wire_verdict){error, count, WIRE_VERSION});
	send_packet(connection, packet, sizeof(packet), 0, FAKE_ASKED);
}

/* What both kinds have in common is in connection->request. */
static bool decode_request(
	struct fake_connection *connection, uint32_t opcode, const void *packet, size_t size)
{
	struct wire_resolver *resolver = &connection->resolver;

	connection->file = opcode == WIRE_OP_RESOLVER;
	if (!connection->file)
		return opcode == WIRE_OP_SOCKET &&
		       wire_socket_decode(packet, size, &connection->request) == WIRE_OK;
	if (wire_resolver_decode(packet, size, resolver) != WIRE_OK)
		return false;
	connection->request = (struct wire_socket){
		.count = 1, .flags = resolver->flags, .cpu = resolver->cpu};
	return true;
}

static bool receive_request(struct fake_connection *connection)
{
	const struct wire_socket *request = &connection->request;
	struct fake_counts *counts = connection->counts;
	uint8_t packet[WIRE_MESSAGE_MAX + 1];
	struct wire_header header;
	ssize_t size = recv(connection->fd, packet, sizeof(packet), 0);

	if (size <= 0)
		return false;
	if (wire_header_decode(packet, (size_t)size, &header) != WIRE_OK ||
		!decode_request(connection, header.opcode, packet, (size_t)size)) {
		atomic_fetch_add(&counts->strays, 1);
		return false;
	}
	atomic_store(&counts->last_cpu, request->cpu);
	atomic_store(&counts->last_flags, request->flags);
	atomic_fetch_add(&counts->requests, 1);
	return true;
}

static void serve(struct fake_connection *connection)
{
	while (receive_request(connection)) {
		const struct wire_socket *request = &connection->request;
		unsigned max = atomic_load(&connection->counts->max_batch);
		unsigned count = request->count > max && max > 0 ? max : request->count;
		int fd = make_fd(connection, FAKE_ASKED);

		if (fd < 0) {
			send_verdict(connection, (uint32_t)errno, 0);
		} else {
			close(fd);
			send_descriptors(connection, count, count, FAKE_ASKED);
			send_verdict(connection, 0, count);
		}
		if (request->flags & WIRE_LAST)
			return;
	}
}

static bool play(struct fake_connection *connection, const struct fake_action *action)
{
	char c;

	switch (action->what) {
	case FAKE_DO_HANG_UP:
		return false;
	case FAKE_DO_REQUEST:
		return receive_request(connection);
	case FAKE_DO_DESCRIPTORS:
		send_descriptors(connection, action->a, action->b, action->kind);
		return true;
	case FAKE_DO_VERDICT:
		send_verdict(connection, action->a, action->b);
		return true;
	case FAKE_DO_RAW:
		send_packet(connection, action->bytes, action->size, action->b, FAKE_TCP);
		return true;
	case FAKE_DO_SERVE:
		serve(connection);
		return true;
	case FAKE_DO_GATE:
		atomic_fetch_add(&connection->counts->gated, 1);
		must(read(connection->gate, &c, 1) == 1);
		return true;
	case FAKE_DO_WAIT:
		must(poll(&(struct pollfd){.fd = connection->fd}, 1, -1) == 1);
		return true;
	}
	return false;
}

static void *connection_run(void *data)
{
	struct fake_connection *connection = data;

	for (const struct fake_action *action = connection->actions; play(connection, action);)
		action++;
	close(connection->fd);
	free(connection);
	return NULL;
}

static void broker_run(const struct fake_broker *broker, int listener, int gate,
	const struct fake_action *const *connections)
{
	for (;;) {
		struct fake_connection *connection = calloc(1, sizeof(*connection));
		pthread_t thread;

		must(connection != NULL);
		connection->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		must(connection->fd >= 0);
		connection->counts = broker->counts;
		connection->gate = gate;
		connection->actions = *connections;
		if (connections[1])
			connections++;
		atomic_fetch_add(&broker->counts->connections, 1);
		must(pthread_create(&thread, NULL, connection_run, connection) == 0);
		pthread_detach(thread);
	}
}

/* ---- in the test's process ---- */

static int listen_at(const char *server)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct address address;

	must(fd >= 0 && address_from_server(server, &address) == 0);
	must(bind(fd, (struct sockaddr *)&address.un, address.length) == 0);
	must(listen(fd, 128) == 0);
	return fd;
}

/* Of the test's descriptors none but these two and the standard ones. */
static void keep_only(int a, int b)
{
	int low = a < b ? a : b, high = a < b ? b : a;

	if (low > 3)
		close_range(3, (unsigned)low - 1, 0);
	if (high > low + 1)
		close_range((unsigned)low + 1, (unsigned)high - 1, 0);
	close_range((unsigned)high + 1, ~0u, 0);
}

void fake_broker_restart(struct fake_broker *broker, const struct fake_action *const *connections)
{
	int listener = listen_at(broker->server), gate[2];
	pid_t parent = getpid();

	must(pipe2(gate, O_CLOEXEC) == 0);
	broker->counts = mmap(NULL, sizeof(*broker->counts), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(broker->counts != MAP_FAILED);
	broker->pid = fork();
	must(broker->pid >= 0);
	if (broker->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		keep_only(listener, gate[0]);
		broker_run(broker, listener, gate[0], connections);
	}
	broker->gate = gate[1];
	close(gate[0]);
	close(listener);
}

void fake_broker_start(struct fake_broker *broker, const struct fake_action *const *connections)
{
	uint64_t random;

	must(getrandom(&random, sizeof(random), 0) == sizeof(random));
	snprintf(broker->server, sizeof(broker->server), "@xsocket-unit-%016llx",
		(unsigned long long)random);
	fake_broker_restart(broker, connections);
}

void fake_broker_stop(struct fake_broker *broker)
{
	must(kill(broker->pid, SIGKILL) == 0);
	must(waitpid(broker->pid, NULL, 0) == broker->pid);
	must(munmap(broker->counts, sizeof(*broker->counts)) == 0);
	if (broker->gate >= 0)
		close(broker->gate);
}

void fake_broker_end(struct fake_broker *broker, unsigned fds_before)
{
	assert_int_equal(fds_count(), fds_before);
	assert_int_equal(atomic_load(&broker->counts->strays), 0);
	fake_broker_stop(broker);
}

void fake_broker_open_gate(struct fake_broker *broker)
{
	must(write(broker->gate, "", 1) == 1);
}

void fake_broker_wait_gated(const struct fake_broker *broker, unsigned n)
{
	int64_t deadline = now_ms() + 10000;

	while (atomic_load(&broker->counts->gated) < n) {
		must(now_ms() < deadline);
		sched_yield();
	}
}
