# SPDX-License-Identifier: MIT
"""Where sockets come from and go to: namespaces, by all their names, and Unix sockets."""

import contextlib
import grp
import os
import pathlib
import pwd
import signal
import socket
import stat
import subprocess

import pytest

from support import bridge as command, streams
from support.streams import passes
from support.users import UID, errno_of, require_users
from support.wait import wait_until

LISTEN, CONNECT = 'tcp:127.0.0.1:4000', 'tcp:127.0.0.1:5000'


@pytest.mark.parametrize('side', ['listen', 'connect'])
@pytest.mark.parametrize('how', ['name', 'path', 'pid', 'path of a process'])
def test_ways_to_name_a_namespace(netns, here, bridge, how, side):
    """On one side; the other one is where the bridge is."""
    there = netns()
    process = there.popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        process.stdin.write(b'inside\n')
        process.stdin.flush()
        assert process.stdout.readline() == b'inside\n'
        name = {'name': there.name, 'path': there.path, 'pid': f'pid:{process.pid}',
                'path of a process': f'/proc/{process.pid}/ns/net'}[how]
        near, far = (there, here) if side == 'listen' else (here, there)
        bridge('--listen', LISTEN + (f',netns={name}' if side == 'listen' else ''),
               '--connect', CONNECT + (f',netns={name}' if side == 'connect' else ''))
        assert passes(near, LISTEN, far, CONNECT)
    finally:
        process.kill()
        process.communicate()


def test_same_namespace_on_both_sides(netns, bridge):
    there = netns()
    bridge('--listen', f'{LISTEN},netns={there.name}', '--connect', f'{CONNECT},netns={there.name}')
    assert passes(there, LISTEN, there, CONNECT)


def test_namespace_that_is_not_there(build):
    """It cannot listen: that is said, and the status tells a manager to try again or give up."""
    result = command.run(build, '--listen', f'{LISTEN},netns=nowhere', '--connect', CONNECT)
    assert result.returncode == 1
    assert 'nowhere' in result.stderr


def test_namespace_to_connect_in_that_comes_later(netns, here, bridge):
    """Clients are reset until it is there."""
    name = 'later'
    try:
        bridge('--listen', LISTEN, '--connect', f'{CONNECT},netns={name}')
        assert streams.end_of_connecting(here, LISTEN) == (b'', 'ECONNRESET')
    finally:
        there = netns(name)
    wait_until(lambda: passes(here, LISTEN, there, CONNECT))


def turned_away(here, listener):
    """Whether a new client is. For a moment one may yet come to the old namespace."""
    pair = streams.attended(here, LISTEN, listener)
    for sock in pair or ():
        sock.close()
    return pair is None


def test_namespace_deleted_and_made_again(netns, here, bridge):
    """New connections go to the new one. What is under way keeps the old one alive, and goes on."""
    there = netns()
    one = bridge('--listen', LISTEN, '--connect', f'{CONNECT},netns={there.name}')
    with streams.listen(there, CONNECT) as listener, streams.connect(here, LISTEN) as client:
        server, _ = listener.accept()
        with server:
            there.delete()
            wait_until(lambda: turned_away(here, listener))
            there.create()
            wait_until(lambda: passes(here, LISTEN, there, CONNECT))
            client.sendall(b'still there')
            assert streams.read_exactly(server, 11) == b'still there'
    assert one.process.poll() is None


def sockets_of(one):
    return [what for what in one.fds().values() if what.startswith('socket:')]


def test_listener_of_a_namespace_that_was_made_again(netns, here, bridge):
    """It listens in the new one, and does not keep the old one alive."""
    there = netns()
    one = bridge('--listen', f'{LISTEN},netns={there.name}', '--connect', CONNECT)
    assert passes(there, LISTEN, here, CONNECT)
    there.delete()
    wait_until(lambda: 'was deleted' in one.log)
    wait_until(lambda: not sockets_of(one))
    there.create()
    wait_until(lambda: there.listening(4000))
    assert passes(there, LISTEN, here, CONNECT)


def test_no_namespace_is_kept_alive(netns, here, bridge):
    """A bridge that only connects into one does not hold it when it is deleted."""
    there = netns()
    one = bridge('--listen', LISTEN, '--connect', f'{CONNECT},netns={there.name}')
    assert passes(here, LISTEN, there, CONNECT)
    process, namespace = pathlib.Path(f'/proc/{one.pid}'), os.stat(there.path)

    def held():
        """By what: descriptors, whatever their names are by now, and threads."""
        for path in (*process.glob('fd/*'), *process.glob('task/*/ns/net')):
            with contextlib.suppress(FileNotFoundError):  # closed since
                if os.path.samestat(path.stat(), namespace):
                    yield str(path)

    assert list(held())
    there.delete()
    wait_until(lambda: not list(held()), what=lambda: list(held()))
    assert streams.end_of_connecting(here, LISTEN) == (b'', 'ECONNRESET')
    there.create()


# ---- Unix sockets ----


@pytest.fixture
def unix(here, bridge, directory):
    """unix(OPTIONS): a bridge that listens at a path; (bridge, path)."""
    def start(options='', **kwargs):
        path = directory / 'listener'
        return bridge('--listen', f'unix:{path}{options}', '--connect', CONNECT, **kwargs), path

    return start


def test_unix_socket_is_its_owners(unix):
    _, path = unix()
    status = path.stat()
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert (status.st_uid, status.st_gid) == (os.geteuid(), os.getegid())


def test_mode_user_and_group(unix):
    require_users()
    user, group = pwd.getpwnam('daemon'), grp.getgrnam('bin')
    _, path = unix(f',mode=0620,user={user.pw_name},group={group.gr_name}')
    status = path.stat()
    assert stat.S_IMODE(status.st_mode) == 0o620
    assert (status.st_uid, status.st_gid) == (user.pw_uid, group.gr_gid)


def test_numbers_of_user_and_group(unix):
    require_users()
    _, path = unix(f',user={UID},group=64200')
    assert (path.stat().st_uid, path.stat().st_gid) == (UID, 64200)
    assert errno_of(lambda: connected(path)) == 0


def connected(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))


@pytest.mark.parametrize('umask', [0, 0o077])
def test_mode_does_not_depend_on_the_umask(unix, umask):
    _, path = unix(',mode=0666', wrap=lambda argv: ['sh', '-c', f'umask {umask:o}; exec "$@"', 'sh',
                                                    *argv])
    assert stat.S_IMODE(path.stat().st_mode) == 0o666


def test_unix_socket_is_gone_afterwards(unix):
    one, path = unix()
    one.stop()
    assert not path.exists()


def test_stale_unix_socket_is_replaced(unix, here):
    one, path = unix()
    one.process.send_signal(signal.SIGKILL)
    one.expected = -signal.SIGKILL
    one.process.wait()
    assert path.exists()
    unix()
    assert passes(here, f'unix:{path}', here, CONNECT)


def test_unix_socket_in_use_is_not_taken(unix, build, here):
    _, path = unix()
    result = command.run(build, '--listen', f'unix:{path}', '--connect', CONNECT)
    assert result.returncode == 1
    assert str(path) in result.stderr
    assert passes(here, f'unix:{path}', here, CONNECT)


def test_other_file_is_not_replaced(build, directory):
    path = directory / 'file'
    path.write_text('precious')
    result = command.run(build, '--listen', f'unix:{path}', '--connect', CONNECT)
    assert result.returncode == 1
    assert str(path) in result.stderr
    assert path.read_text() == 'precious'


def test_unix_socket_that_is_not_there_yet(here, bridge, directory):
    """And one that nobody listens on any more."""
    target = f'unix:{directory}/target'
    bridge('--listen', LISTEN, '--connect', target)
    assert streams.end_of_connecting(here, LISTEN) == (b'', 'ECONNRESET')
    assert passes(here, LISTEN, here, target)
    assert streams.end_of_connecting(here, LISTEN) == (b'', 'ECONNRESET')


def test_unix_target_with_a_full_queue(here, bridge, directory):
    """Its connect(2) fails at once with EAGAIN, unlike TCP's. It is tried again, for as long as
    --connect-timeout allows."""
    target = f'unix:{directory}/target'
    bridge('--listen', LISTEN, '--connect', target)
    with streams.listen(here, target, backlog=0) as listener:
        clients = [streams.connect(here, LISTEN) for _ in range(10)]
        for number, sock in enumerate(clients):
            sock.sendall(b'%d' % number)
        seen = set()
        for _ in clients:
            server, _ = listener.accept()
            with server:
                server.settimeout(streams.PATIENCE)
                seen.add(streams.read_exactly(server, 1))
        assert seen == {b'%d' % number for number in range(10)}
        for sock in clients:
            sock.close()


def test_abstract_names_are_those_of_a_namespace(netns, here, bridge):
    near, far = netns(), netns()
    bridge('--listen', f'unix:@name,netns={near.name}', '--connect', f'unix:@name,netns={far.name}')
    assert passes(near, 'unix:@name', far, 'unix:@name')
    with pytest.raises(ConnectionRefusedError):
        streams.connect(here, 'unix:@name')


@pytest.mark.parametrize('listen', [LISTEN, 'tcp:[::1]:4000', 'unix:@name'])
def test_listener_that_is_taken(build, here, listen):
    with streams.listen(here, listen):
        result = command.run(build, '--listen', listen, '--connect', CONNECT)
    assert result.returncode == 1
    assert listen.partition(':')[2] in result.stderr


def test_listener_is_free_again_at_once(bridge, here):
    """Although connections of the last bridge are in TIME-WAIT."""
    one = bridge('--listen', LISTEN, '--connect', CONNECT)
    with streams.listen(here, CONNECT) as listener, streams.connect(here, LISTEN) as client:
        server, _ = listener.accept()
        server.close()
        assert streams.ending(client) == (b'', 'EOF')
    one.stop()
    bridge('--listen', LISTEN, '--connect', CONNECT)
    assert passes(here, LISTEN, here, CONNECT)
