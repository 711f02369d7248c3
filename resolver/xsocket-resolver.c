/* SPDX-License-Identifier: MIT */
/*
 * What libxsocket-resolver.so exports. Sockets and files come by one connection for each look-up,
 * by the exported functions of libxsocket.so: contexts are kept there.
 */
#include "resolver/xsocket-resolver.h"

#include "lib/xsocket.h"
#include "resolver/resolver.h"
#include "resolver/why.h"

#include "common/export.h"

#include <errno.h>
#include <string.h>

static _Thread_local char why[RESOLVER_WHY];

static int source_socket(void *data, int domain, int type, int protocol)
{
	int fd = xsocket_client_socket(data, domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	return fd < 0 ? -errno : fd;
}

_Static_assert((int)RESOLVER_RESOLV_CONF == XSOCKET_RESOLV_CONF &&
		       (int)RESOLVER_HOSTS == XSOCKET_HOSTS &&
		       (int)RESOLVER_NSSWITCH_CONF == XSOCKET_NSSWITCH,
	"files have the same numbers");

static int source_file(void *data, int which)
{
	int fd = xsocket_client_resolver_file(data, which);

	return fd < 0 ? -errno : fd;
}

/*
 * Connects, so that a missing broker is not taken for a namespace without files. Returns false and
 * errno.
 */
static bool source_begin(const char *server, struct resolver_source *ret)
{
	const char *current = xsocket_current();

	if (!server && current && strcmp(current, ".") != 0)
		server = current;
	*ret = (struct resolver_source){
		.socket = source_socket,
		.file = source_file,
		.data = xsocket_client_new(server),
		.name = server,
	};
	if (!ret->data)
		why_text(why, server, -errno, "the broker cannot be asked");
	return ret->data;
}

static void source_end(const struct resolver_source *source)
{
	xsocket_client_free(source->data);
}

static int out_of_source(void)
{
	return errno == ENOMEM ? EAI_MEMORY : EAI_SYSTEM;
}

EXPORT int xsocket_getaddrinfo(const char *server, const char *node, const char *service,
	const struct addrinfo *hints, struct addrinfo **res)
{
	struct resolver_source source;
	int r;

	if (!source_begin(server, &source))
		return out_of_source();
	r = resolver_getaddrinfo(&source, node, service, hints, res, why);
	source_end(&source);
	return r;
}

EXPORT void xsocket_freeaddrinfo(struct addrinfo *res)
{
	resolver_freeaddrinfo(res);
}

EXPORT int xsocket_getnameinfo(const char *server, const struct sockaddr *addr, socklen_t addrlen,
	char *host, socklen_t hostlen, char *serv, socklen_t servlen, int flags)
{
	struct resolver_source source;
	int r;

	if (!source_begin(server, &source))
		return out_of_source();
	r = resolver_getnameinfo(&source, addr, addrlen, host, hostlen, serv, servlen, flags, why);
	source_end(&source);
	return r;
}

EXPORT int xsocket_res_query(const char *server, const char *dname, int rr_class, int rr_type,
	unsigned char *answer, int anslen)
{
	struct resolver_source source;
	int r, error = NETDB_INTERNAL;

	if (!source_begin(server, &source)) {
		h_errno = error;
		return -1;
	}
	r = resolver_query(&source, dname, rr_class, rr_type, answer, anslen, &error, why);
	source_end(&source);
	if (r < 0)
		h_errno = error;
	return r;
}

EXPORT const char *xsocket_resolver_why(void)
{
	return why;
}
