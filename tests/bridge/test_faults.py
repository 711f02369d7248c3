# SPDX-License-Identifier: MIT
"""What goes wrong around a bridge, and in it: nothing hangs, nothing leaks, others go on."""

import contextlib
import os
import signal
import socket
import subprocess
import sys

import pytest

from support import streams
from support.procfs import cpu_time
from support.wait import wait_until

SERVER = '''
import socket, sys
listener = socket.create_server(('127.0.0.1', 5000))
print('listening', flush=True)
sock, _ = listener.accept()
listener.close()
total = 0
while True:
    total += len(sock.recv(int(sys.argv[1])))
    print(total, flush=True)
    if total >= int(sys.argv[2]):
        sys.stdin.read()
'''


@contextlib.contextmanager
def target(namespace, *args):
    """A server in a process of its own, which reads so much."""
    with namespace.popen([sys.executable, '-c', SERVER, *args], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b'listening\n'
            yield process
        finally:
            process.kill()


def test_target_killed_with_something_unread(forward):
    """The kernel resets its connection, and so is the client's."""
    ends = forward(serve=False)
    with target(ends.far, 1000, 1000) as process:
        client = ends.connect()
        sender = streams.Task(client.sendall, streams.data(64 << 20))
        while int(process.stdout.readline()) < 1000:
            pass
        process.kill()
        process.wait()
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            sender.result()
    ends.serve()
    ends.works()


def test_target_killed_with_nothing_unread(forward):
    """That is an end as others are."""
    ends = forward(serve=False)
    with target(ends.far, 1000, 5) as process:
        client = ends.connect()
        client.sendall(b'12345')
        while int(process.stdout.readline()) < 5:
            pass
        process.kill()
        process.wait()
        assert streams.ending(client) == (b'', 'EOF')
    ends.serve()
    ends.works()


def test_one_dies_and_the_others_go_on(forward):
    ends = forward()
    pairs = [ends.pair() for _ in range(20)]
    for one, other in pairs[::2]:
        streams.reset(other)
        assert streams.ending(one) == (b'', 'ECONNRESET')
    for one, other in pairs[1::2]:
        one.sendall(b'x')
        assert streams.read_exactly(other, 1) == b'x'


@pytest.mark.parametrize('side', ['near', 'far'])
def test_namespace_deleted_under_connections(forward, side):
    """Its name is gone, the sockets are not."""
    ends = forward()
    client, server = ends.pair()
    getattr(ends, side).delete()
    for one, other in ((client, server), (server, client)):
        one.sendall(b'x')
        assert streams.read_exactly(other, 1) == b'x'
    client.close()
    assert streams.ending(server) == (b'', 'EOF')
    assert ends.bridge.process.poll() is None


def test_target_that_comes_and_goes(forward):
    ends = forward(serve=False)
    for _ in range(5):
        assert ends.connect_and_end() == (b'', 'ECONNRESET')
        listener = ends.serve()
        ends.works()
        listener.close()


def test_no_ports_left_there(forward):
    """EADDRNOTAVAIL, as ENOBUFS and others that a connect(2) may fail with."""
    ends = forward()
    ends.far.run(['sh', '-c', 'echo 40000 40001 >/proc/sys/net/ipv4/ip_local_port_range'])
    pairs = [ends.pair() for _ in range(2)]
    for _ in range(3):
        assert ends.connect_and_end() == (b'', 'ECONNRESET')
    for one, other in pairs:
        one.sendall(b'x')
        assert streams.read_exactly(other, 1) == b'x'
        streams.reset(other)
        assert streams.ending(one) == (b'', 'ECONNRESET')
    ends.works()


def narrow(limit):
    """For bridge(wrap=): so many descriptors."""
    return lambda argv: ['prlimit', f'--nofile={limit}:{limit}', *argv]


def served(ends):
    """Whether a new client is; if so it is still there."""
    pair = ends.attended()
    if not pair:
        return []
    client, server = pair
    client.sendall(b'x')
    assert streams.read_exactly(server, 1) == b'x'
    return pair


def test_out_of_descriptors_and_back(forward):
    """Who has no room is reset at once, who is served is served well, nothing spins, and the log is
    not filled."""
    ends = forward(wrap=narrow(64))
    before = cpu_time(ends.bridge.pid)
    for _ in range(10):
        held = [served(ends) for _ in range(100)]
        assert [] in held
        assert sum(pair != [] for pair in held) >= 15
        for sock in (sock for pair in held for sock in pair):
            sock.close()
        ends.wait_empty()
        ends.works()
    assert cpu_time(ends.bridge.pid) - before < 3
    assert 'open files' in ends.bridge.log
    assert len(ends.bridge.log.splitlines()) < 250  # daemon/log.c


def test_bulk_without_descriptors_to_spare(forward):
    """No pipe can be made for splice(2)."""
    ends = forward(wrap=narrow(48))
    pairs = []
    while pair := ends.attended():
        pairs.append(pair)
    assert pairs
    for one, other in pairs:
        for sender, receiver in ((one, other), (other, one)):
            task = streams.Task(sender.sendall, streams.data(8 << 20))
            received = streams.read_exactly(receiver, 8 << 20)
            assert streams.first_difference(received, streams.data(8 << 20)) is None
            task.result()


def test_connection_limit(forward):
    """It is said in the log, and holds for those that are there, not for all that ever were."""
    ends = forward('--max-connections', 3)
    pairs = [ends.pair() for _ in range(3)]
    for _ in range(300):
        assert ends.connect_and_end() == (b'', 'ECONNRESET')
    assert not streams.readable(ends.listener, 0)
    ends.bridge.wait_log('MaxConnections')
    assert len(ends.bridge.log.splitlines()) < 250
    for one, other in pairs:
        one.sendall(b'x')
        assert streams.read_exactly(other, 1) == b'x'
    for sock in pairs.pop():
        sock.close()

    wait_until(lambda: served(ends))


def ended(ends):
    ends.works()


def both_reset(ends):
    client, server = ends.pair()
    streams.reset(client)
    assert streams.ending(server)[1] == 'ECONNRESET'


def half_ended_and_reset(ends):
    client, server = ends.pair()
    client.shutdown(socket.SHUT_WR)
    assert streams.read_all(server) == b''
    streams.reset(server)
    assert streams.ending(client)[1] == 'ECONNRESET'


def bulk(ends):
    client, server = ends.pair()
    task = streams.Task(client.sendall, streams.data(4 << 20))
    streams.read_exactly(server, 4 << 20)
    task.result()
    client.close()
    server.close()


def bulk_reset(ends):
    client, server = ends.pair()
    client.sendall(streams.data(100_000))
    streams.reset(client)
    streams.reset(server)


def urgent(ends):
    client, server = ends.pair()
    client.send(b'!', socket.MSG_OOB)
    assert streams.read_marked(server, 1) == (b'', [(0, b'!')])
    client.close()
    server.close()


@pytest.mark.parametrize('what', [ended, both_reset, half_ended_and_reset, bulk, bulk_reset,
                                  urgent])
def test_nothing_is_left_open(forward, what):
    """After many connections it has as many descriptors as after a few."""
    ends = forward()
    for _ in range(5):
        what(ends)
    wait_until(lambda: settled(ends))
    before = without_pipes(ends)
    for _ in range(60):
        what(ends)
    wait_until(lambda: len(without_pipes(ends)) <= len(before), timeout=5,
               what=lambda: f'{before} before, now {without_pipes(ends)}')
    assert len(ends.bridge.fds()) - len(without_pipes(ends)) <= 16


def test_failures_leave_room(forward):
    """Who could not be served does not count any more: --max-connections."""
    ends = forward('--max-connections', 2, serve=False)
    for _ in range(20):
        assert ends.connect_and_end() == (b'', 'ECONNRESET')
    ends.serve()
    for _ in range(20):
        wait_until(ends.attended)
        ends.close()
        ends.serve()


def test_clients_that_are_gone_before_they_are_accepted(forward):
    """accept(2) finds connections that have been reset, or have ended."""
    ends = forward()
    before = len(ends.bridge.fds())
    ends.bridge.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: states(ends.bridge.pid) == {'T'})
    for number in range(100):
        client = ends.connect()
        if number % 2:
            streams.reset(client)
        else:
            client.sendall(b'%d' % number)
            client.close()
    ends.bridge.process.send_signal(signal.SIGCONT)
    heard = []
    while len(heard) < 50:
        with ends.accept() as server:
            received, how = streams.ending(server)
        heard += [int(received)] if how == 'EOF' and received else []
    assert sorted(heard) == list(range(0, 100, 2))
    wait_until(lambda: len(ends.bridge.fds()) <= before + 2)
    ends.forget()
    ends.works()


def without_pipes(ends):
    """Its descriptors, but for the few pipes that it keeps."""
    return [what for what in ends.bridge.fds().values() if not what.startswith('pipe:')]


def settled(ends):
    """No connection of the bridge is left in either namespace."""
    return not any(established(namespace) for namespace in (ends.near, ends.far))


def established(namespace):
    with namespace.entered(), open('/proc/thread-self/net/tcp', encoding='ascii') as table:
        # LISTEN and TIME-WAIT are left out: nobody has a descriptor of the latter
        return [line for line in list(table)[1:] if line.split()[3] not in ('0A', '06')]


def test_refused_ones_leave_nothing_open(forward):
    ends = forward(serve=False)
    before = len(ends.bridge.fds())
    for _ in range(100):
        assert ends.connect_and_end()[1] == 'ECONNRESET'
    wait_until(lambda: len(ends.bridge.fds()) <= before + 2)


def test_killed(forward):
    """Clients and servers hear of it, and the next one takes over at once."""
    ends = forward()
    client, server = ends.pair()
    ends.bridge.expected = -signal.SIGKILL
    ends.bridge.process.kill()
    ends.bridge.wait()
    for sock in (client, server):
        assert streams.ending(sock)[1] in ('EOF', 'ECONNRESET')
    ends.listener.close()
    forward(near=ends.near, far=ends.far).works()


def states(pid):
    """Of all threads of a process."""
    found = set()
    for thread in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{thread}/stat', encoding='ascii') as stat:
            found.add(stat.read().rpartition(') ')[2][0])
    return found


def test_stopped_for_a_while(forward):
    """SIGSTOP: nobody is lost, all goes on afterwards."""
    ends = forward()
    pair = ends.pair()
    ends.bridge.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: states(ends.bridge.pid) == {'T'})
    waiting = [ends.connect() for _ in range(20)]
    pair[0].sendall(b'x')
    assert not streams.readable(pair[1], 0.1)
    ends.bridge.process.send_signal(signal.SIGCONT)
    assert streams.read_exactly(pair[1], 1) == b'x'
    for _ in waiting:
        ends.accept()
