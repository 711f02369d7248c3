# SPDX-License-Identifier: MIT
"""Event loops that make sockets, and look names up, without Python's classes and functions.

All that are not asyncio's refuse to make a socket in a namespace, and look names up as asyncio does,
by Python's functions in an executor. Their classes are known by their base, also those that come
later: programs import uvloop when they start it. Within a loop that is neither asyncio's nor
uvloop's, so that nothing is known about its other doings, nobody can enter a namespace.
"""

from __future__ import annotations

import functools
import socket
import sys
from typing import Any, Callable

from . import _carry, _context, _redirect


def _refusal(loop: object) -> RuntimeError:
    return RuntimeError(f'{loop!r} makes sockets without Python, so that they cannot be redirected. Pass '
                        'it sockets by sock=xsocket.socket(...), or use an event loop of asyncio')


def _refusing(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def hooked(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _context.target() is not None and kwargs.get('sock') is None:
            raise _refusal(self)
        return method(self, *args, **kwargs)

    return hooked


def _getaddrinfo(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def hooked(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _context.target() is None:
            return await method(self, *args, **kwargs)
        return await self.run_in_executor(
            None, functools.partial(socket.getaddrinfo, *args, **kwargs))

    return hooked


def _getnameinfo(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def hooked(self: Any, sockaddr: Any, flags: int = 0) -> Any:
        if _context.target() is None:
            return await method(self, sockaddr, flags)
        return await self.run_in_executor(None, socket.getnameinfo, sockaddr, flags)

    return hooked


_METHODS = {
    'create_connection': _refusing, 'create_server': _refusing, 'create_datagram_endpoint': _refusing,
    'getaddrinfo': _getaddrinfo, 'getnameinfo': _getnameinfo,
    'sock_connect': _carry.hooked_sock_connect,
}


def _hook(cls: type) -> None:
    if not issubclass(cls, sys.modules['asyncio'].BaseEventLoop):
        for name, hook in _METHODS.items():
            _redirect.replace(cls, name, hook)


def _hooked_init_subclass(inherited: Any) -> Any:
    """What Python calls for each class that derives from one."""
    function = getattr(inherited, '__func__', None)  # none that is written in Python: object's

    def hooked(cls: Any, **kwargs: Any) -> None:
        function(cls, **kwargs) if function else inherited(**kwargs)
        _hook(cls)

    hooked.xsocket_context = _context.top  # type: ignore[attr-defined]
    return classmethod(hooked)


def install() -> None:
    import asyncio
    for cls in asyncio.AbstractEventLoop.__subclasses__():
        _hook(cls)
    _redirect.replace(asyncio.AbstractEventLoop, '__init_subclass__', _hooked_init_subclass)


def guard() -> None:
    """Raises RuntimeError within a loop that is neither asyncio's nor uvloop's."""
    asyncio = sys.modules.get('asyncio')
    loop = asyncio and getattr(asyncio, '_get_running_loop', lambda: None)()
    if asyncio and loop and not isinstance(
            loop, (asyncio.BaseEventLoop, getattr(sys.modules.get('uvloop'), 'Loop', ()))):
        raise _refusal(loop)
