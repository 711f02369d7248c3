# SPDX-License-Identifier: MIT
"""Functions that run in a namespace, of all four kinds.

What a generator does between two values is done in the namespace, and what its caller does is not:
each step enters and leaves.
"""

from __future__ import annotations

import functools
import inspect
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


def _async_generator(place: ContextManager[Any], function: Callable[..., Any]
                     ) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        step, what = generator.asend, None
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
        for applies, kind in _RESULTS:
            if applies(result):
                return kind(place, lambda: result)()
        return result

    return wrapper


_Kinds = list[tuple[Callable[[Any], bool], Callable[..., Callable[..., Any]]]]
_KINDS: _Kinds = [
    (inspect.iscoroutinefunction, _coroutine), (inspect.isasyncgenfunction, _async_generator),
    (inspect.isgeneratorfunction, _generator)]
_RESULTS: _Kinds = [
    (inspect.iscoroutine, _coroutine), (inspect.isasyncgen, _async_generator),
    (inspect.isgenerator, _generator)]


def decorate(place: ContextManager[Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, each call of it, or each step, within `with place`."""
    for applies, kind in _KINDS:
        if applies(function):
            return kind(place, function)
    return _plain(place, function)
