/* SPDX-License-Identifier: MIT */
/*
 * dlsym(3) takes a lock and may allocate, so it is called once for each function, in a
 * constructor. A hook that is called before that (by the constructor of another library) resolves
 * its function itself. Where there is nothing next in line the system call is made directly.
 */
#include "preload/next.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef int bind_function(int, const struct sockaddr *, socklen_t);
typedef int setsockopt_function(int, int, int, const void *, socklen_t);
typedef void *dlopen_function(const char *, int);

static _Atomic(bind_function *) bind_next;
static _Atomic(setsockopt_function *) setsockopt_next;
static _Atomic(dlopen_function *) dlopen_next;

static int bind_by_kernel(int fd, const struct sockaddr *address, socklen_t length)
{
	return (int)syscall(SYS_bind, fd, address, length);
}

static int setsockopt_by_kernel(int fd, int level, int name, const void *value, socklen_t length)
{
	return (int)syscall(SYS_setsockopt, fd, level, name, value, length);
}

static bind_function *resolve_bind(void)
{
	int saved_errno = errno;
	bind_function *function = (bind_function *)dlsym(RTLD_NEXT, "bind");

	if (!function)
		function = bind_by_kernel;
	atomic_store_explicit(&bind_next, function, memory_order_release);
	errno = saved_errno;
	return function;
}

static setsockopt_function *resolve_setsockopt(void)
{
	int saved_errno = errno;
	setsockopt_function *function = (setsockopt_function *)dlsym(RTLD_NEXT, "setsockopt");

	if (!function)
		function = setsockopt_by_kernel;
	atomic_store_explicit(&setsockopt_next, function, memory_order_release);
	errno = saved_errno;
	return function;
}

static dlopen_function *resolve_dlopen(void)
{
	dlopen_function *function = (dlopen_function *)dlsym(RTLD_NEXT, "dlopen");

	atomic_store_explicit(&dlopen_next, function, memory_order_release);
	return function;
}

__attribute__((constructor)) static void next_init(void)
{
	resolve_bind();
	resolve_setsockopt();
	resolve_dlopen();
}

int next_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	bind_function *function = atomic_load_explicit(&bind_next, memory_order_acquire);

	return (function ? function : resolve_bind())(fd, address, length);
}

int next_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	setsockopt_function *function =
		atomic_load_explicit(&setsockopt_next, memory_order_acquire);

	return (function ? function : resolve_setsockopt())(fd, level, name, value, length);
}

void *next_dlopen(const char *file, int flags)
{
	dlopen_function *function = atomic_load_explicit(&dlopen_next, memory_order_acquire);

	return (function ? function : resolve_dlopen())(file, flags);
}

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
