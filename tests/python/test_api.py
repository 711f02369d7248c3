# SPDX-License-Identifier: MIT
"""Sockets from a broker that is named: what they are like, what fails and how, and nothing leaks."""

import errno
import fcntl
import os
import resource
import signal
import socket
import ssl

import pytest

import xsocket
from support import wire
from support.users import UID, require_users
from worlds import PORT, descriptors

NONBLOCK, CLOEXEC = socket.SOCK_NONBLOCK, socket.SOCK_CLOEXEC
KINDS = [
    {},
    {'family': -1, 'type': -1, 'proto': -1},
    {'family': socket.AF_INET6},
    {'type': socket.SOCK_DGRAM},
    {'family': socket.AF_INET6, 'type': socket.SOCK_DGRAM, 'proto': socket.IPPROTO_UDP},
    {'type': socket.SOCK_STREAM | NONBLOCK},
    {'type': socket.SOCK_DGRAM | CLOEXEC},
    {'family': int(socket.AF_INET), 'type': int(socket.SOCK_STREAM) | NONBLOCK | CLOEXEC},
]


def facts(sock):
    """What can be said about a socket, but not where it is."""
    def option(name):
        return sock.getsockopt(socket.SOL_SOCKET, name)

    return {
        'class': type(sock), 'family': sock.family, 'type': sock.type, 'proto': sock.proto,
        'enums': (type(sock.family), type(sock.type)),
        'timeout': sock.gettimeout(), 'inheritable': sock.get_inheritable(),
        'flags': fcntl.fcntl(sock, fcntl.F_GETFL), 'own': fcntl.fcntl(sock, fcntl.F_GETFD),
        'kernel': [option(name) for name in
                   (socket.SO_DOMAIN, socket.SO_TYPE, socket.SO_PROTOCOL, socket.SO_ACCEPTCONN)],
        'name': sock.getsockname()[:2], 'repr': repr(sock).replace(f'fd={sock.fileno()}', ''),
    }


@pytest.fixture(params=[None, 0.0, 2.5])
def default_timeout(request):
    socket.setdefaulttimeout(request.param)
    yield
    socket.setdefaulttimeout(None)


@pytest.mark.parametrize('kind', KINDS, ids=str)
def test_as_any_socket(world, kind, default_timeout):
    """A redirected one and one that is asked for differ in nothing but their namespace."""
    with socket.socket(**kind) as plain, xsocket.namespace('vpn'), \
            socket.socket(**kind) as redirected:
        assert facts(redirected) == facts(plain)
        assert wire.netns_cookie(redirected) == world.vpn.cookie
        assert wire.netns_cookie(plain) == world.own_cookie
    if -1 not in kind.values():
        with socket.socket(**kind) as plain, xsocket.socket('vpn', **kind) as asked:
            assert facts(asked) == facts(plain)
            assert wire.netns_cookie(asked) == world.vpn.cookie


def test_arguments_by_position(world):
    with xsocket.namespace('vpn'), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, 0) as sock:
        assert (sock.family, sock.type) == (socket.AF_INET6, socket.SOCK_DGRAM)
        assert wire.netns_cookie(sock) == world.vpn.cookie


class Index:
    """What is a number to C, and equal to none."""

    def __init__(self, number):
        self.number = number

    def __index__(self):
        return int(self.number)


def test_arguments_of_other_types(world):
    with xsocket.namespace('vpn'):
        with socket.socket(Index(socket.AF_INET6), Index(socket.SOCK_DGRAM), Index(0)) as sock:
            assert (sock.family, sock.type) == (socket.AF_INET6, socket.SOCK_DGRAM)
            assert wire.netns_cookie(sock) == world.vpn.cookie
        socket.socket(Index(socket.AF_UNIX)).close()


def test_one_s_own(world):
    with xsocket.socket('.') as sock, xsocket.namespace('vpn'), xsocket.socket('.') as inside:
        assert wire.netns_cookie(sock) == wire.netns_cookie(inside) == world.own_cookie


def test_other_families_and_descriptors_stay(world):
    """Nothing is asked for, so also nothing fails where there is no broker."""
    one, other = socket.socketpair()
    with xsocket.namespace('nobody'), one, other:
        for made in (one.dup(), socket.fromfd(one.fileno(), socket.AF_UNIX, socket.SOCK_STREAM),
                     socket.socket(socket.AF_UNIX), socket.socket(fileno=os.dup(one.fileno())),
                     socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, os.dup(one.fileno())),
                     *socket.socketpair()):
            made.close()


def test_what_comes_of_a_socket_stays_there(world):
    """accept(), dup() and ssl do not ask again, and a listener's clients are in its namespace."""
    with xsocket.namespace('vpn'):
        listener = socket.create_server(('127.0.0.1', 4000))
        client = socket.create_connection(('127.0.0.1', 4000))
    with listener, client, listener.accept()[0] as accepted, client.dup() as duplicate:
        for each in (client, accepted, duplicate):
            assert wire.netns_cookie(each) == world.vpn.cookie
        context = ssl.create_default_context()
        wrapped = context.wrap_socket(client, do_handshake_on_connect=False, server_hostname='a')
        with wrapped:
            assert wire.netns_cookie(wrapped) == world.vpn.cookie


class Sub(socket.socket):
    """As some libraries have them."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.more = 'more'


def test_subclasses_and_early_imports(world):
    with xsocket.namespace('vpn'), Sub() as sock:
        assert sock.more == 'more' and wire.netns_cookie(sock) == world.vpn.cookie


@pytest.mark.parametrize('arguments', [
    ('inet',), (None,), (2.0,), (socket.AF_INET, 'stream'), (socket.AF_INET, 1.0),
    (socket.AF_INET, 1, 'tcp')])
def test_arguments_of_wrong_types(world, arguments):
    with socket.socket(), pytest.raises(TypeError):
        socket.socket(*arguments)
    before = descriptors()
    with xsocket.namespace('vpn'), pytest.raises(TypeError):
        socket.socket(*arguments)
    assert descriptors() == before


def raised(function, *args):
    before = descriptors()
    with pytest.raises(OSError) as info:
        function(*args)
    assert descriptors() == before
    return info.value


def failing(server, *args):
    """The error of both ways, which is the same."""
    asked = raised(xsocket.socket, server, *args)
    with xsocket.namespace(server):
        redirected = raised(socket.socket, *args)
    for error in (asked, redirected):
        assert type(error) is type(asked) and error.errno == asked.errno
    assert str(redirected) == str(asked)
    return asked


def test_no_such_broker():
    error = failing('nobody')
    assert type(error) is FileNotFoundError and error.filename == '/run/xsocket/nobody'
    assert str(error).startswith('[Errno 2] No such file or directory (no socket from the broker): ')
    assert type(raised(xsocket.Client, 'nobody')) is FileNotFoundError


def test_nobody_listens(tmp_path):
    path = tmp_path / 'left'
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as left:
        left.bind(str(path))
    error = failing(path)
    assert type(error) is ConnectionRefusedError and error.filename == str(path)
    assert failing('@nobody').filename == '@nobody'


def test_not_handed_out(world):
    for kind in ((socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
                 (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)):
        assert type(failing('vpn', *kind)) is PermissionError
    assert failing('vpn', socket.AF_INET, socket.SOCK_STREAM, 253).errno == errno.EACCES
    assert raised(xsocket.socket, 'vpn', socket.AF_UNIX).errno == errno.EACCES


@pytest.mark.parametrize('server, number', [
    ('..', errno.EINVAL), ('@', errno.EINVAL),
    ('/' + 'x' * 200, errno.ENAMETOOLONG)])
def test_names_that_cannot_be(server, number):
    assert failing(server).errno == number


def test_not_allowed(world, tmp_path):
    require_users()
    os.chmod(world.vpn.path, 0o600)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(UID, UID, UID)
            xsocket.socket('vpn')
        except PermissionError as error:
            os.write(write, str(error.filename).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    assert os.read(read, 100).decode() == world.vpn.path
    os.close(read)


REFUSED = """
import os, socket, sys
import xsocket
from worlds import descriptors

def refuse(event, arguments):
    if refusing and event == 'socket.__new__':
        raise RuntimeError

refusing = False
sys.addaudithook(refuse)
xsocket.socket('vpn').close()
before = descriptors()
for function in (socket.socket, lambda: xsocket.socket('vpn')):
    with xsocket.namespace('vpn'):
        refusing = True
        try:
            print(function())
        except RuntimeError:
            refusing = False
assert descriptors() == before, descriptors() - before
print('refused')
"""


def test_a_socket_that_python_refuses(world, run):
    """The broker has given it, and then something fails: it is closed."""
    path = f'{os.environ["PYTHONPATH"]}:{os.path.dirname(__file__)}'
    assert run(REFUSED, env={'PYTHONPATH': path}) == 'refused\n'


def test_no_descriptor_left(world):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    xsocket.socket('vpn').close()
    before = len(descriptors())
    resource.setrlimit(resource.RLIMIT_NOFILE, (before + 20, hard))
    try:
        made = []
        with pytest.raises(OSError) as info:
            while True:
                made.append(xsocket.socket('vpn'))
        assert info.value.errno == errno.EMFILE and len(made) > 10
        for each in made:
            each.close()
        # a batch, all or nothing
        with xsocket.Client('vpn') as client, pytest.raises(OSError) as info:
            client.sockets(300)
        assert info.value.errno == errno.EMFILE
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(descriptors()) <= before  # the connection may have been lost, too


def test_a_thousand(world):
    """Nothing is kept of them but a connection."""
    xsocket.socket('vpn').close()
    before = descriptors()
    with xsocket.namespace('vpn'):
        for _ in range(1000):
            socket.socket().close()
            xsocket.socket('vpn', socket.AF_INET6, socket.SOCK_DGRAM).close()
    assert descriptors() == before


def test_the_examples_server_is_there(world):
    """That the servers at one address can be told apart."""
    with xsocket.namespace('lan'), socket.create_connection(('127.0.0.1', PORT)) as sock:
        assert wire.netns_cookie(sock) == world.lan.cookie


class Interrupted(Exception):
    pass


@pytest.mark.parametrize('batch, at_most', [(0, 20), (20, 100)])
def test_a_signal_handler_that_raises(world, batch, at_most):
    """What the broker has handed out by then is closed."""
    def handle(*_):
        raise Interrupted

    def make(client):
        for _ in range(1000):
            if batch:
                for sock in client.sockets(batch):
                    sock.close()
            else:
                socket.socket().close()

    before, previous, interrupted = descriptors(), signal.signal(signal.SIGALRM, handle), 0
    try:
        with xsocket.Client('vpn') as client:
            while interrupted < 200:
                try:
                    with xsocket.namespace('vpn'):
                        signal.setitimer(signal.ITIMER_REAL, 0.0004)
                        make(client)
                except Interrupted:
                    interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    # there are moments in which a descriptor is between two owners, in Python's hands
    assert len(descriptors() - before) <= at_most
