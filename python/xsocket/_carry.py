# SPDX-License-Identifier: MIT
"""Namespaces carried into threads, executors and processes.

Context variables follow asyncio tasks, but a new thread begins without any. Here a thread and a
process begin in the namespace of whoever starts them, and what an executor is given runs in the
namespace of whoever gave it, also where that is none: a worker may have been started in one.

What Python's own classes call with a function as its first argument is hooked. Threads that take their
work from a queue of somebody else's making stay where they were started.
"""

from __future__ import annotations

import _thread
import functools
import inspect
import threading
from typing import Any, Callable, Optional

from . import _context, _everywhere, _places, _redirect

Method = Callable[..., Any]


class Carried:
    """A function that runs in the namespace of whoever made this. Can be pickled if that can be."""

    __slots__ = ('function', 'server')

    def __init__(self, function: Method, server: Optional[str]) -> None:
        self.function, self.server = function, server

    def __repr__(self) -> str:
        return f'<{self.function!r} in {self.server or _context.HERE!r}>'

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with _context.only(self.server):
            return self.function(*args, **kwargs)

    def __reduce__(self) -> Any:
        return _in_process, (self.function, self.server)


def _in_process(function: Method, server: Optional[str]) -> Carried:
    """Unpickled in another process, which may have no hooks yet."""
    if server is not None:
        from . import _hooks
        _hooks.install()
    return Carried(function, server)


class Inherited:
    """An attribute of a process object: unpickled by the new process, it takes effect there."""

    def __init__(self, server: str) -> None:
        self.server = server

    def __reduce__(self) -> Any:
        return _inherit, (self.server,)


def _inherit(server: str) -> Inherited:
    from . import _hooks
    _hooks.install()
    inherited = Inherited(server)
    _context.enter(server, inherited)
    return inherited


def carried(function: Method) -> Method:
    return function if isinstance(function, Carried) else Carried(function, _context.target())


class Run:
    """A thread's run() in the namespace of whoever starts it."""

    def __init__(self, thread: Any, server: str) -> None:
        self.thread, self.run, self.server = thread, thread.run, server

    def __call__(self) -> None:
        del self.thread.run
        there = _context.only(self.server)
        there.__enter__()
        self.run()
        there.__exit__()  # where it fails the thread stays, and threading.excepthook() is there, too


def hooked_start_thread(start: Method) -> Method:
    @functools.wraps(start)
    def hooked(self: Any) -> Any:
        server = _context.target()
        # the latter are errors
        if server is None or not getattr(self, '_initialized', True) or self.ident is not None:
            return start(self)
        self.run = Run(self, server)
        try:
            return start(self)
        except BaseException:
            self.__dict__.pop('run', None)
            raise

    return hooked


def _carries(function: Any) -> bool:
    """Whether Thread.start() starts this, which leads to a Run. Others know it by what it is bound to."""
    thread = getattr(function, '__self__', None)
    return (isinstance(thread, threading.Thread) and isinstance(thread.run, Run)
            and function.__name__ == '_bootstrap')


def _hooked_start_new_thread(start: Method) -> Method:
    @functools.wraps(start)
    def hooked(function: Method, /, *rest: Any) -> Any:
        if _context.target() is not None and callable(function) and not _carries(function):
            function = carried(function)
        return start(function, *rest)

    return hooked


_started: dict[str, Method] = {}


def install() -> None:
    """Threads without an object of their own. May be interrupted by itself."""
    if not _started:
        _started.update({name: getattr(_thread, name) for name in ('start_new_thread', 'start_new')})
    _everywhere.replace([(start, _hooked_start_new_thread(start)) for start in _started.values()])


def hooked_start_process(start: Method) -> Method:
    """A child by fork(2) has its parent's contexts; any other one is sent its process object."""
    @functools.wraps(start)
    def hooked(self: Any) -> Any:
        server = _context.target()
        if server is None:
            return start(self)
        self.__dict__['_xsocket'] = Inherited(server)
        try:
            return start(self)
        finally:
            self.__dict__.pop('_xsocket', None)

    return hooked


def hooked_submit(submit: Method) -> Method:
    """For methods that take a function first; some call it `func`."""
    @functools.wraps(submit)
    def hooked(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        if args:
            args = (carried(args[0]), *args[1:])
        elif 'func' in kwargs:
            kwargs['func'] = carried(kwargs['func'])
        return submit(self, *args, **kwargs)

    return hooked


def hooked_pool(method: Method) -> Method:
    """For multiprocessing.Pool: its own thread calls callback and error_callback, which come fourth."""
    submit = hooked_submit(method)

    @functools.wraps(submit)
    def hooked(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        args = (*args[:3], *(each and carried(each) for each in args[3:]))
        for name in ('callback', 'error_callback'):
            if kwargs.get(name):
                kwargs[name] = carried(kwargs[name])
        return submit(self, *args, **kwargs)

    return hooked


def hooked_call_in_thread(method: Method) -> Method:
    """For a pool of Twisted's, whose threads call both; the former goes on in the reactor's thread."""
    @functools.wraps(method)
    def hooked(self: Any, onResult: Any, func: Method, *args: Any, **kw: Any) -> Any:
        return method(self, onResult and carried(onResult), carried(func), *args, **kw)

    return hooked


def hooked_run_in_executor(method: Method) -> Method:
    """For executors of other kinds. A coroutine function is a mistake that the loop wants to see."""
    @functools.wraps(method)
    def hooked(self: Any, executor: Any, func: Method, *args: Any) -> Any:
        if not inspect.iscoroutinefunction(func):
            func = carried(func)
        return method(self, executor, func, *args)

    return hooked


def hooked_sock_connect(method: Method) -> Method:
    """An event loop looks a name up itself before it calls connect()."""
    @functools.wraps(method)
    async def hooked(self: Any, sock: Any, address: Any) -> Any:
        if not _redirect.needs_look_up(address) or not _redirect.is_internet(sock):
            return await method(self, sock, address)
        with _context.only(_places.server_of(sock)):
            address = await self.run_in_executor(None, _redirect.looked_up, sock, address)
            return await method(self, sock, address)

    return hooked
