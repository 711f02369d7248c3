# SPDX-License-Identifier: MIT
"""Datagrams by brokers, through reloads, and to servers that want to know their client."""

import contextlib
import errno
import signal
import socket
import struct
import subprocess

import pytest

from support import datagrams
from support.datagrams import ask, error_of, reaches
from support.names import Dns
from support.wait import require, wait_until

V2 = b'\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c'  # version 2, datagrams of IPv4


def query(name):
    """A question for an IPv4 address, RFC 1035."""
    labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.'))
    return struct.pack('!6H', 77, 0x100, 1, 0, 0, 0) + labels + b'\0\0\1\0\1'


def resolve(sock, name, tries=5):
    """(status, address or None) that a name server says."""
    sock.settimeout(2)
    for _ in range(tries):
        with contextlib.suppress(TimeoutError, ConnectionRefusedError):
            sock.send(query(name))
            answer = sock.recv(512)
            assert answer[:2] == query(name)[:2]
            found = struct.unpack('!H', answer[6:8])[0]
            return answer[3] & 15, socket.inet_ntoa(answer[-4:]) if found else None
    return None


@pytest.fixture
def ends():
    """ends(near, far, bridge): closed at the end."""
    with contextlib.ExitStack() as stack:
        def make(*args, **kwargs):
            made = datagrams.Ends(*args, **kwargs)
            stack.callback(made.end)
            return made

        yield make


def test_two_brokers_and_no_privilege(served, bridge, unprivileged, ends):
    near, far = served(), served()
    started = bridge('--listen', f'udp:127.0.0.1:4000,broker={near.server}',
                     '--connect', f'udp:127.0.0.1:5000,broker={far.server}', wrap=unprivileged)
    two = ends(near, far, started)
    server, clients = two.serve(), [two.client() for _ in range(50)]
    assert len({ask(client, server) for client in clients}) == 50


def test_any_address_of_a_broker(served, bridge, unprivileged, ends):
    near, far = served(), served()
    started = bridge('--listen', f'udp:*:4000,broker={near.server}',
                     '--connect', f'udp:[::1]:5000,broker={far.server}', wrap=unprivileged)
    two = ends(near, far, started, connect=('::1', 5000))
    server = two.serve()
    for host in ('127.0.0.1', '127.0.0.2', '::1'):
        ask(two.client(host), server)


def test_errors_without_privilege(served, bridge, unprivileged, ends):
    """Brokers give no raw sockets: the client is not told, but its next datagram is a new start."""
    near, far = served(), served()
    started = bridge('--listen', f'udp:127.0.0.1:4000,broker={near.server}',
                     '--connect', f'udp:127.0.0.1:5000,broker={far.server}', wrap=unprivileged)
    two = ends(near, far, started)
    client = two.client()
    client.send(b'lost')
    two.wait_counter(failed=1, connections=0)
    ask(client, two.serve())
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv(10)


@pytest.fixture
def hanging(served, bridge, ends):
    """Both ends of a bridge, and a broker of the far one that does not answer until SIGCONT."""
    brokers = []

    def start(*args):
        near, far = served(), served()
        brokers.append(far.broker)
        far.broker.send_signal(signal.SIGSTOP)
        started = bridge('--listen', f'udp:127.0.0.1:4000,netns={near.name}',
                         '--connect', f'udp:127.0.0.1:5000,broker={far.server}', *args)
        return ends(near, far, started), far.broker

    yield start
    for broker in brokers:
        broker.send_signal(signal.SIGCONT)


def test_datagrams_wait_for_a_socket(hanging):
    """As many as there is room for, and no client for the other."""
    two, broker = hanging()
    server, client, other = two.serve(), two.client(), two.client()
    for number in range(40):
        client.send(b'%d' % number)
    other.send(b'x' * 65000)
    other.send(b'y' * 1000)
    two.wait_counter(connections=2, dropped=25)
    broker.send_signal(signal.SIGCONT)
    found = datagrams.receive(server, 17)
    assert [one for one in found if one[:1] != b'x'] == [b'%d' % number for number in range(16)]
    assert b'x' * 65000 in found
    ask(client, server)
    ask(other, server)


def test_broker_that_hangs(hanging):
    """The client is told after --connect-timeout."""
    two, _ = hanging('--connect-timeout', '1')
    assert error_of(datagrams.tell_all(two.client())) == errno.EHOSTUNREACH
    assert two.wait_counter(connections=0, failed=1)['dropped'] == 1


def test_broker_that_is_not_there(netns, bridge, broker, ends, tmp_path):
    """The client is told at once, and served once there is one."""
    near, far = netns(), netns()
    started = bridge('--listen', f'udp:127.0.0.1:4000,netns={near.name}',
                     '--connect', f'udp:127.0.0.1:5000,broker={tmp_path}/broker')
    two = ends(near, far, started)
    server, client = two.serve(), datagrams.tell_all(two.client())
    assert error_of(client) == errno.EHOSTUNREACH
    broker('--netns', far.name, server=tmp_path / 'broker')

    def served():
        with contextlib.suppress(OSError):
            return reaches(client, server)

    wait_until(served)


class Reloaded:
    """A bridge with a configuration file that says where datagrams go."""

    def __init__(self, netns, bridge, ends, path):
        self.near, self.far, self.path = netns(), netns(), path
        self.write(5000)
        self.bridge = bridge('--config', path)
        self.ends = ends(self.near, self.far, self.bridge)

    def write(self, port, listen=4000, more=''):
        self.path.write_text(
            f'[Bridge]\n{more}\n[Forward 1]\nListen=udp:127.0.0.1:{listen},netns={self.near.name}\n'
            f'Connect=udp:127.0.0.1:{port},netns={self.far.name}\n')

    def reload(self, *args, **kwargs):
        self.write(*args, **kwargs)
        self.bridge.reload()


@pytest.fixture
def reloaded(netns, bridge, ends, tmp_path):
    return Reloaded(netns, bridge, ends, tmp_path / 'bridge.conf')


def test_reload_and_sessions_that_live(reloaded):
    """Sessions stay with the target that they have; new ones go to the new target."""
    ends = reloaded.ends
    old, new, client = ends.serve(), ends.serve(port=5001), ends.client()
    peer = ask(client, old)
    for _ in range(3):
        reloaded.reload(5001)
        other = ends.client()
        assert ask(client, old) == peer  # the same session, also for what the client sends
        old.sendto(b'by itself', peer)
        assert client.recv(100) == b'by itself'
        # a worker may not have seen the new table yet
        wait_until(lambda: reaches(ends.client(), new))
        ask(other, new)
        reloaded.reload(5000)
        wait_until(lambda: reaches(ends.client(), old))
        assert ask(client, old) == peer


def test_reload_to_another_port(reloaded):
    """A port that is not served is free soon, whatever still comes there."""
    ends = reloaded.ends
    server, client = ends.serve(), ends.client()
    ask(client, server)
    reloaded.reload(5000, listen=4001)

    def gone():
        with contextlib.suppress(ConnectionRefusedError):
            client.send(b'still here')
        return not reloaded.near.listening(4000, 'udp')

    wait_until(gone, 15)
    ends.listen = ('127.0.0.1', 4001)
    while not reaches(ends.client(), server):
        pass
    reloaded.reload(5000)
    ends.listen = ('127.0.0.1', 4000)
    wait_until(lambda: reaches(ends.client(), server))


def test_name_server(netns, bridge, ends):
    """A real one, for many clients."""
    near, far = netns(), netns()
    server = Dns(far, {f'host{n}.test': [f'10.1.2.{n}'] for n in range(1, 100)})
    try:
        started = bridge('--listen', f'udp:*:53,netns={near.name}',
                         '--connect', f'udp:127.0.0.1:53,netns={far.name}')
        two = ends(near, far, started, listen=('127.0.0.1', 53))
        for number in range(1, 100):
            assert resolve(two.client(), f'host{number}.test') == (0, f'10.1.2.{number}')
        assert resolve(two.client(), 'nobody.test')[0] == 3  # NXDOMAIN
    finally:
        server.stop()


# ---- the PROXY protocol ----

def test_proxy_header(netns, bridge, ends):
    """Version 2, in front of each datagram, also where they are joined."""
    near, far = netns(), netns()
    started = bridge('--listen', f'udp:127.0.0.1:4000,netns={near.name}',
                     '--connect', f'udp:127.0.0.1:5000,netns={far.name},proxy=v2')
    two = ends(near, far, started)
    server, client = two.serve(), two.client()
    header = V2 + bytes([127, 0, 0, 1] * 2) + struct.pack('!2H', client.getsockname()[1], 4000)
    sent = [b'', b'?', *[bytes([number]) * 100 for number in range(30)], b'x' * 60000]
    with two.stopped():
        for one in sent:
            client.send(one)
    assert datagrams.receive(server, len(sent)) == [header + one for one in sent]
    client.setsockopt(socket.IPPROTO_UDP, datagrams.UDP_SEGMENT, 1000)
    client.send(bytes(range(256)) * 100)
    expected = [(bytes(range(256)) * 100)[at:at + 1000] for at in range(0, 25600, 1000)]
    found = [server.recvfrom(2000) for _ in expected]
    assert [one for one, _ in found] == [header + one for one in expected]
    server.sendto(b'!', found[0][1])
    assert client.recv(10) == b'!'  # nothing in front of replies
    # one that has no room for the header any more
    client.setsockopt(socket.IPPROTO_UDP, datagrams.UDP_SEGMENT, 0)
    client.send(b'x' * 65507)
    two.wait_counter(dropped=1)


UNBOUND = '''
server:
    interface: 127.0.0.1@5000
    proxy-protocol-port: 5000
    access-control: 10.3.1.0/24 allow
    local-data: "host.test. A 10.1.2.3"
    local-zone: "test." static
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{directory}"
    pidfile: ""
    use-syslog: no
    module-config: "iterator"
remote-control:
    control-enable: no
'''


def test_server_that_reads_the_header(netns, bridge, ends, tmp_path):
    """unbound decides by the client's address who is answered."""
    near, far = netns(), netns()
    (tmp_path / 'unbound.conf').write_text(UNBOUND.format(directory=tmp_path))
    with open(tmp_path / 'log', 'wb') as log:
        server = far.popen([require('unbound'), '-d', '-c', tmp_path / 'unbound.conf'],
                           stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: far.listening(5000, 'udp'), what=(tmp_path / 'log').read_text)
        for host in ('10.3.1.1', '10.3.2.1'):
            near.run(['ip', 'address', 'add', f'{host}/32', 'dev', 'lo'])
        started = bridge('--listen', f'udp:127.0.0.1:4000,netns={near.name}',
                         '--connect', f'udp:127.0.0.1:5000,netns={far.name},proxy=v2')
        two = ends(near, far, started)
        friend, stranger = two.client(source='10.3.1.1'), two.client(source='10.3.2.1')
        for _ in range(3):  # the second question of a session has a header, too
            assert resolve(friend, 'host.test') == (0, '10.1.2.3')
            assert resolve(stranger, 'host.test') == (5, None)  # REFUSED
    finally:
        server.terminate()
        server.wait(20)


# ---- transparent ----

def test_transparent(netns, bridge, ends):
    """The server sees the client's own address and port, and what it sends there comes back."""
    near, far = netns(), netns()
    for namespace, host in ((near, '10.3.0.1'), (near, '10.3.0.5'), (far, '10.4.0.1')):
        namespace.run(['ip', 'address', 'add', f'{host}/32', 'dev', 'lo'])
    far.run(['ip', 'rule', 'add', 'from', '10.4.0.1', 'lookup', '100'])
    far.run(['ip', 'route', 'add', 'local', 'default', 'dev', 'lo', 'table', '100'])
    started = bridge('--listen', f'udp:10.3.0.1:4000,netns={near.name}',
                     '--connect', f'udp:10.4.0.1:5000,netns={far.name},transparent')
    two = ends(near, far, started, listen=('10.3.0.1', 4000), connect=('10.4.0.1', 5000))
    server, clients = two.serve(), [two.client(source='10.3.0.5') for _ in range(5)]
    for client in clients:
        assert ask(client, server) == client.getsockname()
