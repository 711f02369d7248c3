# SPDX-License-Identifier: MIT
"""What is set on the bridge's sockets, and what of the client's packets is carried to the target.

The bridge's own sockets are looked at through copies of them (pidfd_getfd(2)).
"""

import contextlib
import socket
import time

import pytest

from support import streams
from support.procfs import sockets

TCP, IP, IPV6 = socket.IPPROTO_TCP, socket.IPPROTO_IP, socket.IPPROTO_IPV6
SO_MARK, SO_BINDTODEVICE = 36, 25


def bridge_sides(ends, client, server):
    """Copies of the bridge's two sockets of this connection: (the client's, the target's)."""
    found = {}
    for sock in sockets(ends.bridge.pid):
        ends.keep(sock)
        with contextlib.suppress(OSError):  # not connected
            found[sock.getpeername()] = sock
            if sock.getsockname() == server.getpeername():
                found['target'] = sock
    return found[client.getsockname()], found['target']


@pytest.fixture
def sides(forward):
    """sides(listening=, connecting=): the bridge's sockets of a new connection."""
    def make(**kwargs):
        ends = forward(**kwargs)
        client, server = ends.pair()
        client.sendall(b'x')
        assert streams.read_exactly(server, 1) == b'x'
        return bridge_sides(ends, client, server)

    return make


def test_defaults(sides):
    for sock in sides():
        assert sock.getsockopt(TCP, socket.TCP_NODELAY) == 1
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(TCP, socket.TCP_KEEPIDLE) == 7200


@pytest.mark.parametrize('which', [0, 1])
def test_chosen_for_one_side(sides, which):
    both = sides(**{('listening', 'connecting')[which]: ',nodelay=no,keepalive=no'})
    for index, sock in enumerate(both):
        assert sock.getsockopt(TCP, socket.TCP_NODELAY) == (index != which)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == (index != which)


def test_keepalive_of_so_many_seconds(sides):
    client, target = sides(listening=',keepalive=60', connecting=',keepalive=90')
    for sock, seconds in ((client, 60), (target, 90)):
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(TCP, socket.TCP_KEEPIDLE) == seconds


def test_mark_and_interface(sides):
    client, target = sides(listening=',mark=7,interface=lo', connecting=',mark=9,interface=lo')
    for sock, mark in ((client, 7), (target, 9)):
        assert sock.getsockopt(socket.SOL_SOCKET, SO_MARK) == mark
        assert sock.getsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, 16) == b'lo\0'


def test_type_of_service_and_ttl_that_are_given(forward):
    ends = forward(listening=',tos=32,ttl=44', connecting=',tos=184,ttl=55')
    client, server = ends.pair()
    assert streams.saved_syn(server) == (184, 55)
    client, target = bridge_sides(ends, client, server)
    assert (client.getsockopt(IP, socket.IP_TOS), client.getsockopt(IP, socket.IP_TTL)) == (32, 44)
    assert (target.getsockopt(IP, socket.IP_TOS), target.getsockopt(IP, socket.IP_TTL)) == (184, 55)


def tos(value, v6=False):
    return [(IPV6, socket.IPV6_TCLASS, value) if v6 else (IP, socket.IP_TOS, value)]


def ttl(value, v6=False):
    return [(IPV6, socket.IPV6_UNICAST_HOPS, value) if v6 else (IP, socket.IP_TTL, value)]


V4, V6 = ('tcp:127.0.0.1:{}', 'tcp:[::1]:{}')
families = pytest.mark.parametrize('here, there', [(V4, V4), (V6, V6), (V4, V6), (V6, V4)])


@families
def test_type_of_service_is_carried(forward, here, there):
    """From the client's SYN to that of the bridge, and to all behind it."""
    ends = forward(listen=here.format(4000), connect=there.format(5000))
    for value in (0, 0x10, 0xb8, 0x48):
        client, server = ends.pair(options=tos(value, here == V6))
        assert streams.saved_syn(server)[0] == value
        _, target = bridge_sides(ends, client, server)
        option = (IPV6, socket.IPV6_TCLASS) if there == V6 else (IP, socket.IP_TOS)
        assert target.getsockopt(*option) == value


@families
def test_ttl_is_carried_where_that_is_asked_for(forward, here, there):
    ends = forward(listen=here.format(4000), connect=there.format(5000), connecting=',ttl=carry')
    for value in (1, 33, 255):
        _, server = ends.pair(options=ttl(value, here == V6))
        assert streams.saved_syn(server)[1] == value


def test_neither_is_carried_where_it_is_not_asked_for(forward):
    ends = forward(connecting=',tos=0')
    _, server = ends.pair(options=tos(0xb8) + ttl(33))
    assert streams.saved_syn(server) == (0, 64)


def test_small_writes_are_not_delayed(forward):
    """A question in two pieces. With Nagle's algorithm (RFC 896) on the way the second one waits
    for the acknowledgement of the first, which takes 40 ms."""
    ends = forward()
    client, server = ends.pair(options=[(TCP, socket.TCP_NODELAY, 1)])
    server.setsockopt(TCP, socket.TCP_NODELAY, 1)
    begin = time.monotonic()
    for _ in range(100):
        for one, other in ((client, server), (server, client)):
            one.sendall(b'a')
            assert streams.read_exactly(other, 1) == b'a'
            one.sendall(b'b')
            assert streams.read_exactly(other, 1) == b'b'
    assert time.monotonic() - begin < 100 * 0.04


def test_bind(forward):
    """The source address, and port, that the target sees."""
    ends = forward(connecting=',bind=127.0.0.9')
    _, server = ends.pair()
    assert server.getpeername()[0] == '127.0.0.9'


def test_bind_to_a_port(forward):
    ends = forward(connecting=',bind=127.0.0.9:7777')
    client, server = ends.pair()
    assert server.getpeername() == ('127.0.0.9', 7777)
    assert ends.connect_and_end() == (b'', 'ECONNRESET')  # that port is taken
    streams.reset(server)
    assert streams.ending(client) == (b'', 'ECONNRESET')
    ends.works()


def test_ipv6only(forward):
    ends = forward(listen='tcp:[::]:4000', listening=',ipv6only', connecting=',as-local')
    with pytest.raises(ConnectionRefusedError):
        streams.connect(ends.near, 'tcp:127.0.0.1:4000')
    ends.listen = 'tcp:[::1]:4000'
    ends.works()
