/* SPDX-License-Identifier: MIT */
/* resolver(3): messages of DNS as they are. */
#include "xredirect/names.h"

#include "xredirect/names-next.h"
#include "xredirect/names-source.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <string.h>

typedef int resolve(const struct resolver_source *, const char *, int, int, unsigned char *, int,
	int *, char *);

static int ask(resolve *how, const char *name, int class, int type, unsigned char *answer, int size)
{
	struct names names;
	int saved_errno = errno, r = -1, error = NETDB_INTERNAL;

	errno = EINVAL;
	if (names_begin(&names)) {
		if (!names.route.broken)
			r = how(&names.source, name, class, type, answer, size, &error, names.why);
		names_end(&names);
	}
	if (r < 0)
		h_errno = error;
	else
		errno = saved_errno;
	if (r < 0 && error == NETDB_INTERNAL)
		errno = names_errno(errno);
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
	int saved_errno = errno, r = -1;

	errno = EINVAL;
	if (names_begin(&names)) {
		if (!names.route.broken)
			r = resolver_send(&names.source, message, length, answer, size, names.why);
		names_end(&names);
	}
	if (r >= 0)
		errno = saved_errno;
	return r;
}
