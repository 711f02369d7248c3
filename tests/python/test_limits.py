# SPDX-License-Identifier: MIT
"""What docs/PYTHON.md says does not go along, or is not redirected: it is so, and the way out that the
page tells is one."""

import asyncio
import contextlib
import queue
import threading

import pytest

import xsocket
from support.wait import require_module
from worlds import URL, Named


def test_a_block_that_another_thread_ends():
    seen = []

    def steps():
        with xsocket.namespace('vpn'):
            yield
            seen.append(xsocket.current())

    @xsocket.namespace('lan')
    def decorated():
        yield
        seen.append(xsocket.current())

    for generator in (steps(), decorated()):
        thread = threading.Thread(target=next, args=(generator,))
        thread.start()
        thread.join()
        assert list(generator) == []
    assert seen == ['.', 'lan']


def test_a_block_that_another_task_ends():
    seen = []

    async def steps():
        async with xsocket.namespace('vpn'):
            yield
            seen.append(xsocket.current())

    @xsocket.namespace('lan')
    async def decorated():
        yield
        seen.append(xsocket.current())

    async def enter_and_close(manager):
        stack = contextlib.AsyncExitStack()
        await asyncio.create_task(stack.enter_async_context(manager))
        await asyncio.create_task(stack.aclose())

    for function in (steps, decorated):
        asyncio.run(enter_and_close(contextlib.asynccontextmanager(function)()))
    assert seen == ['.', 'lan']


def test_what_takes_work_from_a_queue():
    work, seen = queue.Queue(), []

    def take():
        for function in iter(work.get, None):
            function()

    thread = threading.Thread(target=take)
    thread.start()
    with xsocket.namespace('vpn'):
        work.put(lambda: seen.append(xsocket.current()))
        work.put(xsocket.namespace('vpn')(lambda: seen.append(xsocket.current())))
    work.put(None)
    thread.join()
    assert seen == ['.', 'vpn']


def test_greenlets():
    greenlet = require_module('greenlet').greenlet

    def enter():
        with xsocket.namespace('lan'):
            other.parent.switch()
            return xsocket.current()

    with xsocket.namespace('vpn'):
        assert greenlet(xsocket.current).switch() == '.'
        other = greenlet(enter)
        other.switch()
        assert xsocket.current() == 'vpn'
        assert other.switch() == 'lan'


SUB_INTERPRETER = """
import xsocket
try:  # one that may import ctypes, by any Python
    from _interpreters import create, run_string
    made = create('legacy')
except ImportError:
    from _xxsubinterpreters import create, run_string
    made = create(isolated=False)
CODE = '''
import socket
import xsocket
print(xsocket.current())
with xsocket.namespace('lan'):
    socket.create_connection(('127.0.0.1', 8080), 10).close()
    print(xsocket.current(), flush=True)
'''
with xsocket.namespace('vpn'):
    failed = run_string(made, CODE)
    assert not failed, failed
    print(xsocket.current())
"""


def test_sub_interpreters(world, run):
    before = world.here.asked
    assert run(SUB_INTERPRETER).split() == ['.', 'lan', 'vpn']
    assert world.here.asked == before


LATE = """
import _socket, socket
import xsocket
from support import wire
class Other(_socket.socket):
    pass
xsocket.push('vpn')
print(wire.netns_cookie(socket.socket()))
socket.socket = Other
print(wire.netns_cookie(socket.socket()), xsocket.current())
try:
    xsocket.push('vpn')
except RuntimeError:
    print('RuntimeError')
"""


def test_sockets_of_another_make_that_come_late(world, run):
    """As those of monkey.patch_all() after push()."""
    out = run(LATE, env={'PYTHONWARNINGS': 'ignore'})
    assert out == f'{world.vpn.cookie}\n{world.own_cookie} vpn\nRuntimeError\n'


def test_a_client_of_tornado_s_for_each_namespace(world):
    """So that no request waits for one of another namespace."""
    httpclient = require_module('tornado.httpclient')

    async def fetch(client, server):
        with xsocket.namespace(server):
            return (await client.fetch(URL)).body.decode()

    async def main():
        clients = {name: httpclient.AsyncHTTPClient(force_instance=True) for name in ('vpn', 'lan')}
        wanted = [name for name in clients for _ in range(15)]
        found = await asyncio.gather(*(fetch(clients[name], name) for name in wanted))
        for each in clients.values():
            each.close()
        return wanted, found

    wanted, found = asyncio.run(main())
    assert found == wanted


@pytest.fixture
def names(build, quiet_outside):
    made = Named(build, 'names', {'web.example': ['127.0.0.80']})
    yield made.name
    made.close()


def test_dnspython(names, quiet_outside):
    """It reads this machine's file; what it asks is asked from within."""
    resolver = require_module('dns.resolver')
    quiet_outside.write('resolv.conf', 'nameserver 127.0.0.99\n')
    with xsocket.namespace(names):
        assert resolver.Resolver().nameservers == ['127.0.0.99']
        told = resolver.Resolver(configure=False)
        told.nameservers = ['127.0.0.1']
        assert [each.to_text() for each in told.resolve('web.example')] == ['127.0.0.80']
