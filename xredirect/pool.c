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
 *     (SO_COOKIE), not what the program opened after it closed all descriptors it found;
 *   - the connection they came by is looked at, too. A broker whose namespace is gone hangs up, and
 *     then all that came from it is closed. So it is when a broker restarts, or finds us idle
 *     for too long;
 *   - a process that has become another user gets nothing that was handed out to the one before;
 *   - a child after fork(2) closes its copies and begins with nothing. One that fork(2)'s handlers
 *     did not see (clone(2), vfork(2)) has another pid, and leaves the pool alone.
 *
 * That is getpid(2), geteuid(2), ppoll(2), getsockopt(2), fcntl(2) and close(2): together they take
 * less time than socket(2). Of these ppoll() and close() are cancellation points, and so are made
 * by bare system calls: to hold cancellation back would take two more.
 *
 * A copy that is left behind in a child would keep alive what its parent has closed. The kernel
 * copies descriptors first and memory later, so that memory which changes meanwhile does not tell
 * which there are. So fork(2) takes the lock, and waits for who has it.
 *
 * Nobody else does. Who finds it taken, a thread or a signal handler, gets -EAGAIN. It is held
 * while a batch is fetched: other threads then ask for single sockets. A handler that jumps out of
 * a call leaves it taken for good, and at most a batch of sockets behind: the pool is not used any
 * more.
 */
#include "xredirect/pool.h"

#include "common/cancel.h"
#include "common/wire.h"
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
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SHELVES	  8
#define FLAGS	  (SOCK_CLOEXEC | SOCK_NONBLOCK)
#define BATCH_MAX WIRE_BATCH_MAX

/* How long fork(2) waits: a broker that answers later than that is hardly one. */
#define FORK_WAIT_MS 1000

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
	pid_t pid; /* whose it is; 0: nobody's yet; -1: a child's that begins */
	uid_t user;
	uint64_t clock;
	struct shelf shelves[SHELVES];
} pool = {.locked = ATOMIC_FLAG_INIT};

/* Of the lock: this thread is in a call that has it, or in fork(2), for which it was taken. */
static _Thread_local bool calling __attribute__((tls_model("initial-exec")));
static _Thread_local bool forking __attribute__((tls_model("initial-exec")));

static bool is_ours(const struct shelf *shelf, unsigned i)
{
	uint64_t cookie = shelf->sockets[i].cookie;

	return cookie != 0 && cookie_of_socket(shelf->sockets[i].fd) == cookie;
}

static void shelf_close(struct shelf *shelf, unsigned i)
{
	if (is_ours(shelf, i))
		syscall(SYS_close, shelf->sockets[i].fd);
}

static void shelf_drop(struct shelf *shelf, unsigned keep)
{
	while (shelf->count > keep)
		shelf_close(shelf, --shelf->count);
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

static void clear_all(void)
{
	for (unsigned i = 0; i < SHELVES; i++)
		shelf_clear(&pool.shelves[i]);
}

/*
 * Whether nothing has come by the connection since the last answer: not even its end. Should the
 * number be another quiet socket of the program's by now, the end is missed, for the few sockets
 * that are left: to be sure would take one more system call.
 */
static bool is_quiet(const struct shelf *shelf)
{
	struct pollfd poll_fd = {.fd = shelf->client.fd, .events = POLLIN | POLLRDHUP};
	/* zero as a struct timespec of any size */
	static const uint64_t at_once[2];

	return shelf->client.fd >= 0 &&
	       syscall(SYS_ppoll, &poll_fd, 1, at_once, NULL, (size_t)_NSIG / 8) == 0;
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
		client_init(&oldest->client, server, warm_lowest()) < 0)
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

/*
 * Moves a socket out of the way, and remembers it; or closes it, where there is no number left, or
 * the broker gave something else, which could not be told from the program's later.
 */
static void shelf_put(struct shelf *shelf, int fd, int lowest)
{
	uint64_t cookie = cookie_of_socket(fd);
	int high = cookie == 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, lowest);

	close(fd);
	if (high < 0)
		return;
	shelf->sockets[shelf->count].fd = high;
	shelf->sockets[shelf->count].cookie = cookie;
	shelf->count++;
}

/* Gives the first one away at once, and puts the others on the shelf. */
static int shelf_fetch(struct shelf *shelf, unsigned size)
{
	const struct socket_kind *kind = &shelf->kind;
	unsigned share = share_of(size), wanted = shelf->batch;
	int fds[BATCH_MAX], n, lowest = warm_lowest();
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
		shelf_put(shelf, fds[i], lowest);
	cancel_release(&cancel);
	if (n < 0)
		return n;
	if (shelf->batch < BATCH_MAX)
		shelf->batch *= 2;
	return fds[0];
}

/* Of a descriptor that is close-on-exec. */
static void set_flags(int fd, int type)
{
	if (type & SOCK_NONBLOCK)
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	if (!(type & SOCK_CLOEXEC))
		fcntl(fd, F_SETFD, 0);
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
	number = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	/* The number that it has is the last one there is. */
	if (number < 0)
		number = fd;
	else
		syscall(SYS_close, fd);
	set_flags(number, type);
	return number;
}

/* What many sockets may fail with where one is to be had, if nothing else is held. */
static bool has_run_out(int r)
{
	return r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS || r == -ETOOMANYREFS;
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
	if (fd >= 0) {
		set_flags(fd, flags);
		return fd;
	}
	shelf_clear(shelf);
	if (!has_run_out(fd))
		return fd;
	clear_all();
	return -EAGAIN;
}

/*
 * Whether the pool is this process's, as it is after fork(2), too. Otherwise it is a child that the
 * pool belongs to the parent of; or the parent of one that has made use of it.
 */
static bool is_ours_now(void)
{
	pid_t pid = getpid();
	uid_t user = geteuid();

	if (pool.pid != pid && pool.pid > 0 && pool.pid == getppid())
		return false;
	if (pool.pid != pid || pool.user != user)
		clear_all();
	pool.pid = pid;
	pool.user = user;
	return true;
}

static bool lock(void)
{
	if (calling)
		return false;
	calling = true;
	if (!atomic_flag_test_and_set(&pool.locked))
		return true;
	calling = false;
	return false;
}

static void unlock(void)
{
	atomic_flag_clear(&pool.locked);
	calling = false;
}

int pool_socket(unsigned size, const char *server, int domain, int type, int protocol)
{
	struct socket_kind kind = {domain, type & ~FLAGS, protocol};
	int r = -EAGAIN;

	if (size == 0 || !warm_may_keep(server) || !lock())
		return -EAGAIN;
	if (is_ours_now())
		r = get(size, server, &kind, type & FLAGS);
	/* A handler forked, and this is the child: what came of it is the parent's. */
	if (pool.pid == -1) {
		if (r >= 0)
			syscall(SYS_close, r);
		r = -EAGAIN;
	}
	unlock();
	return r;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Nobody comes back who has it for longer, so that one of all forks waits in vain. */
static void fork_begins(void)
{
	static const struct timespec nap = {.tv_nsec = 100000};
	static atomic_bool in_vain;
	int64_t deadline = now_ms() + FORK_WAIT_MS;
	struct cancel cancel;

	cancel_hold(&cancel);
	forking = !atomic_flag_test_and_set(&pool.locked);
	while (!forking && !calling && !atomic_load(&in_vain)) {
		nanosleep(&nap, NULL);
		forking = !atomic_flag_test_and_set(&pool.locked);
		if (!forking && now_ms() > deadline)
			atomic_store(&in_vain, true);
	}
	cancel_release(&cancel);
}

static void parent_goes_on(void)
{
	if (forking)
		atomic_flag_clear(&pool.locked);
	forking = false;
}

/*
 * A call that was interrupted by a handler which forked goes on in the child, too, and relies on
 * what it has looked at: it finds all closed.
 */
static void child_begins(void)
{
	struct cancel cancel;

	cancel_hold(&cancel);
	for (unsigned i = 0; calling && i < SHELVES; i++) {
		struct shelf *shelf = &pool.shelves[i];

		for (unsigned j = 0; *shelf->server && j < shelf->count; j++)
			shelf_close(shelf, j);
		if (*shelf->server)
			client_close(&shelf->client);
	}
	cancel_release(&cancel);
	forking = false;
	pool.pid = -1;
	if (calling)
		return;
	clear_all();
	atomic_flag_clear(&pool.locked);
}

__attribute__((constructor(102))) static void pool_init(void)
{
	pthread_atfork(fork_begins, parent_goes_on, child_begins);
}
