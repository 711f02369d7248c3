# SPDX-License-Identifier: MIT
"""Sockets from brokers: a bridge without privilege, and brokers that hang, die and come back."""

import contextlib
import os
import signal
import socket
import time

import pytest

from support import bridge as command, daemon, streams
from support.procfs import cpu_time
from support.streams import passes
from support.wait import wait_until

LISTEN, CONNECT = 'tcp:127.0.0.1:4000', 'tcp:127.0.0.1:5000'


def capabilities(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as status:
        return {int(line.split()[1], 16) for line in status
                if line.startswith(('CapInh', 'CapPrm', 'CapEff', 'CapAmb'))}


def test_two_brokers_and_no_privilege(served, bridge, unprivileged):
    near, far = served(), served()
    one = bridge('--listen', f'{LISTEN},broker={near.server}',
                 '--connect', f'{CONNECT},broker={far.server}', wrap=unprivileged)
    assert capabilities(one.pid) == {0}
    for _ in range(50):
        assert passes(near, LISTEN, far, CONNECT)


def test_name_of_a_broker(served, bridge, unprivileged):
    """/run/xsocket/NAME is NAME."""
    near, far = served(), served()
    bridge('--listen', f'{LISTEN},broker={near.name}', '--connect', f'{CONNECT},broker={far.name}',
           wrap=unprivileged)
    assert passes(near, LISTEN, far, CONNECT)


@pytest.mark.parametrize('side', ['listen', 'connect'])
def test_one_broker_and_no_privilege(served, here, bridge, unprivileged, side):
    """The other side is where the bridge is."""
    there = served()
    near, far = (there, here) if side == 'listen' else (here, there)
    bridge('--listen', LISTEN + (f',broker={there.server}' if side == 'listen' else ''),
           '--connect', CONNECT + (f',broker={there.server}' if side == 'connect' else ''),
           wrap=unprivileged)
    assert passes(near, LISTEN, far, CONNECT)


@pytest.mark.parametrize('here_host, there_host', [('[::1]', '[::1]'), ('127.0.0.1', '[::1]')])
def test_ipv6_from_a_broker(served, bridge, unprivileged, here_host, there_host):
    near, far = served(), served()
    listen, connect = f'tcp:{here_host}:4000', f'tcp:{there_host}:5000'
    bridge('--listen', f'{listen},broker={near.server}', '--connect',
           f'{connect},broker={far.server}', wrap=unprivileged)
    assert passes(near, listen, far, connect)


def test_many_at_once_from_a_broker(served, bridge, unprivileged):
    """More than one answer of the broker holds."""
    near, far = served(), served()
    bridge('--listen', f'{LISTEN},broker={near.server}',
           '--connect', f'{CONNECT},broker={far.server}', wrap=unprivileged)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(streams.listen(far, CONNECT, backlog=1000))
        clients = [stack.enter_context(streams.connect(near, LISTEN)) for _ in range(600)]
        for number, client in enumerate(clients):
            client.sendall(b'%03d' % number)
        seen = set()
        for _ in clients:
            server = stack.enter_context(listener.accept()[0])
            server.settimeout(streams.PATIENCE)
            seen.add(streams.read_exactly(server, 3))
        assert len(seen) == 600


def test_broker_that_comes_later(netns, broker, here, bridge, directory):
    """To listen it is needed at the start, to connect it is not."""
    there = netns()
    server = directory / 'later'
    one = bridge('--listen', LISTEN, '--connect', f'{CONNECT},broker={server}')
    assert streams.end_of_connecting(here, LISTEN) == (b'', 'ECONNRESET')
    one.wait_log(f'start it: xsocket-server {server}')
    broker('--netns', there.name, server=server)
    wait_until(lambda: passes(here, LISTEN, there, CONNECT))  # it does not ask each moment anew


def test_no_broker_to_listen(build, directory):
    result = command.run(build, '--listen', f'{LISTEN},broker={directory}/none',
                         '--connect', CONNECT)
    assert result.returncode == 1
    assert f'{directory}/none' in result.stderr
    assert f'start it: xsocket-server {directory}/none' in result.stderr


def test_broker_that_refuses(served, build, unprivileged):
    """A user who may not have its sockets is told so."""
    there = served()
    os.chmod(there.server, 0o600)
    argv = unprivileged([command.program(build), '--listen', f'{LISTEN},broker={there.server}',
                         '--connect', CONNECT])
    result = daemon.run(argv)
    assert result.returncode == 1
    assert there.server in result.stderr
    assert 'ermission' in result.stderr
    assert f'xsocket-server --grant {there.server} u:USER' in result.stderr


def turned_away(here, listener):
    """Whether a new client is. Some are served yet, by sockets that were asked for before."""
    pair = streams.attended(here, LISTEN, listener)
    for sock in pair or ():
        sock.close()
    return pair is None


def test_broker_that_dies_and_comes_back(netns, broker, here, bridge, directory):
    there = netns()
    server = directory / 'broker'
    first = broker('--netns', there.name, server=server, expected=-signal.SIGKILL)
    one = bridge('--listen', LISTEN, '--connect', f'{CONNECT},broker={server}')
    with streams.listen(there, CONNECT) as listener, streams.connect(here, LISTEN) as client:
        under_way, _ = listener.accept()
        first.process.kill()
        first.wait()
        wait_until(lambda: turned_away(here, listener))
        with under_way:
            client.sendall(b'still there')
            assert streams.read_exactly(under_way, 11) == b'still there'
    broker('--netns', there.name, server=server)
    wait_until(lambda: passes(here, LISTEN, there, CONNECT))  # it does not ask each moment anew
    assert one.process.poll() is None


def test_namespace_of_a_broker_is_made_again(netns, broker, here, bridge, directory):
    """Sockets of the old one that were kept are of no use, and not for long."""
    there = netns()
    server = directory / 'broker'
    first = broker('--netns', there.name, server=server, expected=75)
    bridge('--listen', LISTEN, '--connect', f'{CONNECT},broker={server}')
    for _ in range(20):
        assert passes(here, LISTEN, there, CONNECT)
    with streams.listen(there, CONNECT) as old:
        there.delete()
        there.create()
        first.wait()
        broker('--netns', there.name, server=server)
        wait_until(lambda: turned_away(here, old))  # nobody listens in the new one yet
        # it does not ask each moment anew
        wait_until(lambda: passes(here, LISTEN, there, CONNECT))
        for _ in range(10):
            assert passes(here, LISTEN, there, CONNECT)
        assert not streams.readable(old, 0)


@contextlib.contextmanager
def hanging_broker(path):
    """It takes connections and says nothing."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.bind(str(path))
        os.chmod(path, 0o666)
        sock.listen(100)
        yield sock


def test_broker_that_hangs_at_the_start(build, directory):
    """It gives up, and says whom it waited for."""
    with hanging_broker(directory / 'hangs'):
        begin = time.monotonic()
        result = command.run(build, '--listen', f'{LISTEN},broker={directory}/hangs',
                             '--connect', CONNECT, timeout=60)
        assert time.monotonic() - begin < 30
    assert result.returncode == 1
    assert f'{directory}/hangs' in result.stderr


def test_broker_that_hangs_keeps_nobody_else_waiting(netns, here, bridge, directory):
    """Clients of that forward are reset in time, those of others are served, nothing spins, and it
    ends when it is told to."""
    there = netns()
    with hanging_broker(directory / 'hangs'):
        one = bridge('--connect-timeout', 2,
                     '--listen', 'tcp:127.0.0.1:4001',
                     '--connect', f'{CONNECT},broker={directory}/hangs',
                     '--listen', LISTEN, '--connect', f'{CONNECT},netns={there.name}')
        before = cpu_time(one.pid)
        waiting = [streams.connect(here, 'tcp:127.0.0.1:4001') for _ in range(20)]
        for _ in range(20):
            assert passes(here, LISTEN, there, CONNECT)
        for sock in waiting:
            with sock:
                assert streams.ending(sock) == (b'', 'ECONNRESET')
        assert cpu_time(one.pid) - before < 1
        with streams.connect(here, 'tcp:127.0.0.1:4001'):
            one.process.send_signal(signal.SIGTERM)
            one.process.send_signal(signal.SIGTERM)
            wait_until(lambda: one.process.poll() is not None, timeout=5)
        one.expected = one.process.returncode
        assert one.expected in (0, -signal.SIGTERM)


@pytest.mark.parametrize('listen', [LISTEN, 'unix:@listener'])
def test_client_that_is_gone_before_there_is_a_socket(netns, broker, here, bridge, directory,
                                                      listen):
    """The broker is slow. What the client has sent is delivered all the same."""
    there = netns()
    server = broker('--netns', there.name, server=directory / 'slow')
    server.process.send_signal(signal.SIGSTOP)
    bridge('--listen', listen, '--connect', f'{CONNECT},broker={directory}/slow')
    with streams.listen(there, CONNECT) as listener:
        for _ in range(10):
            with streams.connect(here, listen) as client:
                client.sendall(b'the last words')
        server.process.send_signal(signal.SIGCONT)
        for _ in range(10):
            with listener.accept()[0] as sock:
                sock.settimeout(streams.PATIENCE)
                assert streams.ending(sock) == (b'the last words', 'EOF')


def test_broker_that_talks_nonsense(here, netns, bridge, directory):
    there = netns()
    with hanging_broker(directory / 'mad') as mad:
        one = bridge('--connect-timeout', 2,
                     '--listen', 'tcp:127.0.0.1:4001',
                     '--connect', f'{CONNECT},broker={directory}/mad',
                     '--listen', LISTEN, '--connect', f'{CONNECT},netns={there.name}')
        mad.settimeout(0.2)

        def serve():
            while not stop:
                with contextlib.suppress(OSError):
                    sock, _ = mad.accept()
                    with sock:
                        sock.recv(4096)
                        sock.send(b'nonsense')

        stop = []
        task = streams.Task(serve)
        for _ in range(5):
            assert streams.end_of_connecting(here, 'tcp:127.0.0.1:4001') == (b'', 'ECONNRESET')
        assert passes(here, LISTEN, there, CONNECT)
        stop.append(True)
        task.result()
        assert one.process.poll() is None
