# SPDX-License-Identifier: MIT
"""sshd and PostgreSQL, which change their user."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import struct
import subprocess

import pytest

from matrix import open_to_all
from programs import PATIENCE, client, receive, talk
from sockets import listening
from support.matrix import row
from support.users import as_user, require_users
from support.wait import require, skip, wait_until

SSHD_CONF = '''
Port 3000
ListenAddress 127.0.0.1
ListenAddress ::1
HostKey {0}/host
AuthorizedKeysFile {0}/client.pub
PidFile none
StrictModes no
PermitRootLogin yes
UsePAM {1}
PasswordAuthentication no
KbdInteractiveAuthentication no
'''


@pytest.fixture(scope='session')
def keys(tmp_path_factory):
    """A directory with the keys of a host and of a client, and the client's options."""
    directory = tmp_path_factory.mktemp('keys')
    for name in ('host', 'client'):
        subprocess.run([require('ssh-keygen'), '-q', '-t', 'ed25519', '-N', '', '-C', name, '-f',
                        directory / name], check=True, timeout=PATIENCE)
    open_to_all(directory)
    host = ' '.join((directory / 'host.pub').read_text().split()[:2])
    (directory / 'known').write_text(f'[127.0.0.1]:3000 {host}\n[::1]:3000 {host}\n')
    return directory


def locked():
    """Whether root has no password that could ever be right, and sshd by itself would mind."""
    with open('/etc/shadow', encoding='ascii') as shadow:
        return any(line.startswith('root:!') for line in shadow)


@contextlib.contextmanager
def ssh(side, host, user, *options):
    """The client, forwarding a port from over there. It is killed at the end if it still runs."""
    keys = side.fixture('keys')
    argv = [require('ssh'), '-F', 'none', '-i', keys / 'client', '-p', '3000', '-o',
            'BatchMode=yes', '-o', f'UserKnownHostsFile={keys}/known', '-o',
            'StrictHostKeyChecking=yes', '-o', 'ExitOnForwardFailure=yes', *options, '-l', user, host]
    client = side.there.popen(argv, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    with client:
        try:
            yield client
        finally:
            client.kill()


@row('sshd', 'a command over IPv4 and IPv6; a port that root and another user have forwarded', '-V')
def test_sshd(side):
    """It starts itself anew for each client, is nobody until that one is in, and a user then."""
    require_users()
    os.makedirs('/run/sshd', mode=0o755, exist_ok=True)
    (side.directory / 'conf').write_text(SSHD_CONF.format(side.fixture('keys'),
                                                          'yes' if locked() else 'no'))
    sshd = side.start([require('sshd', '/usr/sbin/sshd'), '-D', '-e', '-f',
                       side.directory / 'conf'], '3000-3010')
    sshd.wait_listening(3000, v4=1, v6=1)
    forward = '127.0.0.1:3001:127.0.0.1:3000'
    for host in ('127.0.0.1', '::1'):
        with ssh(side, host, 'root', '-R', forward) as client:
            client.stdin.write('tr a-z A-Z <<END\nhello\nEND\necho ${SSH_CONNECTION%% *}\n')
            client.stdin.flush()
            assert [client.stdout.readline() for _ in range(2)] == ['HELLO\n', f'{host}\n']
            sshd.wait_listening(3001, v4=1)
            yield talk(side.there, 3001, b'', enough=8)[:8]
            yield client.communicate('exit 7\n', PATIENCE)[0], client.returncode
        wait_until(lambda: listening(side.there, 3001) == (0, 0), PATIENCE)
    with ssh(side, '127.0.0.1', 'nobody', '-N', '-R', forward) as client:
        sshd.wait_listening(3001, v4=1)
        assert talk(side.there, 3001, b'', enough=8)[:8] == b'SSH-2.0-'
    yield sshd.stop(status=(0, 255))


def find_postgres():
    """Debian has it outside of everybody's PATH."""
    found = sorted(pathlib.Path('/usr/lib/postgresql').glob('*/bin/postgres'))
    return found[-1] if found else pathlib.Path(require('postgres'))


@pytest.fixture(scope='session')
def cluster(tmp_path_factory):
    """(A directory with what initdb makes, the user)."""
    require_users()
    program = find_postgres()
    try:
        owner = pwd.getpwnam('postgres')
    except KeyError:
        skip('needs the user postgres')
    directory = tmp_path_factory.mktemp('cluster')
    open_to_all(directory)
    data = directory / 'data'
    data.mkdir()
    os.chown(data, owner.pw_uid, owner.pw_gid)
    subprocess.run(as_user([program.parent / 'initdb', '--no-sync', '--auth=trust', '--locale=C',
                            '--encoding=UTF8', '--username=postgres', data],
                           owner.pw_uid, owner.pw_gid), check=True, timeout=PATIENCE,
                   stdout=subprocess.DEVNULL, cwd='/')
    return program, data, (owner.pw_uid, owner.pw_gid)


def messages(sock, until):
    """(Kind, body) of what PostgreSQL's protocol 3 has, until there is one of this kind."""
    while True:
        kind, size = struct.unpack('!cI', receive(sock, 5))
        body = receive(sock, size - 4)
        yield kind, body
        if kind == until:
            return


def select(namespace, host, query):
    """The fields of the first row."""
    start = b'\0\3\0\0' + b'user\0postgres\0database\0postgres\0\0'
    with client(namespace, 3000, host) as sock:
        sock.sendall(struct.pack('!I', 4 + len(start)) + start)
        assert (b'R', b'\0\0\0\0') in list(messages(sock, b'Z'))
        query = query.encode() + b'\0'
        sock.sendall(struct.pack('!cI', b'Q', 4 + len(query)) + query)
        answer = dict(messages(sock, b'Z'))
        sock.sendall(struct.pack('!cI', b'X', 4))
        assert receive(sock, 1) == b''
    return answer[b'D']


@row('PostgreSQL', "SELECT with the client's address, over IPv4 and IPv6")
def test_postgresql(side):
    program, data, user = side.fixture('cluster')
    copy = side.directory / 'data'
    shutil.copytree(data, copy)
    for parent in (copy, *copy.rglob('*')):
        os.chown(parent, *user)
    copy.chmod(0o700)
    preload = {'LD_PRELOAD': str(side.fixture('public')('xbind/libxbind.so'))}
    open_to_all(side.directory)
    server = side.start([str(program), '-D', copy, '-p', '3000', '-c',
                         'listen_addresses=127.0.0.1,::1', '-c', 'unix_socket_directories=', '-c',
                         'fsync=off'], '3000', user=user,
                        **preload)
    server.wait_listening(3000, v4=1, v6=1)
    server.wait_said('ready to accept')
    for host in ('127.0.0.1', '::1'):
        answer = select(side.there, host, 'SELECT 41 + 1, inet_client_addr(), inet_server_port()')
        assert b'42' in answer and host.encode() in answer and b'3000' in answer
        yield answer
    yield server.stop(signal.SIGINT)
