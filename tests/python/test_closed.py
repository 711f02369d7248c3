# SPDX-License-Identifier: MIT
"""What cannot be redirected fails: nothing is made, asked or sent outside instead."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

import xsocket
from support.users import UID, require_users
from support.wait import require, wait_until
from worlds import PORT, URL, Place, descriptors


@pytest.fixture
def place(build):
    """A namespace whose broker the test may end."""
    made = Place(build, 'end')
    yield made
    made.close()


def test_a_broker_that_is_killed(world, place):
    """Also with a connection that was kept open, and with sockets that were made before."""
    asked = world.here.asked
    with xsocket.namespace('end'):
        with urllib.request.urlopen(URL) as answer:
            assert answer.read() == b'end'
        early = socket.socket()
        before = descriptors()
        place.broker.process.kill()
        place.broker.expected = -9
        place.broker.wait()
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError) as info:
                socket.socket()
            assert info.value.filename == place.path
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(URL)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(('127.0.0.1', PORT), 10)
        os.unlink(place.path)
        with pytest.raises(FileNotFoundError):
            socket.create_connection(('127.0.0.1', PORT), 10)
        assert len(descriptors()) <= len(before)
        with early:
            early.connect(('127.0.0.1', PORT))
    assert world.here.asked == asked


TRACED = """
import asyncio, socket, urllib.request
import xsocket

def fetch():
    with urllib.request.urlopen('http://127.0.0.1:8080/', timeout=10) as answer:
        return answer.read().decode()

async def stream():
    reader, writer = await asyncio.open_connection('127.0.0.1', 8080)
    writer.write(b'GET / HTTP/1.0\\r\\n\\r\\n')
    return (await reader.read()).decode()[-3:]

def attempt(function):
    try:
        return function()
    except OSError as error:
        return type(error).__name__

with xsocket.namespace('end'):
    print(fetch(), asyncio.run(stream()), flush=True)
    input()
    for function in (fetch, lambda: asyncio.run(stream()), socket.socket,
                     lambda: socket.create_server(('127.0.0.1', 8081))):
        print(attempt(function))
"""


def test_no_socket_is_made(world, place, tmp_path):
    """By no system call of the process: neither while all is well, nor when the broker is gone."""
    def calls():
        return (tmp_path / 'trace').read_text(encoding='ascii')

    process = subprocess.Popen([require('strace'), '-f', '-e', 'trace=socket', '-o',
                                str(tmp_path / 'trace'), sys.executable, '-c', TRACED], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == 'end end\n'
    place.broker.process.kill()
    place.broker.expected = -9
    place.broker.wait()
    out, _ = process.communicate('\n', timeout=60)
    refused = 'ConnectionRefusedError'
    assert out.split() == ['URLError', refused, refused, refused]
    assert process.returncode == 0
    assert 'socket(AF_UNIX, SOCK_SEQPACKET' in calls() and 'socket(AF_INET' not in calls()


ANOTHER_USER = """
import os, socket, sys
import xsocket

with xsocket.namespace('vpn'):
    socket.socket().close()
    os.setresuid(*[int(sys.argv[1])] * 3)
    try:
        socket.socket()
    except PermissionError as error:
        print(error.filename)
"""


def test_a_program_that_becomes_another_user(world, run):
    """What it kept as the one before counts for nothing."""
    require_users()
    os.chmod(world.vpn.path, 0o600)
    assert run(ANOTHER_USER, UID) == world.vpn.path + '\n'


def test_a_namespace_that_is_gone(build):
    """The broker hangs up, and no other one comes."""
    place = Place(build, 'gone')
    with xsocket.namespace('gone'):
        socket.socket().close()
    place.broker.expected = 75
    place.namespace.delete()
    with xsocket.namespace('gone'), pytest.raises(OSError) as info:
        socket.socket()
    assert info.value.errno in (errno.ENETDOWN, errno.ECONNREFUSED, errno.ENOENT)
    place.namespace.create()
    place.close()


def test_a_broker_that_comes_back(build, place):
    with xsocket.namespace('end'):
        socket.socket().close()
        place.broker.stop()
        with pytest.raises(OSError):
            socket.socket()
        place.broker = type(place.broker)(build, '--netns', 'end', server=place.path)
        with urllib.request.urlopen(URL) as answer:
            assert answer.read() == b'end'


NOWHERE = {'LD_LIBRARY_PATH': '/nonexistent'}
LIBDIR = """
import os, sys
from xsocket import _config
_config.LIBDIR = sys.argv[1]
"""


def test_no_library(run, build, tmp_path):
    """Said when it is needed; and it is not taken from the current directory."""
    os.symlink(build.resolve() / 'lib/libxsocket.so.1', tmp_path / 'libxsocket.so.1')
    code = LIBDIR + """
import socket, xsocket
for use in (lambda: xsocket.socket('vpn'), lambda: xsocket.namespace('vpn').__enter__(),
            lambda: xsocket.push('vpn'), lambda: xsocket.Client('vpn')):
    try:
        use()
    except ImportError as error:
        assert 'libxsocket.so.1 cannot be loaded' in str(error) and 'ldconfig' in str(error)
    else:
        print('no error')
assert xsocket.current() == '.' and socket.socket.__init__.__module__ == 'socket'
print('ok')
"""
    for libdir in ('/nonexistent', '', '.'):
        assert run(code, libdir, env=NOWHERE, cwd=tmp_path) == 'ok\n'


def test_the_libraries_where_they_were_installed(world, run, build, tmp_path):
    """Where the linker does not look for them, nor for what one of them needs of the other."""
    for name in ('lib/libxsocket.so.1', 'resolver/libxsocket-resolver.so.1'):
        shutil.copy(build / name, tmp_path)
    code = LIBDIR + """
import xsocket
xsocket.socket('vpn').close()
print(xsocket.getaddrinfo('vpn', 'localhost', 80, type=1)[0][4][1])
"""
    assert run(code, tmp_path, env=NOWHERE) == '80\n'


NO_RESOLVER = """
import socket, sys, urllib.error, urllib.request
import xsocket
from xsocket import _library
def missing():
    raise ImportError('libxsocket-resolver.so.1 cannot be loaded: as if.')
_library.resolver = missing
sock = xsocket.socket('vpn')
with xsocket.namespace('vpn'):
    for use in (lambda: socket.getaddrinfo('web.example', 80), lambda: socket.gethostbyname('web'),
                lambda: socket.create_connection(('localhost', 8080)), socket.getfqdn,
                lambda: sock.connect(('localhost', 8080)), lambda: sock.bind(('localhost', 0)),
                lambda: socket.getnameinfo(('127.0.0.1', 80), 0)):
        try:
            print(use())
        except socket.gaierror as error:
            assert error.errno == socket.EAI_FAIL and 'libxsocket-resolver' in str(error)
    # what is numeric needs nobody
    assert urllib.request.urlopen('http://127.0.0.1:8080/').read() == b'vpn'
    assert urllib.request.urlopen('http://127.1:8080/').read() == b'vpn'
    assert socket.getaddrinfo(None, 80, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    assert socket.getaddrinfo('::1', 80, 0, 0, 0, socket.AI_ADDRCONFIG)
    assert socket.getnameinfo(('127.0.0.1', 80), socket.NI_NUMERICHOST)[0] == '127.0.0.1'
    assert socket.gethostbyname('127.0.0.1') == '127.0.0.1'
    sock.sendto
    sock.connect(('127.0.0.1', 8080))
"""


def test_no_resolver(world, run):
    """Names are looked up by nobody else; getfqdn() never fails, and gives back what it has."""
    assert run(NO_RESOLVER) == f'{socket.gethostname()}\n'


def test_sockets_of_another_make(run, world):
    """As gevent's and eventlet's, which put classes of their own into the module."""
    code = """
import _socket, socket
import xsocket
class Other(_socket.socket):
    pass
def other():
    return Other()
socket.socket = OTHER
for use in (lambda: xsocket.namespace('vpn').__enter__(), lambda: xsocket.socket('vpn')):
    try:
        use()
    except RuntimeError as error:
        assert 'ther' in str(error) and 'libxredirect' in str(error)
    else:
        print('no error')
print(xsocket.current())
"""
    for other in ('Other', 'other'):
        assert run(code.replace('OTHER', other)) == '.\n'


def test_a_subclass_in_its_place(world, monkeypatch):
    """As PySocks has it: it goes on to the class that is redirected."""
    class Sub(socket.socket):
        pass

    monkeypatch.setattr(socket, 'socket', Sub)
    with xsocket.namespace('vpn'), urllib.request.urlopen(URL) as answer:
        assert answer.read() == b'vpn'


RELOADED = """
import importlib, socket, sys
import xsocket
with xsocket.namespace('vpn'):
    pass
if sys.argv[1] == 'socket':
    importlib.reload(socket)
elif sys.argv[1] == 'xsocket':
    for name in [name for name in sys.modules if name.partition('.')[0] == 'xsocket']:
        del sys.modules[name]
    import xsocket
else:
    socket.socket.__init__ = socket.socket.__init__.__wrapped__
with xsocket.namespace('vpn'):
    sock = socket.socket()
    sock.connect(('127.0.0.1', 8080))
    sock.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
    data = b''.join(iter(lambda: sock.recv(100), b''))
    assert data.endswith(b'vpn'), data
print('ok')
"""


@pytest.mark.parametrize('what', ['socket', 'xsocket', 'restored'])
def test_hooks_that_were_lost(world, run, what):
    """They are set again with the next block: a module that is loaded again, a hook that is undone."""
    assert run(RELOADED, what) == 'ok\n'


LAZY = """
import importlib.util, socket, sys, types
def lazy(name):
    spec = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
lazy('this')
class Eager(types.ModuleType):
    @property
    def __dict__(self):
        print('looked at')
    def __setattr__(self, name, value):
        print('set')
other = sys.modules['other'] = Eager('other')
types.ModuleType.__dict__['__dict__'].__get__(other)['look_up'] = socket.gethostbyname
before = [socket.gethostbyname]
import xsocket
with xsocket.namespace('vpn'):
    print(other.look_up is socket.gethostbyname is not before[0])
"""


def test_modules_that_load_when_they_are_looked_at(world, run):
    """They are not loaded, which may take long or fail, by what looks for functions in them."""
    assert run(LAZY) == 'True\n'


def test_the_world_is_as_it_was(world):
    wait_until(lambda: world.vpn.namespace.fetch(PORT).endswith(b'vpn'))
