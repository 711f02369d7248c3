# SPDX-License-Identifier: MIT
"""namespace(), push(), pop() and current()."""

from __future__ import annotations

import warnings
from typing import Any, Callable, TypeVar, cast

from . import _context, _decorate, _hooks, _loops

Function = TypeVar('Function', bound=Callable[..., Any])


def _enter(server: str, owner: object) -> None:
    if server != _context.HERE:
        _hooks.install()
        _loops.guard()
        _loops.install_late()
    _context.enter(server, owner)


class namespace:
    """All sockets of IPv4 and IPv6 come from a broker, and names are looked up in its namespace.

    server: NAME for the broker at /run/xsocket/NAME; anything with a slash is a path; @NAME is an
    abstract name, which cannot be reached from another network namespace. HERE ('.') stands for the
    process's own namespace, an exception inside another one.

    `with namespace('vpn'):` holds for what the block calls, and for the tasks and threads that are
    started in it, to their end. Other threads and tasks notice nothing. Sockets stay where they were
    made. Blocks can be nested; the innermost one counts. Also `async with`, and as a decorator of
    functions, coroutine functions and generators, below @contextmanager. One object can be used many
    times, and at once.

    A socket that cannot be had is an OSError with the broker's path as filename, and a name that
    cannot be looked up a socket.gaierror; never is it one of the own namespace instead. See
    xsocket(3) for the values of errno. Entering asks nobody. It raises ImportError where there is
    no libxsocket, and RuntimeError where sockets are not made by Python's own socket module.

    An object by itself does nothing: if it goes without having been entered, that is a RuntimeWarning.
    """

    __slots__ = ('server', '_used')

    def __init__(self, server: _context.Server) -> None:
        self.server = _context.name_of(server)
        self._used = False

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        if not getattr(self, '_used', True):  # there is none where there was an error
            _warn(f'{self!r} was never entered, and has done nothing: say "with"', RuntimeWarning,
                  stacklevel=2, source=self)

    def __repr__(self) -> str:
        return f'xsocket.namespace({self.server!r})'

    def __enter__(self) -> namespace:
        self._used = True
        _enter(self.server, self)
        return self

    def __exit__(self, *_: object) -> None:
        _context.leave(self)

    async def __aenter__(self) -> namespace:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()

    def __call__(self, function: Function) -> Function:
        self._used = True
        return cast(Function, _decorate.decorate(self, function))


def push(server: _context.Server) -> None:
    """Enters a namespace until pop(), as NSocker's function of this name. `with namespace()` is safer.

    It holds for this thread or asyncio task, and ends with the `with namespace()` block that it is in.
    """
    _enter(_context.name_of(server), None)


def pop() -> None:
    """Goes back to what was before the last push().

    Raises IndexError, and changes nothing, where none is left to be undone: in this thread, task or
    `with namespace()` block.
    """
    _context.pop()


def current() -> str:
    """The broker that sockets come from now, as it was named; HERE where nothing is redirected."""
    return _context.target() or _context.HERE
