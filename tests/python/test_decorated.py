# SPDX-License-Identifier: MIT
"""Functions that are decorated, of all kinds. Asks no broker."""

import asyncio
import contextlib
import sys
import types

import pytest

from xsocket import current, namespace


@namespace('vpn')
def decorated(first, *, second=2):
    """What it is for."""
    return current(), first, second


def test_a_function():
    assert decorated(1, second=3) == ('vpn', 1, 3)
    assert decorated.__name__ == 'decorated' and decorated.__doc__ == 'What it is for.'
    assert current() == '.'


@namespace('vpn')
def generator(ends):
    assert current() == 'vpn'
    try:
        while True:
            try:
                ends.append((yield current()))
            except KeyError:
                ends.append('KeyError')
            if ends[-1] == 'end':
                return 'ended'
    finally:
        ends.append(current())


def test_a_generator():
    """Each step is inside, and the caller is not; what is sent, thrown and returned goes through."""
    ends = []
    made = generator(ends)
    assert current() == '.'
    assert next(made) == 'vpn' and current() == '.'
    assert made.send(1) == 'vpn'
    with namespace('lan'):
        assert made.throw(KeyError()) == 'vpn' and current() == 'lan'
    with pytest.raises(StopIteration) as stop:
        made.send('end')
    assert stop.value.value == 'ended' and ends == [1, 'KeyError', 'end', 'vpn']
    made = generator(ends)
    next(made)
    with pytest.raises(ZeroDivisionError):
        made.throw(ZeroDivisionError())
    made = generator(ends)
    next(made)
    made.close()
    assert ends[4:] == ['vpn', 'vpn'] and current() == '.'


@namespace('vpn')
async def coroutine():
    await asyncio.sleep(0)
    return current()


@namespace('vpn')
async def async_generator(ends):
    try:
        while True:
            await asyncio.sleep(0)
            try:
                ends.append((yield current()))
            except KeyError:
                ends.append('KeyError')
    finally:
        await asyncio.sleep(0)
        ends.append(current())


def test_coroutines():
    async def main():
        assert await coroutine() == 'vpn' and current() == '.'
        async with namespace('lan'):
            assert current() == 'lan'
            assert await asyncio.gather(coroutine(), read()) == ['vpn', 'lan']
        assert current() == '.'
        ends = []
        made = async_generator(ends)
        assert await made.asend(None) == 'vpn' and current() == '.'
        assert await made.asend(1) == 'vpn'
        assert await made.athrow(KeyError()) == 'vpn' and current() == '.'
        await made.aclose()
        assert ends == [1, 'KeyError', 'vpn'] and current() == '.'

    async def read():
        return current()

    asyncio.run(main())


def test_async_generators_that_a_loop_closes():
    """Each by the decorated one only, in the namespace; also where another function returns them."""
    ends, errors, kept = [], [], []

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        hooks = sys.get_asyncgen_hooks()
        for i in range(6):
            kept.append(async_generator(ends) if i % 2 else
                        namespace('lan')(lambda: async_generator.__wrapped__(ends))())
            await kept[-1].asend(None)
        assert sys.get_asyncgen_hooks() == hooks

    asyncio.run(main())
    assert (sorted(ends), errors) == (['lan'] * 3 + ['vpn'] * 3, [])


def test_functions_that_return_what_runs_later():
    """As what other decorators, and objects that can be called, make of coroutine functions."""
    async def co():
        return current()

    def steps():
        assert (yield current()) == 'sent'
        return current()

    async def async_steps():
        yield current()

    async def main():
        inside = namespace('vpn')
        assert await inside(lambda: co())() == 'vpn'
        assert [each async for each in inside(lambda: async_steps())()] == ['vpn']
        made = inside(lambda: steps())()
        assert next(made) == 'vpn' and current() == '.'
        with pytest.raises(StopIteration) as stop:
            made.send('sent')
        assert stop.value.value == 'vpn'

    asyncio.run(main())


@namespace('vpn')
@types.coroutine
def of_an_older_kind(seen):
    seen.append(current())
    yield
    return current()


def test_a_coroutine_of_an_older_kind():
    """It can be awaited, as without the decorator, and so can one that a function returns."""
    async def main():
        for made in (of_an_older_kind, namespace('vpn')(lambda seen: of_an_older_kind(seen))):
            seen = []
            assert await made(seen) == 'vpn' and seen == ['vpn'] and current() == '.'

    asyncio.run(main())


class Class:
    @classmethod
    def method(cls):
        return current()


@pytest.mark.parametrize('what', [5, None, 'vpn', Class, vars(Class)['method']],
                         ids=lambda what: type(what).__name__)
def test_what_cannot_be_decorated(what):
    """A class would be a class no more, and its methods would be outside."""
    with pytest.raises(TypeError, match='a function can be decorated'):
        namespace('vpn')(what)


def test_functions_that_return_context_managers():
    """Their code runs later, and nobody would notice that it does so outside."""
    @contextlib.contextmanager
    def plain():
        yield current()

    @contextlib.asynccontextmanager
    async def asynchronous():
        yield current()

    for function in (plain, asynchronous):
        with pytest.raises(TypeError, match=f'{function.__name__}.*put it below @contextmanager'):
            namespace('vpn')(function)()
    with contextlib.contextmanager(namespace('vpn')(plain.__wrapped__))() as where:
        assert where == 'vpn' and current() == '.'
    assert current() == '.'
