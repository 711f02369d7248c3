# SPDX-License-Identifier: MIT
"""asyncio: tasks in several namespaces at once, their executors, and event loops that make their sockets
in C."""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import queue
import socket
import threading

import pytest

import xsocket
from support import wire
from support.wait import require_module, skip
from worlds import PORT, URL

PLACES = ('vpn', 'lan', '.')


def where():
    """The cookie of the namespace that a new socket is in."""
    with socket.socket() as sock:
        return wire.netns_cookie(sock)


async def fetch(namespace):
    """What the server there says; by two connections, with others in between."""
    async with xsocket.namespace(namespace):
        answers = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection('127.0.0.1', PORT)
            await asyncio.sleep(0)
            writer.write(b'GET / HTTP/1.0\r\n\r\n')
            answers.append((await reader.read()).rpartition(b'\n')[2].decode())
            writer.close()
        return answers


def test_tasks_at_once(world):
    async def main():
        return await asyncio.gather(*(fetch(PLACES[i % 3]) for i in range(30)))

    answers = asyncio.run(main())
    assert answers == [[PLACES[i % 3].replace('.', 'here')] * 2 for i in range(30)]


def test_tasks_take_turns(cookies):
    """Two that change places at each await."""
    async def look(name, seen):
        with xsocket.namespace(name):
            for _ in range(20):
                seen.append((name, where()))
                await asyncio.sleep(0)

    async def main():
        seen = []
        await asyncio.gather(look('vpn', seen), look('lan', seen))
        return seen

    seen = asyncio.run(main())
    assert [name for name, _ in seen[:4]] == ['vpn', 'lan'] * 2
    assert all(cookies[name] == cookie for name, cookie in seen)


def test_callbacks(cookies):
    async def main():
        seen, done = [], asyncio.Event()
        loop = asyncio.get_running_loop()
        with xsocket.namespace('vpn'):
            loop.call_soon(lambda: seen.append(where()))
            loop.call_later(0.001, lambda: seen.append(where()))
            loop.call_later(0.002, done.set)
        await done.wait()
        return seen

    assert asyncio.run(main()) == [cookies['vpn']] * 2


def test_runners(world):
    """They keep a context from one task to the next. Wherever it was made, the namespace is the caller's."""
    if not hasattr(asyncio, 'Runner'):
        skip('needs Python 3.11')
    kept = contextvars.ContextVar('kept', default=0)

    async def one():
        kept.set(kept.get() + 1)
        await fetch('lan')
        xsocket.push('nobody')
        xsocket.pop()
        await asyncio.sleep(0)
        before = xsocket.current()
        xsocket.push('left behind')
        return before, kept.get()

    async def again():
        coroutine = one()
        with pytest.raises(RuntimeError, match='running event loop'):
            runner.run(coroutine)
        coroutine.close()

    for born in PLACES:
        with contextlib.ExitStack() as stack:
            with xsocket.namespace(born):
                runner = stack.enter_context(asyncio.Runner())
            for times, name in enumerate((*PLACES, *PLACES), 1):
                with xsocket.namespace(name):
                    assert runner.run(one()) == (name, times)
            assert runner.run(one()) == ('.', 7)
            with xsocket.namespace('vpn'):
                assert contextvars.copy_context().run(runner.run, one()) == ('vpn', 8)
                context = contextvars.Context()
                assert runner.run(one(), context=context) == ('.', 1)
                runner.run(again())
            assert xsocket.current() == '.'


class Workers(concurrent.futures.Executor):
    """An executor of somebody's own, with a thread that lives as long."""

    def __init__(self):
        self.work = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def submit(self, fn, /, *args, **kwargs):
        future = concurrent.futures.Future()
        self.work.put((future, fn, args, kwargs))
        return future

    def _serve(self):
        while item := self.work.get():
            future, fn, args, kwargs = item
            future.set_result(fn(*args, **kwargs))

    def shutdown(self, wait=True, **_):
        self.work.put(None)
        self.thread.join()


@pytest.mark.parametrize('born', PLACES)
@pytest.mark.parametrize('kind', [None, concurrent.futures.ThreadPoolExecutor, Workers])
def test_executors(cookies, kind, born):
    """Wherever its threads were started, work is done where it was given."""
    async def main():
        loop = asyncio.get_running_loop()
        with xsocket.namespace(born):
            executor = kind() if kind else None
            await loop.run_in_executor(executor, where)
        for name in PLACES * 3:
            with xsocket.namespace(name):
                assert await loop.run_in_executor(executor, where) == cookies[name]
                assert await asyncio.to_thread(where) == cookies[name]
        assert await loop.run_in_executor(executor, where) == cookies['.']
        if executor:
            executor.shutdown()

    asyncio.run(main())


class Loop(asyncio.SelectorEventLoop):
    """As that of Qt, which has an executor of its own."""

    def run_in_executor(self, executor, callback, *args):
        return asyncio.wrap_future(self.workers.submit(callback, *args), loop=self)


def test_a_loop_with_an_executor_of_its_own(cookies):
    """Also one whose class is made later. It looks names up by this."""
    class Later(Loop):
        def run_in_executor(self, executor, callback, *args):
            return asyncio.wrap_future(self.workers.submit(callback, *args), loop=self)

    async def main():
        seen = []
        for name in PLACES:
            with xsocket.namespace(name):
                seen.append(await asyncio.get_running_loop().run_in_executor(None, where))
        return seen

    for loop in (Loop(), Later()):
        loop.workers = Workers()
        assert run_in(loop, main()) == [cookies[name] for name in PLACES]
        loop.workers.shutdown()


def test_a_class_of_loops_with_another_base(world):
    """What that base does with its subclasses is done."""
    class Other:
        def __init_subclass__(cls, word=None, **kwargs):
            super().__init_subclass__(**kwargs)
            cls.word = word

    with xsocket.namespace('vpn'):
        class Both(asyncio.SelectorEventLoop, Other, word='said'):
            pass
    assert Both.word == 'said'


def test_aiohttp(world):
    aiohttp = require_module('aiohttp')

    async def get(name):
        with xsocket.namespace(name):
            async with aiohttp.ClientSession() as session:
                answers = []
                for _ in range(2):
                    async with session.get(URL) as answer:
                        answers.append(await answer.text())
                return answers

    async def main():
        return await asyncio.gather(*map(get, PLACES))

    assert asyncio.run(main()) == [[name] * 2 for name in ('vpn', 'lan', 'here')]


def test_no_broker(world):
    """An error of the task that is there, and of no other."""
    async def main():
        return await asyncio.gather(fetch('vpn'), fetch('nobody'), return_exceptions=True)

    answers, error = asyncio.run(main())
    assert answers == ['vpn'] * 2 and isinstance(error, FileNotFoundError)
    assert error.filename == '/run/xsocket/nobody'


def test_what_is_no_socket_and_no_function(world):
    """asyncio says so itself, or calls it."""
    class Like:
        family, type, proto, called = socket.AF_UNIX, socket.SOCK_STREAM, 0, None

        def gettimeout(self):
            return 0

        def fileno(self):
            return 1000

        def connect(self, address):
            self.called = address

    async def main():
        loop, like = asyncio.get_running_loop(), Like()
        loop.set_debug(True)
        with xsocket.namespace('vpn'):
            await loop.sock_connect(like, ('a name', 1))
            assert like.called == ('a name', 1)
            with pytest.raises(TypeError, match='coroutine'):
                loop.run_in_executor(None, main)

    asyncio.run(main())


@pytest.fixture
def uvloop():
    return require_module('uvloop')


def run_in(loop, coroutine):
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


@pytest.mark.parametrize('early', [False, True])
def test_uvloop_is_refused(world, uvloop, early):
    """Wherever it would make a socket; entered in the loop, or before it runs."""
    async def main():
        loop = asyncio.get_running_loop()
        with xsocket.namespace('vpn'):
            for attempt in (lambda: asyncio.open_connection('127.0.0.1', PORT),
                            lambda: asyncio.start_server(print, '127.0.0.1', 4000),
                            lambda: loop.create_datagram_endpoint(asyncio.DatagramProtocol,
                                                                  remote_addr=('127.0.0.1', 4000))):
                with pytest.raises(RuntimeError, match='uvloop.*sock=xsocket.socket'):
                    await attempt()
            # what makes its sockets in Python works
            assert await loop.run_in_executor(None, where) == world.vpn.cookie
        if not early:
            assert (await asyncio.open_connection('127.0.0.1', PORT))[1].close() is None

    if early:
        with xsocket.namespace('vpn'):
            run_in(uvloop.new_event_loop(), main())
    else:
        run_in(uvloop.new_event_loop(), main())


LATE = """
import asyncio, sys
import xsocket
async def main():
    for attempt in (lambda: asyncio.open_connection('127.0.0.1', 8080),
                    lambda: asyncio.start_server(print, '127.0.0.1', 4000)):
        try:
            await attempt()
        except RuntimeError as error:
            print(type(error).__name__, 'sock=xsocket' in str(error))
with xsocket.namespace('vpn'):
    assert 'uvloop' not in sys.modules
    import uvloop
    class Loop(uvloop.Loop): pass
    for loop in (uvloop.new_event_loop(), Loop()):
        loop.run_until_complete(main())
        loop.close()
"""


def test_uvloop_that_is_imported_in_a_namespace(world, uvloop, run):
    """As servers do, which import it when they start."""
    assert run(LATE) == 'RuntimeError True\n' * 4


def test_uvloop_with_a_socket(world, uvloop):
    async def main():
        sock = xsocket.socket('vpn')
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        with xsocket.namespace('vpn'):
            await loop.sock_connect(sock, ('127.0.0.1', PORT))
            reader, writer = await asyncio.open_connection(sock=sock)
        writer.write(b'GET / HTTP/1.0\r\n\r\n')
        answer = await reader.read()
        writer.close()
        return answer

    assert run_in(uvloop.new_event_loop(), main()).endswith(b'\nvpn')


def test_a_loop_of_another_make(world):
    """Nobody can enter in it, as nothing is known of its sockets."""
    class Loop(asyncio.AbstractEventLoop):
        pass

    asyncio._set_running_loop(Loop())
    try:
        for enter in (lambda: xsocket.namespace('vpn').__enter__(), lambda: xsocket.push('vpn')):
            with pytest.raises(RuntimeError, match='Loop object.*without Python'):
                enter()
        with xsocket.namespace('.'):
            pass
    finally:
        asyncio._set_running_loop(None)
    assert xsocket.current() == '.'


TWISTED = """
import socket, urllib.request
import xsocket
from twisted.internet import reactor, threads
def fetch(name):
    with xsocket.namespace(name), urllib.request.urlopen('http://127.0.0.1:8080/', timeout=10) as answer:
        return answer.read().decode()
def main():
    for enter in (lambda: fetch('vpn'), lambda: xsocket.push('vpn')):
        try:
            enter()
        except RuntimeError as error:
            print('asyncioreactor' in str(error) and 'deferToThread' in str(error), xsocket.current())
    xsocket.socket('vpn').close()
    with xsocket.namespace('.'):
        threads.deferToThread(fetch, 'vpn').addBoth(print).addCallback(lambda _: reactor.stop())
print(fetch('vpn'))
reactor.callWhenRunning(main)
reactor.run()
print(fetch('lan'))
"""


def test_a_reactor_of_twisted(world, run):
    """What it makes and calls later is outside. So nobody can enter in its thread while it runs."""
    require_module('twisted.internet.test')
    assert run(TWISTED).split() == ['vpn', 'True', '.', 'True', '.', 'vpn', 'lan']
