/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_LIBC_H
#define XSOCKET_TESTS_LIBC_H

/* What tests use of glibc, for a libc that does not have it. */

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Known only after one of libc's own headers. */
#ifndef __GLIBC__

static inline int close_range(unsigned first, unsigned last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

/* musl's refuses a control message of more than a kilobyte, which the kernel takes. */
#define sendmsg(sock, msg, flags) syscall(SYS_sendmsg, sock, msg, flags)

/* Errors that programs here may see. One that is missing says so by failing a test. */
#define LIBC_ERROR(name) {name, #name}
__attribute__((unused)) static const struct {
	int error;
	const char *name;
} libc_errors[] = {
	{0, "0"},
	LIBC_ERROR(E2BIG),
	LIBC_ERROR(EACCES),
	LIBC_ERROR(EADDRINUSE),
	LIBC_ERROR(EADDRNOTAVAIL),
	LIBC_ERROR(EAFNOSUPPORT),
	LIBC_ERROR(EAGAIN),
	LIBC_ERROR(EALREADY),
	LIBC_ERROR(EBADF),
	LIBC_ERROR(EBADFD),
	LIBC_ERROR(EBUSY),
	LIBC_ERROR(ECANCELED),
	LIBC_ERROR(ECHILD),
	LIBC_ERROR(ECONNABORTED),
	LIBC_ERROR(ECONNREFUSED),
	LIBC_ERROR(ECONNRESET),
	LIBC_ERROR(EDESTADDRREQ),
	LIBC_ERROR(EDOM),
	LIBC_ERROR(EEXIST),
	LIBC_ERROR(EFAULT),
	LIBC_ERROR(EHOSTUNREACH),
	LIBC_ERROR(EINPROGRESS),
	LIBC_ERROR(EINTR),
	LIBC_ERROR(EINVAL),
	LIBC_ERROR(EIO),
	LIBC_ERROR(EISCONN),
	LIBC_ERROR(ELOOP),
	LIBC_ERROR(EMFILE),
	LIBC_ERROR(EMSGSIZE),
	LIBC_ERROR(ENAMETOOLONG),
	LIBC_ERROR(ENETDOWN),
	LIBC_ERROR(ENETUNREACH),
	LIBC_ERROR(ENFILE),
	LIBC_ERROR(ENOBUFS),
	LIBC_ERROR(ENODEV),
	LIBC_ERROR(ENOENT),
	LIBC_ERROR(ENOKEY),
	LIBC_ERROR(ENOMEM),
	LIBC_ERROR(ENOPROTOOPT),
	LIBC_ERROR(ENOSPC),
	LIBC_ERROR(ENOSYS),
	LIBC_ERROR(ENOTCONN),
	LIBC_ERROR(ENOTSOCK),
	LIBC_ERROR(ENXIO),
	LIBC_ERROR(EOPNOTSUPP),
	LIBC_ERROR(EPERM),
	LIBC_ERROR(EPIPE),
	LIBC_ERROR(EPROTO),
	LIBC_ERROR(EPROTONOSUPPORT),
	LIBC_ERROR(EPROTOTYPE),
	LIBC_ERROR(ERANGE),
	LIBC_ERROR(ESOCKTNOSUPPORT),
	LIBC_ERROR(ESRCH),
	LIBC_ERROR(ETIMEDOUT),
	LIBC_ERROR(ETOOMANYREFS),
	LIBC_ERROR(EUSERS),
	LIBC_ERROR(EXDEV),
};

__attribute__((unused)) static const char *strerrorname_np(int error)
{
	for (size_t i = 0; i < sizeof(libc_errors) / sizeof(libc_errors[0]); i++) {
		if (libc_errors[i].error == error)
			return libc_errors[i].name;
	}
	return "an errno without a name";
}

#endif

#endif
