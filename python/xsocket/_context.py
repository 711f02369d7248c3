# SPDX-License-Identifier: MIT
"""Which namespace the running code is in.

A context variable holds a stack, a linked list that is never changed but replaced. So each thread and
each asyncio task has its own: a task begins with a copy of its creator's, and what it enters is seen
by nobody else. Nothing here is locked.

A frame has an owner. That of a `with` block is its namespace object, and that of push() is nobody:
so either end takes away what is its own, also where generators end blocks in another order.
"""

from __future__ import annotations

import contextlib
import contextvars
import errno
import os
from typing import Optional, Union

HERE = '.'
"""Stands for a broker: the process's own network namespace, an exception inside another one."""

Server = Union[str, 'os.PathLike[str]']


class Frame:
    """One entry: the broker, None for HERE; who entered; and what was before."""

    __slots__ = ('server', 'owner', 'outer')

    def __init__(self, server: Optional[str], owner: object, outer: Optional[Frame]) -> None:
        self.server, self.owner, self.outer = server, owner, outer


top: contextvars.ContextVar[Optional[Frame]] = contextvars.ContextVar('xsocket', default=None)


def target() -> Optional[str]:
    """The broker that sockets come from now; None: this process itself makes them."""
    frame = top.get()
    return None if frame is None else frame.server


def name_of(server: Server) -> str:
    """A broker's name as it is kept. A relative path is made absolute: it goes on to mean the same.

    Raises TypeError for what is no name, None for example; ValueError for one with a NUL; OSError
    (EINVAL) for an empty one, which an unset variable may have been.
    """
    name = os.fspath(server) if isinstance(server, os.PathLike) else server
    if not isinstance(name, str):
        raise TypeError(f'a broker has a str or a path as its name, not {name!r}')
    if not name:
        raise OSError(errno.EINVAL, 'the name of a broker is empty', name)
    if '\0' in name:
        raise ValueError('a NUL in the name of a broker')
    if '/' in name and name[0] not in '/@':
        name = os.path.join(os.getcwd(), name)
    return name


def enter(server: str, owner: object) -> None:
    top.set(Frame(None if server == HERE else server, owner, top.get()))


def leave(owner: object) -> None:
    """Takes the owner's innermost frame away, and with it what was pushed inside and never popped.

    Blocks inside that have not ended stay: a generator may have left them open. Where the owner has
    no frame, because a block ends in another context than it began in, nothing happens.
    """
    frame, inside = top.get(), []
    while frame is not None and frame.owner is not owner:
        if frame.owner is not None:
            inside.append(frame)
        frame = frame.outer
    if frame is None:
        return
    frame = frame.outer
    for each in reversed(inside):
        frame = Frame(each.server, each.owner, frame)
    top.set(frame)


def pop() -> None:
    frame = top.get()
    if frame is None or frame.owner is not None:
        raise IndexError('pop() without a push() in this thread, task or with block')
    top.set(frame.outer)


class only:
    """A block in one namespace, whatever was entered before. None: in none."""

    __slots__ = ('server', 'token')

    def __init__(self, server: Optional[str]) -> None:
        self.server = server

    def __enter__(self) -> None:
        frame = None if self.server is None else Frame(self.server, self, None)
        self.token = top.set(frame)

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ValueError):  # a coroutine that is closed in another context
            top.reset(self.token)
