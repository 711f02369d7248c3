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
from typing import Iterable, Optional

from . import _library

KEEP = 4  # idle connections to one broker
BROKERS = 64  # to which redirected sockets keep connections


Fds = ctypes.Array[ctypes.c_int]
_One = ctypes.c_int * 1


def close(fds: Iterable[int]) -> None:
    for fd in fds:
        if fd >= 0:
            os.close(fd)


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
        self.server, self.user, self.closed = server, os.geteuid(), False
        self._idle: collections.deque[Connection] = collections.deque(maxlen=KEEP)
        self._sockets = _library.client().xsocket_client_sockets
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

    def _ask(self, fds: Fds, family: int, type: int, proto: int) -> int:
        """Asks for as many as fds has room for. How many there are in it now, at least one.

        A signal handler that raises does so when the call has come back, and before anybody has
        its result. What is in fds by then is closed.
        """
        connection = self._take()
        try:
            try:
                count: int = self._sockets(connection.pointer, family, type | socket.SOCK_CLOEXEC,
                                           proto, fds, len(fds))
                number = ctypes.get_errno()
            finally:
                self._give(connection)
        except BaseException:
            close(fds)
            raise
        if count < 0:
            raise _library.failure(number, self.server)
        return count

    def descriptor(self, family: int, type: int, proto: int) -> int:
        fds = _One(-1)
        self._ask(fds, family, type, proto)
        return fds[0]

    def descriptors(self, n: int, family: int, type: int, proto: int) -> list[int]:
        """n of them, or none."""
        made: list[int] = []
        try:
            while len(made) < n:
                fds = (ctypes.c_int * (n - len(made)))(*[-1] * (n - len(made)))
                count = self._ask(fds, family, type, proto)
                made += fds[:count]
        except BaseException:
            close(made)
            raise
        return made


_to: dict[str, Connections] = {}


def connections_to(server: str) -> Connections:
    """Those that redirected sockets come by.

    To the broker a connection is its opener's: a program that has become another user opens its own.
    """
    found: Optional[Connections] = _to.get(server)
    if found is not None and found.user != os.geteuid():
        _to.clear()
        found = None
    if found is None:
        if len(_to) >= BROKERS:
            _to.clear()
        found = _to.setdefault(server, Connections(server))
    return found
