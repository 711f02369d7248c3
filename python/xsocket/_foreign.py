# SPDX-License-Identifier: MIT
"""Event loops that make sockets, and look names up, without Python's classes and functions.

uvloop's refuses to make a socket in a namespace, and looks names up as asyncio does, by Python's
functions in an executor. A loop that nothing is known about does not let anybody enter one.
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


_UVLOOP = {
    'create_connection': _refusing, 'create_server': _refusing, 'create_datagram_endpoint': _refusing,
    'getaddrinfo': _getaddrinfo, 'getnameinfo': _getnameinfo,
    'sock_connect': _carry.hooked_sock_connect,
}


def guard() -> None:
    """Raises RuntimeError within a loop that is neither asyncio's nor uvloop's."""
    uvloop = getattr(sys.modules.get('uvloop'), 'Loop', None)
    if uvloop is not None:
        for name, hook in _UVLOOP.items():
            _redirect.replace(uvloop, name, hook)
    asyncio = sys.modules.get('asyncio')
    loop = asyncio and getattr(asyncio, '_get_running_loop', lambda: None)()
    if asyncio and loop and not isinstance(loop, (asyncio.BaseEventLoop, uvloop or ())):
        raise _refusal(loop)
