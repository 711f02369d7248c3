# SPDX-License-Identifier: MIT
"""Event loops: asyncio's, those that derive from them, and those that are of another make.

The latter make sockets, and look names up, without Python's classes and functions. So they refuse to
make a socket in a namespace, and look names up as asyncio does, by Python's functions in an executor.
Within one that is not uvloop's, and of which nothing more is known, nobody can enter a namespace; nor
can anybody in the thread of a reactor of Twisted's that is not asyncioreactor.

All classes are known by their base, also those that come later: programs import uvloop when they
start it.
"""

from __future__ import annotations

import contextlib
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


_ALL = {
    'run_in_executor': _carry.hooked_run_in_executor,
    'sock_connect': _carry.hooked_sock_connect,
}
_OF_ANOTHER_MAKE = {
    'create_connection': _refusing, 'create_server': _refusing, 'create_datagram_endpoint': _refusing,
    'getaddrinfo': _getaddrinfo, 'getnameinfo': _getnameinfo, **_ALL,
}


def _hook(cls: type) -> None:
    derived = issubclass(cls, sys.modules['asyncio'].BaseEventLoop)
    for name, hook in (_ALL if derived else _OF_ANOTHER_MAKE).items():
        _redirect.replace(cls, name, hook)


def _hook_all(base: type) -> None:
    """Those that derive from this one."""
    for cls in base.__subclasses__():
        _hook(cls)
        _hook_all(cls)


def _hooked_init_subclass(inherited: Any) -> Any:
    """What Python calls for each class that derives from one."""
    function = getattr(inherited, '__func__', None)  # that of another copy of this package

    def hooked(cls: Any, **kwargs: Any) -> None:
        if function:
            function(cls, **kwargs)
        else:
            super(sys.modules['asyncio'].AbstractEventLoop, cls).__init_subclass__(**kwargs)
        _hook(cls)

    hooked.xsocket_context = _context.top  # type: ignore[attr-defined]
    return classmethod(hooked)


def _hooked_runner(run: Callable[..., Any]) -> Callable[..., Any]:
    """A Runner has its tasks in a context of its own, from the first on. It enters what the caller has."""
    @functools.wraps(run)
    def hooked(self: Any, coro: Any, *, context: Any = None) -> Any:
        kept = self._context if context is None else None
        if kept is not None:  # the first time it is copied from the caller's
            with contextlib.suppress(RuntimeError):  # it is running, which run() says better
                kept.run(_context.top.set, _context.top.get())
        return run(self, coro, context=context)

    return hooked


def install() -> None:
    import asyncio
    if sys.version_info >= (3, 11):
        _redirect.replace(asyncio.Runner, 'run', _hooked_runner)
    _hook_all(asyncio.AbstractEventLoop)
    _redirect.replace(asyncio.AbstractEventLoop, '__init_subclass__', _hooked_init_subclass)


def install_late() -> None:
    """Each time that somebody enters: a program may have imported Twisted since, and is not made to."""
    if 'twisted' not in sys.modules:
        return
    pool = getattr(sys.modules.get('twisted.python.threadpool'), 'ThreadPool', None)
    if pool:
        _redirect.replace(pool, 'callInThreadWithCallback', _carry.hooked_call_in_thread)


def _guard_reactor() -> None:
    reactor = sys.modules.get('twisted.internet.reactor')
    of_asyncio = sys.modules.get('twisted.internet.asyncioreactor')
    if (getattr(reactor, 'running', False)
            and not isinstance(reactor, getattr(of_asyncio, 'AsyncioSelectorReactor', ()))
            and sys.modules['twisted.python.threadable'].isInIOThread()):
        raise RuntimeError(f'{reactor!r} makes sockets, and calls what waits, outside of all namespaces. Let '
                           'a thread enter by deferToThread(), or use twisted.internet.asyncioreactor')


def _no_loop() -> None:
    """Of an asyncio that is being imported."""


def guard() -> None:
    """Raises RuntimeError within a loop that is neither asyncio's nor uvloop's, also one of Twisted's."""
    asyncio = sys.modules.get('asyncio')
    loop = asyncio and getattr(asyncio, '_get_running_loop', _no_loop)()
    if asyncio and loop:
        if not isinstance(
                loop, (asyncio.BaseEventLoop, getattr(sys.modules.get('uvloop'), 'Loop', ()))):
            raise _refusal(loop)
    elif 'twisted' in sys.modules:
        _guard_reactor()
