/* SPDX-License-Identifier: MIT */
/*
 * A connection for each socket costs as much again as the socket. So a thread keeps its connection,
 * one for each of the last few brokers that it asked. No other thread ever uses it, so that nobody
 * gets somebody else's answer; a child after fork(2) and a handler that interrupts its use are
 * dealt with by lib/client.c, which also notices when the program has closed it.
 *
 * All this is descriptors that the program does not know of. They have high numbers, are closed
 * when the thread ends, and there are no more than WARM_MAX in a process: a thread that finds none
 * left connects for each socket. So does one that is about to end, one whose end cannot be told
 * (no key), and a child that fork(2)'s handlers did not see, which may share memory with its parent
 * (vfork(2), clone(2)).
 */
#include "xredirect/warm.h"

#include "common/cancel.h"
#include "lib/client.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define WARM_MAX     64
#define WARM_BROKERS 4 /* of one thread */

struct place {
	_Atomic(struct place *) *kept; /* NULL: not in use */
	struct xsocket_client client;
};

struct warm {
	atomic_flag busy;
	bool known; /* the key's destructor has been asked for */
	pid_t pid;  /* whose places they are */
	uid_t user;
	unsigned next;
	struct place places[WARM_BROKERS];
};

static _Thread_local struct warm warm
	__attribute__((tls_model("initial-exec"))) = {.busy = ATOMIC_FLAG_INIT};
static _Atomic(struct place *) kept[WARM_MAX]; /* those in use, in all threads */
static pthread_key_t key;
static atomic_bool has_key;

static bool place_keep(struct place *place)
{
	for (unsigned i = 0; i < WARM_MAX; i++) {
		struct place *nobody = NULL;

		if (atomic_compare_exchange_strong(&kept[i], &nobody, place)) {
			place->kept = &kept[i];
			return true;
		}
	}
	return false;
}

static void place_clear(struct place *place)
{
	if (!place->kept)
		return;
	client_close(&place->client);
	atomic_store(place->kept, NULL);
	place->kept = NULL;
}

static void places_clear(struct warm *of)
{
	for (unsigned i = 0; i < WARM_BROKERS; i++)
		place_clear(&of->places[i]);
}

/*
 * Handlers of signals, and destructors that come later, find it busy, and keep nothing: there is no
 * telling whether this is called once more.
 */
static void thread_ends(void *data)
{
	struct warm *of = data;

	atomic_flag_test_and_set(&of->busy);
	places_clear(of);
}

/* The memory of its parent's other threads is still there. Their descriptors are copies. */
static void child_begins(void)
{
	struct cancel cancel;

	/* fork(2) is no cancellation point. */
	cancel_hold(&cancel);
	for (unsigned i = 0; i < WARM_MAX; i++) {
		struct place *place = atomic_load(&kept[i]);

		if (place)
			place_clear(place);
	}
	cancel_release(&cancel);
}

/* Early, so that the key is one of those for which pthread_setspecific(3) needs no memory. */
__attribute__((constructor(102))) static void warm_init(void)
{
	if (pthread_atfork(NULL, NULL, child_begins) == 0 &&
		pthread_key_create(&key, thread_ends) == 0)
		atomic_store(&has_key, true);
}

static bool make_known(void)
{
	if (!warm.known && atomic_load(&has_key))
		warm.known = pthread_setspecific(key, &warm) == 0;
	return warm.known;
}

static bool has_places(void)
{
	for (unsigned i = 0; i < WARM_BROKERS; i++) {
		if (warm.places[i].kept)
			return true;
	}
	return false;
}

bool warm_may_keep(const char *server)
{
	return *server == '/' || *server == '@' || !strchr(server, '/');
}

int warm_lowest(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= 2 * WARM_LOWEST)
		return WARM_LOWEST;
	return (int)(limit.rlim_cur / 2);
}

static struct place *place_make(const char *server)
{
	struct place *place = NULL;

	for (unsigned i = 0; !place && i < WARM_BROKERS; i++) {
		if (!warm.places[i].kept)
			place = &warm.places[i];
	}
	if (!place) {
		place = &warm.places[warm.next++ % WARM_BROKERS];
		place_clear(place);
	}
	if (client_init(&place->client, server, warm_lowest()) < 0)
		return NULL;
	return place_keep(place) ? place : NULL;
}

/*
 * Whether the thread's places are this process's, as they are after fork(2), too. Otherwise it is a
 * child that they belong to the parent of; or the parent of one that has made use of them. To the
 * broker a connection is its opener's: a program that has become another user opens its own.
 */
static bool are_ours(void)
{
	pid_t pid = getpid();
	uid_t user = geteuid();

	if (warm.pid != pid && warm.pid != 0 && warm.pid == getppid() && has_places())
		return false;
	if (warm.pid != pid || warm.user != user)
		places_clear(&warm);
	warm.pid = pid;
	warm.user = user;
	return true;
}

/* The place of the thread's connection to that broker, or NULL: there is to be none. */
static struct place *find(const char *server)
{
	struct address address;
	struct place *place = NULL;

	if (!warm_may_keep(server) || address_from_server(server, &address) < 0 || !make_known() ||
		!are_ours())
		return NULL;
	for (unsigned i = 0; !place && i < WARM_BROKERS; i++) {
		struct place *each = &warm.places[i];

		if (each->kept && each->client.address.length == address.length &&
			memcmp(&each->client.address.un, &address.un, address.length) == 0)
			place = each;
	}
	return place ? place : place_make(server);
}

/* Returns NULL, and nothing is taken, where a signal handler interrupted who has it. */
static struct place *take(const char *server, bool *ret_taken)
{
	*ret_taken = !atomic_flag_test_and_set(&warm.busy);
	return *ret_taken ? find(server) : NULL;
}

static int give_back(bool taken, struct place *place, int r)
{
	/* The child of a handler that forked within the call has no place any more. */
	if (place && !place->kept)
		client_close(&place->client);
	if (taken)
		atomic_flag_clear(&warm.busy);
	return r;
}

/* Whether an exchange failed since another thread, or a handler, closed the connection meanwhile.
 */
static bool is_lost(int r)
{
	return r == -EBADF || r == -ENOTSOCK;
}

int warm_socket(const char *server, int domain, int type, int protocol)
{
	bool taken;
	struct place *place = take(server, &taken);
	int r = place ? client_socket(&place->client, domain, type, protocol) : -EBADF;

	if (is_lost(r))
		r = client_once_socket(server, domain, type, protocol);
	return give_back(taken, place, r);
}

int warm_file(const char *server, int file)
{
	bool taken;
	struct place *place = take(server, &taken);
	int r = place ? client_file(&place->client, file) : -EBADF;

	if (is_lost(r))
		r = client_once_file(server, file);
	return give_back(taken, place, r);
}
