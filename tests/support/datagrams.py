# SPDX-License-Identifier: MIT
"""Datagrams: sockets for them, both ends of a bridge, and what the kernel tells about each."""

import array
import contextlib
import fcntl
import os
import select
import signal
import socket
import struct

from support.wait import wait_until

PATIENCE = 10
PROBE = b'probe'
UDP_SEGMENT, UDP_GRO = 103, 104  # linux/udp.h
IP_RECVERR, IP_MTU, IP_MTU_DISCOVER, IP_PMTUDISC_DO = 11, 14, 10, 2  # linux/in.h
IPV6_RECVERR, IPV6_MTU_DISCOVER = 25, 23  # linux/in6.h


def family_of(host):
    return socket.AF_INET6 if ':' in host else socket.AF_INET


def text(host, port):
    """As an endpoint is written."""
    return f'udp:[{host}]:{port}' if ':' in host else f'udp:{host}:{port}'


class Ends:
    """Clients in one namespace, a server in another one, a bridge in between."""

    def __init__(self, near, far, bridge=None, listen=('127.0.0.1', 4000),
                 connect=('127.0.0.1', 5000)):
        self.near, self.far, self.bridge = near, far, bridge
        self.listen, self.connect_to = listen, connect
        self.stack = contextlib.ExitStack()

    def keep(self, sock):
        sock.settimeout(PATIENCE)
        return self.stack.enter_context(sock)

    def serve(self, host=None, port=None):
        """A server's socket."""
        host = host or self.connect_to[0]
        sock = self.keep(self.far.socket(family_of(host), socket.SOCK_DGRAM))
        sock.bind((host, self.connect_to[1] if port is None else port))
        return sock

    def client(self, host=None, source=None):
        """A socket that is connected to the bridge: it hears nobody else."""
        host = host or self.listen[0]
        sock = self.keep(self.near.socket(family_of(host), socket.SOCK_DGRAM))
        if source:
            sock.bind((source, 0))
        sock.connect((host, self.listen[1]))
        return sock

    @contextlib.contextmanager
    def stopped(self):
        """What is sent meanwhile, the bridge receives at once."""
        os.kill(self.bridge.pid, signal.SIGSTOP)
        wait_until(lambda: state(self.bridge.pid) == 'T')
        try:
            yield
        finally:
            os.kill(self.bridge.pid, signal.SIGCONT)

    def counters(self):
        return self.bridge.counters()['1']

    def wait_counter(self, **expected):
        """Until counters are these."""
        found = {}

        def reached():
            found.update(self.counters())
            return all(found[name] == value for name, value in expected.items())

        wait_until(reached, what=lambda: f'{expected}: {found}')
        return found

    def close(self):
        self.stack.close()

    def end(self):
        """The bridge, too, begins to: else it would wait until its sessions are quiet."""
        self.close()
        if self.bridge and self.bridge.process.poll() is None:
            self.bridge.drain()


def without_checksums(name):
    """A network device of this thread's namespace leaves checksums to the CPU."""
    request = array.array('I', [0x17, 0])  # ETHTOOL_STXCSUM, off: linux/ethtool.h
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8946,  # SIOCETHTOOL
                    struct.pack('16sP16x', name.encode(), request.buffer_info()[0]))


def state(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as stat:
        return stat.read().rpartition(')')[2].split()[0]


def receive(sock, count):
    """So many datagrams."""
    return [sock.recv(65536) for _ in range(count)]


def nothing_more(sock, seconds=0.2):
    """That nothing comes, as far as one can wait for that."""
    return not select.select([sock], [], [], seconds)[0]


def ask(client, server, data=b'?', answer=b'!'):
    """There and back; returns what the server takes for the client."""
    client.send(data)
    found, peer = server.recvfrom(65536)
    while found == PROBE != data:  # a late one
        found, peer = server.recvfrom(65536)
    assert found == data
    server.sendto(answer, peer)
    assert client.recv(65536) == answer
    return peer


def reaches(client, server):
    """Whether what this client sends comes to this server, within a moment."""
    server.settimeout(0.2)
    client.send(PROBE)
    try:
        while server.recv(100) != PROBE:
            pass
    except TimeoutError:
        return False
    finally:
        server.settimeout(PATIENCE)
    return True


def error_of(client, data=b'?'):
    """The error that a connected socket gets for what it sends, if it does within its time-out."""
    try:
        client.send(data)
        return client.recv(65536)
    except OSError as error:
        return error.errno


def tell_all(client):
    """A socket is told of all errors from now on; else of those only that are final."""
    if client.family == socket.AF_INET:
        client.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    else:
        client.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    return client


def with_ancillary(sock):
    """(data, {(level, type): number}) of the next datagram."""
    data, ancillary, _, _ = sock.recvmsg(65536, 512)
    return data, {(level, kind): value[0] if len(value) == 1 else struct.unpack_from('i', value)[0]
                  for level, kind, value in ancillary}
