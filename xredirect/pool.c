/* SPDX-License-Identifier: MIT */
/*
 * Asking a broker for many sockets at once costs little more than asking for one. So a kind of
 * socket that is asked for again and again is fetched in batches, each twice the last one, up to
 * its share of the pool, and most calls of socket(2) are served from what is there.
 *
 * What is held is descriptors that the program does not know of, and that may be wrong by the time
 * they are used. So
 *   - there are never more than `size`, at numbers that are out of the way. One that is handed
 *     out gets the lowest free number, as from socket(2);
 *   - each is looked at before it is handed out: it still is the socket that was put there
 * (SO_COOKIE), not what the program opened after it closed all descriptors it found;
 *   - the connection they came by is looked at, too. A broker whose namespace is gone hangs up, and
 *     then all that came from it is closed. So it is when a broker restarts, or finds us idle
 *     for too long;
 *   - a child after fork(2) closes its copies and begins with nothing. One that was made by a bare
 *     system call finds a page wiped (madvise(2), MADV_WIPEONFORK, Linux 4.14), and leaves the pool
 *     alone.
 *
 * That is ppoll(2), getsockopt(2), fcntl(2) and close(2): together they take less time than
 * socket(2). Of these the first and the last are cancellation points, and so are made by bare
 * system calls: to hold cancellation back would take two more.
 *
 * Nobody waits for the lock. Who finds it taken, a thread or a signal handler, gets -EAGAIN. It is
 * held while a batch is fetched: other threads then ask for single sockets.
 */
#include "xredirect/pool.h"

#include "common/cancel.h"
#include "lib/client.h"
#include "preload/socket.h"
#include "xredirect/config.h"
#include "xredirect/warm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHELVES	  8
#define FLAGS	  (SOCK_CLOEXEC | SOCK_NONBLOCK)
#define BATCH_MAX 253 /* of one message */

/* Sockets of one kind, by one broker. */
struct shelf {
	struct xsocket_client client;
	struct socket_kind kind;
	char server[ADDRESS_SERVER_SIZE]; /* "": the shelf is free */
	unsigned count, batch;		  /* sockets there are; how many to fetch next */
	uint64_t used; /* when, for finding the one that was not for the longest time */
	struct {
		int fd;
		uint64_t cookie;
	} sockets[CONFIG_POOL_MAX];
};

static struct {
	atomic_flag locked;
	bool *owned; /* wiped in a child; NULL: there is no pool */
	uint64_t clock;
	struct shelf shelves[SHELVES];
} pool = {.locked = ATOMIC_FLAG_INIT};

static bool is_ours(const struct shelf *shelf, unsigned i)
{
	return socket_cookie_of(shelf->sockets[i].fd) == shelf->sockets[i].cookie;
}

static void shelf_drop(struct shelf *shelf, unsigned keep)
{
	while (shelf->count > keep) {
		shelf->count--;
		if (is_ours(shelf, shelf->count))
			syscall(SYS_close, shelf->sockets[shelf->count].fd);
	}
}

static void shelf_clear(struct shelf *shelf)
{
	struct cancel cancel;

	if (!*shelf->server)
		return;
	shelf_drop(shelf, 0);
	cancel_hold(&cancel);
	client_close(&shelf->client);
	cancel_release(&cancel);
	*shelf->server = '\0';
}

/* Whether nothing has come by the connection since the last answer: not even its end. */
static bool is_quiet(const struct shelf *shelf)
{
	char byte;

	return shelf->client.fd >= 0 &&
	       socket_cookie_of(shelf->client.fd) == shelf->client.cookie &&
	       recv(shelf->client.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static struct shelf *shelf_find(const char *server, const struct socket_kind *kind)
{
	struct shelf *oldest = &pool.shelves[0];

	for (unsigned i = 0; i < SHELVES; i++) {
		struct shelf *shelf = &pool.shelves[i];

		if (*shelf->server && shelf->kind.domain == kind->domain &&
			shelf->kind.type == kind->type && shelf->kind.protocol == kind->protocol &&
			strcmp(shelf->server, server) == 0)
			return shelf;
		if (*oldest->server && (!*shelf->server || shelf->used < oldest->used))
			oldest = shelf;
	}
	shelf_clear(oldest);
	if (strlen(server) >= sizeof(oldest->server) ||
		client_init(&oldest->client, server, WARM_LOWEST) < 0)
		return NULL;
	strcpy(oldest->server, server);
	oldest->kind = *kind;
	oldest->batch = 1;
	return oldest;
}

/* How many a shelf may hold, so that all together hold no more than size. */
static unsigned share_of(unsigned size)
{
	unsigned shelves = 0;

	for (unsigned i = 0; i < SHELVES; i++)
		shelves += *pool.shelves[i].server != '\0';
	return size / shelves;
}

/* Moves a socket out of the way, and remembers it. */
static void shelf_put(struct shelf *shelf, int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, WARM_LOWEST);

	if (high >= 0)
		close(fd);
	else if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
		high = fd;
	shelf->sockets[shelf->count].fd = high;
	shelf->sockets[shelf->count].cookie = socket_cookie_of(high);
	shelf->count++;
}

/* Gives the first one away at once, and puts the others on the shelf. */
static int shelf_fetch(struct shelf *shelf, unsigned size)
{
	const struct socket_kind *kind = &shelf->kind;
	unsigned share = share_of(size), wanted = shelf->batch;
	int fds[BATCH_MAX], n;
	struct cancel cancel;

	for (unsigned i = 0; i < SHELVES; i++) {
		if (pool.shelves[i].count > share)
			shelf_drop(&pool.shelves[i], share);
	}
	if (wanted > share + 1)
		wanted = share + 1;
	if (wanted > BATCH_MAX)
		wanted = BATCH_MAX;
	cancel_hold(&cancel);
	n = client_sockets(&shelf->client, kind->domain, kind->type | SOCK_CLOEXEC, kind->protocol,
		fds, wanted);
	for (int i = 1; i < n; i++)
		shelf_put(shelf, fds[i]);
	cancel_release(&cancel);
	if (shelf->batch < BATCH_MAX)
		shelf->batch *= 2;
	return n < 0 ? n : fds[0];
}

/* As the caller wants it: the lowest number that is free, and the flags. */
static int hand_out(struct shelf *shelf, int type)
{
	int fd = -1, number;

	while (fd < 0) {
		if (shelf->count == 0)
			return -ENOENT;
		shelf->count--;
		if (is_ours(shelf, shelf->count))
			fd = shelf->sockets[shelf->count].fd;
	}
	number = fcntl(fd, type & SOCK_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
	if (number < 0)
		number = -errno;
	syscall(SYS_close, fd);
	if (number < 0)
		return number;
	if (type & SOCK_NONBLOCK)
		fcntl(number, F_SETFL, O_RDWR | O_NONBLOCK);
	return number;
}

static int get(unsigned size, const char *server, const struct socket_kind *kind, int flags)
{
	struct shelf *shelf = shelf_find(server, kind);
	int fd;

	if (!shelf)
		return -EAGAIN;
	shelf->used = ++pool.clock;
	if (shelf->count > 0 && !is_quiet(shelf))
		shelf_drop(shelf, 0);
	fd = hand_out(shelf, flags);
	if (fd != -ENOENT)
		return fd;
	fd = shelf_fetch(shelf, size);
	if (fd < 0) {
		shelf_clear(shelf);
		return fd;
	}
	if (flags & SOCK_NONBLOCK)
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	if (!(flags & SOCK_CLOEXEC))
		fcntl(fd, F_SETFD, 0);
	return fd;
}

int pool_socket(unsigned size, const char *server, int domain, int type, int protocol)
{
	struct socket_kind kind = {domain, type & ~FLAGS, protocol};
	int r = -EAGAIN;

	if (size == 0 || !pool.owned || atomic_flag_test_and_set(&pool.locked))
		return -EAGAIN;
	if (*pool.owned)
		r = get(size, server, &kind, type & FLAGS);
	atomic_flag_clear(&pool.locked);
	return r;
}

/* The lock may be held by a thread that this process does not have. */
static void child_begins(void)
{
	for (unsigned i = 0; i < SHELVES; i++)
		shelf_clear(&pool.shelves[i]);
	*pool.owned = true;
	atomic_flag_clear(&pool.locked);
}

__attribute__((constructor(102))) static void pool_init(void)
{
	bool *page = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return;
	*page = true;
	if (madvise(page, 1, MADV_WIPEONFORK) < 0 || pthread_atfork(NULL, NULL, child_begins) != 0)
		munmap(page, 1);
	else
		pool.owned = page;
}
