# SPDX-License-Identifier: MIT
"""Limits, the configuration file that sets them, and clients that use them up."""

import contextlib
import errno
import os
import socket
import subprocess
import sys
import time

import pytest

from support import broker as command, wire
from support.users import UID, as_user, require_users
from support.wait import wait_until


@pytest.fixture
def limited(netns, broker, tmp_path):
    """limited(TEXT, ARG...): a broker whose [Server] section says TEXT; .rewrite(TEXT) reloads."""
    def start(text, *args, **kwargs):
        namespace = netns()
        config = tmp_path / 'limits.conf'
        config.write_text(f'[Server]\n{text}\n')
        one = broker('--netns', namespace.name, '--config', config, *args,
                     server=tmp_path / 'socket', **kwargs)

        def rewrite(new):
            config.write_text(new)
            one.reload()

        one.rewrite = rewrite
        return one

    return start


def refusal(server):
    """How a new connection is turned away: errno, or None when it is served."""
    with server.connect() as connection:
        # it may have been refused, and closed, before the request
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.send(wire.socket_request())
        error, socks, _ = connection.answer()
        for sock in socks:
            sock.close()
        return error or None


def hold(server, count, stack):
    """That many connections, each served once."""
    held = [stack.enter_context(server.connect()) for _ in range(count)]
    for connection in held:
        connection.plain().close()
    return held


def test_connections_per_user(limited):
    server = limited('MaxConnectionsPerUser=3')
    with contextlib.ExitStack() as stack:
        held = hold(server, 3, stack)
        assert refusal(server) == errno.EUSERS
        held[0].plain().close()
        held[0].sock.close()
        wait_until(lambda: refusal(server) is None)


def test_one_user_leaves_the_others_theirs(limited, tmp_path):
    require_users()
    os.chmod(tmp_path, 0o755)
    for parent in list(tmp_path.parents)[:2]:
        os.chmod(parent, 0o755)
    server = limited('MaxConnectionsPerUser=3', '--allow-user', UID)
    script = '''if True:
        import socket, sys
        held = []
        for _ in range(3):
            held.append(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            held[-1].connect(sys.argv[1])
            held[-1].send(bytes.fromhex('58533031 00000002 00000001 00000000'))
            held[-1].recv(8)
        print('held', flush=True)
        sys.stdin.read()'''
    with subprocess.Popen(as_user([sys.executable, '-c', script, server.server]),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b'held\n'
        with contextlib.ExitStack() as stack:
            hold(server, 3, stack)
            assert refusal(server) == errno.EUSERS
        other.stdin.close()


def test_connections_in_all(limited):
    server = limited('MaxConnections=2')
    with contextlib.ExitStack() as stack:
        held = hold(server, 2, stack)
        assert refusal(server) == errno.EBUSY
        held[0].sock.close()
        wait_until(lambda: refusal(server) is None)


def test_batch_is_cut_to_its_limit(limited):
    server = limited('MaxBatch=4')
    with server.connect() as connection:
        connection.send(wire.socket_request(count=100))
        error, socks, _ = connection.answer()
        assert error == 0 and len(socks) == 4


def test_silent_and_idle_clients_are_closed(limited):
    server = limited('RequestTimeoutSec=1\nIdleTimeoutSec=6')
    with server.connect() as silent, server.connect() as idle:
        idle.plain().close()
        assert silent.hung_up()
        idle.plain().close()  # still there, as its deadline is longer
        assert idle.hung_up()
    server.ask().close()


def test_allowed_sockets(limited):
    server = limited('AllowSockets=udp')
    with pytest.raises(wire.Refused):
        server.ask(socket.AF_INET, socket.SOCK_STREAM)
    server.ask(socket.AF_INET, socket.SOCK_DGRAM).close()


def test_reload(limited):
    """New limits count for new connections, new kinds at once."""
    server = limited('MaxConnectionsPerUser=2')
    with contextlib.ExitStack() as stack:
        held = hold(server, 2, stack)
        assert refusal(server) == errno.EUSERS
        server.rewrite('[Server]\nMaxConnectionsPerUser=3\nAllowSockets=tcp\n')
        assert refusal(server) is None
        with pytest.raises(wire.Refused):
            held[0].plain(socket.AF_INET, socket.SOCK_DGRAM)
        held[0].plain().close()
    assert 'RELOADING=1' in server.notified


def test_reload_of_a_broken_file_changes_nothing(limited):
    server = limited('AllowSockets=udp')
    server.rewrite('[Server]\nAllowSockets=tcp\nMaxBatch=many\n')
    assert 'limits.conf:3:' in server.log
    with pytest.raises(wire.Refused):
        server.ask(socket.AF_INET, socket.SOCK_STREAM)
    server.rewrite('[Server]\nAllowSockets=tcp\n')
    server.ask(socket.AF_INET, socket.SOCK_STREAM).close()


@pytest.mark.parametrize('text, line', [
    ('[Server]\nMaxConnections=\n', 2),
    ('[Server]\nMaxConnections=-1\n', 2),
    ('[Server]\nMaxConnections=0\n', 2),
    ('[Server]\nMaxConnections=99999999999999999999\n', 2),
    ('[Server]\n# fine\n\nMaxBatch=254\n', 4),
    ('[Server]\nMaxBatch=1.5\n', 2),
    ('[Server]\nIdleTimeoutSec=soon\n', 2),
    ('[Server]\nAllowSockets=tcp raw\n', 2),
    ('[Server]\nMaxConections=7\n', 2),
    ('[Server]\nmaxconnections=7\n', 2),
    ('[Sever]\nMaxConnections=7\n', 2),
    ('MaxConnections=7\n', 1),
    ('[Server]\nMaxConnections 7\n', 2),
    ('[Server\nMaxConnections=7\n', 1),
    ('[Server]\n' + 'x' * 5000 + '\n', 2)])
def test_broken_file_is_refused_with_its_line(build, tmp_path, text, line):
    config = tmp_path / 'broken.conf'
    config.write_text(text)
    result = command.run(build, '--config', config, tmp_path / 'socket')
    assert result.returncode == 78
    assert f'{config}:{line}:' in result.stderr
    assert not (tmp_path / 'socket').exists()


def test_missing_file_that_was_named_is_refused(build, tmp_path):
    result = command.run(build, '--config', tmp_path / 'none.conf', tmp_path / 'socket')
    assert result.returncode == 78
    assert 'none.conf' in result.stderr


def test_a_thousand_idle_clients(vpn):
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(vpn.broker.connect()) for _ in range(1000)]
        for connection in idle[::10]:
            connection.plain().close()
        vpn.broker.ask().close()
        children = subprocess.run(['pgrep', '-P', str(vpn.broker.pid)], capture_output=True,
                                  check=False)
        assert children.stdout == b''
    wait_until(lambda: len(vpn.broker.fds()) < 100)
    vpn.broker.ask().close()


def test_a_client_that_does_not_read(vpn):
    """It gets one answer, is told off and held back; nobody else notices."""
    with vpn.broker.connect() as slow, vpn.broker.connect() as other:
        slow.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            for _ in range(10000):
                slow.send(wire.socket_request(count=50))
        slow.sock.settimeout(10)
        for _ in range(100):
            other.plain().close()
        error, socks, _ = slow.answer()
        assert error == 0 and len(socks) == 50
        error, socks, _ = slow.answer()
        assert error == errno.EBUSY and not socks
        assert slow.hung_up()


def cpu_time(pid):
    """Seconds, of all threads."""
    with open(f'/proc/{pid}/stat', encoding='ascii') as stat:
        fields = stat.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


@pytest.mark.parametrize('requests, how', [
    (1, socket.SHUT_RDWR), (1, socket.SHUT_RD), (1, socket.SHUT_WR),
    (2, socket.SHUT_RDWR), (2, socket.SHUT_RD), (2, socket.SHUT_WR), (0, socket.SHUT_RDWR)])
@pytest.mark.parametrize('flags', [0, 1])
def test_a_client_that_shuts_down_and_stays(vpn, requests, how, flags):
    """A hang-up is an event for as long as the connection is there, and must not keep the CPU busy."""
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            slow = stack.enter_context(vpn.broker.connect())
            with contextlib.suppress(BrokenPipeError):
                for _ in range(requests):
                    slow.send(wire.socket_request(flags=flags))
            vpn.broker.ask().close()
            slow.sock.shutdown(how)
        before, rounds = cpu_time(vpn.broker.pid), 0
        end = time.monotonic() + 0.7
        while time.monotonic() < end:
            vpn.broker.ask().close()
            rounds += 1
            time.sleep(0.05)  # the time that is measured, not one that is waited for
        assert cpu_time(vpn.broker.pid) - before < 0.25
        assert rounds > 3


def test_share_is_found_free_again_on_all_cpus(netns, broker, tmp_path):
    """What clients of another worker have received is looked for before a user is refused."""
    server = broker('--netns', netns().name, server=tmp_path / 'socket',
                    wrap=lambda argv: ['prlimit', '--nofile=2048:2048', *argv])
    with contextlib.ExitStack() as stack:
        connections = [(stack.enter_context(server.connect()), cpu)
                       for cpu in sorted(os.sched_getaffinity(0)) * 2]

        def ask(connection, cpu):
            connection.send(wire.socket_request(count=wire.BATCH_MAX, cpu=cpu))
            error, socks, _ = connection.answer()
            for sock in socks:
                sock.close()
            assert error in (0, errno.ETOOMANYREFS)
            return error == 0

        for _ in range(20):
            for connection, cpu in connections:
                wait_until(lambda one=connection, there=cpu: ask(one, there), timeout=0.7)


@pytest.mark.parametrize('packets', ['last', 'empty'])
def test_a_client_that_sends_its_own_end_and_ends(vpn, packets):
    """Its end lies in the broker's queue then, and nobody is left to receive what is in it."""
    before = len(vpn.broker.fds())
    for _ in range(30):
        with vpn.broker.connect() as connection, contextlib.suppress(BrokenPipeError):
            if packets == 'last':
                connection.send(wire.socket_request(count=3, flags=1))
            else:
                connection.send(wire.socket_request())
                connection.send(wire.socket_request())
                connection.send(b'')
            connection.send(wire.socket_request(), [connection.sock.fileno()])
    wait_until(lambda: len(vpn.broker.fds()) <= before + 5)


def test_refusals_that_are_not_read_take_little(vpn):
    """An answer without sockets counts for nothing, but is memory of the broker's."""
    with vpn.broker.connect() as slow:
        sent = 0
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for sent in range(1000):
                slow.send(wire.socket_request(domain=socket.AF_UNIX))
                vpn.broker.ask().close()
        assert 1 < sent < 100


def test_clients_that_never_read_use_up_their_own_share(netns, broker, tmp_path):
    """Descriptors nobody receives count against the broker's user in the kernel: ETOOMANYREFS."""
    limit = 400
    server = broker('--netns', netns().name, server=tmp_path / 'socket',
                    wrap=lambda argv: ['prlimit', f'--nofile={limit}:{limit}', *argv])
    refused = []
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(server.connect())
            connection.send(wire.socket_request(count=30))
            # peek: whether it was served is seen without receiving the descriptors
            packet = connection.sock.recv(64, socket.MSG_PEEK)
            if wire.unwords(packet)[2] == wire.OP_VERDICT:
                refused.append(connection.answer()[0])
        assert errno.ETOOMANYREFS in refused
    wait_until(lambda: refusal(server) is None)


def test_out_of_descriptors_and_back(netns, broker, tmp_path):
    """Some are served, the rest is turned away at once, and afterwards all is well again."""
    server = broker('--netns', netns().name, server=tmp_path / 'socket',
                    wrap=lambda argv: ['prlimit', '--nofile=40:40', *argv])

    def crowd():
        served = []
        with contextlib.ExitStack() as stack:
            for _ in range(60):
                connection = stack.enter_context(server.connect())
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.send(wire.plain_request())
                _, socks = connection.receive()
                served.append(len(socks))
                for sock in socks:
                    sock.close()
            assert len(server.fds()) <= 40
        return 1 in served and 0 in served

    # The kernel counts descriptors in flight by user: what other tests have in flight as this one
    # may be more than this broker's small limit, for a moment.
    wait_until(crowd)
    wait_until(lambda: refusal(server) is None)
