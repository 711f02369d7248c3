/* SPDX-License-Identifier: MIT */
/*
 * A thread stays in the namespace that it entered last, and so enters none at all as long as it
 * makes sockets in one place: sockets remember where they were made, and nothing else a worker does
 * has to do with its own namespace. As long as no place is a namespace to enter, no thread ever
 * does.
 *
 * A namespace is known by its name. When it is deleted and made again the name stands for another
 * one. So the name is looked at again when it was not for a moment, and the new one is entered. And
 * when the mount table has changed (control.c), those that are gone are let go of, also by the
 * threads in them: they would keep them alive.
 *
 * Sockets of brokers come through supply.c.
 */
#include "bridge/place.h"

#include "bridge/supply.h"

#include "common/address.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "daemon/explain.h"
#include "daemon/netns.h"
#include "lib/xsocket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_MS 50 /* how old a look at the name may be */

struct place {
	struct place *next;
	struct places *places;
	unsigned references;
	enum endpoint_place kind;
	char *name; /* as in the endpoint */
	int fd;	    /* ENDPOINT_NETNS_FD: as in the endpoint */
	char *text;
	struct supply *supply; /* of a broker */

	pthread_mutex_t lock;
	struct netns netns; /* what the name stood for when it was looked at last */
	int netns_fd;	    /* of that; -1: it was not looked at, or is gone */
	atomic_uint id;	    /* of that, another one each time; 0: this namespace */
	uint64_t looked;    /* ms */
};

/* The id of the namespace that this thread is in. 0: where it was started. */
static _Thread_local unsigned inside;

static atomic_uint last_id;

int places_open(struct places *places, void (*news)(void *data), void *data)
{
	*places = (struct places){.news = news, .data = data};
	pthread_mutex_init(&places->lock, NULL);
	places->own_netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return places->own_netns < 0 ? -errno : 0;
}

void places_close(struct places *places)
{
	close_fd(&places->own_netns);
	pthread_mutex_destroy(&places->lock);
}

/* ---- namespaces ---- */

/*
 * Has a namespace of the place, the one that its name stands for now. Returns 0 or a negative
 * errno.
 */
static int look(struct place *place, char *error, size_t error_size)
{
	uint64_t now = clock_ms(CLOCK_MONOTONIC_COARSE);
	struct netns found;
	int fd;

	if (place->kind == ENDPOINT_NETNS_FD && ioctl(place->fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return explain(error, error_size, -EINVAL,
			"descriptor %d is no network namespace", place->fd);
	if (place->kind != ENDPOINT_NETNS)
		return 0;
	if (place->netns_fd >= 0 && now - place->looked < LOOK_MS)
		return 0;
	if (place->netns_fd >= 0 && netns_current(&place->netns)) {
		place->looked = now;
		return 0;
	}
	close_fd(&place->netns_fd);
	fd = netns_open(place->name, &found, error, error_size);
	atomic_store(&place->id, atomic_fetch_add(&last_id, 1) + 1);
	if (fd < 0)
		return fd;
	place->netns_fd = fd;
	place->netns = found;
	place->looked = now;
	return 0;
}

static int enter(struct place *place, char *error, size_t error_size)
{
	int fd = place->kind == ENDPOINT_HERE	     ? place->places->own_netns
		 : place->kind == ENDPOINT_NETNS_FD ? place->fd
						     : place->netns_fd;

	if (inside == atomic_load(&place->id))
		return 0;
	if (setns(fd, CLONE_NEWNET) < 0) {
		int r = -errno;

		return explain(error, error_size, r, "%s: %s", place->text,
			r == -EPERM
				? "may not be entered: this needs CAP_SYS_ADMIN, or use a broker "
				  "(broker=SERVER), which needs no privilege"
				: strerror(-r));
	}
	inside = atomic_load(&place->id);
	return 0;
}

static int place_enter_told(struct place *place, char *error, size_t error_size)
{
	int r;

	pthread_mutex_lock(&place->lock);
	r = look(place, error, error_size);
	if (r == 0)
		r = enter(place, error, error_size);
	pthread_mutex_unlock(&place->lock);
	return r;
}

int place_check(struct place *place, char *error, size_t error_size)
{
	int r;

	pthread_mutex_lock(&place->lock);
	r = look(place, error, error_size);
	pthread_mutex_unlock(&place->lock);
	return r;
}

int place_enter(struct place *place)
{
	char error[256];

	return place->kind == ENDPOINT_BROKER ? -EOPNOTSUPP
					      : place_enter_told(place, error, sizeof(error));
}

void place_leave(struct places *places)
{
	if (inside && setns(places->own_netns, CLONE_NEWNET) == 0)
		inside = 0;
}

void place_leave_gone(struct places *places)
{
	bool gone = inside != 0;

	if (!gone)
		return;
	pthread_mutex_lock(&places->lock);
	for (const struct place *place = places->list; place; place = place->next)
		gone &= atomic_load(&place->id) != inside;
	pthread_mutex_unlock(&places->lock);
	if (gone)
		place_leave(places);
}

void places_look(struct places *places)
{
	char error[256];

	pthread_mutex_lock(&places->lock);
	for (struct place *place = places->list; place; place = place->next) {
		pthread_mutex_lock(&place->lock);
		place->looked = 0;
		if (place->netns_fd >= 0)
			look(place, error, sizeof(error));
		pthread_mutex_unlock(&place->lock);
	}
	pthread_mutex_unlock(&places->lock);
}

/* ---- sockets ---- */

static int own_socket(
	struct place *place, int domain, int type, int protocol, char *error, size_t error_size)
{
	int fd, r = 0;

	/* Unix sockets with a path are the same everywhere, and no namespace may be needed. */
	if (place->kind != ENDPOINT_HERE || inside)
		r = place_enter_told(place, error, error_size);
	if (r < 0)
		return r;
	fd = socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (fd < 0)
		return explain(error, error_size, -errno, "%s: socket: %s", place->text,
			strerror(errno));
	return fd;
}

int place_socket(
	struct place *place, int domain, int type, int protocol, char *error, size_t error_size)
{
	char unheard[256];
	int fd;

	if (!error) {
		error = unheard;
		error_size = sizeof(unheard);
	}
	if (place->kind != ENDPOINT_BROKER || domain == AF_UNIX)
		return own_socket(place, domain, type, protocol, error, error_size);
	fd = xsocket(place->name, domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (fd < 0) {
		char text[PLACE_ADVICE];
		int r = -errno;
		const char *advice = place_advice(place, r, text);

		return explain(error, error_size, r, "%s: %s%s%s", place->text, strerror(-r),
			advice ? ": " : "", advice ? advice : "");
	}
	return fd;
}

int place_take(struct place *place, int domain, int type)
{
	char error[256];

	if (place->kind != ENDPOINT_BROKER || domain == AF_UNIX)
		return own_socket(place, domain, type, 0, error, sizeof(error));
	return supply_take(place->supply, domain, type);
}

/* ---- the list ---- */

static char *describe(const struct endpoint *endpoint)
{
	struct address address;
	char *text = NULL;
	int n = -1;

	switch (endpoint->place) {
	case ENDPOINT_HERE:
		n = asprintf(&text, "this namespace");
		break;
	case ENDPOINT_NETNS_FD:
		n = asprintf(&text, "network namespace of descriptor %d", endpoint->place_fd);
		break;
	case ENDPOINT_NETNS:
		n = asprintf(&text, "network namespace %s", endpoint->place_name);
		break;
	case ENDPOINT_BROKER:
		if (address_from_server(endpoint->place_name, &address) == 0 &&
			address_path(&address))
			n = asprintf(&text, "broker %s", address_path(&address));
		else
			n = asprintf(&text, "broker %s", endpoint->place_name);
		break;
	}
	return n < 0 ? NULL : text;
}

static bool same(const struct place *place, const struct endpoint *endpoint)
{
	if (place->kind != endpoint->place)
		return false;
	if (place->kind == ENDPOINT_HERE)
		return true;
	if (place->kind == ENDPOINT_NETNS_FD)
		return place->fd == endpoint->place_fd;
	return strcmp(place->name, endpoint->place_name) == 0;
}

static void free_place(struct place *place)
{
	supply_free(place->supply);
	close_fd(&place->netns_fd);
	pthread_mutex_destroy(&place->lock);
	free(place->name);
	free(place->text);
	free(place);
}

static struct place *new_place(struct places *places, const struct endpoint *endpoint)
{
	struct place *place = calloc(1, sizeof(*place));
	bool named = endpoint->place == ENDPOINT_NETNS || endpoint->place == ENDPOINT_BROKER;

	if (!place)
		return NULL;
	pthread_mutex_init(&place->lock, NULL);
	place->places = places;
	place->references = 1;
	place->kind = endpoint->place;
	place->fd = endpoint->place_fd;
	place->netns_fd = -1;
	if (place->kind != ENDPOINT_HERE)
		atomic_store(&place->id, atomic_fetch_add(&last_id, 1) + 1);
	place->text = describe(endpoint);
	if (named)
		place->name = strdup(endpoint->place_name);
	if (place->kind == ENDPOINT_BROKER && place->name)
		place->supply = supply_new(place->name, places->news, places->data);
	if (place->text && (!named || place->name) &&
		(place->kind != ENDPOINT_BROKER || place->supply))
		return place;
	free_place(place);
	return NULL;
}

struct place *place_get(struct places *places, const struct endpoint *endpoint)
{
	struct place *place;

	pthread_mutex_lock(&places->lock);
	place = places->list;
	while (place && !same(place, endpoint))
		place = place->next;
	if (place) {
		place->references++;
	} else {
		place = new_place(places, endpoint);
		if (place) {
			place->next = places->list;
			places->list = place;
		}
	}
	pthread_mutex_unlock(&places->lock);
	return place;
}

void place_put(struct place *place)
{
	struct places *places;
	struct place **link;
	bool last;

	if (!place)
		return;
	places = place->places;
	pthread_mutex_lock(&places->lock);
	last = --place->references == 0;
	for (link = &places->list; last && *link != place;)
		link = &(*link)->next;
	if (last)
		*link = place->next;
	pthread_mutex_unlock(&places->lock);
	if (last)
		free_place(place);
}

const char *place_advice(const struct place *place, int r, char text[PLACE_ADVICE])
{
	if (place->kind == ENDPOINT_BROKER)
		return remedy_is_known(-r) ? remedy_text(place->name, -r, text) : NULL;
	switch (r) {
	case -ENOENT:
	case -EINVAL:
		return "there is no such network namespace";
	case -EPERM:
		return "the namespace may not be entered: this needs CAP_SYS_ADMIN";
	}
	return NULL;
}

const char *place_text(const struct place *place)
{
	return place->text;
}

void place_file(const struct place *place, const char *file, char *path, size_t size)
{
	const char *name = place->name ? strrchr(place->name, '/') : NULL;

	name = name ? name + 1 : place->name;
	if (name && *name != '@' &&
		(size_t)snprintf(path, size, "/etc/netns/%s/%s", name, file) < size &&
		access(path, R_OK) == 0)
		return;
	snprintf(path, size, "/etc/%s", file);
}
