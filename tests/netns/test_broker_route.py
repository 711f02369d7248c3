# SPDX-License-Identifier: MIT
"""AllowSockets=route: sockets that tell addresses, links and routes of the namespace."""

import errno
import os
import socket
import struct

import pytest

from support import wire
from support.users import errno_of

NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_GENERIC = 0, 4, 16
RTM_NEWADDR, RTM_GETLINK, RTM_GETADDR, RTM_NEWROUTE = 20, 18, 22, 24
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_CREATE = 1, 4, 0x300, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
KERNEL = (0, 0)


@pytest.fixture
def there(netns):
    """A namespace with an address that no other has."""
    namespace = netns()
    namespace.run(['ip', 'address', 'add', '127.0.0.77/32', 'dev', 'lo'])
    return namespace


@pytest.fixture
def server(there, broker, tmp_path):
    config = tmp_path / 'route.conf'
    config.write_text('[Server]\nAllowSockets=tcp route\n')
    return broker('--netns', there.name, '--config', config, server=tmp_path / 'socket')


def attribute(kind, value):
    return struct.pack('=HH', 4 + len(value), kind) + value


def message(kind, flags, body):
    return struct.pack('=IHHII', 16 + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body


def new_address(address):
    return message(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE, struct.pack('=BBBBI', 2, 32, 0, 0, 1)
                   + attribute(2, socket.inet_aton(address)))


def new_route(address):
    return message(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE,
                   struct.pack('=BBBBBBBBI', 2, 32, 0, 0, 254, 3, 0, 6, 0)
                   + attribute(1, socket.inet_aton(address)))


def change(sock, request, *destination):
    """Asks for something to be changed; raises what the kernel says to that."""
    if destination:
        sock.sendto(request, *destination)
    else:
        sock.send(request)
    answer = sock.recv(8192)
    assert struct.unpack_from('=H', answer, 4)[0] == NLMSG_ERROR
    error = -struct.unpack_from('=i', answer, 16)[0]
    if error:
        raise OSError(error, os.strerror(error))


def configuration(namespace):
    return [namespace.run(['ip', what], capture_output=True).stdout
            for what in ('link', 'address', 'route')]


def dump(sock, kind):
    """All entries of a table."""
    sock.send(message(kind, NLM_F_DUMP, bytes([socket.AF_UNSPEC])))
    found = []
    while True:
        data = sock.recv(65536)
        while data:
            length, kind = struct.unpack_from('=IH', data)
            if kind == NLMSG_DONE:
                return found
            assert kind != NLMSG_ERROR
            found.append(data[:length])
            data = data[(length + 3) & ~3:]


@pytest.mark.parametrize('kind', [
    socket.SOCK_RAW, socket.SOCK_DGRAM, socket.SOCK_RAW | socket.SOCK_NONBLOCK])
def test_it_tells_what_is_there(server, there, kind):
    with server.connect() as connection:
        socks = [connection.plain(socket.AF_NETLINK, kind, NETLINK_ROUTE),
                 *connection.sockets(2, socket.AF_NETLINK, kind, NETLINK_ROUTE)]
    for sock in socks:
        with sock:
            assert wire.netns_cookie(sock) == there.cookie()
            sock.setblocking(True)
            assert any(b'lo\0' in entry for entry in dump(sock, RTM_GETLINK))
            address = socket.inet_aton('127.0.0.77')
            assert any(address in entry for entry in dump(sock, RTM_GETADDR))
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as ours:
                assert not any(address in entry for entry in dump(ours, RTM_GETADDR))


@pytest.mark.parametrize('kind, protocol', [
    (socket.SOCK_RAW, NETLINK_SOCK_DIAG), (socket.SOCK_RAW, NETLINK_GENERIC),
    (socket.SOCK_DGRAM, 12), (socket.SOCK_STREAM, NETLINK_ROUTE), (socket.SOCK_RAW, -1)])
def test_no_other_netlink(server, kind, protocol):
    with server.connect() as connection:
        with pytest.raises(wire.Refused) as refused:
            connection.plain(socket.AF_NETLINK, kind, protocol)
        assert refused.value.errno == errno.EACCES


@pytest.fixture
def route(server):
    with server.ask(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as sock:
        yield sock


CHANGES = [new_address('127.0.0.78'), new_route('192.0.2.1')]


@pytest.mark.parametrize('request_', CHANGES, ids=['address', 'route'])
def test_a_client_without_capabilities_changes_nothing(route, there, request_):
    """However it asks."""
    before = configuration(there)
    for destination in ((), (KERNEL,)):
        assert errno_of(lambda to=destination: change(route, request_, *to)) == errno.EPERM
    assert configuration(there) == before


@pytest.mark.parametrize('request_', CHANGES, ids=['address', 'route'])
def test_the_socket_brings_no_right_of_its_own(route, there, request_):
    """The broker was started by root, and has given up all that it could have lent to a socket."""
    before = configuration(there)
    with pytest.raises(PermissionError):
        change(route, request_)
    assert configuration(there) == before


def test_who_may_change_it_anyhow_is_not_held_back(route, there):
    """CAP_NET_ADMIN over the namespace counts with every socket: tests/kernel/fact_route.c."""
    change(route, new_address('127.0.0.78'), KERNEL)
    assert '127.0.0.78' in ''.join(configuration(there))
