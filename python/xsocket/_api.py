# SPDX-License-Identifier: MIT
"""What asks a broker that is named in the call."""

from __future__ import annotations

import _socket
import errno
import socket as std
from typing import Any, Callable, TypeVar, Union

from . import _client, _context, _hooks, _redirect

Host = Union[str, bytes, bytearray, None]
Port = Union[str, bytes, int, None]
Enum = TypeVar('Enum', std.AddressFamily, std.SocketKind)


def socket(server: _context.Server, family: int = std.AF_INET, type: int = std.SOCK_STREAM,
           proto: int = 0) -> std.socket:
    """A socket.socket of the namespace of a broker.

    server: as with namespace(). family, type, proto: as with socket.socket(). By default a broker
    hands out TCP, MPTCP and UDP sockets of AF_INET and AF_INET6. A name that the socket is to
    connect to is looked up where the socket is.

    Raises OSError, whose text says what to do, with the broker's path as filename, of the subclass
    that its errno belongs to: FileNotFoundError (no such control socket: is xsocket@NAME.socket
    enabled?), PermissionError (the caller may not use it, or it does not hand out such sockets),
    ConnectionRefusedError (nobody listens on it), TimeoutError (no answer within ten seconds),
    ENETDOWN (its namespace is missing); all are in xsocket(3). ImportError and RuntimeError: as with
    namespace().
    """
    name = _context.name_of(server)
    _hooks.install()
    if name == _context.HERE:
        with _context.only(None):
            return std.socket(family, type, proto)
    return _adopted(name, family, type, proto,
                    _client.connections_to(name).descriptor(family, type, proto))


def _adopted(server: str, family: int, type: int, proto: int, fd: int) -> std.socket:
    sock = _redirect.the_class().__new__(_redirect.the_class())
    _redirect.adopt(sock, _redirect.the_class().__init__, server, family, type, proto, fd)
    return sock


class Client(_client.Connections):
    """Connections to a broker that stay open, for many sockets: `with Client('vpn') as client:`

    server: as with namespace(), but not HERE. The first connection is opened at once, so that errors
    show early; they are those of socket().

    Threads, signal handlers and children after fork(2) may use it at the same time: each call then has
    a connection. Up to four are kept until close(), after which calls raise ValueError.
    """

    def __init__(self, server: _context.Server) -> None:
        name = _context.name_of(server)
        if name == _context.HERE:
            raise OSError(errno.EINVAL, 'HERE is no broker, which a Client is for: say '
                          'xsocket.socket(xsocket.HERE)', name)
        _hooks.install()
        super().__init__(name)

    def __repr__(self) -> str:
        return f'<xsocket.Client {self.server!r}{" closed" if self.closed else ""}>'

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def socket(self, family: int = std.AF_INET, type: int = std.SOCK_STREAM, proto: int = 0
               ) -> std.socket:
        """As the function socket()."""
        return _adopted(self.server, family, type, proto, self.descriptor(family, type, proto))

    def sockets(self, n: int, family: int = std.AF_INET, type: int = std.SOCK_STREAM, proto: int = 0
                ) -> list[std.socket]:
        """n sockets of one kind. Many are asked for at once. All of them, or an OSError."""
        fds, made = self.descriptors(n, family, type, proto), []
        try:
            while fds:
                made.append(_adopted(self.server, family, type, proto, fds.pop()))
        except BaseException:
            _client.close(fds)
            raise
        return made


def _enum(kind: Callable[[int], Enum], value: int) -> Union[Enum, int]:
    try:
        return kind(value)
    except ValueError:
        return value


def getaddrinfo(server: _context.Server, host: Host, port: Port, family: int = 0, type: int = 0,
                proto: int = 0, flags: int = 0) -> list[Any]:
    """As socket.getaddrinfo(), with the name looked up in the namespace of a broker.

    Raises socket.gaierror, whose text says what to do, and OSError (EAI_SYSTEM) where the broker
    cannot be asked. Without libxsocket-resolver all that is no number is a socket.gaierror.
    """
    name = _context.name_of(server)
    _hooks.install()
    with _context.only(None if name == _context.HERE else name):
        found = _socket.getaddrinfo(host, port, family, type, proto, flags)
    return [(_enum(std.AddressFamily, each[0]), _enum(std.SocketKind, each[1]), *each[2:])
            for each in found]


def getnameinfo(server: _context.Server, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
    """As socket.getnameinfo(), with the address looked up in the namespace of a broker.

    Raises what getaddrinfo() does.
    """
    name = _context.name_of(server)
    _hooks.install()
    with _context.only(None if name == _context.HERE else name):
        return _socket.getnameinfo(sockaddr, flags)
