# SPDX-License-Identifier: MIT
"""Many connections: idle ones, all at once, and such as nobody reads from. Memory stays bounded."""

import contextlib
import resource
import select
import socket

import pytest

from support import streams
from support.procfs import cpu_time, numbers, resident
from support.wait import wait_until


@pytest.fixture
def crowd():
    """crowd(N): N, or fewer where the descriptors that a process may have do not suffice for both
    ends of so many. This process has them, and so has a bridge."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield lambda number: min(number, (hard - 300) // 2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def soft_limit(argv):
    """systemd gives 1024 descriptors, and more to who asks: systemd.exec(5), LimitNOFILE=."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return ['prlimit', f'--nofile=1024:{hard}', *argv]


def test_idle_connections(forward, crowd):
    """20,000, of which some have carried much. A kilobyte for each is enough, and no time of the
    CPU while nothing happens."""
    number = crowd(20000)
    ends = forward('--max-connections', 20000, wrap=soft_limit, server={'backlog': 4096})
    ends.works()
    before = resident(ends.bridge.pid)
    pairs = [ends.pair() for _ in range(number)]
    for client, server in pairs[::100]:
        for one, other in ((client, server), (server, client)):
            task = streams.Task(one.sendall, streams.data(1 << 20))
            streams.read_exactly(other, 1 << 20)
            task.result()
    for client, server in pairs[::7]:
        client.sendall(b'x')
        assert server.recv(1) == b'x'
    grown = resident(ends.bridge.pid) - before
    assert grown < number * 1024 + (4 << 20), f'{grown / number} bytes for each'
    used = cpu_time(ends.bridge.pid)
    assert not select.select([pairs[0][0]], [], [], 1)[0]  # nothing happens for a second
    assert cpu_time(ends.bridge.pid) - used < 0.1
    ends.close()
    ends.wait_empty()


class Crowd:
    """Clients that connect at once, and a server that says each one's words back to it."""

    def __init__(self, ends, number):
        self.ends, self.epoll = ends, select.epoll()
        self.clients, self.servers = {}, {}
        self.done = 0
        ends.listener.setblocking(False)
        self.epoll.register(ends.listener, select.EPOLLIN)
        for each in range(number):
            sock, where = streams.client(ends.near, ends.listen)
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.connect(where)
            self.clients[sock.fileno()] = sock, b'%08d' % each
            self.epoll.register(sock, select.EPOLLOUT)

    def turn(self, fd, events):
        if fd == self.ends.listener.fileno():
            with contextlib.suppress(BlockingIOError):
                while True:
                    sock, _ = self.ends.listener.accept()
                    self.servers[sock.fileno()] = sock
                    self.epoll.register(sock, select.EPOLLIN)
        elif fd in self.servers:
            sock = self.servers.pop(fd)
            with sock:
                sock.sendall(sock.recv(8))
        elif events & select.EPOLLOUT:
            sock, words = self.clients[fd]
            sock.sendall(words)
            self.epoll.modify(fd, select.EPOLLIN)
        else:
            sock, words = self.clients.pop(fd)
            with sock:
                assert sock.recv(8) == words
            self.done += 1

    def run(self):
        while self.clients:
            found = self.epoll.poll(60)
            assert found, f'nothing more after {self.done}'
            for fd, events in found:
                self.turn(fd, events)


def test_connects_at_once(forward, crowd):
    """10,000, more than the queue of the bridge holds. Each is served in the end."""
    ends = forward('--connect-timeout', 60, wrap=soft_limit, serve=False)
    # That of the server, which accepts none yet, holds all. The kernel forgets those that no queue
    # has room for after some seconds (reqsk_timer_handler(), Linux 6.18), and resets them later.
    ends.far.run(['sysctl', '-qw', 'net.core.somaxconn=10000'])
    ends.serve(backlog=10000)
    all_of_them = Crowd(ends, crowd(10000))
    all_of_them.run()
    ends.listener.settimeout(streams.PATIENCE)
    ends.works()
    ends.wait_empty()


def test_one_after_the_other(forward):
    """Short ones, as a web server has them."""
    ends = forward()
    for _ in range(3000):
        with ends.connect() as client, ends.accept() as server:
            client.sendall(b'question')
            assert server.recv(8) == b'question'
            server.sendall(b'answer')
            assert client.recv(6) == b'answer'
    ends.wait_empty()


def watched(pid):
    """How many sockets are in each epoll set of a process."""
    for fd in numbers(f'/proc/{pid}/fdinfo'):
        with open(f'/proc/{pid}/fdinfo/{fd}', encoding='ascii') as info:
            found = sum(line.startswith('tfd:') for line in info)
        if found:
            yield found


def two_idle_workers(pid):
    """What watched() has, once each worker waits for a listener and to be woken; or False. A third
    set is for signals and such."""
    found = sorted(watched(pid))
    return found[:2] == [2, 2] and found


def test_workers_share_the_work(forward):
    """None has all of it, or none of it."""
    ends = forward('--workers', 2)
    # the listener is bound, but a worker that is just starting does not wait for it yet
    idle = wait_until(lambda: two_idle_workers(ends.bridge.pid))
    for _ in range(100):
        ends.pair()
    wait_until(lambda: sum(watched(ends.bridge.pid)) - sum(idle) == 200)
    busy = sorted(watched(ends.bridge.pid))
    assert busy[-2] >= 60, busy


def fill_all(socks, each):
    """Sends to all until none takes anything for half a second; no more than so much to each."""
    epoll = select.epoll()
    sent = dict.fromkeys((sock.fileno() for sock in socks), 0)
    known = {sock.fileno(): sock for sock in socks}
    for sock in socks:
        sock.setblocking(False)
        epoll.register(sock, select.EPOLLOUT)
    while found := epoll.poll(0.5):
        for fd, _ in found:
            with contextlib.suppress(BlockingIOError):
                sent[fd] += known[fd].send(bytes(1 << 18))
            assert sent[fd] <= each, 'a sender is not held back'
    return sum(sent.values())


SMALL = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768), (socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)]


def test_peers_that_never_read(forward):
    """What the bridge holds for each is bounded, and others are as well served as ever."""
    ends = forward(server={'options': SMALL})
    ends.works()
    before = resident(ends.bridge.pid)
    pairs = [ends.pair(options=SMALL) for _ in range(100)]
    stuck = [pair[index % 2] for index, pair in enumerate(pairs)]
    fill_all(stuck, 32 << 20)
    assert resident(ends.bridge.pid) - before < 100 * 300_000
    used = cpu_time(ends.bridge.pid)
    client, server = ends.pair()
    for _ in range(100):
        client.sendall(b'x')
        assert server.recv(1) == b'x'
    assert cpu_time(ends.bridge.pid) - used < 0.5
    for sock in stuck:
        streams.reset(sock)
    for index, pair in enumerate(pairs):
        assert streams.error_of(pair[1 - index % 2]) == 'ECONNRESET'
    ends.close()
    ends.wait_empty()


def test_one_that_takes_all_it_can_get(forward):
    """A bulk transfer does not keep small exchanges waiting for long."""
    ends = forward()
    bulk, there = ends.pair()
    stop = []

    def send():
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while not stop:
                bulk.sendall(streams.data(1 << 20))

    def receive():
        while there.recv(1 << 20):
            pass

    tasks = [streams.Task(receive), streams.Task(send)]
    for _ in range(200):
        ends.works()
    stop.append(True)
    tasks[1].result()
    bulk.close()
    tasks[0].result()


def test_memory_is_given_back(forward):
    """Bulk on many connections, again and again: it does not add up."""
    ends = forward()

    def burst():
        pairs = [ends.pair() for _ in range(30)]
        for client, server in pairs:
            task = streams.Task(client.sendall, streams.data(4 << 20))
            streams.read_exactly(server, 4 << 20)
            task.result()
        for sock in (sock for pair in pairs for sock in pair):
            sock.close()

    burst()
    wait_until(lambda: len(ends.bridge.fds()) < ends.before + 20)
    before = resident(ends.bridge.pid)
    for _ in range(5):
        burst()
    assert resident(ends.bridge.pid) - before < 2 << 20
