# SPDX-License-Identifier: MIT
"""What would make libxbind.so stop, end, or mislead the program that it is loaded into."""

import contextlib
import ctypes
import errno
import fcntl
import os
import pty
import select
import signal
import subprocess
import termios

import pytest

from support.users import UID, as_user, require_users
from support.wait import skip

PYTHON = '/usr/bin/python3'
MNT_DETACH = 2
# asks for a lot, is told where it was refused
REFUSED = ('import os, socket, sys\n'
           'host, port, uid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])\n'
           'os.setgroups([]); os.setgid(uid); os.setuid(uid)\n'
           's = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)\n'
           'try:\n'
           '    s.bind(socket.getaddrinfo(host, port, type=1, flags=4)[0][4])\n'
           'except OSError as e:\n'
           '    print(e.errno, s.getsockname()[1])\n')


@pytest.fixture
def dead_mount(tmp_path):
    """A descriptor of a file whose file system will never answer, as of a server that is gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open('/dev/fuse', os.O_RDWR)
    except OSError as error:
        skip(f'/dev/fuse: {error.strerror}')
    options = f'fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}'
    if libc.mount(b'fuse', bytes(tmp_path), b'fuse', 0, options.encode()) != 0:
        os.close(device)
        skip(f'no FUSE mounts here: {os.strerror(ctypes.get_errno())}')
    held = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    yield held
    libc.umount2(bytes(tmp_path), MNT_DETACH)
    os.close(held)
    os.close(device)


def bounded(argv, timeout=10, **kwargs):
    """Its output, or None where it does not end."""
    try:
        return subprocess.run(argv, timeout=timeout, text=True, check=False,
                              stdout=subprocess.PIPE, **kwargs).stdout
    except subprocess.TimeoutExpired:
        return None


def test_the_mount_is_dead(dead_mount):
    """What the tests below rely on."""
    assert bounded(['stat', '-L', f'/proc/self/fd/{dead_mount}'], timeout=1,
                   pass_fds=[dead_mount]) is None


def test_a_file_on_a_dead_mount(dead_mount, environment):
    """Other descriptors of the program are looked at without asking their file system."""
    code = ('import select, socket\n'
            's = socket.socket(); p = select.epoll(); p.register(s)\n'
            's.bind(("127.0.0.1", 3000)); s.listen(); print(p.poll(0))\n')
    assert bounded([PYTHON, '-c', code], env=environment(), pass_fds=[dead_mount]) == '[]\n'


def test_standard_error_on_a_dead_mount(dead_mount, program, environment):
    """Nor is that of standard error, be it to look or to write."""
    for level in ('error', 'debug'):
        outside = bounded([program('stderr'), 'kept'], stderr=dead_mount,
                          env=environment(XSOCKET='gone', XBIND_LOG=level))
        assert outside == '1\n' * 30


@contextlib.contextmanager
def terminal():
    """The two ends of a pseudo-terminal."""
    ends = pty.openpty()
    try:
        yield ends
    finally:
        for fd in ends:
            os.close(fd)


def change_mode(fd, index, bits):
    mode = termios.tcgetattr(fd)
    mode[index] |= bits
    termios.tcsetattr(fd, termios.TCSANOW, mode)


def in_the_background(argv, slave, env):
    """Runs it as "COMMAND &" in a shell on that terminal. How it ended, or was stopped."""
    output, write_end = os.pipe()
    shell = os.fork()
    if shell == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        os.tcsetpgrp(slave, os.getpgrp())
        job = os.fork()
        if job == 0:
            os.setpgid(0, 0)
            os.dup2(write_end, 1)
            os.dup2(slave, 2)
            os.execve(argv[0], argv, env)
        status = os.waitpid(job, os.WUNTRACED)[1]
        if os.WIFSTOPPED(status):
            os.kill(job, signal.SIGKILL)
            os._exit(os.WSTOPSIG(status))
        os._exit(os.waitstatus_to_exitcode(status) & 127)
    os.close(write_end)
    with open(output, encoding='ascii') as file:
        text = file.read()
    return os.waitstatus_to_exitcode(os.waitpid(shell, 0)[1]), text


@pytest.mark.parametrize('tostop', [False, True])
def test_a_terminal_in_the_background(tostop, program, environment):
    """SIGTTOU would stop the program for a line that it never wrote."""
    with terminal() as (master, slave):
        if tostop:
            change_mode(slave, 3, termios.TOSTOP)
        result = in_the_background([program('stderr'), 'kept'], slave, environment(XSOCKET='gone'))
        assert result == (0, '1\n' * 30)
        # "stty tostop" says that it is not wanted there
        assert bool(select.select([master], [], [], 0)[0]) is not tostop


def fill(fd):
    """Writes until there is no room. Returns how much that was."""
    written = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            written += os.write(fd, b'x')
    return written


def drain(slave, master):
    """Reads until there is some room."""
    while not select.select([], [slave], [], 0.01)[1]:
        os.read(master, 16)


def test_a_terminal_that_is_nearly_full(program, environment):
    """There is room for something, but not for a line, and nobody reads."""
    with terminal() as (master, slave):
        os.set_blocking(slave, False)
        fill(slave)
        drain(slave, master)
        room = fill(slave)
        drain(slave, master)
        os.write(slave, b'x' * (room - 20))
        assert select.select([], [slave], [], 0)[1]
        os.set_blocking(slave, True)
        outside = bounded([program('stderr'), 'kept'], stderr=slave,
                          env=environment(XSOCKET='gone', XBIND_LOG='debug'))
        assert outside == '1\n' * 30
        assert os.get_blocking(slave)


def test_a_terminal_of_another_user(public, environment):
    """As after su(1): it cannot be opened again, but written to."""
    library = public('xbind/libxbind.so')
    # for the program alone: a library with a sanitizer does not go well with setpriv
    argv = as_user(['env', f'LD_PRELOAD={library}', str(public('tests/preload/stderr')), 'kept'])
    with terminal() as (master, slave):
        os.fchmod(slave, 0o600)
        # nor does a file of suppressions that this user may not read
        outside = bounded(argv, stderr=slave, env=environment(
            LD_PRELOAD='', TSAN_OPTIONS='', XSOCKET='gone', XBIND_LOG='debug'))
        assert outside == '1\n' * 30
        text = b''
        while select.select([master], [], [], 0.1)[0]:
            text += os.read(master, 65536)
    lines = text.decode().split('\r\n')
    assert len(lines) == 31 and len(set(lines)) == 2
    assert lines[0].startswith('libxbind: bind to port 3090 by /run/xsocket/gone failed')


@pytest.mark.parametrize('host, port, uid, error, text', [
    ('192.0.2.1', 3000, 0, errno.EADDRNOTAVAIL, "this address is not in the broker's namespace"),
    ('127.0.0.1', 80, UID, errno.EACCES, 'net.ipv4.ip_unprivileged_port_start'),
    ('fe80::1%only0', 3000, 0, errno.ENODEV, 'interface'),
])
def test_an_address_that_is_refused_there(host, port, uid, error, text, vpn, here, xbind):
    """The kernel's answer is about another namespace than the program's operator looks at."""
    if uid:
        require_users()
        os.chmod(vpn.server, 0o666)
    here.run(['ip', 'link', 'add', 'only0', 'type', 'veth'])
    outside = xbind([PYTHON, '-c', REFUSED, host, str(port), str(uid)], XBIND='80 3000')
    here.run(['ip', 'link', 'delete', 'only0'])
    assert outside.stdout == f'{error} 0\n'
    assert outside.stderr.count('\n') == 1
    assert f'bind to port {port}' in outside.stderr and text in outside.stderr


def test_bind_is_forbidden_there(program, xbind):
    """As by SocketBindDeny= of the broker's unit."""
    outside = xbind([program('failure'), 'forbidden'])
    assert outside.stdout == 'bind_port(fd, 3035): EPERM\nin_own(fd): 1\n'
    assert outside.stderr.count('\n') == 1 and 'SocketBindDeny=' in outside.stderr


def test_a_port_in_use_there_is_no_news(xbind):
    """Programs try one port after the other."""
    code = ('import socket\n'
            'a, b = socket.socket(), socket.socket()\n'
            'a.bind(("127.0.0.1", 3000)); a.listen()\n'
            'try:\n'
            '    b.bind(("127.0.0.1", 3000))\n'
            'except OSError as e:\n'
            '    print(e.errno)\n')
    outside = xbind([PYTHON, '-c', code])
    assert (outside.stdout, outside.stderr) == (f'{errno.EADDRINUSE}\n', '')
    assert 'failed there' in xbind([PYTHON, '-c', code], XBIND_LOG='debug').stderr


def test_a_membership_that_was_forgotten(xbind):
    """Nobody can read it back, so it is said. Not of a socket that never had one."""
    code = ('import socket\n'
            'def join():\n'
            '    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n'
            '    group = socket.inet_aton("239.1.2.3") + socket.inet_aton("127.0.0.1")\n'
            '    made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)\n'
            '    return made\n'
            'other = socket.socket()\n'
            'other.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)\n'
            'members = [join() for _ in range(300)]\n'
            'other.bind(("127.0.0.1", 3000))\n'
            'members[0].bind(("127.0.0.1", 3000))\n'
            'print(other.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))\n')
    outside = xbind([PYTHON, '-c', code])
    assert outside.stdout == '1\n'
    assert outside.stderr.count('\n') == 1 and 'may be missing' in outside.stderr
