/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_XREDIRECT_BOUND_H
#define XSOCKET_XREDIRECT_BOUND_H

/*
 * Sockets that were bound to any address and any port, and used with no address since: such a
 * bind(2) says nothing about where the socket belongs. See bound.c.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Whether bind(2) leaves everything to the kernel: 0.0.0.0 or ::, and port 0. */
bool bound_to_anything(const struct sockaddr_storage *address);

/* Whether the socket has an address, and its port is chosen later (IP_BIND_ADDRESS_NO_PORT). */
bool bound_without_port(int fd);

/* It is about to be bound so, if it is not bound already. */
void bound_note(int fd);

/* It was not. Leaves errno alone. */
void bound_failed(int fd);

/* It is about to be used over there, and belongs there from now on. */
void bound_used(int fd);

/*
 * Whether the socket with this cookie (cookie_of_socket()) is only bound so: not used with an
 * address, not connected, not listening, and nothing has arrived.
 */
bool bound_is_unused(int fd, uint64_t cookie);

#endif
