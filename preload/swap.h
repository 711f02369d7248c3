/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_SWAP_H
#define XSOCKET_PRELOAD_SWAP_H

#include <stdbool.h>
#include <stdint.h>

/* What had begun to use the old socket, and could not be told. It is no reason to fail. */
struct swap_lost {
	bool thread; /* it waits for nothing until it calls again */
	bool uring;  /* has requests that are never answered */
};

/*
 * Puts the socket `new` in the place of `old`, in every descriptor of this process that is the
 * same socket as old, with their close-on-exec flags, the status flags, owner and signal of old,
 * and its entries in epoll sets and among the registered files of io_urings.
 *
 * cookie is what old had when it was first looked at (cookie_of_socket()): should its number be
 * another socket's by now, that is left alone. port is what it was bound to, 0 for nothing.
 *
 * Consumes new, which was made for this and has no other descriptors. All or nothing: returns 0,
 * or a negative errno and nothing has changed. -EINVAL: old is bound to another port by now, or is
 * another socket, or is about to be replaced by another thread, or by what this signal handler
 * interrupted; -EADDRNOTAVAIL: somebody waits for old who cannot be made to wait for new; -ENOSYS:
 * /proc is missing; -EMFILE: a descriptor's number is beyond RLIMIT_NOFILE, or none is left;
 * -EBADF, -ENOTSOCK; -ENFILE, -ENOMEM, -ENOSPC (epoll(7), max_user_watches).
 *
 * Reports nothing: what is to be told about it is left in *ret for swap_report().
 */
int swap_socket(int old, uint64_t cookie, int port, int new, struct swap_lost *ret);

/* A line for each (report.h). */
void swap_report(const struct swap_lost *lost);

#endif
