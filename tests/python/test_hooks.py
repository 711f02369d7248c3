# SPDX-License-Identifier: MIT
"""Functions of the standard library are changed once, when that is first needed, whoever comes first."""

import pytest

INTERRUPTED = """
import signal, socket, sys
handled = []
def handle(*_):
    with xsocket.namespace('lan'):
        handled.append(wire.netns_cookie(socket.socket()))
        handled.append(socket.gethostbyname('127.0.0.1'))
signal.signal(signal.SIGALRM, handle)
from support import wire
import xsocket
socket.getaddrinfo('127.0.0.1', 80)  # imports a codec, which a handler better does not
signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))
with xsocket.namespace('vpn'):
    print(wire.netns_cookie(socket.socket()), socket.gethostbyname('127.0.0.1'))
while not handled:
    signal.pause()
print(*handled)
depth, function = 0, socket.gethostbyname
while hasattr(function, '__wrapped__'):
    function, depth = function.__wrapped__, depth + 1
print(depth)
"""


@pytest.mark.parametrize('milliseconds', [0.1, 1, 5, 15])
def test_a_signal_handler_while_hooks_are_installed(cookies, run, milliseconds):
    """It finds them half installed, and does the rest itself."""
    out = run(INTERRUPTED, milliseconds / 1000, env={'PYTHONWARNINGS': 'ignore'})
    assert out == f'{cookies["vpn"]} 127.0.0.1\n{cookies["lan"]} 127.0.0.1\n1\n'


AT_EXIT = """
import atexit, sys, threading, urllib.request
def fetch():
    import xsocket
    with xsocket.namespace('vpn'), urllib.request.urlopen('http://127.0.0.1:8080/') as answer:
        print(answer.read().decode(), 'concurrent.futures.thread' in sys.modules)
atexit.register(fetch)
"""


def test_the_first_use_is_when_the_program_ends(world, run):
    """Then Python imports no executors any more, so that nobody will use one."""
    assert run(AT_EXIT) == 'vpn False\n'


def test_nothing_is_changed_before_it_is_needed(world, run):
    code = """
import _socket, asyncio, concurrent.futures.process, multiprocessing.pool, socket, threading
def functions():
    owners = (_socket, socket, socket.socket, threading.Thread, asyncio.BaseEventLoop,
              concurrent.futures.ThreadPoolExecutor, concurrent.futures.ProcessPoolExecutor,
              concurrent.futures.Future, multiprocessing.pool.Pool,
              multiprocessing.process.BaseProcess)
    return [dict(vars(owner)) for owner in owners]
before = functions()
import xsocket
assert functions() == before
assert xsocket.current() == '.' and functions() == before
with xsocket.namespace('vpn'):
    pass
after = functions()
assert after != before
with xsocket.namespace('lan'):
    xsocket.socket('vpn').close()
assert functions() == after
print('ok')
"""
    assert run(code) == 'ok\n'


def test_installed_by_many_threads_at_once(world, run):
    """The hooks are there once, and nobody has gone without."""
    code = """
import socket, sys, threading
import xsocket
sys.setswitchinterval(1e-6)
together, seen = threading.Barrier(16), []
def enter():
    together.wait(10)
    with xsocket.namespace('vpn'):
        try:
            socket.create_connection(('127.0.0.1', 8080), 10).close()
            seen.append(socket.getaddrinfo('127.0.0.1', 80))
        except BaseException as error:
            seen.append(error)
threads = [threading.Thread(target=enter) for _ in range(16)]
for each in threads: each.start()
for each in threads: each.join()
assert len(seen) == 16 and all(each == seen[0] for each in seen), seen
for function in (socket.socket.__init__, socket.socket.connect, socket.gethostbyname):
    depth = 0
    while hasattr(function, '__wrapped__'):
        function, depth = function.__wrapped__, depth + 1
    assert depth == 1, depth
print('ok')
"""
    before = world.here.asked
    assert run(code) == 'ok\n'
    assert world.here.asked == before
