# SPDX-License-Identifier: MIT
"""Which namespace the code is in: blocks, push and pop, decorators, generators, tasks. Asks no broker."""

import asyncio
import contextvars
import pathlib
import threading
import types
import warnings

import pytest

import xsocket
from xsocket import current, namespace, pop, push


def test_a_block():
    with namespace('vpn') as entered:
        assert current() == entered.server == 'vpn'
    assert current() == xsocket.HERE == '.'


def test_blocks_in_blocks():
    with namespace('vpn'):
        with namespace('lan'):
            assert current() == 'lan'
            with namespace(xsocket.HERE):
                assert current() == '.'
            assert current() == 'lan'
        assert current() == 'vpn'


def test_an_exception_leaves():
    with pytest.raises(ZeroDivisionError), namespace('vpn'), namespace('lan'):
        raise ZeroDivisionError
    assert current() == '.'


def test_one_object_many_times():
    one = namespace('vpn')
    with one, namespace('lan'), one:
        assert current() == 'vpn'
        with one:
            pass
        assert current() == 'vpn'
    assert current() == '.'


def test_one_object_in_many_threads():
    one, here, seen = namespace('vpn'), threading.Barrier(8), []

    def enter():
        assert current() == '.'
        with one:
            here.wait(10)
            seen.append(current())
            here.wait(10)
        seen.append(current())

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(seen) == ['.'] * 8 + ['vpn'] * 8


@pytest.mark.parametrize('server, error', [
    (None, TypeError), (3, TypeError), (b'vpn', TypeError), ('a\0b', ValueError), ('', OSError)])
def test_what_is_no_name(server, error):
    """None least of all: it might have been meant as one's own, or as the default."""
    for function in (namespace, push, xsocket.socket, xsocket.Client,
                     lambda server: xsocket.getaddrinfo(server, 'web.example', 80)):
        with pytest.raises(error):
            function(server)
    assert current() == '.'


def test_paths(tmp_path, monkeypatch):
    with namespace(pathlib.Path('/run/xsocket/vpn')):
        assert current() == '/run/xsocket/vpn'
    monkeypatch.chdir(tmp_path)
    with namespace('./vpn'):
        monkeypatch.chdir('/')
        assert current() == f'{tmp_path}/./vpn'
    assert namespace('@a/b').server == '@a/b'
    assert repr(namespace('vpn')) == "xsocket.namespace('vpn')"


def test_push_and_pop():
    push('vpn')
    push('lan')
    assert current() == 'lan'
    pop()
    assert current() == 'vpn'
    push('.')
    assert current() == '.'
    pop()
    pop()
    assert current() == '.'


def test_pop_of_nothing():
    for _ in range(2):
        with pytest.raises(IndexError, match=r'pop\(\) without a push\(\)'):
            pop()
    push('vpn')
    pop()
    with pytest.raises(IndexError):
        pop()


def test_pop_does_not_leave_a_block():
    push('vpn')
    with namespace('lan'):
        with pytest.raises(IndexError):
            pop()
        assert current() == 'lan'
    assert current() == 'vpn'
    pop()


def test_a_block_ends_what_was_pushed_in_it():
    with namespace('vpn'):
        push('lan')
        push('wan')
    assert current() == '.'
    with pytest.raises(IndexError):
        pop()


def test_pop_in_another_thread():
    push('vpn')
    errors = []

    def other():
        assert current() == 'vpn'
        try:
            pop()
        except IndexError as error:
            errors.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert len(errors) == 1 and current() == 'vpn'
    pop()


def steps(server):
    with namespace(server):
        yield current()
        yield current()


def test_generators_that_end_in_another_order():
    """A block that a generator has open is its caller's, too. Each end takes its own away."""
    one, two = steps('vpn'), steps('lan')
    assert next(one) == 'vpn' and current() == 'vpn'
    assert next(two) == 'lan'
    one.close()
    assert current() == 'lan'
    with namespace('wan'):
        two.close()
        assert current() == 'wan'
    assert current() == '.'


def test_a_generator_that_ends_elsewhere():
    generator = steps('vpn')
    thread = threading.Thread(target=next, args=(generator,))
    thread.start()
    thread.join()
    with namespace('lan'):
        generator.close()
        assert current() == 'lan'


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


def test_a_coroutine_that_is_closed_elsewhere():
    """As those that an event loop leaves behind."""
    @types.coroutine
    def suspend():
        yield

    async def inside():
        with namespace('vpn'), xsocket._context.only('lan'):
            await suspend()

    made = inside()
    contextvars.copy_context().run(made.send, None)
    assert current() == '.'
    with namespace('wan'):
        made.close()
        assert current() == 'wan'


def test_tasks():
    """Each has what its creator had when it was made, and nobody sees what it enters."""
    async def child(server, met):
        before = current()
        with namespace(server):
            met.append(server)
            while len(met) < 8:
                await asyncio.sleep(0)
            assert current() == server
        assert current() == before
        push('left behind')
        return before

    async def main():
        met = []
        with namespace('vpn'):
            inside = [asyncio.ensure_future(child(f'n{i}', met)) for i in range(4)]
        outside = [asyncio.ensure_future(child(f'm{i}', met)) for i in range(4)]
        assert await asyncio.gather(*inside, *outside) == ['vpn'] * 4 + ['.'] * 4
        assert current() == '.'

    asyncio.run(main())


def test_an_object_that_is_never_entered():
    """A forgotten "with" would leave everything outside, in silence."""
    with pytest.warns(RuntimeWarning, match=r"namespace\('vpn'\) was never entered"):
        namespace('vpn')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with namespace('vpn'):
            pass
        namespace('vpn')(print)
        with pytest.raises(TypeError):
            namespace(None)
