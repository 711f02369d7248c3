/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_SWAP_H
#define XSOCKET_PRELOAD_SWAP_H

/*
 * Puts the socket `new` in the place of `old`, in every descriptor of this process that is the
 * same socket as old, with their close-on-exec flags, the status flags, owner and signal of old,
 * and its entries in epoll sets. Other processes that share old keep it.
 *
 * Consumes new, which was made for this and has no other descriptors. All or nothing: returns 0,
 * or a negative errno and nothing has changed. -ENOSYS: /proc is missing; -ENOBUFS: old has more
 * descriptors or epoll entries than are carried over; -EMFILE: a descriptor's number is beyond
 * RLIMIT_NOFILE, or none is left; -ENOMEM, -ENOSPC (epoll(7), max_user_watches).
 */
int swap_socket(int old, int new);

#endif
