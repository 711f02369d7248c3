# SPDX-License-Identifier: MIT
"""What programs read of /etc/resolv.conf, /etc/hosts and /etc/nsswitch.conf under libxredirect is
the broker's namespace's, or nothing."""

import contextlib
import errno
import glob
import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

from support import streams, wire
from support.names import Etc
from support.preloaded import SANITIZER
from support.wait import require, skip

PYTHON = '/usr/bin/python3'
NAMES = ('resolv.conf', 'hosts', 'nsswitch.conf')
PATHS = [f'/etc/{name}' for name in NAMES]
# what is not one of these paths, whatever it leads to
OTHERS = ['/etc/./hosts', '//etc/hosts', '/etc/hosts/', '/etc/hostsx', '/etc/host', '/etc', '/none']


@pytest.fixture
def etc(vpn):
    """Files of this machine, which begin with "here", and of the namespace: with "there"."""
    with Etc() as layer:
        for name in NAMES:
            layer.write(name, f'here is {name}\n')
            layer.write(f'netns/{vpn.name}/{name}', f'there is {name}\n')
        yield layer


@pytest.fixture
def own(etc, vpn):
    """own('hosts'): the path of that file of the namespace."""
    return pathlib.Path('/etc/netns', vpn.name).joinpath


@pytest.fixture
def inside(vpn, etc):
    """inside(ARGV): what a program says inside, with the namespace's files in their places."""
    def run(argv):
        return subprocess.run(['ip', 'netns', 'exec', vpn.name, *map(str, argv)], text=True,
                              stdout=subprocess.PIPE, timeout=30, check=True,
                              env=os.environ | SANITIZER).stdout
    return run


@pytest.fixture
def opened(program, redirected, vpn):
    """opened(ARG..., XREDIRECT=...): the lines of the program under the library, and on stderr."""
    def run(*args, **variables):
        result = redirected([program('open'), *args], **{'XREDIRECT': vpn.server} | variables)
        assert result.returncode == 0, result.stderr
        return result.stdout.splitlines(), result.stderr.splitlines()
    return run


def test_each_function(program, inside, opened):
    lines, said = opened(*PATHS)
    assert lines == inside([program('open'), *PATHS]).splitlines()
    assert said == []
    assert len(lines) in (18, 30)
    assert all(re.search(r': there is \S+$', line) for line in lines)


def test_other_paths(here, etc, program, opened):
    lines, said = opened(*OTHERS)
    assert lines == here.run([program('open'), *OTHERS], stdout=subprocess.PIPE).stdout.splitlines()
    assert said == []
    assert [line for line in lines if 'here is hosts' in line]


def test_flags(program, inside, opened):
    """Only where it is read is it another file."""
    lines, _ = opened('flags')
    expected = inside([program('open'), 'flags'])
    assert lines == re.sub(r'(?m)^(open O_RDWR|fopen rb?\+)(.*)there', r'\1\2here',
                           expected).splitlines()
    assert sum(': here' in line for line in lines) == 3
    assert sum(': there' in line for line in lines) == 8


def test_pointers_that_lead_nowhere(program, inside, opened):
    lines, said = opened('pointers')
    assert lines == inside([program('open'), 'pointers']).splitlines()
    assert said == []
    assert sum('EFAULT' in line for line in lines) == 21
    assert sum('there is' in line for line in lines) == 4


def test_files_that_are_made(here, etc, program, opened, tmp_path):
    """With the mode that the program says."""
    for name in ('one', 'other'):
        (tmp_path / name).mkdir()
    expected = here.run([program('open'), 'made', tmp_path / 'one'], stdout=subprocess.PIPE).stdout
    assert opened('made', tmp_path / 'other') == (expected.splitlines(), [])
    assert re.findall(r'100(\d+)$', expected, re.M) == ['641', '642', '643', '644', '645', '646']


def test_in_a_signal_handler(etc, opened):
    assert opened('signals') == (['wrong 0, left open 0'], [])


def test_without_a_descriptor(program, inside, opened):
    lines, said = opened('few')
    assert lines == inside([program('open'), 'few']).splitlines()
    assert all('EMFILE' in line for line in lines)
    assert all('LimitNOFILE=' in line for line in said)


@pytest.mark.parametrize('server', [None, '.'])
def test_not_redirected(here, etc, program, opened, server):
    lines, said = opened(*PATHS, XREDIRECT=server)
    assert lines == here.run([program('open'), *PATHS], stdout=subprocess.PIPE).stdout.splitlines()
    assert said == []
    assert all('here is' in line for line in lines)


def test_none_there(etc, own, opened):
    """Not on either side of the broker, so there is nothing to complain about."""
    own('nsswitch.conf').unlink()
    pathlib.Path('/etc/nsswitch.conf').unlink()
    lines, said = opened('/etc/nsswitch.conf')
    assert all(line.endswith(': ENOENT') for line in lines) and said == []
    etc.write('nsswitch.conf', 'here again\n')
    assert all(line.endswith(': here again') for line in opened('/etc/nsswitch.conf')[0])


def test_no_file_there(own, opened):
    own('hosts').unlink()
    own('hosts').mkdir()
    lines, said = opened('/etc/hosts')
    assert all(line.endswith(': EIO') for line in lines)
    assert len(said) == len(lines) and 'it is no regular file' in said[0]


def test_no_broker(etc, opened):
    """ENOENT would mean that all is as usual."""
    lines, said = opened(*PATHS[:2], XREDIRECT='gone')
    assert all(line.endswith(': EIO') for line in lines)
    assert len(said) == len(lines)
    assert said[0].startswith('libxredirect: open of /etc/resolv.conf by /run/xsocket/gone failed')


def test_a_broker_that_hands_out_none(etc, vpn, broker, tmp_path, opened):
    config = tmp_path / 'no.conf'
    config.write_text('[Server]\nAllowResolver=no\n')
    broker('--netns', vpn.name, '--config', config, server='/run/xsocket/no')
    lines, said = opened('/etc/hosts', XREDIRECT='no')
    assert all(line.endswith(': EACCES') for line in lines)
    assert len(said) == len(lines) and 'AllowResolver=yes' in said[0]


def test_an_old_broker(etc, opened):
    """It knows no such request."""
    path = '/run/xsocket/old'
    os.makedirs('/run/xsocket', exist_ok=True)

    def serve(listener):
        with contextlib.suppress(OSError):  # it is shut down
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(ConnectionError):
                    while connection.recv(4096):
                        connection.send(wire.words(wire.EXTENDED, wire.VERSION, wire.OP_VERDICT, 28,
                                                   errno.EOPNOTSUPP, 0, wire.VERSION))

    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        broker = streams.Task(serve, listener)
        lines, said = opened('/etc/hosts', XREDIRECT=path)
        listener.shutdown(socket.SHUT_RDWR)
        broker.result()
    os.unlink(path)
    assert all(line.endswith(': EIO') for line in lines)
    assert len(said) == len(lines) and 'is older than 2.1' in said[0]


def test_broken_configuration(etc, opened):
    lines, said = opened('/etc/hosts', XREDIRECT='')
    assert all(line.endswith(': EINVAL') for line in lines)
    assert len(said) == 1


def test_contexts(etc, vpn, build, redirected):
    code = ('import ctypes\n'
            'lib = ctypes.CDLL(LIB)\n'
            'def tell(): print(open("/etc/hosts").read().split()[0])\n'
            'tell()\n'
            'lib.xsocket_push(SERVER); tell()\n'
            'lib.xsocket_push(b"."); tell()\n'
            'lib.xsocket_pop(); tell(); lib.xsocket_pop(); tell()\n')
    code = f'LIB, SERVER = {str(build / "lib/libxsocket.so.1")!r}, {vpn.server.encode()!r}\n' + code
    outside = redirected([PYTHON, '-c', code])
    assert (outside.stdout.split(), outside.stderr) == (['here', 'there', 'here', 'there', 'here'],
                                                        '')


def library(pattern):
    return next(iter(sorted(glob.glob(pattern))), None) or skip(f'needs {pattern}')


def test_before_there_is_an_environment(glibc, etc, vpn, program, redirected):
    """Then it is not known yet that anything is redirected: it must not be taken for known."""
    result = redirected([program('preinit')], XREDIRECT=vpn.server)
    early, later = result.stdout.splitlines()
    assert (early, later) in (('early: Invalid argument', 'later: ther'),
                              ('early: ther', 'later: ther'))
    assert result.stderr == ''


@pytest.mark.parametrize('order', ['first', 'last'])
def test_before_all_constructors(no_sanitizer, etc, build, libxredirect, opened, order):
    """What opens a file there, and within malloc(3), is redirected, and needs no memory for that."""
    libraries = [libxredirect, library(f'{build}/tests/interfaces/libinterfaces-early.so')]
    if order == 'last':
        libraries.reverse()
    lines, said = opened('/etc/hosts', LD_PRELOAD=':'.join(libraries))
    assert all(': there is' in line for line in lines)
    assert sorted(said) == ['allocator: another one', 'constructor: another one']


@pytest.mark.parametrize('order', ['first', 'last'])
@pytest.mark.parametrize('name', ['libjemalloc.so.2', 'libtcmalloc_minimal.so.4'])
def test_beside_allocators(etc, vpn, libxredirect, redirected, name, order):
    libraries = [libxredirect, library(f'/usr/lib/*/{name}')]
    if order == 'last':
        libraries.reverse()
    result = redirected([PYTHON, '-c', 'print(open("/etc/hosts").read())'],
                        XREDIRECT=vpn.server, LD_PRELOAD=':'.join(libraries))
    assert (result.stdout, result.stderr) == ('there is hosts\n\n', '')


def test_what_other_files_cost(etc, vpn, redirected):
    """One system call, which finds out whether there is a path at all; without a broker none."""
    if not shutil.which('strace') or subprocess.run(['strace', '-qq', 'true'], check=False,
                                                    capture_output=True).returncode != 0:
        skip('strace does not work here')
    code = ('import os\n'
            'os.getppid()\n'
            'os.open("/etc/passwd", os.O_RDONLY)\n'
            'os.open("/dev/null", os.O_WRONLY)\n'
            'os.getppid()\n')

    def calls(**variables):
        lines = redirected([require('strace'), '-qq', PYTHON, '-c', code],
                           **variables).stderr.splitlines()
        begin, end = (i for i, line in enumerate(lines) if line.startswith('getppid('))
        return [line.partition('(')[0] for line in lines[begin + 1:end]
                if line.startswith(('open', 'rt_', 'socket', 'connect'))]

    assert calls() == ['openat', 'openat']
    assert calls(XREDIRECT=vpn.server) == ['rt_sigprocmask', 'openat', 'openat']
