# SPDX-License-Identifier: MIT
"""tools/demo, as root and as anybody: all that it claims is true."""

import pathlib
import subprocess

import pytest

from support import tree
from support.users import GID, UID, as_user

CLAIMS = [
    'port 8080 is open in vpn',
    'port 8080 is not open here',
    'the program itself still is here',
    'the page was served there',
    'nobody answers here',
    'the program saw who asked',
    'the page comes by a name of the namespace',
    'the name is not known here',
    'the page comes here, by the bridge',
]


@pytest.fixture
def disk():
    """Not below /run, where the temporary files are: the demo has an empty one of its own."""
    directory = pathlib.Path('/mnt')
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=755,nosuid', 'tmpfs', directory], check=True)
    yield directory
    subprocess.run(['umount', directory], check=True)


@pytest.mark.parametrize('who', ['root', 'user'])
def test_demo(who, disk):
    """What it needs is there, as the other tests need it, too: it uses no network."""
    argv = [str(disk / 'tree/tools/demo')]
    if who == 'user':
        argv = as_user(argv)
        tree.copy(disk / 'tree', UID, GID)
    else:
        tree.copy(disk / 'tree')
    # where a user cannot get at the first meson in the PATH; and it takes less time to build
    env = {'PATH': '/usr/bin:/bin:/usr/sbin:/sbin', 'HOME': str(disk / 'tree'), 'LANG': 'C.UTF-8',
           'CFLAGS': '-O0'}
    result = subprocess.run(argv, env=env, text=True, check=False, timeout=240,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    assert result.returncode == 0, result.stdout
    assert result.stdout.splitlines()[-1] == 'All of it is true.'
    assert 'FALSE' not in result.stdout
    for claim in CLAIMS:
        assert f'  true   {claim}\n' in result.stdout
    # a user namespace knows a single user; otherwise the program is somebody without privilege
    assert who == 'root' or '--allow-user' not in result.stdout
