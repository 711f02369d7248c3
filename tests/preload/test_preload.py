# SPDX-License-Identifier: MIT
"""Programs under libxbind.so outside a namespace say what they say inside it without."""

import contextlib
import os
import shutil
import socket
import subprocess

import pytest

from support.users import require_users
from support.wait import skip

PROGRAMS = ['options', 'descriptors', 'epoll', 'failure', 'families', 'threads', 'children', 'forking',
            'signals', 'multicast', 'pages']
PYTHON = '/usr/bin/python3'


@pytest.mark.parametrize('name', PROGRAMS)
def test_same_as_inside(name, program, bare, xbind):
    inside, outside = bare([program(name)]), xbind([program(name)])
    assert outside.stdout == inside.stdout
    assert (outside.returncode, outside.stderr) == (0, '')
    assert inside.returncode == 0
    assert 'in_target' not in inside.stdout or 'in_target(fd): 1' in inside.stdout


def test_bindv6only_of_the_target(vpn, program, bare, xbind):
    """The default of IPV6_V6ONLY is the program's own, not the target's."""
    before = xbind([program('families')]).stdout
    vpn.run(['sysctl', '-qw', 'net.ipv6.bindv6only=1'])
    assert xbind([program('families')]).stdout == before
    assert bare([program('families')]).stdout != before


def test_mptcp_falls_back_to_tcp(vpn, program, bare, xbind):
    before = bare([program('families')]).stdout
    vpn.run(['sysctl', '-qw', 'net.mptcp.enabled=0'])
    outside = xbind([program('families')])
    assert outside.stderr == ''
    assert outside.stdout == before.replace('SO_PROTOCOL): 262', 'SO_PROTOCOL): 6')


def test_no_broker(program, xbind):
    """It says what to do, and not for ever."""
    outside = xbind([program('stderr'), 'kept'], XSOCKET='gone')
    assert outside.stdout == '1\n' * 30
    lines = outside.stderr.splitlines()
    assert len(lines) == 21
    assert '/run/xsocket/gone' in lines[0]
    assert 'systemctl enable --now xsocket@gone.socket' in lines[0]
    assert 'XBIND_LOG=debug' in lines[20]


def test_log_levels(program, xbind):
    assert xbind([program('stderr'), 'kept'], XSOCKET='gone', XBIND_LOG='silent').stderr == ''
    debug = xbind([program('stderr'), 'kept'], XSOCKET='gone', XBIND_LOG='debug').stderr
    assert len(debug.splitlines()) == 30
    assert 'XBIND_LOG=loud' in xbind([program('stderr'), 'kept'], XBIND_LOG='loud').stderr


def test_standard_error_is_a_file_now(program, xbind):
    """What a program opened as number 2 gets none of our lines."""
    outside = xbind([program('stderr'), 'file'], XSOCKET='gone', XBIND_LOG='debug')
    assert outside.stdout.splitlines()[0].endswith(': 2')
    assert outside.stdout.splitlines()[-1].endswith(': 0')
    assert outside.stderr == ''


@pytest.mark.parametrize('reader', ['gone', 'asleep'])
def test_standard_error_nobody_reads(reader, program, xbind):
    """The program is neither ended by SIGPIPE nor made to wait."""
    read_end, write_end = os.pipe()
    if reader == 'gone':
        os.close(read_end)
    else:
        os.set_blocking(write_end, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(write_end, bytes(4096))
        os.set_blocking(write_end, True)
    outside = xbind([program('stderr'), 'kept'], XSOCKET='gone', stderr=write_end)
    assert (outside.returncode, outside.stdout) == (0, '1\n' * 30)


def test_an_unlisted_port_costs_nothing(xbind):
    """The same system calls as without the library."""
    if not shutil.which('strace') or subprocess.run(['strace', '-qq', 'true'], check=False,
                                                    capture_output=True).returncode != 0:
        skip('strace does not work here')
    code = ('import os, socket; s, t = socket.socket(), socket.socket()\n'
            'os.getppid()\n'
            's.setsockopt(1, 2, 1)\n'  # SO_REUSEADDR
            's.bind(("127.0.0.1", 4000))\n'
            'for socket in t, s:\n'
            '    socket.setsockopt(6, 4, 99)\n'  # TCP_KEEPIDLE
            '    socket.setsockopt(6, 4, 99)\n'
            'os.getppid()\n')

    def calls(**variables):
        lines = xbind(['strace', '-qq', PYTHON, '-c', code], **variables).stderr.splitlines()
        begin, end = (i for i, line in enumerate(lines) if line.startswith('getppid('))
        return [line.partition('(')[0] for line in lines[begin + 1:end]]

    assert calls(XBIND='') == ['setsockopt', 'bind'] + ['setsockopt'] * 4
    # what cannot be read back is recorded; for a socket that may be bound yet
    known = ['setsockopt', 'getsockopt']
    assert calls() == ['setsockopt', 'bind'] + 2 * (known + ['getsockname'] + known)


@pytest.mark.parametrize('order', ['first', 'last'])
def test_another_preload_library(order, build, program, bare, xbind):
    libraries = [str(build / 'xbind' / 'libxbind.so'),
                 str(build / 'tests' / 'preload' / 'libchain.so')]
    if order == 'last':
        libraries.reverse()
    outside = xbind([program('failure')], LD_PRELOAD=' '.join(libraries))
    assert outside.stdout == bare([program('failure')]).stdout
    assert outside.stderr == 'early: 1 1\ncalls: 1\n'


def test_interfaces_are_known_by_name(vpn, here, environment):
    """Numbers of interfaces, which differ between namespaces, are carried over by name."""
    here.run(['ip', 'link', 'add', 'other0', 'type', 'veth'])
    for namespace in (here, vpn):
        namespace.run(['ip', 'link', 'add', 'lan0', 'type', 'veth'])
        namespace.run(['ip', 'link', 'set', 'lan0', 'up'])
        namespace.run(['ip', 'address', 'add', 'fe80::77/64', 'dev', 'lan0', 'nodad'])
    with vpn.entered():
        there = socket.if_nametoindex('lan0')
    assert socket.if_nametoindex('lan0') != there
    code = ('import socket, struct\n'
            'index = socket.if_nametoindex("lan0")\n'
            's = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)\n'
            's.setsockopt(41, 17, index)\n'  # IPV6_MULTICAST_IF
            's.setsockopt(41, 20, socket.inet_pton(10, "ff02::7") + struct.pack("i", index))\n'
            's.setsockopt(1, 25, b"lan0")\n'  # SO_BINDTODEVICE
            's.bind(("fe80::77", 3000, 0, index))\n'
            'print(s.getsockname()[3], s.getsockopt(41, 17), s.getsockopt(1, 25, 16))\n'
            'input()\n')
    with subprocess.Popen([PYTHON, '-c', code], env=environment(), text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        line = process.stdout.readline()
        groups = vpn.run(['ip', 'maddress', 'show', 'dev', 'lan0'], stdout=subprocess.PIPE).stdout
        process.communicate('\n')
    assert line == f"{there} {there} b'lan0\\x00'\n"
    assert 'ff02::7\n' in groups
    for name in ('other0', 'lan0'):
        here.run(['ip', 'link', 'delete', name])


def test_without_privilege_and_not_dumpable(vpn, xbind):
    """As a daemon is after setuid(2): its own entries in /proc belong to root then."""
    require_users()
    os.chmod(vpn.server, 0o666)
    code = ('import ctypes, os, select, socket\n'
            'os.setgroups([]); os.setgid(65534); os.setuid(65534)\n'
            'ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n'
            's = socket.socket()\n'
            'p = select.epoll(); p.register(s, select.EPOLLIN | select.EPOLLET)\n'
            's.bind(("127.0.0.1", 3000)); s.listen()\n'
            'c = socket.socket(); c.bind(("127.0.0.1", 0)); c.connect(s.getsockname())\n'
            'print(os.getuid(), os.stat("/proc/self/fd").st_uid, p.poll(1) == [(s.fileno(), 1)])\n')
    outside = xbind([PYTHON, '-c', code])
    assert outside.stderr == ''
    assert outside.stdout == '65534 0 True\n'


def test_asyncio(xbind):
    code = ('import asyncio\n'
            'async def main():\n'
            '    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 3099)\n'
            '    async with server:\n'
            '        import socket\n'
            '        s = socket.socket()\n'
            '        s.bind(("127.0.0.1", 0))\n'
            '        s.setblocking(False)\n'
            '        await asyncio.get_running_loop().sock_connect(s, ("127.0.0.1", 3099))\n'
            '        print(await asyncio.get_running_loop().sock_recv(s, 5))\n'
            'asyncio.run(main())\n')
    outside = xbind([PYTHON, '-c', code])
    assert (outside.stdout, outside.stderr) == ("b''\n", '')
