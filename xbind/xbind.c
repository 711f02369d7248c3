/* SPDX-License-Identifier: MIT */
/*
 * libxbind.so: bind(2) of the ports in XBIND happens on a socket of another network namespace,
 * which then takes the place of the program's (redirect.c). What the program sets on its sockets
 * is recorded for that (preload/journal.c).
 *
 * Each interposed call has three names: `bind` is exported and has one line, `xbind_bind` has the
 * logic, `next_bind` is the function that would have been called without this library.
 *
 * The program may be anything: threads, forks and signal handlers meet here without locks, no
 * memory is allocated, nothing stays open, and a bind(2) of an unlisted port costs no system call.
 */
#include "xbind/config.h"
#include "xbind/redirect.h"

#include "preload/journal.h"
#include "preload/next.h"
#include "preload/plugins.h"

#include "common/export.h"

#include <dlfcn.h>
#include <sys/socket.h>

const char *const plugins_hooks[] = {"bind", "setsockopt", NULL};
const char plugins_harm[] = "ports that it binds are bound here";

/* Apart, since the configuration takes more of the stack than the rest. */
__attribute__((noinline)) static int bind_early(
	int fd, const struct sockaddr *address, socklen_t length)
{
	struct config scratch;

	return redirect_bind(config_get(&scratch), fd, address, length);
}

static int xbind_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	const struct config *config = config_get(NULL);

	if (!config)
		return bind_early(fd, address, length);
	return redirect_bind(config, fd, address, length);
}

static int xbind_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	int r = next_setsockopt(fd, level, name, value, length);

	if (r == 0 && config_active())
		journal_observe(fd, level, name, value, length);
	return r;
}

EXPORT int bind(int fd, const struct sockaddr *address, socklen_t length)
{
	return xbind_bind(fd, address, length);
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	return xbind_setsockopt(fd, level, name, value, length);
}

EXPORT void *dlopen(const char *file, int flags)
{
	if (config_active() && plugins_is_deep(file, flags, __builtin_return_address(0)))
		return plugins_open(file, flags);
	/* A tail call: preload/plugins.h. */
	return next_dlopen(file, flags);
}
