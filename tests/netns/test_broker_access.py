# SPDX-License-Identifier: MIT
"""Who may connect: POSIX ACLs on the control socket and its directory."""

import errno
import os
import shutil
import subprocess

import pytest

from support import broker as command, wire
from support.users import errno_of, require_users
from support.wait import require

# in every passwd and group file
USER, UID = 'daemon', 1
GROUP, GID = 'bin', 2
OTHER = 64200


@pytest.fixture(autouse=True)
def acls():
    require_users()
    require('getfacl')


def getfacl(path):
    """The entries of a file's ACL, with what they come to where the mask takes something away."""
    result = subprocess.run(['getfacl', '-cpE', str(path)], check=True, capture_output=True,
                            text=True)
    return {line for line in result.stdout.splitlines() if line}


def effective(path):
    result = subprocess.run(['getfacl', '-cpe', str(path)], check=True, capture_output=True,
                            text=True)
    entries = {}
    for line in result.stdout.split('\n'):
        if line.strip():
            entry, _, after = line.partition('#effective:')
            who, _, perms = entry.strip().rpartition(':')
            entries[who] = after.strip() or perms
    return entries


@pytest.fixture
def server(netns, broker):
    """server(ARG...): a broker in a directory of its own that only root can search."""
    os.makedirs('/run/test', exist_ok=True)

    def start(*args, mode=0o700):
        namespace = netns()
        directory = f'/run/test/{namespace.name}'
        os.mkdir(directory, mode)
        return broker('--netns', namespace.name, *args, server=f'{directory}/socket')

    yield start
    shutil.rmtree('/run/test')


def reach(server, uid=OTHER, gid=OTHER, groups=()):
    """The errno with which that user fails to get a socket, or 0."""
    return errno_of(lambda: wire.ask(server.server), uid, gid, groups)


def test_nobody_else_by_default(server):
    one = server(mode=0o755)
    assert effective(one.server)['group:'] == '---'
    assert reach(one) == errno.EACCES
    assert reach(one, UID) == errno.EACCES


@pytest.mark.parametrize('mode', [0o700, 0o750, 0o755])
def test_allowed_user(server, mode):
    one = server('--allow-user', USER, mode=mode)
    assert effective(one.server)[f'user:{USER}'] == 'rw-'
    assert reach(one, UID) == 0
    assert reach(one) == errno.EACCES
    directory = effective(os.path.dirname(one.server))
    if mode & 1:
        assert f'user:{USER}' not in directory
    else:
        assert directory[f'user:{USER}'] == '--x'


def test_allowed_group(server):
    one = server('--allow-group', GROUP)
    assert effective(one.server)[f'group:{GROUP}'] == 'rw-'
    assert reach(one, OTHER, GID) == 0
    assert reach(one, groups=[GID]) == 0
    assert reach(one) == errno.EACCES


def test_several(server):
    one = server('--allow-user', USER, '--allow-user', str(OTHER), '--allow-group', GROUP)
    assert reach(one, UID) == reach(one) == reach(one, 64300, GID) == 0
    assert reach(one, 64300) == errno.EACCES


@pytest.mark.parametrize('args', [
    ('--allow-user', 'no-such-user'), ('--allow-group', 'no-such-group'), ('--allow-user', '')])
def test_unknown_names_are_refused(build, tmp_path, args):
    result = command.run(build, *args, tmp_path / 'socket')
    assert result.returncode != 0
    assert 'no-such' in result.stderr or args[1] == ''
    assert not (tmp_path / 'socket').exists()


def test_grant_and_revoke(server, build):
    one = server()
    before = getfacl(one.server)
    for _ in range(2):  # twice is once
        assert command.run(build, '--grant', one.server, f'u:{USER}', f'g:{GROUP}').returncode == 0
        assert getfacl(one.server) == before | {f'user:{USER}:rw-', f'group:{GROUP}:rw-',
                                                'mask::rw-'}
    assert reach(one, UID) == reach(one, groups=[GID]) == 0
    for _ in range(2):
        assert command.run(build, '--revoke', one.server, f'u:{USER}').returncode == 0
        assert reach(one, UID) == errno.EACCES
        assert reach(one, groups=[GID]) == 0
    assert command.run(build, '--revoke', one.server, f'g:{GROUP}').returncode == 0
    assert reach(one, groups=[GID]) == errno.EACCES


def test_a_connection_outlives_its_revocation(server, build):
    """As with any file: what is open stays open."""
    one = server('--allow-user', USER)
    with one.connect() as connection:
        command.run(build, '--revoke', one.server, f'u:{USER}')
        connection.plain().close()


def test_grant_where_the_mask_hides_it(server, build):
    """chmod(1) on a file with an ACL sets its mask: entries are there, and count for nothing."""
    one = server(mode=0o755)
    command.run(build, '--grant', one.server, f'u:{USER}', f'u:{OTHER}')
    os.chmod(one.server, 0o600)
    assert reach(one, UID) == errno.EACCES
    command.run(build, '--grant', one.server, f'u:{USER}')
    assert reach(one, UID) == 0


def test_grant_gives_nothing_to_the_owning_group(server, build):
    one = server(mode=0o755)
    os.chown(one.server, 0, GID)
    command.run(build, '--grant', one.server, f'u:{USER}')
    assert reach(one, UID) == 0
    assert reach(one, OTHER, GID) == errno.EACCES


def test_grant_keeps_what_the_owning_group_has(server, build):
    """A socket unit's SocketGroup= and SocketMode=0660 stay."""
    one = server(mode=0o755)
    os.chown(one.server, 0, GID)
    os.chmod(one.server, 0o660)
    command.run(build, '--grant', one.server, f'u:{USER}')
    assert reach(one, UID) == reach(one, OTHER, GID) == 0
    command.run(build, '--revoke', one.server, f'u:{USER}')
    assert reach(one, UID) == errno.EACCES
    assert reach(one, OTHER, GID) == 0


@pytest.mark.parametrize('who', ['', 'daemon', 'x:daemon', 'u:', 'u:no-such-user', 'g:daemon:rw'])
def test_mistakes_change_nothing(server, build, who):
    one = server()
    before = getfacl(one.server)
    result = command.run(build, '--grant', one.server, f'u:{USER}', who)
    assert result.returncode != 0 and result.stderr
    assert getfacl(one.server) == before


def test_grant_on_something_else(build, tmp_path):
    file = tmp_path / 'file'
    file.touch()
    for path in (file, tmp_path / 'nothing'):
        result = command.run(build, '--grant', path, f'u:{USER}')
        assert result.returncode != 0
        assert str(path) in result.stderr
    assert command.run(build, '--grant', file).returncode != 0
    assert command.run(build, '--grant').returncode != 0


def test_symbolic_link_is_not_followed(build, vpn, tmp_path):
    """Root is not to be led to another file by whoever owns the directory."""
    (tmp_path / 'link').symlink_to(vpn.server)
    before = command.run(build, '--grant', tmp_path / 'link', 'u:1234')
    assert before.returncode == 1 and 'link' in before.stderr
