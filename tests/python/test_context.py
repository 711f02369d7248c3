# SPDX-License-Identifier: MIT
"""Which namespace the code is in: blocks, push and pop, decorators, generators, tasks. Asks no broker."""

import asyncio
import contextvars
import pathlib
import sys
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
        with pytest.raises(error) as info:
            function(server)
        assert error is not TypeError or str(info.value) == \
            f'a broker has a str or a path as its name, not {server!r}'
    assert current() == '.'


def test_a_client_of_one_s_own():
    with pytest.raises(OSError, match=r"HERE is no broker.*xsocket\.socket.*: '\.'"):
        xsocket.Client(xsocket.HERE)


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


def test_an_object_without_a_name(monkeypatch):
    """It goes without another error than the one that is raised."""
    ignored = []
    monkeypatch.setattr(sys, 'unraisablehook', ignored.append)
    with pytest.raises(TypeError):
        namespace()
    assert not ignored
