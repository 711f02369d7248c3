# SPDX-License-Identifier: MIT
"""A broker started by hand: what it answers, and whose sockets those are."""

import errno
import fcntl
import os
import socket

import pytest

from support import wire
from support.wait import wait_until

INET = (socket.AF_INET, socket.AF_INET6)
IPPROTO_MPTCP = 262


def test_plain_request_of_xsocket_1_2(vpn):
    """DESIGN: those clients keep working. One packet there, one packet and one descriptor back."""
    with vpn.broker.connect() as connection:
        connection.send(bytes.fromhex('58533031 00000002 00000001 00000000'))
        packet, socks = connection.receive()
    assert packet == bytes.fromhex('58533032 00000000')
    assert len(socks) == 1
    assert wire.netns_cookie(socks[0]) == vpn.cookie()


@pytest.mark.parametrize('family', INET)
@pytest.mark.parametrize('kind, protocol', [
    (socket.SOCK_STREAM, 0), (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    (socket.SOCK_STREAM, IPPROTO_MPTCP),
    (socket.SOCK_DGRAM, 0), (socket.SOCK_DGRAM, socket.IPPROTO_UDP)])
def test_default_kinds(vpn, here, family, kind, protocol):
    with vpn.broker.connect() as connection:
        for sock in (connection.plain(family, kind, protocol),
                     *connection.sockets(2, family, kind, protocol)):
            with sock:
                assert sock.family == family
                assert sock.type == kind
                assert wire.netns_cookie(sock) == vpn.cookie() != here.cookie()


@pytest.mark.parametrize('family, kind, protocol', [
    (socket.AF_UNIX, socket.SOCK_STREAM, 0),
    (socket.AF_UNIX, socket.SOCK_SEQPACKET, 0),
    (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_TCP),
    (socket.AF_INET, socket.SOCK_STREAM | 0x10, 0),
    (socket.AF_PACKET, socket.SOCK_RAW, 0),
    (socket.AF_PACKET, socket.SOCK_DGRAM, 0),
    (socket.AF_NETLINK, socket.SOCK_RAW, 0),
    (socket.AF_VSOCK, socket.SOCK_STREAM, 0),
    (socket.AF_ALG, socket.SOCK_SEQPACKET, 0),
    (-1, -1, -1)])
def test_denied_kinds(vpn, family, kind, protocol):
    """Both forms say EACCES, send nothing, and go on with the next request."""
    with vpn.broker.connect() as connection:
        with pytest.raises(wire.Refused) as plain:
            connection.plain(family, kind, protocol)
        with pytest.raises(wire.Refused) as extended:
            connection.sockets(1, family, kind, protocol)
        assert plain.value.errno == extended.value.errno == errno.EACCES
        connection.plain().close()
        connection.sockets()[0].close()


def test_a_handed_out_socket_serves_there_and_only_there(vpn, here):
    with vpn.broker.ask() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert vpn.listening(port) and not here.listening(port)
        with vpn.connect(port) as client, listener.accept()[0] as server:
            client.sendall(b'hello')
            assert server.recv(5) == b'hello'
        with pytest.raises(ConnectionRefusedError):
            here.connect(port)


def test_many_requests_on_one_connection(vpn):
    cookie = vpn.cookie()
    with vpn.broker.connect() as connection:
        for _ in range(200):
            with connection.plain() as plain, connection.sockets()[0] as extended:
                assert wire.netns_cookie(plain) == wire.netns_cookie(extended) == cookie


@pytest.mark.parametrize('count', [1, 2, 8, wire.BATCH_MAX])
def test_batch(vpn, count):
    with vpn.broker.connect() as connection:
        for _ in range(3):
            socks = connection.sockets(count)
            assert len({sock.getsockopt(socket.SOL_SOCKET, wire.SO_COOKIE, 8)
                        for sock in socks}) == count
            for sock in socks:
                sock.close()


@pytest.mark.parametrize('flags, nonblock', [
    (0, 0), (socket.SOCK_NONBLOCK, os.O_NONBLOCK), (socket.SOCK_CLOEXEC, 0),
    (socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, os.O_NONBLOCK)])
def test_type_flags(vpn, flags, nonblock):
    with vpn.broker.ask(socket.AF_INET, socket.SOCK_DGRAM | flags) as sock:
        assert fcntl.fcntl(sock.fileno(), fcntl.F_GETFL) & os.O_NONBLOCK == nonblock


def test_last_request_ends_the_connection(vpn):
    with vpn.broker.connect() as connection:
        connection.sockets(flags=wire.LAST)[0].close()
        assert connection.hung_up()


@pytest.mark.parametrize('packet', [
    b'\0', b'XS01', b'GET / HTTP/1.1\r\n\r\n', bytes(16), bytes(40), b'\xff' * 40, b'x' * 4096,
    wire.plain_request()[:-1], wire.plain_request() + b'\0',
    wire.socket_request()[:-1], wire.socket_request() + bytes(4), wire.socket_request()[:16],
    wire.socket_request(length=36), wire.socket_request(length=0), wire.socket_request(count=0),
    wire.socket_request(count=wire.BATCH_MAX + 1), wire.socket_request(count=-1),
    wire.socket_request(flags=0x80000000), wire.socket_request(opcode=wire.OP_VERDICT)],
    ids=lambda packet: f'{len(packet)}-{packet[:8].hex()}-{hash(packet) & 0xffff:x}')
def test_nonsense_ends_the_connection_and_nothing_else(vpn, packet):
    with vpn.broker.connect() as good, vpn.broker.connect() as bad:
        bad.send(packet)
        assert bad.hung_up()
        good.plain().close()


@pytest.mark.parametrize('change', [
    {'version': 2}, {'version': 0}, {'opcode': 77}, {'version': 7, 'opcode': 77}])
def test_unknown_message_is_told_the_version(vpn, change):
    """An error that names the highest version spoken, then the end."""
    with vpn.broker.connect() as connection:
        connection.send(wire.socket_request(**change))
        error, socks, highest = connection.answer()
        assert error != 0 and not socks and highest == wire.VERSION
        assert connection.hung_up()


def test_descriptors_of_clients_are_not_kept(vpn):
    vpn.broker.ask().close()
    before = vpn.broker.fds()
    with open('/dev/zero', 'rb') as zero:
        for request in (wire.plain_request(), wire.socket_request(), b'nonsense'):
            for count in (1, 3, wire.BATCH_MAX):
                with vpn.broker.connect() as connection:
                    connection.send(request, [zero.fileno()] * count)
                    assert connection.hung_up()
    vpn.broker.ask().close()
    assert not [what for what in vpn.broker.fds().values() if 'zero' in what]
    # the last connections may not be closed yet
    wait_until(lambda: len(vpn.broker.fds()) <= len(before) + 1, what=vpn.broker.fds)


def test_closed_by_the_client_is_closed(vpn):
    """DESIGN, rule 14: nothing listens for a moment longer than its owner lets it."""
    with vpn.broker.connect() as connection:
        for _ in range(500):
            with connection.sockets()[0] as listener:
                listener.bind(('127.0.0.1', 0))
                listener.listen()
                port = listener.getsockname()[1]
            with pytest.raises(ConnectionRefusedError):
                vpn.connect(port)


def test_abstract_server(netns, broker):
    """It listens where it was started, not in the namespace that it serves."""
    namespace = netns()
    broker('--netns', namespace.name, server='@abstract')
    with wire.ask('\0abstract') as sock:
        assert wire.netns_cookie(sock) == namespace.cookie()
    with namespace.entered(), pytest.raises(ConnectionRefusedError):
        wire.ask('\0abstract')


def test_host_namespace_without_netns(broker, here, tmp_path):
    server = broker(server=tmp_path / 'socket')
    with server.ask() as sock:
        assert wire.netns_cookie(sock) == here.cookie()


def test_a_worker_for_clients_of_one_request(vpn):
    """Each comes on a connection of its own, and none lives long enough to be handed over."""
    for cpu in sorted(os.sched_getaffinity(0)):
        for _ in range(40):
            with vpn.broker.connect() as connection:
                connection.send(wire.socket_request(flags=wire.LAST, cpu=cpu))
                error, socks, _ = connection.answer()
                assert error == 0
                socks[0].close()
    threads = [os.sched_getaffinity(int(task))
               for task in os.listdir(f'/proc/{vpn.broker.pid}/task')]
    assert all({cpu} in threads for cpu in os.sched_getaffinity(0))


def test_privileges_are_dropped(vpn):
    """All of them, in every thread: what it hands out needs none."""
    vpn.broker.ask().close()
    for task in os.listdir(f'/proc/{vpn.broker.pid}/task'):
        with open(f'/proc/{vpn.broker.pid}/task/{task}/status', encoding='ascii') as status:
            fields = dict(line.rstrip('\n').split(':\t', 1) for line in status if ':\t' in line)
        for name in ('CapEff', 'CapPrm', 'CapInh', 'CapAmb'):
            assert int(fields[name], 16) == 0
        assert fields['NoNewPrivs'] == '1'
