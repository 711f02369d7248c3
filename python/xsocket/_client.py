# SPDX-License-Identifier: MIT
"""Connections to brokers.

A connection serves one call at a time. So a call takes an idle one, or opens another, and gives it
back: none waits for a lock, neither a thread's nor that of what a signal handler interrupted, and none
is found locked in a child after fork(2). In a child, and where a descriptor was closed behind its
back, libxsocket opens a new connection by itself.
"""

from __future__ import annotations

import collections
import ctypes
import os
import socket
from typing import Optional

from . import _library

KEEP = 4  # idle connections to one broker
BROKERS = 64  # to which redirected sockets keep connections


class Connection:
    """A struct xsocket_client, for as long as it is referred to."""

    __slots__ = ('pointer', 'free')

    def __init__(self, server: str) -> None:
        library = _library.client()
        self.pointer, self.free = None, library.xsocket_client_free
        self.pointer = library.xsocket_client_new(os.fsencode(server))
        if not self.pointer:
            raise _library.failure(ctypes.get_errno(), server)

    def __del__(self) -> None:
        if self.pointer:
            self.free(self.pointer)


class Connections:
    """Those to one broker. The first one is opened at once.

    Descriptors that the methods return are close-on-exec, and the caller's to close. OSError is
    raised with the broker's errno and its path.
    """

    def __init__(self, server: str) -> None:
        self.server, self.closed = server, False
        self._idle: collections.deque[Connection] = collections.deque(maxlen=KEEP)
        self._ask = _library.client().xsocket_client_socket
        self._give(Connection(server))

    def close(self) -> None:
        self.closed = True
        self._idle.clear()

    def _take(self) -> Connection:
        if self.closed:
            raise ValueError('this client is closed')
        try:
            return self._idle.pop()
        except IndexError:
            return Connection(self.server)

    def _give(self, connection: Connection) -> None:
        """The one that was used last is used next; beyond KEEP the oldest is closed."""
        self._idle.append(connection)
        if self.closed:
            self._idle.clear()

    def descriptor(self, family: int, type: int, proto: int) -> int:
        connection = self._take()
        try:
            fd: int = self._ask(connection.pointer, family, type | socket.SOCK_CLOEXEC, proto)
            number = ctypes.get_errno()
        finally:
            self._give(connection)
        if fd < 0:
            raise _library.failure(number, self.server)
        return fd

    def descriptors(self, n: int, family: int, type: int, proto: int) -> list[int]:
        """n of them, or none."""
        made: list[int] = []
        while len(made) < n:
            fds = (ctypes.c_int * (n - len(made)))()
            connection = self._take()
            try:
                count = _library.client().xsocket_client_sockets(
                    connection.pointer, family, type | socket.SOCK_CLOEXEC, proto, fds, len(fds))
                number = ctypes.get_errno()
            finally:
                self._give(connection)
            if count < 0:
                for fd in made:
                    os.close(fd)
                raise _library.failure(number, self.server)
            made += fds[:count]
        return made


_to: dict[str, Connections] = {}


def connections_to(server: str) -> Connections:
    """Those that redirected sockets come by."""
    found: Optional[Connections] = _to.get(server)
    if found is None:
        if len(_to) >= BROKERS:
            _to.clear()
        found = _to.setdefault(server, Connections(server))
    return found
