/* SPDX-License-Identifier: MIT */
/*
 * glibc's resolver makes and uses its sockets by inner calls that no library can stand in front of,
 * and it asks services of this machine first. So while a thread is redirected its look-ups are done
 * by resolver/, which has the sockets and the files of the broker's namespace. Nothing is asked
 * here when that fails.
 *
 * Functions that have no buffer of the caller's answer in one of the thread's, which is kept until
 * the thread ends.
 */
#include "xredirect/names.h"

#include "preload/report.h"
#include "resolver/resolver.h"
#include "xredirect/names-next.h"
#include "xredirect/source.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_FIRST 1024
#define BUFFER_LAST  (1024 * 1024)

/* ---- the broker as a source of the resolver ---- */

struct names {
	struct route route;
	struct resolver_source source;
	char why[RESOLVER_WHY];
};

static int open_socket(void *data, int domain, int type, int protocol)
{
	const struct names *names = data;

	return source_socket(&names->route, "look-up of a name", domain,
		type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
}

static int open_file(void *data, int which)
{
	const struct names *names = data;

	return source_file(&names->route, which);
}

/* Whether the thread's names are to be looked up over there. */
static bool names_begin(struct names *names)
{
	names->route = route_current();
	if (!route_is_elsewhere(&names->route))
		return false;
	names->source = (struct resolver_source){
		.socket = open_socket,
		.file = open_file,
		.data = names, /* in the frame of the caller */
		.name = names->route.server,
	};
	names->why[0] = '\0';
	return true;
}

bool names_are_elsewhere(void)
{
	struct route route = route_current();

	return route_is_elsewhere(&route);
}

static void names_end(const struct names *names)
{
	if (names->why[0])
		report(REPORT_ERROR, "%s", names->why);
}

/* ---- getaddrinfo(3) and getnameinfo(3) ---- */

static int broken(void)
{
	errno = EINVAL;
	return EAI_SYSTEM;
}

int names_getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	struct names names;
	int r;

	if (!names_begin(&names))
		return next_getaddrinfo(node, service, hints, ret);
	if (names.route.broken)
		return broken();
	r = resolver_getaddrinfo(&names.source, node, service, hints, ret, names.why);
	names_end(&names);
	return r;
}

int names_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
	socklen_t host_size, char *service, socklen_t service_size, int flags)
{
	struct names names;
	int r;

	if (!names_begin(&names))
		return next_getnameinfo(
			address, length, host, host_size, service, service_size, flags);
	if (names.route.broken)
		return broken();
	r = resolver_getnameinfo(&names.source, address, length, host, host_size, service,
		service_size, flags, names.why);
	names_end(&names);
	return r;
}

/* ---- gethostbyname(3) and its kin ---- */

static int broken_host(struct hostent **result, int *h_errno_ret)
{
	*result = NULL;
	*h_errno_ret = NETDB_INTERNAL;
	return EINVAL;
}

int names_gethostbyname_r(const char *name, int family, struct hostent *ret, char *buffer,
	size_t size, struct hostent **result, int *h_errno_ret)
{
	struct names names;
	int r;

	if (!names_begin(&names))
		return next_gethostbyname2_r(name, family, ret, buffer, size, result, h_errno_ret);
	if (names.route.broken)
		return broken_host(result, h_errno_ret);
	r = resolver_gethostbyname2_r(
		&names.source, name, family, ret, buffer, size, result, h_errno_ret, names.why);
	names_end(&names);
	return r;
}

int names_gethostbyaddr_r(const void *address, socklen_t length, int family, struct hostent *ret,
	char *buffer, size_t size, struct hostent **result, int *h_errno_ret)
{
	struct names names;
	int r;

	if (!names_begin(&names))
		return next_gethostbyaddr_r(
			address, length, family, ret, buffer, size, result, h_errno_ret);
	if (names.route.broken)
		return broken_host(result, h_errno_ret);
	r = resolver_gethostbyaddr_r(&names.source, address, length, family, ret, buffer, size,
		result, h_errno_ret, names.why);
	names_end(&names);
	return r;
}

/* What a thread's last answer is in. */
struct answer {
	struct hostent host;
	size_t size;
	char buffer[];
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool has_key;

static void make_key(void)
{
	has_key = pthread_key_create(&key, free) == 0;
}

/* The thread's answer, with a buffer of at least that size, or NULL and errno. */
static struct answer *answer_get(size_t size)
{
	struct answer *answer, *grown;

	pthread_once(&once, make_key);
	if (!has_key) {
		errno = ENOMEM;
		return NULL;
	}
	answer = pthread_getspecific(key);
	if (answer && answer->size >= size)
		return answer;
	grown = realloc(answer, sizeof(*answer) + size);
	if (!grown)
		return NULL;
	grown->size = size;
	if (pthread_setspecific(key, grown) != 0) {
		free(grown);
		return NULL;
	}
	return grown;
}

/* One of the two questions. */
struct question {
	const char *name;
	const void *address;
	socklen_t length;
	int family;
};

static struct hostent *answer_question(const struct question *question)
{
	struct hostent *result = NULL;
	struct answer *answer;
	int r = ERANGE;

	for (size_t size = BUFFER_FIRST; r == ERANGE && size <= BUFFER_LAST; size *= 2) {
		answer = answer_get(size);
		if (!answer) {
			h_errno = NETDB_INTERNAL;
			return NULL;
		}
		r = question->name
			    ? names_gethostbyname_r(question->name, question->family, &answer->host,
				      answer->buffer, answer->size, &result, &h_errno)
			    : names_gethostbyaddr_r(question->address, question->length,
				      question->family, &answer->host, answer->buffer, answer->size,
				      &result, &h_errno);
	}
	if (r != 0)
		errno = r;
	return result;
}

struct hostent *names_gethostbyname(const char *name, int family)
{
	return answer_question(&(struct question){.name = name, .family = family});
}

struct hostent *names_gethostbyaddr(const void *address, socklen_t length, int family)
{
	return answer_question(
		&(struct question){.address = address, .length = length, .family = family});
}

/* ---- resolver(3) ---- */

typedef int resolve(const struct resolver_source *, const char *, int, int, unsigned char *, int,
	int *, char *);

static int ask(resolve *how, const char *name, int class, int type, unsigned char *answer, int size)
{
	struct names names;
	int r = -1, error = NETDB_INTERNAL;

	if (names_begin(&names) && !names.route.broken)
		r = how(&names.source, name, class, type, answer, size, &error, names.why);
	else
		errno = EINVAL;
	names_end(&names);
	if (r < 0)
		h_errno = error;
	return r;
}

int names_query(const char *name, int class, int type, unsigned char *answer, int size)
{
	return ask(resolver_query, name, class, type, answer, size);
}

int names_search(const char *name, int class, int type, unsigned char *answer, int size)
{
	return ask(resolver_search, name, class, type, answer, size);
}

int names_querydomain(
	const char *name, const char *domain, int class, int type, unsigned char *answer, int size)
{
	size_t length = strlen(name), more = domain ? strlen(domain) : 0;
	char both[NS_MAXDNAME];

	if (length + more + 2 > sizeof(both)) {
		h_errno = NO_RECOVERY;
		return -1;
	}
	memcpy(both, name, length);
	if (domain)
		both[length++] = '.';
	memcpy(both + length, domain ? domain : "", more + 1);
	return names_query(both, class, type, answer, size);
}

int names_send(const unsigned char *message, int length, unsigned char *answer, int size)
{
	struct names names;
	int r = -1;

	if (names_begin(&names) && !names.route.broken)
		r = resolver_send(&names.source, message, length, answer, size, names.why);
	else
		errno = EINVAL;
	names_end(&names);
	return r;
}
