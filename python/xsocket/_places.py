# SPDX-License-Identifier: MIT
"""Which namespace a socket is in, long after it was made.

A name that a socket is to connect to is looked up where the socket is, which need not be where the
running code is. The kernel knows: SO_NETNS_COOKIE (Linux 5.14) is the same for all sockets of a
namespace, whether they were accepted, duplicated or wrapped since. So it is enough to remember
which broker hands out sockets with which cookie. Older kernels tell nothing: then the running
code's namespace counts.
"""

from __future__ import annotations

import _socket
from typing import Optional

from . import _context

SO_NETNS_COOKIE = 71
_getsockopt = _socket.socket.getsockopt
_servers: dict[Optional[bytes], str] = {}


def _cookie(sock: _socket.socket) -> Optional[bytes]:
    try:
        return _getsockopt(sock, _socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
    except OSError:
        return None


def _own_cookie() -> Optional[bytes]:
    """This thread's."""
    with_one = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
    try:
        return _cookie(with_one)
    finally:
        with_one.close()


def learn(sock: _socket.socket, server: str) -> None:
    """This socket has just been handed out by this broker."""
    cookie = _cookie(sock)
    if cookie is not None:
        _servers[cookie] = server


def server_of(sock: _socket.socket) -> Optional[str]:
    """The broker whose namespace a socket is in. None: it is this process's own."""
    cookie, current = _cookie(sock), _context.target()
    if cookie is None:
        return current
    if cookie == _own_cookie():
        # a broker may serve this namespace: then its sockets and others cannot be told apart
        return current if _servers.get(cookie) == current else None
    return _servers.get(cookie, current)
