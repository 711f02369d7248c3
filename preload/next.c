/* SPDX-License-Identifier: MIT */
/*
 * dlsym(3) takes a lock and may allocate, so it is called once for each function, in a
 * constructor. A hook that is called before that (by the constructor of another library) resolves
 * its function itself. Where there is nothing next in line the system call is made directly.
 */
#include "preload/next.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

void *next_resolve(_Atomic(void *) *ret, const char *name)
{
	int saved_errno = errno;
	void *function = dlsym(RTLD_NEXT, name);

	atomic_store_explicit(ret, function, memory_order_release);
	errno = saved_errno;
	return function;
}

static int bind_by_kernel(int fd, const struct sockaddr *address, socklen_t length)
{
	return (int)syscall(SYS_bind, fd, address, length);
}

static int setsockopt_by_kernel(int fd, int level, int name, const void *value, socklen_t length)
{
	return (int)syscall(SYS_setsockopt, fd, level, name, value, length);
}

NEXT_DEFINE(int, bind, (int fd, const struct sockaddr *address, socklen_t length),
	(fd, address, length), bind_by_kernel)
NEXT_DEFINE(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t length),
	(fd, level, name, value, length), setsockopt_by_kernel)
NEXT_DEFINE(void *, dlopen, (const char *file, int flags), (file, flags), NULL)

#ifdef RTLD_DEEPBIND
void *next_last(const char *name)
{
	void *libc = next_dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), *function;

	if (!libc)
		return NULL;
	function = dlsym(libc, name);
	dlclose(libc);
	return function;
}
#endif
