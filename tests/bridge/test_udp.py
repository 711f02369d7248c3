# SPDX-License-Identifier: MIT
"""Datagrams through a bridge: their boundaries, whose they are, and how long sessions last."""

import os
import random
import signal
import socket
import time

import pytest

from support import datagrams
from support.datagrams import ask, nothing_more, receive
from support.wait import wait_until

SIZES = [1, 0, 64, 1400, 1472, 1473, 9000, 0, 65507]
HOSTS = ['127.0.0.1', '::1']
PAIRS = pytest.mark.parametrize('near_host, far_host', [(a, b) for a in HOSTS for b in HOSTS])


def data(size):
    return random.Random(size).randbytes(size)


@pytest.fixture
def forward(netns, bridge):
    """forward(ARG...): a bridge between two new namespaces."""
    made = []

    def start(*args, listen=('127.0.0.1', 4000), connect=('127.0.0.1', 5000), listening='',
              connecting='', any_address=False, **kwargs):
        near, far = netns(), netns()
        where = f'udp:*:{listen[1]}' if any_address else datagrams.text(*listen)
        started = bridge('--listen', f'{where},netns={near.name}{listening}',
                         '--connect', f'{datagrams.text(*connect)},netns={far.name}{connecting}',
                         *args, **kwargs)
        made.append(datagrams.Ends(near, far, started, listen, connect))
        return made[-1]

    yield start
    for ends in made:
        ends.end()


@PAIRS
def test_boundaries(forward, near_host, far_host):
    """One by one, from none to all of 65507 bytes, there and back."""
    ends = forward(listen=(near_host, 4000), connect=(far_host, 5000))
    client, server = ends.client(), ends.serve()
    peers = {ask(client, server, data(size), data(size + 1)[:65507]) for size in SIZES}
    assert len(peers) == 1
    assert ends.counters()['to_target'] == sum(SIZES)


@PAIRS
def test_many_at_once(forward, near_host, far_host):
    """What is received together comes out in order and apart: sizes that are alike are joined."""
    ends = forward(listen=(near_host, 4000), connect=(far_host, 5000))
    client, server = ends.client(), ends.serve()
    peer = ask(client, server)
    numbers = random.Random(1)
    sizes = [64] * 20 + [numbers.choice([0, 1, 63, 64, 64, 64, 65, 1400]) for _ in range(60)]
    sent = [data(size) for size in sizes]
    for there, back in ((client.send, server), (lambda one: server.sendto(one, peer), client)):
        with ends.stopped():
            for one in sent:
                there(one)
        assert receive(back, len(sent)) == sent
        assert nothing_more(back, 0.05)
    assert ends.counters()['dropped'] == 0


@pytest.mark.parametrize('size', [600, 1400, 1473, 3000])
def test_more_than_the_mtu(forward, size):
    """The kernel joins no datagrams that are larger than a packet (EINVAL)."""
    ends = forward()
    for namespace in (ends.near, ends.far):
        namespace.run(['ip', 'link', 'set', 'lo', 'mtu', '1500'])
    client, server = ends.client(), ends.serve()
    peer = ask(client, server)
    for _ in range(2):
        sent = [data(size + n)[:size] for n in range(30)]
        with ends.stopped():
            for one in sent:
                client.send(one)
        assert receive(server, len(sent)) == sent
        with ends.stopped():
            for one in sent:
                server.sendto(one, peer)
        assert receive(client, len(sent)) == sent
    assert ends.counters()['dropped'] == 0


@pytest.mark.parametrize('segment, size', [(100, 1050), (1, 64), (1400, 64000), (512, 512 * 64)])
def test_sender_with_segmentation(forward, segment, size):
    """A sender that hands many datagrams to the kernel as one (UDP_SEGMENT, udp(7))."""
    ends = forward()
    client, server = ends.client(), ends.serve()
    peer = ask(client, server)
    sent = data(size)
    expected = [sent[at:at + segment] for at in range(0, size, segment)]
    for sock in (client, server):
        sock.setsockopt(socket.IPPROTO_UDP, datagrams.UDP_SEGMENT, segment)
    client.send(sent)
    assert receive(server, len(expected)) == expected
    server.sendto(sent, peer)
    assert receive(client, len(expected)) == expected
    assert nothing_more(server, 0.05) and nothing_more(client, 0.05)


def test_device_without_checksums(forward, netns):
    """Before kernel 6.11 it takes no joined datagrams (EIO)."""
    ends, end = forward(connect=('10.5.0.2', 5000)), netns()
    ends.far.run(['ip', 'link', 'add', 'way', 'type', 'veth', 'peer', 'name', 'way', 'netns',
                  end.name])
    for namespace, number in ((ends.far, 1), (end, 2)):
        namespace.run(['ip', 'address', 'add', f'10.5.0.{number}/24', 'dev', 'way'])
        namespace.run(['ip', 'link', 'set', 'way', 'up'])
    with ends.far.entered():
        datagrams.without_checksums('way')
    ends.far = end
    client, server = ends.client(), ends.serve()
    ask(client, server)
    for _ in range(2):
        sent = [data(100 + number)[:100] for number in range(40)]
        with ends.stopped():
            for one in sent:
                client.send(one)
        assert receive(server, len(sent)) == sent
    assert ends.counters()['dropped'] == 0


def test_receiver_with_segmentation(forward):
    """A receiver that takes many as one (UDP_GRO) gets them so."""
    ends = forward()
    client, server = ends.client(), ends.serve()
    ask(client, server)
    server.setsockopt(socket.IPPROTO_UDP, datagrams.UDP_GRO, 1)
    with ends.stopped():
        for _ in range(40):
            client.send(b'x' * 200)
    found, ancillary = datagrams.with_ancillary(server)
    assert (len(found), ancillary) == (8000, {(socket.IPPROTO_UDP, datagrams.UDP_GRO): 200})


def test_many_clients(forward):
    """Each has a session, and gets its own answers."""
    ends = forward('--workers', '2')
    server, clients = ends.serve(), [ends.client() for _ in range(100)]
    with ends.stopped():
        for number, client in enumerate(clients):
            client.send(b'%d a' % number)
            client.send(b'%d b' % number)
    asked = {}
    for _ in range(2 * len(clients)):
        found, peer = server.recvfrom(100)
        asked.setdefault(peer, []).append(found)
        server.sendto(b're ' + found, peer)
    assert sorted(asked.values()) == sorted(
        [b'%d a' % number, b'%d b' % number] for number in range(len(clients)))
    for number, client in enumerate(clients):
        assert receive(client, 2) == [b're %d a' % number, b're %d b' % number]
    assert ends.counters()['connections'] == len(clients)


def test_addresses_of_ours(forward):
    """A reply comes from the address that was asked; to two of them go two sessions."""
    ends = forward(any_address=True)
    server = ends.serve()
    sock = ends.keep(ends.near.socket(socket.AF_INET, socket.SOCK_DGRAM))
    peers = set()
    for host in ('127.0.0.1', '127.0.0.2', '127.8.7.6') * 2:
        sock.sendto(b'?', (host, 4000))
        _, peer = server.recvfrom(10)
        server.sendto(b'!', peer)
        assert sock.recvfrom(10) == (b'!', (host, 4000))
        peers.add(peer)
    assert len(peers) == 3
    ends.near.run(['ip', 'address', 'add', 'fd01::1/128', 'dev', 'lo', 'nodad'])
    ends.near.await_addresses('fd01::1')
    for host in ('::1', 'fd01::1'):
        ask(ends.client(host), server)


def test_link_local(forward, netns):
    """Addresses that mean something with an interface only."""
    ends, other = forward(any_address=True, connecting=',as-local'), netns()
    ends.near.run(['ip', 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'two', 'netns',
                   other.name])
    for namespace, name, host in ((ends.near, 'one', 'fe80::1'), (other, 'two', 'fe80::2')):
        namespace.run(['ip', 'address', 'add', f'{host}/64', 'dev', name, 'nodad'])
        namespace.run(['ip', 'link', 'set', name, 'up'])
    ends.near.await_addresses('fe80::1')
    other.await_addresses('fe80::2')
    server = ends.serve()
    with other.entered():
        scope = socket.if_nametoindex('two')
        client = ends.keep(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
        client.connect(('fe80::1', 4000, 0, scope))
    assert ask(client, server) == ask(client, server)


def test_idle_sessions_end(forward):
    # a second worker may open sockets of its own when the first one is at work already
    ends = forward('--udp-timeout', '1', '--workers', '1')
    client, server = ends.client(), ends.serve()
    peer = ask(client, server)
    assert ends.counters()['connections'] == 1
    meanwhile = len(ends.bridge.fds())
    ends.wait_counter(connections=0, accepted=1)
    wait_until(lambda: len(ends.bridge.fds()) < meanwhile, what=ends.bridge.fds)
    assert ask(client, server) != peer
    ends.wait_counter(connections=0, accepted=2)


def test_sessions_in_use_do_not_end(forward):
    """Replies alone keep one alive, too."""
    ends = forward('--udp-timeout', '2')
    client, server = ends.client(), ends.serve()
    peer, end = ask(client, server), time.monotonic() + 5
    while time.monotonic() < end:
        server.sendto(b'tick', peer)
        assert client.recv(10) == b'tick'
        time.sleep(0.2)
    assert ask(client, server) == peer


@pytest.mark.parametrize('workers', [1, 2])
def test_oldest_session_makes_room(forward, workers):
    """At the limit nobody is refused: the session that was longest idle ends."""
    ends = forward('--max-connections', '3', '--workers', workers)
    server = ends.serve()
    server.settimeout(0.2)
    clients, peers = [ends.client() for _ in range(8)], {}

    def served(client):
        """A worker that has no session itself asks the others for room: the client tries again."""
        client.send(b'?')
        try:
            _, peers[client] = server.recvfrom(10)
        except TimeoutError:
            return False
        server.sendto(b'!', peers[client])
        return client.recv(10) == b'!'

    for client in clients:
        wait_until(lambda: served(client))
        assert ends.counters()['connections'] <= 3
    assert len(set(peers.values())) == len(clients)
    if workers == 1:
        before = dict(peers)
        for client in clients[:4:-1]:  # the last three have been left alone
            assert served(client) and peers[client] == before[client]
        assert served(clients[0]) and peers[clients[0]] != before[clients[0]]
        assert ends.counters()['refused'] == 0


def test_no_descriptors_left(forward):
    """Then, too, an old session ends for a new one."""
    ends = forward('--workers', '1')
    server = ends.serve()
    ask(ends.client(), server)
    used = max(ends.bridge.fds()) + 1
    os.system(f'prlimit --pid {ends.bridge.pid} --nofile={used + 2}:')
    for _ in range(10):
        ask(ends.client(), server)
    assert ends.counters()['accepted'] == 11
    assert len(ends.bridge.fds()) <= used + 2


@pytest.mark.parametrize('near_host, far_host', [('127.0.0.1', '127.0.0.1'), ('::1', '::1'),
                                                 ('127.0.0.1', '::1'), ('::1', '127.0.0.1')])
def test_tos_and_ttl_are_carried(forward, near_host, far_host):
    """Both ways, as they change; but not what routers say about congestion (ECN)."""
    ends = forward(listen=(near_host, 4000), connect=(far_host, 5000),
                   connecting=',tos=carry,ttl=carry')
    client, server = ends.client(), ends.serve()

    def send(sock, to, tos, ttl):
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tos)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
        sock.sendto(b'?', to) if to else sock.send(b'?')

    peer = ask(client, server)
    datagrams_of = [(0x28, 33), (0x28, 33), (0xb9, 34), (0, 64)]
    for there, to, back in ((client, None, server), (server, peer, client)):
        seen = told(back)
        for tos, ttl in datagrams_of:
            send(there, to, tos, ttl)
            assert seen() == (tos & ~3, ttl)
        with ends.stopped():
            for tos, ttl in datagrams_of:
                send(there, to, tos, ttl)
        assert [seen() for _ in datagrams_of] == [(tos & ~3, ttl) for tos, ttl in datagrams_of]


@pytest.mark.parametrize('near_host, far_host', [('127.0.0.1', '::1'), ('::1', '127.0.0.1')])
def test_options_of_endpoints(forward, near_host, far_host):
    """Those that are a number are so for every packet."""
    ends = forward(listen=(near_host, 4000), connect=(far_host, 5000),
                   listening=',interface=lo,tos=32,ttl=7',
                   connecting=',interface=lo,mark=9,tos=40,ttl=11')
    client, server = ends.client(), ends.serve()
    peer = ask(client, server)
    for sock, send, expected in ((server, lambda: client.send(b'?'), (40, 11)),
                                 (client, lambda: server.sendto(b'!', peer), (32, 7))):
        seen = told(sock)
        send()
        assert seen() == expected


def told(sock):
    """A function: (TOS, TTL) of the next datagram of this socket."""
    if sock.family == socket.AF_INET:
        level, tos, ttl = socket.IPPROTO_IP, socket.IP_TOS, socket.IP_TTL
        asked = socket.IP_RECVTOS, 12  # IP_RECVTTL
    else:
        level, tos, ttl = socket.IPPROTO_IPV6, socket.IPV6_TCLASS, socket.IPV6_HOPLIMIT
        asked = socket.IPV6_RECVTCLASS, socket.IPV6_RECVHOPLIMIT
    for option in asked:
        sock.setsockopt(level, option, 1)

    def seen():
        _, ancillary = datagrams.with_ancillary(sock)
        return ancillary[level, tos], ancillary[level, ttl]

    return seen


def test_source_address(forward):
    ends = forward(connecting=',bind=127.0.0.7')
    client, server = ends.client(), ends.serve()
    assert ask(client, server)[0] == '127.0.0.7'


def test_inherited_socket(netns, bridge):
    near, far = netns(), netns()
    with near.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(('127.0.0.1', 4000))
        started = bridge('--listen', 'fd:3', '--connect', f'udp:127.0.0.1:5000,netns={far.name}',
                         fds=[sock])
        ends = datagrams.Ends(near, far, started)
        server, clients = ends.serve(), [ends.client() for _ in range(20)]
        assert len({ask(client, server, data(size)) for client, size in
                    zip(clients, SIZES * 3)}) == 20
        ends.end()


def test_sigterm_does_not_wait_for_idle_sessions(forward):
    """Nobody can tell that a session is over; what is quiet for a moment has to do."""
    ends = forward('--drain-timeout', '60', expected=0)
    client, server = ends.client(), ends.serve()
    ask(client, server)
    ends.bridge.send_signal(signal.SIGTERM)
    client.send(b'on the way')
    assert server.recv(100) == b'on the way'
    assert ends.bridge.wait(15) == 0


def test_flood(forward):
    """More than the target reads: what has no room is dropped, and others go on."""
    ends = forward()
    server, client, other = ends.serve(), ends.client(), ends.client()
    peer = ask(other, server)
    for _ in range(20000):
        client.send(b'x' * 1000)
    server.setblocking(False)

    def answered():
        other.send(b'other?')
        try:
            while True:
                found, source = server.recvfrom(2000)
                if source == peer:
                    return found == b'other?'
        except BlockingIOError:
            return False

    wait_until(answered)
