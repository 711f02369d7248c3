/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_WORKER_H
#define XSOCKET_BRIDGE_WORKER_H

/*
 * A thread that moves data: an epoll loop over what it owns. Nothing of it is touched by other
 * threads but for what is marked so. See worker.c.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

struct accept_tap;
struct bridge;
struct stream;
struct streams;
struct udp;
struct worker;

/*
 * Something in the epoll set, a member of what it belongs to. ready() is called with the events of
 * epoll(7). It may free its object only through worker_bury(), as later events of the same wake-up
 * may name it.
 */
struct watch {
	void (*ready)(struct worker *worker, struct watch *watch, uint32_t events);
	int fd;
};

/* What a watch is a member of. */
#define WORKER_WATCHED(watch, type, member) ((type *)((char *)(watch) - offsetof(type, member)))

/* First member of an object that worker_bury() frees after this wake-up. */
struct grave {
	struct grave *next;
	void (*free)(struct grave *grave); /* NULL: free(3) */
};

struct worker {
	struct bridge *bridge;
	unsigned index;
	pthread_t thread;
	int epoll;
	int wake; /* eventfd */
	bool bulk; /* this wake-up has moved much */
	uint64_t now; /* CLOCK_MONOTONIC in ms, of this wake-up */
	uint32_t turn; /* number of this wake-up, from 1 */

	/* Scratch for one operation at a time; untouched parts cost no memory. */
	unsigned char *buffer; /* WORKER_BUFFER */

	struct grave *graves;
	struct watch wake_watch;
	uint64_t ticked;

	/* Its listeners, streams and UDP forwards: accept.c, streams.c, udp.c. */
	struct accept_tap *taps;
	uint64_t resume_at;  /* ms: a listener is left alone until then; 0: none is */
	unsigned generation; /* of the bridge's table, for which these are */
	struct streams *streams;
	struct udp *udps;

	/* from other threads */
	atomic_bool news;      /* a place has sockets, or a target addresses, that were asked for */
	atomic_uint load;      /* streams it owns */
	pthread_mutex_t inbox_lock;
	struct stream *inbox; /* handed over by other workers */
	atomic_bool has_inbox;
	bool inbox_closed; /* it ends */

	atomic_uint asked, answered; /* watchdog */
};

#define WORKER_BUFFER (1024 * 1024)

/*
 * Adds a descriptor to the epoll set, or asks for other events. Return 0 or a negative errno.
 * Closing the descriptor removes it, if it is the last one of what it stands for (epoll(7)).
 */
int worker_watch(struct worker *worker, struct watch *watch, uint32_t events);
int worker_rewatch(struct worker *worker, struct watch *watch, uint32_t events);
void worker_unwatch(struct worker *worker, struct watch *watch);

/* Frees an object after this wake-up, by free(3) where there is no function for that. */
void worker_bury(struct worker *worker, struct grave *grave, void (*free)(struct grave *grave));

/* From any thread. */
void worker_wake(struct worker *worker);

/*
 * Gives a stream that nobody watches any more to another worker. Returns whether that has taken it:
 * one that ends takes none.
 */
bool worker_hand_over(struct worker *to, struct stream *stream);

/* Makes what it needs. Returns 0 or a negative errno; worker_close() also after that. */
int worker_open(struct worker *worker);
void worker_close(struct worker *worker);

/* The thread. */
void *worker_run(void *worker);

#endif
