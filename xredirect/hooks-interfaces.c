/* SPDX-License-Identifier: MIT */
/*
 * Interfaces are those of the namespace that sockets come from. libc asks for them by sockets that
 * it makes itself, without socket(2) of the program, so its functions are replaced.
 */
#include "preload/next.h"
#include "xredirect/links.h"
#include "xredirect/listing.h"
#include "xredirect/next.h"
#include "xredirect/route.h"

#include "common/export.h"

#include <errno.h>

/* There always is one of each. */
NEXT_DEFINE(int, getifaddrs, (struct ifaddrs * *ret), (ret), NULL)
NEXT_DEFINE(void, freeifaddrs, (struct ifaddrs * list), (list), NULL)
NEXT_DEFINE(struct if_nameindex *, if_nameindex, (void), (), NULL)
NEXT_DEFINE(void, if_freenameindex, (struct if_nameindex * names), (names), NULL)
NEXT_DEFINE(unsigned, if_nametoindex, (const char *name), (name), NULL)
NEXT_DEFINE(char *, if_indextoname, (unsigned index, char *name), (index, name), NULL)

static int xredirect_getifaddrs(struct ifaddrs **ret)
{
	struct route route = route_current();
	int saved_errno = errno, r;

	if (!route_is_elsewhere(&route))
		return next_getifaddrs(ret);
	*ret = NULL;
	r = links_list(&route, ret);
	errno = r < 0 ? -r : saved_errno;
	if (r < 0)
		return -1;
	listing_remember(*ret);
	return 0;
}

static void xredirect_freeifaddrs(struct ifaddrs *list)
{
	if (listing_forget(list))
		listing_free(list);
	else
		next_freeifaddrs(list);
}

static struct if_nameindex *xredirect_if_nameindex(void)
{
	struct route route = route_current();
	struct if_nameindex *names = NULL;
	int saved_errno = errno, r;

	if (!route_is_elsewhere(&route))
		return next_if_nameindex();
	r = links_names(&route, &names);
	errno = r < 0 ? -r : saved_errno;
	if (r < 0)
		return NULL;
	listing_remember(names);
	return names;
}

static void xredirect_if_freenameindex(struct if_nameindex *names)
{
	if (listing_forget(names))
		listing_names_free(names);
	else
		next_if_freenameindex(names);
}

static unsigned xredirect_if_nametoindex(const char *name)
{
	struct route route = route_current();
	int saved_errno = errno, r;

	if (!route_is_elsewhere(&route))
		return next_if_nametoindex(name);
	r = links_index(&route, name);
	errno = r < 0 ? -r : saved_errno;
	return r < 0 ? 0 : (unsigned)r;
}

static char *xredirect_if_indextoname(unsigned index, char *name)
{
	struct route route = route_current();
	int saved_errno = errno, r;

	if (!route_is_elsewhere(&route))
		return next_if_indextoname(index, name);
	r = links_name(&route, index, name);
	errno = r < 0 ? -r : saved_errno;
	return r < 0 ? NULL : name;
}

EXPORT int getifaddrs(struct ifaddrs **ret)
{
	return xredirect_getifaddrs(ret);
}

EXPORT void freeifaddrs(struct ifaddrs *list)
{
	xredirect_freeifaddrs(list);
}

EXPORT struct if_nameindex *if_nameindex(void)
{
	return xredirect_if_nameindex();
}

EXPORT void if_freenameindex(struct if_nameindex *names)
{
	xredirect_if_freenameindex(names);
}

EXPORT unsigned if_nametoindex(const char *name)
{
	return xredirect_if_nametoindex(name);
}

char *export_if_indextoname(unsigned index, char *name) EXPORT_AS(if_indextoname);
char *export_if_indextoname(unsigned index, char *name)
{
	return xredirect_if_indextoname(index, name);
}
