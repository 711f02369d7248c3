/* SPDX-License-Identifier: MIT */
/*
 * glibc's resolver makes and uses its sockets by inner calls that no library can stand in front of,
 * and it asks services of this machine first. So while a thread is redirected its look-ups are done
 * by resolver/, which has the sockets and the files of the broker's namespace. Nothing is asked
 * here when that fails.
 */
#include "xredirect/names.h"

#include "common/remedy.h"
#include "preload/advice.h"
#include "preload/report.h"
#include "xredirect/files.h"
#include "xredirect/names-next.h"
#include "xredirect/names-source.h"
#include "xredirect/source.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* ---- the broker as a source of the resolver ---- */

static int open_socket(void *data, int domain, int type, int protocol)
{
	const struct names *names = data;

	return source_ask(&names->route, domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
}

/*
 * -ENOENT means to the resolver that the namespace has no such file. Of a broker that is not there
 * it is told by an errno that says the same of a control socket, and nothing of a file.
 */
static int open_file(void *data, int which)
{
	const struct names *names = data;
	bool answered;
	int r = files_ask(&names->route, which, &answered);

	return r == -ENOENT && !answered ? -ENOTDIR : r;
}

static bool is_elsewhere(const struct route *route)
{
	if (route_is_elsewhere(route))
		return true;
	names_state_home();
	return false;
}

bool names_begin(struct names *names)
{
	names->route = route_current();
	if (!is_elsewhere(&names->route))
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

int names_broken(void)
{
	errno = EINVAL;
	return EAI_SYSTEM;
}

int names_errno(int error)
{
	int r = advice_errno(error);

	if (!remedy_is_known(error))
		return error;
	return r ? r : ENETDOWN;
}

bool names_are_elsewhere(void)
{
	struct route route = route_current();

	return is_elsewhere(&route);
}

void names_end(const struct names *names)
{
	/* Of what servers say libc would not tell, either. */
	if (names->why[0])
		report(strstr(names->why, RESOLVER_WHY_SERVERS) ? REPORT_DEBUG : REPORT_ERROR, "%s",
			names->why);
}

/* ---- getaddrinfo(3) ---- */

/*
 * glibc's freeaddrinfo(3) frees the resolver's lists like its own. Others have pieces of memory
 * that are made in another way, so there each entry that is not theirs is marked, by a flag that
 * nobody has, and what the program frees is looked at.
 */
#ifdef __GLIBC__
#define MARK 0
#else
#define MARK 0x40000000
#endif

static void list_mark(struct addrinfo *list)
{
	for (; MARK && list; list = list->ai_next)
		list->ai_flags |= MARK;
}

void names_freeaddrinfo(struct addrinfo *list)
{
	if (list && (list->ai_flags & MARK))
		resolver_freeaddrinfo(list);
	else
		next_freeaddrinfo(list);
}

int names_getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	struct names names;
	int r;

	if (!names_begin(&names))
		return next_getaddrinfo(node, service, hints, ret);
	r = names.route.broken
		    ? names_broken()
		    : resolver_getaddrinfo(&names.source, node, service, hints, ret, names.why);
	names_end(&names);
	if (r == EAI_SYSTEM)
		errno = names_errno(errno);
	if (r == 0)
		list_mark(*ret);
	return r;
}
