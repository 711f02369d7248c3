# SPDX-License-Identifier: MIT
"""Functions that run in a namespace, of all four kinds.

What a generator does between two values is done in the namespace, and what its caller does is not:
each step enters and leaves.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import types
from typing import Any, Callable, ContextManager


def _generator(place: ContextManager[Any], function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        step, what = generator.send, None
        while True:
            try:
                with place:
                    value = step(what)
            except StopIteration as stop:
                return stop.value
            try:
                step, what = generator.send, (yield value)
            except GeneratorExit:
                with place:
                    generator.close()
                raise
            except BaseException as error:
                step, what = generator.throw, error

    return wrapper


def _awaitable_generator(place: ContextManager[Any], function: Callable[..., Any]
                         ) -> Callable[..., Any]:
    """Those of types.coroutine()."""
    return types.coroutine(_generator(place, function))


def _begin(generator: Any, what: None) -> Any:
    """The first step of one that event loops do not notice: they would close it beside its wrapper, which
    does that itself, and in the namespace."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return generator.asend(what)
    finally:
        sys.set_asyncgen_hooks(*hooks)


def _async_generator(place: ContextManager[Any], function: Callable[..., Any]
                     ) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        step, what = functools.partial(_begin, generator), None
        while True:
            try:
                with place:
                    value = await step(what)
            except StopAsyncIteration:
                return
            try:
                step, what = generator.asend, (yield value)
            except GeneratorExit:
                with place:
                    await generator.aclose()
                raise
            except BaseException as error:
                step, what = generator.athrow, error

    return wrapper


def _coroutine(place: ContextManager[Any], function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        with place:
            return await function(*args, **kwargs)

    return wrapper


def _plain(place: ContextManager[Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """What it returns may be one of the others that has not run yet."""
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with place:
            result = function(*args, **kwargs)
        if isinstance(result, _CONTEXT_MANAGERS):
            raise TypeError(f'{function!r} returns a context manager, which would run outside of the '
                            'namespace: put it below @contextmanager or @asynccontextmanager')
        for applies, kind in _RESULTS:
            if applies(result):
                return kind(place, lambda: result)()
        return result

    return wrapper


def _makes_awaitable_generators(function: Any) -> bool:
    code = getattr(function, '__code__', None)
    return bool(code and code.co_flags & inspect.CO_ITERABLE_COROUTINE)


def _is_awaitable_generator(result: Any) -> bool:
    return inspect.isgenerator(result) and inspect.isawaitable(result)


_CONTEXT_MANAGERS = (contextlib._GeneratorContextManager, contextlib._AsyncGeneratorContextManager)
_Kinds = list[tuple[Callable[[Any], bool], Callable[..., Callable[..., Any]]]]
_KINDS: _Kinds = [
    (inspect.iscoroutinefunction, _coroutine), (inspect.isasyncgenfunction, _async_generator),
    (_makes_awaitable_generators, _awaitable_generator), (inspect.isgeneratorfunction, _generator)]
_RESULTS: _Kinds = [
    (inspect.iscoroutine, _coroutine), (inspect.isasyncgen, _async_generator),
    (_is_awaitable_generator, _awaitable_generator), (inspect.isgenerator, _generator)]


def decorate(place: ContextManager[Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, each call of it, or each step, within `with place`."""
    if isinstance(function, type) or not callable(function):
        raise TypeError(f'a function can be decorated, but not {function!r}: decorate functions in it, '
                        'below @classmethod and the like')
    for applies, kind in _KINDS:
        if applies(function):
            return kind(place, function)
    return _plain(place, function)
