/* SPDX-License-Identifier: MIT */
/* What is exported: the only place where negative errno values become errno (and context.c). */
#include "lib/xsocket.h"

#include "lib/client.h"
#include "lib/context.h"

#include "common/cancel.h"
#include "common/export.h"
#include "common/remedy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)XSOCKET_WHY >= REMEDY_TEXT, "what was promised is enough");

static int as_libc(int r, int saved_errno)
{
	errno = r < 0 ? -r : saved_errno;
	return r < 0 ? -1 : r;
}

/* Whom a SERVER of NULL means. The name stays valid for the call: only this thread changes it. */
static const char *named(const char *server)
{
	return server ? server : context_server();
}

EXPORT int xsocket(const char *server, int domain, int type, int protocol)
{
	int saved_errno = errno, r;
	struct cancel cancel;

	cancel_hold(&cancel);
	r = client_once_socket(named(server), domain, type, protocol);
	cancel_release(&cancel);
	return as_libc(r, saved_errno);
}

EXPORT int xsocket_resolver_file(const char *server, int file)
{
	int saved_errno = errno, r;
	struct cancel cancel;

	cancel_hold(&cancel);
	r = client_once_file(named(server), file);
	cancel_release(&cancel);
	return as_libc(r, saved_errno);
}

EXPORT struct xsocket_client *xsocket_client_new(const char *server)
{
	int saved_errno = errno, r;
	struct cancel cancel;
	struct xsocket_client *client = malloc(sizeof(*client));

	if (!client)
		return NULL;
	cancel_hold(&cancel);
	r = client_init(client, named(server), 0);
	if (r == 0)
		r = client_connect(client);
	cancel_release(&cancel);
	if (as_libc(r, saved_errno) < 0) {
		free(client);
		return NULL;
	}
	return client;
}

EXPORT int xsocket_client_sockets(
	struct xsocket_client *client, int domain, int type, int protocol, int *fds, unsigned n)
{
	int saved_errno = errno, r;
	struct cancel cancel;

	cancel_hold(&cancel);
	r = client_sockets(client, domain, type, protocol, fds, n);
	cancel_release(&cancel);
	return as_libc(r, saved_errno);
}

EXPORT int xsocket_client_socket(struct xsocket_client *client, int domain, int type, int protocol)
{
	int saved_errno = errno, r;
	struct cancel cancel;

	cancel_hold(&cancel);
	r = client_socket(client, domain, type, protocol);
	cancel_release(&cancel);
	return as_libc(r, saved_errno);
}

EXPORT int xsocket_client_resolver_file(struct xsocket_client *client, int file)
{
	int saved_errno = errno, r;
	struct cancel cancel;

	cancel_hold(&cancel);
	r = client_file(client, file);
	cancel_release(&cancel);
	return as_libc(r, saved_errno);
}

EXPORT void xsocket_client_free(struct xsocket_client *client)
{
	int saved_errno = errno;
	struct cancel cancel;

	if (!client)
		return;
	cancel_hold(&cancel);
	client_close(client);
	free(client);
	cancel_release(&cancel);
	errno = saved_errno;
}

EXPORT char *xsocket_why(const char *server, int error, char *text, size_t size)
{
	char whole[REMEDY_TEXT];
	size_t length = 0;

	if (size == 0)
		return text;
	if (remedy_is_known(error)) {
		remedy_text(named(server), error, whole);
		length = strnlen(whole, size - 1);
		memcpy(text, whole, length);
	}
	text[length] = '\0';
	return text;
}
