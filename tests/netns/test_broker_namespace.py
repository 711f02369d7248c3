# SPDX-License-Identifier: MIT
"""The start, the end, and a namespace that comes and goes under a running broker."""

import fcntl
import os
import signal
import socket
import subprocess

import pytest

from support import broker as command, wire
from support.wait import wait_until

GONE = 75  # EX_TEMPFAIL: start me again


def test_path_of_a_namespace(netns, broker, tmp_path):
    namespace = netns()
    with broker('--netns', namespace.path, server=tmp_path / 'socket').ask() as sock:
        assert wire.netns_cookie(sock) == namespace.cookie()


def test_namespace_of_a_process(netns, broker, tmp_path):
    namespace = netns()
    process = namespace.popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        process.stdin.write(b'inside\n')
        process.stdin.flush()
        assert process.stdout.readline() == b'inside\n'
        server = broker('--netns', f'/proc/{process.pid}/ns/net', server=tmp_path / 'socket')
        with server.ask() as sock:
            assert wire.netns_cookie(sock) == namespace.cookie()
        server.stop()
    finally:
        process.kill()
        process.communicate()


def test_already_inside(netns, broker, tmp_path):
    """As under NetworkNamespacePath=: nothing is entered, and no capability needed for it."""
    namespace = netns()
    server = broker('--netns', namespace.name, server=tmp_path / 'socket',
                    wrap=lambda argv: namespace.enter(
                        ['setpriv', '--bounding-set', '-all', '--inh-caps', '-all', *argv]))
    with server.ask() as sock:
        assert wire.netns_cookie(sock) == namespace.cookie()


@pytest.mark.parametrize('name, told', [
    ('nowhere', '/run/netns/nowhere'), ('/nonexistent/netns', '/nonexistent/netns'),
    ('/dev/null', '/dev/null'), ('/proc/self/ns/uts', '/proc/self/ns/uts'), ('', '')])
def test_no_such_namespace(build, tmp_path, name, told):
    result = command.run(build, '--netns', name, tmp_path / 'socket')
    assert result.returncode not in (0, 75)
    assert told in result.stderr
    assert not (tmp_path / 'socket').exists()


def test_deleted_namespace_ends_the_broker(netns, broker, tmp_path):
    namespace = netns()
    server = broker('--netns', namespace.name, server=tmp_path / 'socket', expected=GONE)
    with server.connect() as idle:
        idle.plain().close()
        namespace.delete()
        assert server.wait() == GONE
        assert idle.hung_up()
    assert namespace.path in server.log


@pytest.mark.parametrize('attempt', range(5))
def test_never_a_socket_of_a_dead_namespace(netns, broker, tmp_path, attempt):
    """Made again at once: a client gets the end of the connection, and never the old namespace."""
    namespace = netns()
    server = broker('--netns', namespace.name, server=tmp_path / 'socket', expected=GONE)
    old = namespace.cookie()
    with server.connect() as connection:
        connection.plain().close()
        namespace.delete()
        namespace.create()
        assert namespace.cookie() != old
        try:
            connection.plain().close()
            pytest.fail('a socket came, and it can only be of the dead namespace')
        except (EOFError, BrokenPipeError, ConnectionResetError):
            pass
    assert server.wait() == GONE
    again = broker('--netns', namespace.name, server=tmp_path / 'socket')
    with again.ask() as sock:
        assert wire.netns_cookie(sock) == namespace.cookie()


def test_other_mounts_do_not_disturb(vpn, netns):
    for _ in range(20):
        netns().delete()
    vpn.broker.ask().close()


def test_stale_socket_is_taken_over(netns, broker, tmp_path):
    namespace, path = netns(), tmp_path / 'socket'
    first = broker('--netns', namespace.name, server=path, expected=-signal.SIGKILL)
    first.process.kill()
    first.wait()
    assert path.is_socket()
    broker('--netns', namespace.name, server=path).ask().close()


@pytest.mark.parametrize('kind', [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def test_a_live_socket_is_never_taken(build, tmp_path, kind):
    path = tmp_path / 'socket'
    with socket.socket(socket.AF_UNIX, kind) as alive:
        alive.bind(str(path))
        if kind != socket.SOCK_DGRAM:
            alive.listen()
        before = path.stat().st_ino
        result = command.run(build, path)
        assert result.returncode != 0
        assert str(path) in result.stderr
        assert path.stat().st_ino == before


def test_a_live_broker_with_a_full_queue_is_never_taken(build, tmp_path):
    path = tmp_path / 'socket'
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as alive, \
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        alive.bind(str(path))
        alive.listen(0)
        client.connect(str(path))
        assert command.run(build, path).returncode != 0
        assert path.is_socket()


def test_what_is_no_socket_is_left_alone(build, tmp_path):
    path = tmp_path / 'precious'
    path.write_text('data')
    result = command.run(build, path)
    assert result.returncode != 0 and str(path) in result.stderr
    assert path.read_text() == 'data'


def test_two_starts_at_once(netns, broker, build, tmp_path):
    """Over a stale socket: exactly one of them serves."""
    path, namespace = tmp_path / 'socket', netns()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dead:
        dead.bind(str(path))
    argv = [str(build / 'server/xsocket-server'), '--netns', namespace.name, str(path)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE) as one, \
            subprocess.Popen(argv, stderr=subprocess.PIPE) as two:
        both = {one, two}
        loser = wait_until(lambda: next((p for p in both if p.poll() is not None), None))
        winner, = both - {loser}
        assert loser.returncode != 0
        wire.ask(path).close()
        winner.terminate()
        assert winner.wait(10) == 0


def test_path_too_long(build, tmp_path):
    result = command.run(build, tmp_path / ('x' * 108))
    assert result.returncode != 0
    assert '107' in result.stderr


def test_longest_path(broker, tmp_path):
    path = str(tmp_path) + '/'
    path += 'x' * (107 - len(path))
    broker(server=path).ask().close()


@pytest.mark.parametrize('server', ['', '.', '..', '/nonexistent/directory/socket'])
def test_unusable_server(build, server):
    result = command.run(build, server)
    assert result.returncode != 0
    assert result.stderr


def test_sigterm_finishes_what_is_in_flight(vpn):
    """Requests that were there before the signal are answered, and the socket file is removed."""
    clients = [vpn.broker.connect() for _ in range(50)]
    for client in clients:
        client.plain().close()
    # stopped, so that the requests and the signal are all there when it goes on
    os.kill(vpn.broker.pid, signal.SIGSTOP)
    for client in clients:
        client.send(wire.plain_request())
    os.kill(vpn.broker.pid, signal.SIGTERM)
    os.kill(vpn.broker.pid, signal.SIGCONT)
    vpn.broker.expected = 0
    assert vpn.broker.wait() == 0
    for client in clients:
        with client:
            packet, socks = client.receive()
            assert wire.unwords(packet) == (wire.PLAIN_REPLY, 0)
            assert wire.netns_cookie(socks[0]) == vpn.cookie()
            socks[0].close()
    assert not os.path.exists(vpn.server)


def test_notifications(vpn):
    vpn.broker.stop()
    told = vpn.broker.notified
    assert 'READY=1' in told
    assert any(line.startswith('STATUS=') for line in told)
    assert 'STOPPING=1' in told


def test_watchdog(netns, broker, tmp_path):
    server = broker('--netns', netns().name, server=tmp_path / 'socket',
                    env={'WATCHDOG_USEC': '300000'})
    server.wait_notified('WATCHDOG=1', 3)


def test_locked_directory(broker, tmp_path):
    """Whoever may read the directory may lock it, and for ever; that keeps no broker from its work."""
    holder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        broker(server=tmp_path / 'socket').ask().close()
    finally:
        os.close(holder)
