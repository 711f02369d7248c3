/* SPDX-License-Identifier: MIT */
/*
 * Functions of libc, old ones, that make internet sockets or look names up by calls within itself,
 * where nobody can stand in front of them. While the thread is redirected they fail: what they do
 * would be done in this namespace.
 */
#include "xredirect/names-next.h"
#include "xredirect/next.h"
#include "xredirect/route.h"

#include "preload/report.h"

#include "common/export.h"

#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdbool.h>

#ifdef __GLIBC__

/* Whether a call must not be made: then it fails with ENOSYS, after a line. */
static bool refuse(const char *name)
{
	struct route route = route_current();

	if (!route_is_elsewhere(&route))
		return false;
	report(REPORT_ERROR,
		"%s() is not redirected, and fails: the program must do it by "
		"getaddrinfo(), socket() and connect()",
		name);
	errno = ENOSYS;
	return true;
}

/*
 * Names of networks are in a file of this machine, and may be asked for in DNS as names of hosts
 * are. Told once: a list of routes wants a name for each of them.
 */
static bool refuse_network(int *h_errno_ret)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	struct route route = route_current();

	if (!route_is_elsewhere(&route))
		return false;
	if (!atomic_flag_test_and_set(&told))
		report(REPORT_ERROR,
			"names of networks (networks(5)) are not redirected: getnetbyname() and "
			"getnetbyaddr() find none; give the program addresses");
	errno = ENOSYS;
	*h_errno_ret = NO_RECOVERY;
	return true;
}

EXPORT struct netent *getnetbyname(const char *name)
{
	return refuse_network(&h_errno) ? NULL : next_getnetbyname(name);
}

EXPORT int getnetbyname_r(const char *name, struct netent *ret, char *buffer, size_t size,
	struct netent **result, int *h_errno_ret)
{
	*result = NULL;
	return refuse_network(h_errno_ret)
		       ? ENOSYS
		       : next_getnetbyname_r(name, ret, buffer, size, result, h_errno_ret);
}

EXPORT struct netent *getnetbyaddr(uint32_t net, int type)
{
	return refuse_network(&h_errno) ? NULL : next_getnetbyaddr(net, type);
}

EXPORT int getnetbyaddr_r(uint32_t net, int type, struct netent *ret, char *buffer, size_t size,
	struct netent **result, int *h_errno_ret)
{
	*result = NULL;
	return refuse_network(h_errno_ret)
		       ? ENOSYS
		       : next_getnetbyaddr_r(net, type, ret, buffer, size, result, h_errno_ret);
}

EXPORT int rcmd(char **host, unsigned short port, const char *local_user, const char *remote_user,
	const char *command, int *ret_stderr)
{
	return refuse("rcmd") ? -1
			      : next_rcmd(host, port, local_user, remote_user, command, ret_stderr);
}

EXPORT int rcmd_af(char **host, unsigned short port, const char *local_user,
	const char *remote_user, const char *command, int *ret_stderr, sa_family_t family)
{
	return refuse("rcmd_af") ? -1
				 : next_rcmd_af(host, port, local_user, remote_user, command,
					   ret_stderr, family);
}

EXPORT int rexec(char **host, int port, const char *user, const char *password, const char *command,
	int *ret_stderr)
{
	return refuse("rexec") ? -1 : next_rexec(host, port, user, password, command, ret_stderr);
}

EXPORT int rexec_af(char **host, int port, const char *user, const char *password,
	const char *command, int *ret_stderr, sa_family_t family)
{
	return refuse("rexec_af")
		       ? -1
		       : next_rexec_af(host, port, user, password, command, ret_stderr, family);
}

EXPORT int rresvport(int *port)
{
	return refuse("rresvport") ? -1 : next_rresvport(port);
}

EXPORT int rresvport_af(int *port, sa_family_t family)
{
	return refuse("rresvport_af") ? -1 : next_rresvport_af(port, family);
}

EXPORT int ruserok(const char *host, int superuser, const char *remote_user, const char *local_user)
{
	return refuse("ruserok") ? -1 : next_ruserok(host, superuser, remote_user, local_user);
}

EXPORT int iruserok(
	uint32_t address, int superuser, const char *remote_user, const char *local_user)
{
	return refuse("iruserok") ? -1 : next_iruserok(address, superuser, remote_user, local_user);
}

EXPORT int iruserok_af(const void *address, int superuser, const char *remote_user,
	const char *local_user, sa_family_t family)
{
	return refuse("iruserok_af")
		       ? -1
		       : next_iruserok_af(address, superuser, remote_user, local_user, family);
}

EXPORT int ruserok_af(const char *host, int superuser, const char *remote_user,
	const char *local_user, sa_family_t family)
{
	return refuse("ruserok_af")
		       ? -1
		       : next_ruserok_af(host, superuser, remote_user, local_user, family);
}

#endif
