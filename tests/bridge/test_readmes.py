# SPDX-License-Identifier: MIT
"""What the descriptions of other bridges show works with this one, in namespaces as they have them.

netns_tcp_bridge: its session, its nine options, and the pair of socats that it compares itself with.
Those that forward ports between namespaces, as NSProxy: files of a server in another namespace, by
curl, and datagrams.
"""

import contextlib
import hashlib
import os
import socket
import subprocess
import sys

import pytest

from support.netns import Namespace
from support.streams import PATIENCE, Task, data
from support.wait import require, wait_until

SHORT = {'listen': '-l', 'listen-fd': '-L', 'preaccepted-fd': '-S', 'connect': '-c',
         'connect-fd': '-C', 'listen-netns-file': '-f', 'listen-netns-fd': '-F',
         'connect-netns-file': '-t', 'connect-netns-fd': '-T'}
# an address for documents (RFC 5737), here one of a machine far away
ADDR = '192.0.2.34'
COULD_NOT_CONNECT, GOT_NOTHING, RECEIVE_ERROR = 7, 52, 56  # curl(1)


@pytest.fixture(params=['short', 'long'])
def options(request):
    """options(listen='127.0.0.1:80', ...): a command line with these, in one of both forms."""
    def make(**values):
        if request.param == 'short':
            return [part for name, value in values.items()
                    for part in (SHORT[name.replace('_', '-')], value)]
        return [f'--{name.replace("_", "-")}={value}' for name, value in values.items()]

    return make


class FileServer:
    """python3 -m http.server in a namespace, with one large file."""

    def __init__(self, namespace, directory, where=('127.0.0.1', 80)):
        self.content = data(3 << 20)
        directory.mkdir()
        (directory / 'file').write_bytes(self.content)
        self.process = namespace.popen(
            [sys.executable, '-m', 'http.server', str(where[1]), '--bind', where[0],
             '--directory', directory], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: namespace.listening(where[1]))

    def is_fetched(self, namespace, where='127.0.0.1:80', *more):
        """curl, there, gets all of the file."""
        fetched = namespace.run(['curl', '-sS', '--max-time', PATIENCE, *more, f'http://{where}/file'],
                                capture_output=True, text=False).stdout
        assert hashlib.sha256(fetched).digest() == hashlib.sha256(self.content).digest()

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def files(tmp_path):
    """files(NAMESPACE, where=(ADDRESS, PORT)): a server of files."""
    require('curl')
    started = []

    def start(namespace, **kwargs):
        started.append(FileServer(namespace, tmp_path / f'files{len(started)}', **kwargs))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def usual(netns):
    """The namespace that programs usually are in: it knows a way to ADDR."""
    namespace = netns()
    namespace.run(['ip', 'address', 'add', f'{ADDR}/32', 'dev', 'lo'])
    return namespace


def head(namespace, where):
    """(status, output) of curl --head."""
    result = namespace.run(['curl', '-sS', '--max-time', PATIENCE, '--head', f'http://{where}/'],
                           capture_output=True, check=False)
    return result.returncode, result.stdout


class New(Namespace):
    """The namespace of a process that was started by unshare(1), which has no other name."""

    def __init__(self, usual):
        self.process = usual.popen(['unshare', '--net', 'sh', '-c',
                                    'ip link set lo up && echo up && read -r end'],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == 'up\n'
        self.pid = self.process.pid
        self.path = f'/proc/{self.pid}/ns/net'

    def delete(self):
        self.process.communicate()


def test_session(usual, files, bridge, options):
    """netns_tcp_bridge's: a shell in a new namespace reaches a web server that only the usual one does."""
    files(usual, where=(ADDR, 80))
    new = New(usual)
    try:
        assert head(usual, ADDR)[0] == 0
        assert head(new, ADDR)[0] == COULD_NOT_CONNECT
        assert head(new, '127.0.0.1')[0] == COULD_NOT_CONNECT
        bridge(*options(listen='127.0.0.1:80', listen_netns_file=new.path, connect=f'{ADDR}:80'),
               wrap=usual.enter)
        status, answer = head(new, '127.0.0.1')
        assert status == 0 and answer.startswith('HTTP/1.0 200 OK')
        assert head(usual, '127.0.0.1')[0] == COULD_NOT_CONNECT
    finally:
        new.delete()


# ---- its options ----

@pytest.mark.parametrize('listen, fetch', [('127.0.0.1:8000', '127.0.0.1:8000'),
                                           ('[::1]:8000', '[::1]:8000'),
                                           ('[::]:8000', '127.0.0.1:8000'),
                                           ('0.0.0.0:8000', '127.0.0.1:8000')])
def test_listen_and_connect(usual, files, bridge, options, listen, fetch):
    """No namespace at all: an ordinary forwarder."""
    server = files(usual)
    bridge(*options(listen=listen, connect='127.0.0.1:80'), wrap=usual.enter)
    server.is_fetched(usual, fetch, '--globoff')


@pytest.mark.parametrize('connect', ['file', 'fd', 'here'])
@pytest.mark.parametrize('listen', ['file', 'fd', 'here'])
def test_namespaces(netns, here, files, bridge, options, listen, connect):
    """Each side in a namespace that is told by its path or by a descriptor, or where the bridge is."""
    near = here if listen == 'here' else netns()
    far = here if connect == 'here' else netns()
    server = files(far, where=('127.0.0.1', 8001))
    with open(near.path, 'rb') as near_fd, open(far.path, 'rb') as far_fd:
        told = {'listen': '127.0.0.1:8000', 'connect': '127.0.0.1:8001'}
        if listen != 'here':
            told[f'listen_netns_{listen}'] = {'file': near.path, 'fd': near_fd.fileno()}[listen]
        if connect != 'here':
            told[f'connect_netns_{connect}'] = {'file': far.path, 'fd': far_fd.fileno()}[connect]
        bridge(*options(**told), pass_fds=(near_fd.fileno(), far_fd.fileno()))
    server.is_fetched(near, '127.0.0.1:8000')
    server.is_fetched(near, '127.0.0.1:8000')


@contextlib.contextmanager
def listener(namespace, port=8000):
    with namespace.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(('127.0.0.1', port))
        sock.listen(16)
        yield sock


def test_listening_descriptor(netns, files, bridge, options):
    near, far = netns(), netns()
    server = files(far)
    with listener(near) as sock:
        bridge(*options(listen_fd=sock.fileno(), connect='127.0.0.1:80',
                        connect_netns_file=far.path), pass_fds=[sock.fileno()])
    for _ in range(3):
        server.is_fetched(near, '127.0.0.1:8000')


@pytest.mark.parametrize('connected', [False, True])
def test_accepted_client(netns, files, bridge, options, connected):
    """One client is served, through a new connection or one that is there; then the bridge ends."""
    near, far = netns(), netns()
    server = files(far)
    with listener(near) as sock, contextlib.ExitStack() as stack:
        fetching = Task(server.is_fetched, near, '127.0.0.1:8000')
        client, _ = sock.accept()
        stack.enter_context(client)
        told = {'preaccepted_fd': client.fileno()}
        fds = [client.fileno()]
        if connected:
            there = stack.enter_context(far.connect(80))
            told['connect_fd'] = there.fileno()
            fds.append(there.fileno())
        else:
            told |= {'connect': '127.0.0.1:80', 'connect_netns_file': far.path}
        running = bridge(*options(**told), pass_fds=fds, expected=0)
    fetching.result()
    assert running.wait() == 0


@pytest.mark.parametrize('listen', ['address', 'descriptor'])
def test_connected_descriptor(netns, files, bridge, options, listen):
    """The first client gets it, then the bridge ends."""
    near, far = netns(), netns()
    server = files(far)
    with far.connect(80) as there, listener(near) as sock:
        fds = [there.fileno()]
        if listen == 'descriptor':
            told = {'listen_fd': sock.fileno()}
            fds.append(sock.fileno())
        else:
            sock.close()
            told = {'listen': '127.0.0.1:8000', 'listen_netns_file': near.path}
        running = bridge(*options(**told, connect_fd=there.fileno()), pass_fds=fds, expected=0)
    server.is_fetched(near, '127.0.0.1:8000')
    assert running.wait() == 0
    assert head(near, '127.0.0.1:8000')[0] in (COULD_NOT_CONNECT, GOT_NOTHING, RECEIVE_ERROR)


# ---- the pair of socats ----

@pytest.fixture
def pair(netns, files, tmp_path):
    """(near, far, server, path): a Unix socket that both namespaces can reach."""
    near, far = netns(), netns()
    return near, far, files(far, where=('127.0.0.1', 1234)), tmp_path / 'shared.sock'


def test_pair_of_bridges(pair, bridge):
    """Each in its namespace, as the socats are."""
    near, far, server, path = pair
    bridge('--listen', f'unix:{path}', '--connect', 'tcp:127.0.0.1:1234', wrap=far.enter)
    bridge('--listen', 'tcp:127.0.0.1:1234', '--connect', f'unix:{path}', wrap=near.enter)
    server.is_fetched(near, '127.0.0.1:1234')


def test_pair_in_one_process(pair, bridge):
    near, far, server, path = pair
    bridge('--listen', f'unix:{path}', '--connect', f'tcp:127.0.0.1:1234,netns={far.name}',
           '--listen', f'tcp:127.0.0.1:1234,netns={near.name}', '--connect', f'unix:{path}')
    server.is_fetched(near, '127.0.0.1:1234')


@pytest.mark.parametrize('side', ['listening', 'connecting'])
def test_half_of_a_pair(pair, bridge, side):
    """The other half is a socat still."""
    near, far, server, path = pair
    require('socat')
    if side == 'listening':
        bridge('--listen', 'tcp:127.0.0.1:1234', '--connect', f'unix:{path}', wrap=near.enter)
        argv = far.enter(['socat', f'unix-listen:{path},fork', 'tcp:127.0.0.1:1234'])
    else:
        bridge('--listen', f'unix:{path}', '--connect', 'tcp:127.0.0.1:1234', wrap=far.enter)
        argv = near.enter(['socat', 'tcp-l:1234,fork,reuseaddr', f'unix:{path}'])
    with subprocess.Popen(argv, start_new_session=True) as socat:
        try:
            wait_until(lambda: path.exists() and near.listening(1234))
            server.is_fetched(near, '127.0.0.1:1234')
        finally:
            os.killpg(socat.pid, 15)


# ---- ports between namespaces ----

def test_files_of_another_namespace(netns, here, files, bridge):
    """A server in a namespace of its own is reached from the usual one."""
    priv = netns()
    server = files(priv, where=('127.0.0.1', 8000))
    bridge('--listen', 'tcp:*:8080', '--connect', f'tcp:127.0.0.1:8000,netns={priv.name}')
    server.is_fetched(here, '127.0.0.1:8080')
    server.is_fetched(here, '[::1]:8080', '--globoff')


def test_files_of_the_usual_namespace(netns, here, files, bridge):
    """The other way round: from a namespace with nothing in it."""
    priv = netns()
    server = files(here, where=('127.0.0.1', 8000))
    bridge('--listen', f'tcp:127.0.0.1:80,netns={priv.name}', '--connect', 'tcp:localhost:8000')
    server.is_fetched(priv, '127.0.0.1')


def test_several_ports_and_datagrams(netns, files, bridge):
    """Two ports of TCP and one of UDP, between two namespaces neither of which is the usual one."""
    near, far = netns(), netns()
    servers = files(far, where=('127.0.0.1', 81)), files(far, where=('127.0.0.1', 82))
    bridge('--listen', f'tcp:127.0.0.1:8081,netns={near.name}',
           '--connect', f'tcp:127.0.0.1:81,netns={far.name}',
           '--listen', f'udp:127.0.0.1:5353,netns={near.name}',
           '--connect', f'udp:127.0.0.1:53,netns={far.name}',
           '--listen', f'tcp:127.0.0.1:8082,netns={near.name}',
           '--connect', f'tcp:127.0.0.1:82,netns={far.name}')
    with far.socket(type=socket.SOCK_DGRAM) as there, near.socket(type=socket.SOCK_DGRAM) as sock:
        there.bind(('127.0.0.1', 53))
        for one in (there, sock):
            one.settimeout(PATIENCE)
        sock.sendto(b'question', ('127.0.0.1', 5353))
        question, asker = there.recvfrom(100)
        assert question == b'question'
        there.sendto(b'answer', asker)
        assert sock.recvfrom(100) == (b'answer', ('127.0.0.1', 5353))
    for port, server in zip((8081, 8082), servers):
        server.is_fetched(near, f'127.0.0.1:{port}')
