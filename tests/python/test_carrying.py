# SPDX-License-Identifier: MIT
"""Threads, executors and processes are in the namespace that they should be in."""

import concurrent.futures
import multiprocessing
import multiprocessing.pool
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request

import pytest

import xsocket
from support import wire
from worlds import URL, descriptors

PLACES = ('vpn', 'lan', '.')


def where(*_):
    with socket.socket() as sock:
        return wire.netns_cookie(sock)


def send_where(connection):
    connection.send(where())


def test_two_threads_at_once(world):
    """Each fetches in its own namespace, over and over, while the other one does."""
    answers, together = {name: [] for name in PLACES}, threading.Barrier(3)

    def fetch(name):
        with xsocket.namespace(name):
            for _ in range(10):
                together.wait(10)
                with urllib.request.urlopen(URL) as answer:
                    answers[name].append(answer.read().decode())

    threads = [threading.Thread(target=fetch, args=(name,)) for name in PLACES]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert answers == {'vpn': ['vpn'] * 10, 'lan': ['lan'] * 10, '.': ['here'] * 10}


def test_a_thread_begins_where_it_is_started(cookies):
    """And not where it was made, and its creator's later doings are nothing to it."""
    seen, go = [], threading.Event()

    class Thread(threading.Thread):
        def run(self):
            go.wait(10)
            seen.append(where())

    with xsocket.namespace('lan'):
        made = [Thread(), threading.Thread(target=lambda: seen.append(where())),
                threading.Timer(0, lambda: seen.append(where()))]
    with xsocket.namespace('vpn'):
        for each in made:
            each.start()
    go.set()
    for each in made:
        each.join()
        assert 'run' not in vars(each)
    outside = Thread()
    outside.start()
    outside.join()
    assert seen == [cookies['vpn']] * 3 + [cookies['.']]


def test_threads_of_threads(cookies):
    seen = []

    def start():
        inner = threading.Thread(target=lambda: seen.append(where()))
        with xsocket.namespace('.'):
            own = threading.Thread(target=lambda: seen.append(where()))
            own.start()
            own.join()
        inner.start()
        inner.join()

    with xsocket.namespace('vpn'):
        outer = threading.Thread(target=start)
        outer.start()
    outer.join()
    assert seen == [cookies['.'], cookies['vpn']]


EARLY = """
from _thread import start_new_thread as start
import _thread, queue, socket
import xsocket
from support import wire
def where(answers, **_):
    with socket.socket() as sock:
        answers.put(wire.netns_cookie(sock))
answers = queue.Queue()
for name in ('vpn', '.'):
    with xsocket.namespace(name):
        for function in (start, _thread.start_new_thread, _thread.start_new):
            function(where, (answers,))
            print(answers.get(timeout=10))
        start(where, (answers,), {'more': 1})
        print(answers.get(timeout=10))
        try:
            start(3, ())
        except TypeError:
            print('TypeError')
"""


def test_threads_of_the_oldest_kind(cookies, run):
    assert run(EARLY).split() == [
        word for name in ('vpn', '.') for word in [str(cookies[name])] * 4 + ['TypeError']]


GREEN = """
import _thread, threading
def standing_in_for(start):
    def start_new_thread(function, *args, **kwargs):
        print('bound' if hasattr(function, '__self__') else 'carried')
        return start(function, *args, **kwargs)
    return start_new_thread
_thread.start_new_thread = standing_in_for(_thread.start_new_thread)
if hasattr(threading, '_start_joinable_thread'):  # by which Thread.start() does it from Python 3.13 on
    threading._start_joinable_thread = standing_in_for(threading._start_joinable_thread)
else:
    threading._start_new_thread = _thread.start_new_thread
import xsocket
threading.excepthook = lambda arguments: print(repr(arguments.exc_value), xsocket.current())
def fail():
    print(xsocket.current())
    raise KeyError
class Thread(threading.Thread):
    def more(self):
        print(xsocket.current())
        done.set()
for server in ('vpn', '.'):
    with xsocket.namespace(server):
        thread, done = Thread(target=fail), threading.Event()
        thread.start()
        thread.join()
        _thread.start_new_thread(thread.more, ())
        done.wait(10)
"""


def test_threads_that_are_known_by_their_function(world, run):
    """As eventlet knows those of Thread.start(). Each is where it should be, until excepthook() has run."""
    assert run(GREEN).split() == ['bound', 'vpn', 'KeyError()', 'vpn', 'carried', 'vpn',
                                  'bound', '.', 'KeyError()', '.', 'bound', '.']


def test_a_thread_cannot_be_started(cookies, monkeypatch):
    """The second time; and where the system has none left: it can be started later."""
    thread = threading.Thread(target=lambda: None)
    with xsocket.namespace('vpn'):
        with pytest.raises(RuntimeError, match='not called'):
            threading.Thread.__new__(threading.Thread).start()
        thread.start()
        with pytest.raises(RuntimeError, match='once'):
            thread.start()
        thread.join()
        with pytest.raises(RuntimeError, match='once'):
            thread.start()
        seen = []
        other = threading.Thread(target=lambda: seen.append(where()))

        def fail(*_, **__):
            raise RuntimeError("can't start new thread")

        name = next(name for name in ('_start_joinable_thread', '_start_new_thread')
                    if hasattr(threading, name))
        with monkeypatch.context() as patch:
            patch.setattr(threading, name, fail)
            with pytest.raises(RuntimeError, match="can't"):
                other.start()
    with xsocket.namespace('lan'):
        other.start()
        other.join()
    assert seen == [cookies['lan']]


@pytest.mark.parametrize('born', PLACES)
def test_thread_pools(cookies, born):
    """Its threads are started by the first work, wherever that comes from, and do all the rest."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with xsocket.namespace(born):
            assert pool.submit(where).result() == cookies[born]
            nested = pool.submit(lambda: pool.submit(where)).result().result()
            assert nested == cookies[born]
        for name in PLACES * 2:
            with xsocket.namespace(name):
                assert pool.submit(where).result() == cookies[name]
                assert list(pool.map(where, range(3))) == [cookies[name]] * 3
        assert pool.submit(where).result() == cookies['.']
        with pytest.raises(ZeroDivisionError):
            pool.submit(lambda: 1 / 0).result()


@pytest.mark.parametrize('method', ['fork', 'spawn'])
@pytest.mark.parametrize('born', ['vpn', '.'])
def test_process_pools(cookies, method, born):
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(1, context) as pool:
        for name in (born, *PLACES, '.'):
            with xsocket.namespace(name):
                assert pool.submit(where).result() == cookies[name]
        with xsocket.namespace('vpn'):
            assert list(pool.map(where, range(2), chunksize=2)) == [cookies['vpn']] * 2


@pytest.mark.parametrize('kind', [multiprocessing.pool.ThreadPool,
                                  multiprocessing.get_context('fork').Pool])
def test_pools_of_multiprocessing(cookies, kind):
    with xsocket.namespace('lan'), kind(2) as pool:
        for name in PLACES:
            with xsocket.namespace(name):
                found = [pool.apply(where), pool.apply_async(func=where).get(), *pool.map(where, [1, 2]),
                         *pool.map_async(func=where, iterable=[1]).get(), *pool.starmap(where, [(1, 2)]),
                         *pool.starmap_async(where, [(1, 2)]).get(), *pool.imap(where, [1, 2]),
                         *pool.imap_unordered(where, [1, 2], chunksize=2)]
                assert found == [cookies[name]] * 11
        with pytest.raises(TypeError):
            pool.map()
        pool.close()
        pool.join()


def test_callbacks_of_pools(cookies):
    """A thread of the pool's calls them, and it may have been started elsewhere."""
    def note(_):
        seen.append(where())

    seen = []
    with xsocket.namespace('lan'), multiprocessing.pool.ThreadPool(1) as pool:
        for name in ('vpn', '.'):
            with xsocket.namespace(name):
                results = [pool.apply_async(int, callback=note), pool.map_async(int, '1', None, note),
                           pool.starmap_async(int, ['1'], callback=None, error_callback=note),
                           pool.apply_async(divmod, (1, 0), {}, None, note)]
            for each in results:
                each.wait()
        pool.close()
        pool.join()
    assert seen == [cookies['vpn']] * 3 + [cookies['.']] * 3


def test_callbacks_of_futures(cookies):
    """Where they were added: by the thread that works, or at once."""
    with xsocket.namespace('lan'), concurrent.futures.ThreadPoolExecutor(1) as pool:
        seen, go = [], threading.Event()
        with xsocket.namespace('vpn'):
            future = pool.submit(go.wait, 10)
            future.add_done_callback(lambda _: seen.append(where()))
        with xsocket.namespace('.'):
            future.add_done_callback(lambda _: seen.append(where()))
        go.set()
        pool.submit(where).result()
        future.add_done_callback(lambda _: seen.append(where()))
    assert seen == [cookies['vpn'], cookies['.'], cookies['lan']]


@pytest.mark.parametrize('method', ['fork', 'spawn', 'forkserver'])
def test_processes(cookies, method):
    context = multiprocessing.get_context(method)
    for name in ('vpn', '.'):
        mine, theirs = context.Pipe()
        process = context.Process(target=send_where, args=(theirs,))
        with xsocket.namespace(name):
            process.start()
        assert mine.poll(20) and mine.recv() == cookies[name]
        process.join()
        assert process.exitcode == 0 and '_xsocket' not in vars(process)


def test_signal_handlers(cookies):
    """They interrupt whatever is going on, in the same thread, and enter a namespace of their own."""
    handled = []

    def handle(*_):
        assert xsocket.current() in ('vpn', '.')
        with xsocket.namespace('lan'):
            handled.append(where())
        signal.setitimer(signal.ITIMER_REAL, 0.0003)

    before, previous = descriptors(), signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0003)
        seen = []
        while len(handled) < 100 or len(seen) < 500:
            with xsocket.namespace('vpn'):
                seen.append(where())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert set(seen) == {cookies['vpn']} and set(handled) == {cookies['lan']}
    assert len(descriptors() - before) <= 8  # connections


def test_fork(world, cookies):
    """A child goes on where it was forked, and by connections of its own."""
    read, write = os.pipe()
    with xsocket.namespace('vpn'):
        where()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for _ in range(50):
                    assert where() == cookies['vpn']
                with urllib.request.urlopen(URL) as answer:
                    os.write(write, answer.read())
                status = 0
            finally:
                os._exit(status)
        for _ in range(50):
            assert where() == cookies['vpn']
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(read, 10) == b'vpn'
    os.close(read)
    os.close(write)


def test_a_program_that_is_executed_begins_outside(cookies):
    """As the manual says."""
    code = 'import socket; from support import wire; print(wire.netns_cookie(socket.socket()))'
    with xsocket.namespace('vpn'):
        out = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], check=True, text=True,
                             capture_output=True).stdout
    assert int(out) == cookies['.']
