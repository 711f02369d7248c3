/* SPDX-License-Identifier: MIT */
/*
 * A Unix socket leads to a process of this machine, whatever network namespace that is in. nscd,
 * systemd-resolved, avahi and sssd answer questions for names there, and ask their own servers: a
 * name that was asked for in this process would be known outside of the broker's namespace. libc's
 * own look-ups are replaced by this library's (names.c). What is refused here is what comes to them
 * in another way: modules of NSS that are loaded by a plug-in with a libc of its choice, programs
 * that speak these protocols themselves. To them the service is not running.
 *
 * D-Bus is not refused, since programs need it for much else. Only a module of NSS (libnss_*) has
 * no other business there than names.
 */
#include "xredirect/guard.h"

#include "preload/memory.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

/*
 * /var/run is /run everywhere. A directory ends with a slash and stands for all in it. nslcd
 * answers for LDAP, and knows hosts as well.
 */
static const char *const refused[] = {
	"/run/nscd/",
	"/run/nslcd/",
	"/run/systemd/resolve/",
	"/run/systemd/machine/",
	"/run/avahi-daemon/",
	"/var/lib/sss/pipes/",
};
static const char *const for_modules[] = {
	"/run/dbus/",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Takes out what means nothing in a path: "//" and "/./". */
static void simplify(char *path)
{
	const char *from = path;
	char *to = path;

	while (*from) {
		while (from[0] == '/' && (from[1] == '/' || (from[1] == '.' && from[2] == '/')))
			from += from[1] == '/' ? 1 : 2;
		*to++ = *from++;
	}
	*to = '\0';
}

static bool begins(const char *path, const char *const *list, size_t n)
{
	if (strncmp(path, "/var/run/", 9) == 0)
		path += 4;
	for (size_t i = 0; i < n; i++) {
		if (strncmp(path, list[i], strlen(list[i])) == 0)
			return true;
	}
	return false;
}

static bool is_module(const void *caller)
{
	Dl_info info;
	const char *name;

	if (!dladdr(caller, &info) || !info.dli_fname)
		return false;
	name = strrchr(info.dli_fname, '/');
	return strncmp(name ? name + 1 : info.dli_fname, "libnss_", 7) == 0;
}

bool guard_refuses(const struct sockaddr *address, socklen_t length, const void *caller)
{
	struct sockaddr_un un;
	char path[sizeof(un.sun_path) + 1];
	size_t size = length;

	if (size <= offsetof(struct sockaddr_un, sun_path) || size > sizeof(un) ||
		memory_readable(address, size) != size)
		return false;
	memcpy(&un, address, size);
	if (un.sun_family != AF_UNIX)
		return false;
	size -= offsetof(struct sockaddr_un, sun_path);
	memcpy(path, un.sun_path, size);
	path[size] = '\0';
	simplify(path);
	return begins(path, refused, COUNT(refused)) ||
	       (begins(path, for_modules, COUNT(for_modules)) && is_module(caller));
}
