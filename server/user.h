/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_USER_H
#define XSOCKET_SERVER_USER_H

/*
 * What each user of the broker takes up, so that none can take all of it.
 *
 * Descriptors that were sent and not yet received count against the sender's user in the kernel
 * (unix(7), ETOOMANYREFS), across all of its processes. One client that never reads could so stop
 * the broker for everybody, so each user has a share of what the broker may have in flight.
 */

#include <stdatomic.h>
#include <sys/types.h>

struct user {
	struct user *next;
	uid_t uid;
	unsigned connections;	 /* under the table's lock */
	atomic_uint descriptors; /* sent and not known to be received */
	atomic_uint recounted;	 /* when it was last looked what was received, see workers_recount() */
};

struct user_table;

struct user_table *user_table_new(void);
void user_table_free(struct user_table *table);

/*
 * Counts one more connection of uid. Returns 0, or, counting nothing: -EBUSY when all users
 * together have max_all, -EUSERS when this one has max_each, -ENOMEM.
 */
int user_connect(struct user_table *table, uid_t uid, unsigned max_all, unsigned max_each,
	struct user **ret);

/* Counts one connection less. */
void user_disconnect(struct user_table *table, struct user *user);

/* Connections of all users. */
unsigned user_connections(struct user_table *table);

/* Counts descriptors that are about to be sent: as many as wanted, or as max leaves. Returns how many. */
unsigned user_reserve(struct user *user, unsigned wanted, unsigned max);

/* Counts descriptors less: received, or not sent after all. */
void user_release(struct user *user, unsigned descriptors);

#endif
