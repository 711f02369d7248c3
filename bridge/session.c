/* SPDX-License-Identifier: MIT */
#include "bridge/session.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 64

static_assert(sizeof(struct session_key) == 40, "a key with padding cannot be compared as bytes");

/* ---- keys ---- */

/* This is done for each datagram, so without a detour by netaddr_map(). */
static void to_key(const struct netaddr *address, struct in6_addr *host, uint16_t *port,
	uint32_t *interface)
{
	if (address->sa.sa_family == AF_INET) {
		host->s6_addr32[0] = host->s6_addr32[1] = 0;
		host->s6_addr32[2] = htonl(0xffff);
		host->s6_addr32[3] = address->in.sin_addr.s_addr;
		*port = address->in.sin_port;
		return;
	}
	*host = address->in6.sin6_addr;
	*port = address->in6.sin6_port;
	if (IN6_IS_ADDR_LINKLOCAL(host))
		*interface = address->in6.sin6_scope_id;
}

void session_key_client(struct session_key *key, const struct netaddr *client)
{
	to_key(client, &key->client, &key->client_port, &key->interface);
}

void session_key_local(struct session_key *key, const struct netaddr *local)
{
	to_key(local, &key->local, &key->local_port, &key->interface);
}

static struct netaddr from_key(const struct in6_addr *host, uint16_t port, uint32_t interface)
{
	struct netaddr address = {.length = sizeof(address.in6)};

	address.in6.sin6_family = AF_INET6;
	address.in6.sin6_port = port;
	address.in6.sin6_addr = *host;
	if (IN6_IS_ADDR_LINKLOCAL(host))
		address.in6.sin6_scope_id = interface;
	netaddr_unmap(&address);
	return address;
}

struct netaddr session_client(const struct session_key *key)
{
	return from_key(&key->client, key->client_port, key->interface);
}

struct netaddr session_local(const struct session_key *key)
{
	return from_key(&key->local, key->local_port, key->interface);
}

/* ---- the table ---- */

static uint64_t rotate(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

static void stir(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3: whoever does not know the secret cannot tell which keys collide. */
static uint32_t hash_key(const struct sessions *sessions, const struct session_key *key)
{
	uint64_t word[sizeof(*key) / sizeof(uint64_t)];
	uint64_t v[4] = {
		sessions->secret[0] ^ 0x736f6d6570736575,
		sessions->secret[1] ^ 0x646f72616e646f6d,
		sessions->secret[0] ^ 0x6c7967656e657261,
		sessions->secret[1] ^ 0x7465646279746573,
	};

	memcpy(word, key, sizeof(*key));
	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		v[3] ^= word[i];
		stir(v);
		v[0] ^= word[i];
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		stir(v);
	v[0] ^= v[1] ^ v[2] ^ v[3];
	return (uint32_t)(v[0] ^ v[0] >> 32);
}

void sessions_init(struct sessions *sessions, const uint64_t secret[2])
{
	*sessions = (struct sessions){.secret = {secret[0], secret[1]}};
}

void sessions_done(struct sessions *sessions)
{
	free(sessions->buckets);
	sessions->buckets = NULL;
	sessions->n_buckets = 0;
}

static struct session **bucket_of(const struct sessions *sessions, uint32_t hash)
{
	return &sessions->buckets[hash & (sessions->n_buckets - 1)];
}

static int resize(struct sessions *sessions, size_t n_buckets)
{
	struct sessions grown = *sessions;

	grown.n_buckets = n_buckets;
	grown.buckets = calloc(n_buckets, sizeof(*grown.buckets));
	if (!grown.buckets)
		return -ENOMEM;
	for (size_t i = 0; i < sessions->n_buckets; i++) {
		for (struct session *s = sessions->buckets[i], *next; s; s = next) {
			struct session **bucket = bucket_of(&grown, s->hash);

			next = s->chain;
			s->chain = *bucket;
			*bucket = s;
		}
	}
	free(sessions->buckets);
	*sessions = grown;
	return 0;
}

struct session *sessions_find(const struct sessions *sessions, const struct session_key *key)
{
	uint32_t hash;
	struct session *session;

	if (sessions->n_buckets == 0)
		return NULL;
	hash = hash_key(sessions, key);
	session = *bucket_of(sessions, hash);
	while (session && !(session->hash == hash && session_key_equal(&session->key, key)))
		session = session->chain;
	return session;
}

int sessions_add(struct sessions *sessions, struct session *session)
{
	struct session **bucket;

	/* Where there is no memory for a larger table, the chains get longer. */
	if (sessions->count >= sessions->n_buckets) {
		size_t n = sessions->n_buckets ? sessions->n_buckets * 2 : BUCKETS_MIN;

		if (resize(sessions, n) < 0 && sessions->n_buckets == 0)
			return -ENOMEM;
	}
	session->hash = hash_key(sessions, &session->key);
	bucket = bucket_of(sessions, session->hash);
	session->chain = *bucket;
	*bucket = session;
	sessions->count++;
	return 0;
}

void sessions_remove(struct sessions *sessions, struct session *session)
{
	struct session **place = bucket_of(sessions, session->hash);

	while (*place != session)
		place = &(*place)->chain;
	*place = session->chain;
	session->chain = NULL;
	sessions->count--;
	if (sessions->n_buckets > BUCKETS_MIN && sessions->count < sessions->n_buckets / 8)
		resize(sessions, sessions->n_buckets / 2);
}

/* ---- by age ---- */

void session_list_append(struct session_list *list, struct session *session)
{
	session->newer = NULL;
	session->older = list->newest;
	if (list->newest)
		list->newest->newer = session;
	else
		list->oldest = session;
	list->newest = session;
}

void session_list_remove(struct session_list *list, struct session *session)
{
	if (session->older)
		session->older->newer = session->newer;
	else
		list->oldest = session->newer;
	if (session->newer)
		session->newer->older = session->older;
	else
		list->newest = session->older;
	session->older = session->newer = NULL;
}
