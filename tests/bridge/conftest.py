# SPDX-License-Identifier: MIT
"""Streams through a bridge between two namespaces, and the same without one."""

import contextlib
import os
import socket

import pytest

from support import streams, webservers
from support.broker import Vpn
from support.setting import Setting
from support.users import as_user
from support.wait import wait_until

LISTEN, CONNECT = 'tcp:127.0.0.1:4000', 'tcp:127.0.0.1:5000'
# a listener that accepted connections are asked about in the tests takes notes of how they came
SAVE_SYN = [(socket.IPPROTO_TCP, streams.TCP_SAVE_SYN, 1)]
# What a bridge may have open that it had not before its first connection: pipes and sockets that
# it keeps to be used again, and sockets for look-ups.
KEPT = 16


class Ends:
    """Clients in one namespace, and a server in the same or in another one."""

    def __init__(self, near, listen, far, connect, serve=True, **server):
        self.near, self.far = near, far
        self.listen, self.connect_to = listen, connect
        self.stack = contextlib.ExitStack()
        self.server = server
        self.listener = None
        if serve:
            self.serve()

    def serve(self, **more):
        """The server begins to listen."""
        kwargs = {'options': SAVE_SYN if self.connect_to.startswith('tcp') else ()} | self.server
        self.listener = self.keep(streams.listen(self.far, self.connect_to, **kwargs | more))
        return self.listener

    def keep(self, sock):
        return self.stack.enter_context(sock)

    def connect(self, source=None, options=()):
        """A client that is connected, as far as it can tell."""
        return self.keep(streams.connect(self.near, self.listen, source, options))

    def connect_and_end(self, source=None):
        """(what still came, how it ended) for a client that says nothing: it is turned away."""
        return streams.end_of_connecting(self.near, self.listen, source=source)

    def accept(self):
        """What comes to the server."""
        sock, _ = self.listener.accept()
        sock.settimeout(streams.PATIENCE)
        return self.keep(sock)

    def pair(self, **kwargs):
        """A client, and the server's side of it."""
        sock = self.connect(**kwargs)
        return sock, self.accept()

    def attended(self):
        """The same, or None: the client was reset instead."""
        pair = streams.attended(self.near, self.listen, self.listener)
        return pair and tuple(self.keep(sock) for sock in pair)

    def forget(self):
        """Leaves aside what has come for clients that were reset meanwhile."""
        while streams.readable(self.listener, 0):
            self.accept().close()

    def works(self):
        """A new connection brings bytes there and back, and ends."""
        one, other = self.pair()
        with one, other:
            one.sendall(b'there')
            assert streams.read_exactly(other, 5) == b'there'
            other.sendall(b'and back')
            other.shutdown(socket.SHUT_WR)
            assert streams.read_all(one) == b'and back'
            one.shutdown(socket.SHUT_WR)
            assert streams.read_all(other) == b''

    def close(self):
        self.stack.close()


class Forward(Ends):
    """The two ends of a bridge."""

    def __init__(self, bridge, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.bridge = bridge
        self.before = len(bridge.fds())

    def wait_empty(self):
        """Until it holds no connection any more."""
        wait_until(lambda: len(self.bridge.fds()) <= self.before + KEPT,
                   what=lambda: f'{self.before} descriptors before, now {self.bridge.fds()}')


class Forwards:
    """Makes bridges between new namespaces, each with a server behind it."""

    def __init__(self, netns, bridge):
        self.netns, self.bridge, self.made = netns, bridge, []

    @staticmethod
    def place(endpoint, namespace):
        """A path is the same everywhere, and the bridge wants to hear nothing else."""
        path = endpoint.startswith('unix:') and not endpoint.startswith('unix:@')
        return '' if path else f',netns={namespace.name}'

    def __call__(self, *args, listen=LISTEN, connect=CONNECT, near=None, far=None, listening='',
                 connecting='', serve=True, server=None, **kwargs):
        """args and kwargs are the bridge's; listening and connecting: options of the endpoints."""
        near, far = near or self.netns(), far or self.netns()
        bridge = self.bridge('--listen', listen + self.place(listen, near) + listening,
                             '--connect', connect + self.place(connect, far) + connecting,
                             *args, **kwargs)
        self.made.append(Forward(bridge, near, listen, far, connect, serve, **server or {}))
        return self.made[-1]


@pytest.fixture
def forward(netns, bridge):
    """forward(ARG...): a bridge to a server that listens; it has forgotten all at the end."""
    forwards = Forwards(netns, bridge)
    yield forwards
    for one in forwards.made:
        one.close()
    for one in forwards.made:
        if one.bridge.process.poll() is None:
            one.wait_empty()


@pytest.fixture(params=['direct', 'bridge'])
def joined(request, netns, forward):
    """A client's and a server's side; what is true without a bridge has to be true with one."""
    if request.param == 'bridge':
        yield forward()
        return
    namespace = netns()
    ends = Ends(namespace, CONNECT, namespace, CONNECT)
    yield ends
    ends.close()


@pytest.fixture
def setting(netns, bridge, tmp_path):
    """A bridge with a configuration file; setting.start() starts it."""
    made = Setting(netns, bridge, tmp_path)
    yield made
    made.close()


@pytest.fixture
def directory(tmp_path):
    """A directory that every user can go through, with a path that fits into an address."""
    for parent in [tmp_path, *list(tmp_path.parents)[:3]]:
        with contextlib.suppress(PermissionError):
            os.chmod(parent, 0o755)
    return tmp_path


@pytest.fixture
def webserver(tmp_path):
    """webserver(NAMESPACE, 'nginx'): a server that tells who its client is."""
    started = []

    def start(namespace, kind, text=None):
        text = text or {'nginx': webservers.NGINX, 'haproxy': webservers.HAPROXY}[kind]
        started.append(webservers.Server(namespace, kind, tmp_path / f'{kind}{len(started)}', text))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def served(netns, broker):
    """served(): a new namespace with a broker in it that every user may ask."""
    os.makedirs('/run/xsocket', exist_ok=True)

    def make():
        namespace = netns()
        started = broker('--netns', namespace.name, server=f'/run/xsocket/{namespace.name}')
        os.chmod(started.server, 0o666)
        return Vpn(namespace, started)

    return make


@pytest.fixture
def unprivileged(public):
    """For bridge(wrap=): it runs as a user with no privilege at all."""
    program = str(public('bridge/xsocket-bridge'))
    return lambda argv: as_user([program, *argv[1:]])
