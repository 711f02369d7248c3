/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_BRIDGE_PLACE_H
#define XSOCKET_BRIDGE_PLACE_H

/*
 * Where sockets come from: this namespace, another one that is entered for a moment (setns(2),
 * CAP_SYS_ADMIN), or a broker. See place.c.
 */

#include "bridge/endpoint.h"
#include "common/remedy.h"

#include <pthread.h>
#include <stddef.h>

struct place;

/* The places of a bridge. */
struct places {
	pthread_mutex_t lock;
	struct place *list;
	int own_netns;		 /* the namespace the bridge was started in */
	void (*news)(void *data);
	void *data;
};

/*
 * news: called, by any thread, when what place_take() did not have has come, or will not come.
 * Returns 0 or a negative errno; places_close() also after that.
 */
int places_open(struct places *places, void (*news)(void *data), void *data);
void places_close(struct places *places);

/*
 * The place of an endpoint. Endpoints with the same one share it; each place_get() is to be paired
 * with a place_put(). Nothing is opened yet. Returns NULL for want of memory.
 */
struct place *place_get(struct places *places, const struct endpoint *endpoint);
void place_put(struct place *place);

/*
 * A close-on-exec, non-blocking socket of the place, as socket(2). May wait for a broker, so this
 * is for the start and for threads of their own. Returns the descriptor or a negative errno, with a
 * message in error unless that is NULL.
 */
int place_socket(struct place *place, int domain, int type, int protocol, char *error,
	size_t error_size);

/*
 * The same for workers: never waits. -EINPROGRESS: one is on its way, ask again when there is news.
 * protocol is 0.
 */
int place_take(struct place *place, int domain, int type);

/*
 * Puts the calling thread into the place: what a socket's address means may depend on it. Brokers'
 * places cannot be entered: -EOPNOTSUPP; else 0 or a negative errno.
 */
int place_enter(struct place *place);

/* Whether a namespace is there now. Returns 0, or a negative errno with a message in error. */
int place_check(struct place *place, char *error, size_t error_size);

/* Looks at all names again: lets go of namespaces that these do not stand for any more. */
void places_look(struct places *places);

/* Back to where the calling thread was started, if it is in one of those. */
void place_leave_gone(struct places *places);

/* Back to where the calling thread was started. */
void place_leave(struct places *places);

/* No advice is longer, its end included. */
#define PLACE_ADVICE REMEDY_TEXT

/*
 * What a failure of place_take() means and what to do about it; NULL where strerror(3) says enough.
 * r: a negative errno.
 */
const char *place_advice(const struct place *place, int r, char text[PLACE_ADVICE]);

/* For messages: "this namespace", "network namespace /run/netns/vpn", "broker /run/xsocket/vpn". */
const char *place_text(const struct place *place);

/*
 * Where the resolver's files of a place are: /etc/netns/NAME/FILE where there is one (ip-netns(8)),
 * else /etc/FILE. file: "resolv.conf", "hosts".
 */
void place_file(const struct place *place, const char *file, char *path, size_t size);

#endif
