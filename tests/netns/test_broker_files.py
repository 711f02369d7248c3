# SPDX-License-Identifier: MIT
"""Files for resolvers: which ones a broker hands out, that each is as it is now, and that nothing
else at their place does any harm."""

import contextlib
import errno
import fcntl
import os
import pathlib
import socket
import stat

import pytest

from support import wire
from support.names import Etc
from support.wait import wait_until

FILES = {wire.RESOLV_CONF: 'resolv.conf', wire.HOSTS: 'hosts', wire.NSSWITCH: 'nsswitch.conf'}


@pytest.fixture
def etc():
    with Etc() as layer:
        for name in FILES.values():
            layer.write(name, f'the {name} of all\n')
        yield layer


@pytest.fixture
def own(etc, vpn):
    """own('hosts'): the path of that file of the namespace, which is not there yet."""
    directory = pathlib.Path('/etc/netns', vpn.name)
    directory.mkdir(parents=True)
    return directory.joinpath


def take(fd):
    """All that is in a descriptor, which is closed."""
    with open(fd, 'rb') as file:
        return file.read().decode()


def content(server, file=wire.RESOLV_CONF):
    with wire.Connection(server) as connection:
        return take(connection.file(file))


def refusal(connection, file=wire.RESOLV_CONF):
    with pytest.raises(wire.Refused) as refused:
        connection.file(file)
    return refused.value.errno


def test_an_exchange_byte_by_byte(vpn, own):
    own('hosts').write_text('127.0.0.1 here\n')
    with vpn.broker.connect() as connection:
        connection.send(bytes.fromhex('58533033 00000001 00000002 0000001c'
                                      '00000002 00000001 ffffffff'))
        packet, fds = connection.receive(wrap=int)
        assert packet == bytes.fromhex('58533033 00000001 80000001 00000014 00000001')
        assert len(fds) == 1
        packet, none = connection.receive()
        assert packet == bytes.fromhex('58533033 00000001 80000002 0000001c'
                                       '00000000 00000001 00000001')
        assert not none
        assert connection.hung_up()  # it was said to be the last one
    assert take(fds[0]) == '127.0.0.1 here\n'


@pytest.mark.parametrize('file', FILES)
def test_the_namespace_has_its_own_or_that_of_all(vpn, own, file):
    assert content(vpn.server, file) == f'the {FILES[file]} of all\n'
    own(FILES[file]).write_text('its own\n')
    for other in FILES:
        expected = 'its own\n' if other == file else f'the {FILES[other]} of all\n'
        assert content(vpn.server, other) == expected


def test_the_descriptor_can_only_be_read(vpn, own):
    own('hosts').write_text('hosts\n')
    with vpn.broker.connect() as connection:
        fd = connection.file(wire.HOSTS)
        assert stat.S_ISREG(os.fstat(fd).st_mode)
        assert fcntl.fcntl(fd, fcntl.F_GETFL) & (os.O_ACCMODE | os.O_PATH) == os.O_RDONLY
        for change in (lambda: os.write(fd, b'x'), lambda: os.ftruncate(fd, 0),
                       lambda: os.posix_fallocate(fd, 0, 99)):
            with pytest.raises(OSError):
                change()
        # each is opened for itself: another reader moves nobody's place
        again = connection.file(wire.HOSTS)
        assert os.read(fd, 3) == b'hos'
        assert os.read(again, 3) == b'hos'
        assert take(fd) == 'ts\n' and take(again) == 'ts\n'
    assert own('hosts').read_text() == 'hosts\n'


def test_whose_files_by_the_name_of_the_namespace(own, vpn, netns, broker, tmp_path):
    """That of /run/netns/NAME, however it is written; any other namespace has none of its own."""
    own('hosts').write_text('its own\n')
    link = tmp_path / vpn.name
    link.symlink_to(vpn.path)
    for number, (args, expected) in enumerate([
            (['--netns', vpn.name], 'its own\n'),
            (['--netns', f'/run/netns/{vpn.name}'], 'its own\n'),
            (['--netns', f'/run/netns//{vpn.name}'], 'its own\n'),
            (['--netns', f'/run/netns/../netns/{vpn.name}'], 'the hosts of all\n'),
            (['--netns', link], 'the hosts of all\n'),
            (['--netns', f'/proc/{os.getpid()}/ns/net'], 'the hosts of all\n'),
            ([], 'the hosts of all\n')]):
        server = broker(*args, server=tmp_path / f'socket{number}')
        assert content(server.server, wire.HOSTS) == expected, args


def test_what_changes_is_seen_at_once(vpn, own, tmp_path):
    path, new = own('resolv.conf'), own('resolv.conf.new')
    with vpn.broker.connect() as connection:
        def says(expected):
            return take(connection.file()) == expected

        assert says('the resolv.conf of all\n')
        path.write_text('one\n')
        assert says('one\n')
        held = connection.file()
        new.write_text('two\n')
        os.rename(new, path)
        assert says('two\n')
        assert take(held) == 'one\n'
        path.unlink()
        assert says('the resolv.conf of all\n')
        # as services do that manage it: a link to where they keep it
        target = tmp_path / 'stub.conf'
        path.symlink_to(target)
        assert refusal(connection) == errno.ENOENT  # not there yet, and not that of all either
        target.write_text('three\n')
        assert says('three\n')
        (tmp_path / 'stub.new').write_text('four\n')
        os.rename(tmp_path / 'stub.new', target)
        assert says('four\n')


def test_a_file_that_is_not_there(vpn, etc):
    with vpn.broker.connect() as connection:
        for file, name in FILES.items():
            os.unlink(f'/etc/{name}')
            assert refusal(connection, file) == errno.ENOENT
            etc.write(name, 'back\n')
            assert take(connection.file(file)) == 'back\n'
        connection.sockets()[0].close()


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


def make_unreadable(path):
    path.write_text('secret\n')
    path.chmod(0)


STRANGE = {
    'directory': lambda path: path.mkdir(),
    'fifo': os.mkfifo,
    'socket': make_socket,
    'loop': lambda path: path.symlink_to(path),
    'device': lambda path: path.symlink_to('/dev/zero'),
    'terminal': lambda path: path.symlink_to('/dev/tty'),
    'unreadable': make_unreadable,  # also for root, without capabilities
}


@pytest.mark.parametrize('strange', STRANGE)
def test_something_else_in_its_place(vpn, own, strange):
    """An error, at once, and a line that says so: never another file, and nobody waits."""
    STRANGE[strange](own('hosts'))
    before = vpn.broker.fds()
    with vpn.broker.connect() as connection:
        assert refusal(connection, wire.HOSTS) == errno.EIO
        assert vpn.broker.log.count(f'refuse: {own("hosts")} cannot be handed out: ') == 1
        assert take(connection.file(wire.RESOLV_CONF)) == 'the resolv.conf of all\n'
        connection.sockets()[0].close()
        # the connection; and for a moment /proc/PID/cgroup, for the name of a unit in the log
        wait_until(lambda: len(vpn.broker.fds()) <= len(before) + 1, what=vpn.broker.fds)


@pytest.mark.parametrize('packet', [
    wire.resolver_request(length=24)[:24], wire.resolver_request(length=32) + bytes(4),
    wire.resolver_request(length=40) + bytes(12), wire.resolver_request(length=40),
    wire.resolver_request()[:-4], wire.resolver_request()[:16], wire.resolver_request(0),
    wire.resolver_request(4), wire.resolver_request(-1), wire.resolver_request(0x10001),
    wire.resolver_request(flags=2), wire.resolver_request(flags=0x80000001),
    wire.resolver_request(opcode=wire.OP_SOCKET), wire.socket_request(opcode=wire.OP_RESOLVER)],
    ids=lambda packet: packet[8:].hex())
def test_nonsense_is_not_understood(vpn, packet):
    with vpn.broker.connect() as connection:
        connection.send(packet)
        error, fds, highest = connection.answer(wrap=int)
        assert (error, fds, highest) == (errno.EBADMSG, [], wire.VERSION)
        assert connection.hung_up()
    vpn.broker.ask().close()


def test_with_a_descriptor_it_is_refused(vpn):
    with vpn.broker.connect() as connection:
        connection.send(wire.resolver_request(), [connection.sock.fileno()])
        assert connection.answer(wrap=int)[:2] == (errno.EPROTO, [])


def test_it_may_be_forbidden(etc, netns, broker, tmp_path):
    """AllowResolver=, whatever AllowSockets= says; a reload counts at once."""
    config = tmp_path / 'files.conf'
    config.write_text('[Server]\nAllowResolver=no\n')
    server = broker('--netns', netns().name, '--config', config, server=tmp_path / 'socket')
    with server.connect() as connection:
        for file in FILES:
            assert refusal(connection, file) == errno.EACCES
        assert server.log.count('deny: files for resolvers are not handed out') == 3
        connection.sockets()[0].close()
        config.write_text('[Server]\nAllowResolver=yes\nAllowSockets=\n')
        server.reload()
        assert take(connection.file(wire.HOSTS)) == 'the hosts of all\n'
        with pytest.raises(wire.Refused):
            connection.sockets()


def test_it_is_told_in_the_log(vpn, own):
    own('hosts').write_text('its own\n')
    with vpn.broker.connect() as connection:
        os.close(connection.file(wire.HOSTS))
        os.close(connection.file(wire.NSSWITCH))
    vpn.broker.wait_log(f'grant: {own("hosts")} handed out: uid={os.getuid()} ')
    vpn.broker.wait_log('grant: /etc/nsswitch.conf handed out: ')


def test_the_broker_keeps_none(vpn, etc):
    with vpn.broker.connect() as connection:
        for _ in range(50):
            os.close(connection.file())
        wait_until(lambda: not [what for what in vpn.broker.fds().values() if 'resolv.conf' in what],
                   what=vpn.broker.fds)


def test_a_client_that_does_not_read(vpn, etc):
    """One answer, then it is told off: as for sockets."""
    with vpn.broker.connect() as slow:
        with contextlib.suppress(BrokenPipeError):
            for _ in range(1000):
                slow.send(wire.resolver_request())
        error, fds, _ = slow.answer(wrap=int)
        assert error == 0 and take(fds[0]) == 'the resolv.conf of all\n'
        assert slow.answer(wrap=int)[0] == errno.EBUSY
        assert slow.hung_up()
    assert content(vpn.server) == 'the resolv.conf of all\n'


def test_files_that_are_not_received_count_for_their_user(etc, netns, broker, tmp_path):
    limit = 80  # a tenth of it, rounded up to 10, is one user's share
    server = broker('--netns', netns().name, server=tmp_path / 'socket',
                    wrap=lambda argv: ['prlimit', f'--nofile={limit}:{limit}', *argv])
    answers = []
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(server.connect())
            connection.send(wire.resolver_request())
            # peek: whether it was served is seen without receiving the descriptor
            packet = connection.sock.recv(64, socket.MSG_PEEK)
            answers.append(wire.unwords(packet)[2])
        assert answers == [wire.OP_DESCRIPTORS] * 10 + [wire.OP_VERDICT] * 10
        assert connection.answer()[0] == errno.ETOOMANYREFS
        # sockets have no share of their own
        connection.send(wire.socket_request())
        assert connection.answer()[0] == errno.ETOOMANYREFS

    def served():
        with server.connect() as connection:
            connection.send(wire.resolver_request())
            error, fds, _ = connection.answer(wrap=int)
            for fd in fds:
                os.close(fd)
            return error == 0

    wait_until(served)


def test_nothing_of_a_namespace_that_is_gone(vpn, own):
    own('hosts').write_text('its own\n')
    vpn.broker.expected = 75
    with vpn.broker.connect() as connection:
        os.close(connection.file(wire.HOSTS))
        vpn.delete()
        with contextlib.suppress(BrokenPipeError):
            connection.send(wire.resolver_request(wire.HOSTS))
        assert connection.receive(wrap=int) == (b'', [])
    assert vpn.broker.wait() == 75
