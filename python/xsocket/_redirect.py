# SPDX-License-Identifier: MIT
"""The class socket.socket, redirected in place.

The class stays the one it is: subclasses and earlier `from socket import socket` have what is done
here. Its __init__ asks the broker for a descriptor where the running code is in a namespace, and goes
on as if that had been passed to it. An error is raised; no socket of this namespace is made instead.

Methods that take an address look a name in it up by themselves, since C would ask this namespace.
"""

from __future__ import annotations

import _socket
import functools
import operator
import os
import socket
from typing import Any, Callable, Optional

from . import _client, _context, _names, _places

FAMILIES = (-1, socket.AF_INET, socket.AF_INET6)  # -1 is what socket.socket() takes for AF_INET

_fileno = _socket.socket.fileno
_family = _socket.socket.family.__get__
_target = _context.target

Init = Callable[..., None]


def fill(sock: socket.socket, init: Init, server: str, family: int, type: int, proto: int) -> None:
    """Makes sock, which has no descriptor yet, a socket of the broker's namespace."""
    family = socket.AF_INET if family == -1 else family
    type = socket.SOCK_STREAM if type == -1 else operator.index(type)
    proto = 0 if proto == -1 else operator.index(proto)
    fd = _client.connections_to(server).descriptor(family, type, proto)
    adopt(sock, init, server, family, type, proto, fd)


def adopt(sock: socket.socket, init: Init, server: str, family: int, type: int, proto: int,
          fd: int) -> None:
    """The same with a descriptor of the broker's, which is consumed."""
    try:
        init(sock, family, type, proto, fd)
    except BaseException:
        if _fileno(sock) != fd:
            os.close(fd)
        raise
    _places.learn(sock, server)


def hooked_init(init: Init) -> Init:
    @functools.wraps(init)
    def __init__(self: socket.socket, family: int = -1, type: int = -1, proto: int = -1,
                 fileno: Optional[int] = None) -> None:
        server = _target() if fileno is None else None
        if server is not None:
            family = operator.index(family)
            if family in FAMILIES:
                return fill(self, init, server, family, type, proto)
        return init(self, family, type, proto, fileno)

    return __init__


@functools.lru_cache(1024)
def _may_be_name(host: str) -> bool:
    return bool(host) and host != '<broadcast>' and not _names.is_numeric(host)


def needs_look_up(address: Any) -> bool:
    """Whether this may be an address with a name in it; false for all that is numeric."""
    if not isinstance(address, tuple) or not address:
        return False
    host = _names.text_of(address[0])
    return isinstance(host, str) and _may_be_name(host)


def is_internet(sock: Any) -> bool:
    """Also where it only looks like a socket."""
    return issubclass(type(sock), _socket.socket) and _family(sock) in FAMILIES


def looked_up(sock: socket.socket, address: Any) -> Any:
    """The address with numbers in place of a name, where this is not for C to do."""
    if not is_internet(sock):
        return address
    server = _places.server_of(sock)
    if server is None:
        return address
    host, *rest = address
    if isinstance(host, bytearray):
        host = bytes(host)
    found = _names.look_up(server, host, None, _family(sock), socket.SOCK_STREAM)[0][4]
    # what the address does not say, flow and zone of IPv6, is that of what was found
    return (found[0], *rest, *found[1 + len(rest):]) if rest else address


def hooked_first(method: Callable[..., Any]) -> Callable[..., Any]:
    """For connect(address), connect_ex(address) and bind(address)."""
    @functools.wraps(method)
    def hooked(self: socket.socket, address: Any, /) -> Any:
        if needs_look_up(address):
            address = looked_up(self, address)
        return method(self, address)

    return hooked


def hooked_last(method: Callable[..., Any], least: int) -> Callable[..., Any]:
    """For sendto(data[, flags], address) and sendmsg(buffers[, ancillary[, flags[, address]]]): where
    there are so many arguments at least, the last one is an address."""
    @functools.wraps(method)
    def hooked(self: socket.socket, *args: Any) -> Any:
        if len(args) >= least and needs_look_up(args[-1]):
            args = (*args[:-1], looked_up(self, args[-1]))
        return method(self, *args)

    return hooked


def replace(owner: Any, name: str, hook: Callable[[Any], Any]) -> None:
    """Sets owner.name to the hook of what it is now, unless that is one already, or what others have
    made of one by functools.wraps().

    A second copy of this package has contexts of its own, and so its own hooks.
    """
    now = getattr(owner, name)
    if getattr(now, 'xsocket_context', None) is not _context.top:
        then = hook(now)
        then.xsocket_context = _context.top
        setattr(owner, name, then)


def the_class() -> type[socket.socket]:
    """The standard library's socket.socket.

    Raises RuntimeError where something else is in its place, and makes sockets in another way.
    """
    classes: tuple[type[socket.socket], ...] = getattr(socket.socket, '__mro__', ())
    for cls in classes:
        if cls.__module__ == 'socket' and cls.__bases__ == (_socket.socket,):
            return cls
    raise RuntimeError(f'sockets are made by {socket.socket!r} here, which cannot be redirected from '
                       'within; libxredirect(7) can')


def install(cls: type[socket.socket]) -> None:
    for name in ('connect', 'connect_ex', 'bind'):
        replace(cls, name, hooked_first)
    replace(cls, 'sendto', functools.partial(hooked_last, least=2))
    replace(cls, 'sendmsg', functools.partial(hooked_last, least=4))
    replace(cls, '__init__', hooked_init)
