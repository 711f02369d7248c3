/* SPDX-License-Identifier: MIT */
/*
 * An io_uring that knew a socket before it was bound. With an argument: what is only said.
 */
#include "tests/preload/program.h"

#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define ENTRIES 8

struct ring {
	int fd;
	char *rings;
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
};

static int ring_init(struct ring *ring, unsigned flags)
{
	size_t size;

	memset(ring, 0, sizeof(*ring));
	ring->params.flags = flags;
	ring->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &ring->params);
	if (ring->fd < 0)
		return -1;
	size = ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe);
	ring->rings =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, ENTRIES * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
		MAP_SHARED, ring->fd, IORING_OFF_SQES);
	return ring->rings == MAP_FAILED || ring->sqes == MAP_FAILED ? -1 : 0;
}

static atomic_uint *at(const struct ring *ring, unsigned offset)
{
	return (atomic_uint *)(void *)(ring->rings + offset);
}

static int submit(struct ring *ring, const struct io_uring_sqe *sqe)
{
	unsigned tail = atomic_load(at(ring, ring->params.sq_off.tail));
	unsigned index = tail % ENTRIES;

	ring->sqes[index] = *sqe;
	atomic_store(at(ring, ring->params.sq_off.array) + index, index);
	atomic_store(at(ring, ring->params.sq_off.tail), tail + 1);
	return (int)syscall(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0);
}

/* The next answer within a while, or what is there if that is 0. */
static void print_answer(struct ring *ring, int timeout)
{
	struct pollfd ready = {.fd = ring->fd, .events = POLLIN};
	unsigned head = atomic_load(at(ring, ring->params.cq_off.head));
	const struct io_uring_cqe *cqe;

	if (poll(&ready, 1, timeout) != 1) {
		printf("no answer\n");
		return;
	}
	cqe = (const void *)(ring->rings + ring->params.cq_off.cqes);
	cqe += head % ring->params.cq_entries;
	printf("answer: %d to %llu, %x\n", cqe->res, (unsigned long long)cqe->user_data,
		cqe->flags);
	atomic_store(at(ring, ring->params.cq_off.head), head + 1);
}

static int poll_add(struct ring *ring, int fd, unsigned flags, uint64_t data)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_POLL_ADD,
		.fd = fd,
		.len = flags,
		.poll32_events = POLLIN,
		.user_data = data,
	};

	return submit(ring, &sqe);
}

static int receive(struct ring *ring, int fd, unsigned flags, uint64_t data)
{
	static char byte;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_RECV,
		.fd = fd,
		.flags = (uint8_t)flags,
		.addr = (uintptr_t)&byte,
		.len = 1,
		.user_data = data,
	};

	return submit(ring, &sqe);
}

static int register_files(const struct ring *ring, const int *fds, unsigned n)
{
	return (int)syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_FILES, fds, n);
}

/*
 * To a socket that is bound to a port of the kernel's choice: one of the last run's may be in use
 * yet, as the end of a ring takes a while.
 */
static void send_to(int receiver)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_storage to;
	socklen_t length = sizeof(to);

	bind_port(fd, 0);
	getsockname(receiver, (struct sockaddr *)&to, &length);
	SAY(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, length));
	close(fd);
}

/* The ring is busy with other things, and with this socket from now on. */
static void afterwards(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET, SOCK_DGRAM, 0);
	struct ring ring;

	printf("-- afterwards\n");
	SAY(ring_init(&ring, 0));
	SAY(poll_add(&ring, other, 0, 1));
	SAY(bind_port(fd, 0));
	SAY(poll_add(&ring, fd, IORING_POLL_ADD_MULTI, 2));
	send_to(fd);
	print_answer(&ring, 2000);
	SAY(receive(&ring, fd, 0, 3));
	print_answer(&ring, 2000);
	send_to(fd);
	print_answer(&ring, 2000);
	close(ring.fd);
	close(fd);
	close(other);
}

/* Unbound TCP sockets hang up, so nobody waits for them. */
static void stream(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct ring ring;

	printf("-- stream\n");
	SAY(ring_init(&ring, 0));
	SAY(poll_add(&ring, fd, 0, 1));
	print_answer(&ring, 2000);
	SAY(bind_port(fd, 0));
	SAY(listen(fd, 5));
	close(ring.fd);
	close(fd);
}

/* Places among registered files are given the new socket. */
static void registered(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET, SOCK_DGRAM, 0);
	int fds[4] = {other, fd, -1, fd};
	struct ring ring;

	printf("-- registered\n");
	SAY(ring_init(&ring, 0));
	SAY(register_files(&ring, fds, 4));
	SAY(bind_port(fd, 0));
	SAY(in_target(fd));
	SAY(receive(&ring, 3, IOSQE_FIXED_FILE, 1));
	send_to(fd);
	print_answer(&ring, 2000);
	SAY(receive(&ring, 1, IOSQE_FIXED_FILE, 2));
	send_to(fd);
	print_answer(&ring, 2000);
	/* Another's place is still another's. */
	SAY(receive(&ring, 0, IOSQE_FIXED_FILE, 3));
	send_to(fd);
	print_answer(&ring, 0);
	/* It lives in its place. */
	close(fd);
	SAY(receive(&ring, 1, IOSQE_FIXED_FILE, 4));
	print_answer(&ring, 2000);
	close(ring.fd);
	close(other);
}

/* A request that was begun before. */
static void armed(unsigned flags)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ring ring;

	SAY(ring_init(&ring, 0));
	SAY(poll_add(&ring, fd, flags, 1));
	SAY(bind_port(fd, 0));
	SAY(in_target(fd));
	send_to(fd);
	print_answer(&ring, 100);
}

static struct ring foreign;
static int foreign_fd;
static atomic_int done;

static void *owner(void *argument)
{
	SAY(ring_init(&foreign, IORING_SETUP_SINGLE_ISSUER));
	SAY(register_files(&foreign, &foreign_fd, 1));
	done = 1;
	while (done == 1)
		usleep(1000);
	return NULL;
}

/* Registered with a ring that only another thread may change. */
static void foreigner(void)
{
	int same;
	pthread_t thread;

	foreign_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	same = dup(foreign_fd);
	pthread_create(&thread, NULL, owner, NULL);
	while (!done)
		usleep(1000);
	SAY(bind_port(foreign_fd, 0));
	SAY(in_own(foreign_fd));
	SAY(in_own(same));
	SAY(fcntl(foreign_fd, F_GETFD));
	SAY(fcntl(same, F_GETFD));
	done = 2;
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	struct ring ring;

	if (ring_init(&ring, 0) < 0) {
		printf("no io_uring: %s\n", strerrorname_np(errno));
		return errno == ENOSYS || errno == EPERM ? 77 : 1;
	}
	close(ring.fd);
	if (argc > 1) {
		if (strcmp(argv[1], "once") == 0)
			armed(0);
		if (strcmp(argv[1], "multi") == 0)
			armed(IORING_POLL_ADD_MULTI);
		if (strcmp(argv[1], "foreign") == 0)
			foreigner();
		return 0;
	}
	afterwards();
	stream();
	registered();
	return 0;
}
