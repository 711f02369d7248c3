# SPDX-License-Identifier: MIT
"""XBIND, from the text to where a socket is bound: rewriting, brokers, families, mistakes."""

import errno
import os
import re
import socket
import subprocess

import pytest

from support.users import UID, require_users

PYTHON = '/usr/bin/python3'
PROGRAMS = ['options', 'descriptors', 'epoll', 'failure', 'families', 'threads', 'children', 'forking',
            'signals', 'multicast', 'pages', 'sequences']
# binds each HOST PORT that it is given, by TCP and UDP, and says which namespace that was in
BIND = ('import os, socket, struct, sys\n'
        'kept = []\n'
        'for host, port in zip(sys.argv[1::2], sys.argv[2::2]):\n'
        '    for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:\n'
        '        family = socket.AF_INET6 if ":" in host else socket.AF_INET\n'
        '        s = socket.socket(family, kind)\n'
        '        kept.append(s)\n'
        '        try:\n'
        '            s.bind((host, int(port)))\n'
        '        except OSError as e:\n'
        '            print(e.errno, *s.getsockname()[:2])\n'
        '            continue\n'
        '        print(struct.unpack("Q", s.getsockopt(1, 71, 8))[0], *s.getsockname()[:2])\n')

# The rules, what the program binds outside, and what is the same bare in the namespace.
REWRITTEN = [
    ('3000=1234', 'tcp4 127.0.0.1 3000', 'tcp4 127.0.0.1 1234'),
    ('3000=1234', 'udp4 0.0.0.0 3000', 'udp4 0.0.0.0 1234'),
    ('3000=1234', 'tcp6 :: 3000', 'tcp6 :: 1234'),
    ('3000=1234', 'tcp6o ::1 3000', 'tcp6o ::1 1234'),
    ('3000=0.0.0.0', 'tcp4 127.0.0.1 3000', 'tcp4 0.0.0.0 3000'),
    ('3000=127.0.0.2', 'udp4 0.0.0.0 3000', 'udp4 127.0.0.2 3000'),
    ('3000=127.0.0.2:1234', 'tcp4 0.0.0.0 3000', 'tcp4 127.0.0.2 1234'),
    ('3000=[::1]', 'tcp6 :: 3000', 'tcp6 ::1 3000'),
    ('3000=[::1]:1234', 'udp6o :: 3000', 'udp6o ::1 1234'),
    ('3000=[::]:1234', 'udp6 ::1 3000', 'udp6 :: 1234'),
    # an address that is not here at all
    ('3000=127.0.0.1:1234', 'tcp4 192.0.2.1 3000', 'tcp4 127.0.0.1 1234'),
    # one socket for both families, of which it then serves one
    ('3000=127.0.0.1:1234', 'tcp6 :: 3000', 'tcp6 ::ffff:127.0.0.1 1234'),
    ('3000=0.0.0.0:1234', 'udp6 ::1 3000', 'udp6 ::ffff:0.0.0.0 1234'),
    ('3000=[::ffff:127.0.0.1]:1234', 'tcp4 0.0.0.0 3000', 'tcp4 127.0.0.1 1234'),
    # a socket for each
    ('3000=1234', 'tcp4 0.0.0.0 3000 tcp6o :: 3000', 'tcp4 0.0.0.0 1234 tcp6o :: 1234'),
    ('3000=127.0.0.1:1234 3000=[::1]:1234', 'tcp4 0.0.0.0 3000 tcp6o :: 3000',
     'tcp4 127.0.0.1 1234 tcp6o ::1 1234'),
    ('3000=[::1]:1235 3000=127.0.0.1:1234', 'tcp6o :: 3000 tcp4 0.0.0.0 3000',
     'tcp6o ::1 1235 tcp4 127.0.0.1 1234'),
    ('3000=127.0.0.1:1234 3000=1235', 'udp4 0.0.0.0 3000 udp6o :: 3000',
     'udp4 127.0.0.1 1234 udp6o :: 1235'),
    # ranges, all ports
    ('3000-3010=1200', 'tcp4 127.0.0.1 3003 udp4 127.0.0.1 3010 tcp4 127.0.0.1 3000',
     'tcp4 127.0.0.1 1203 udp4 127.0.0.1 1210 tcp4 127.0.0.1 1200'),
    ('*=0.0.0.0', 'tcp4 127.0.0.1 3000 udp4 127.0.0.1 3001', 'tcp4 0.0.0.0 3000 udp4 0.0.0.0 3001'),
    # the protocols apart
    ('tcp:3000=1234 udp:3000=127.0.0.2:1235', 'tcp4 127.0.0.1 3000 udp4 127.0.0.1 3000',
     'tcp4 127.0.0.1 1234 udp4 127.0.0.2 1235'),
    ('udp:3000=1 3000=1234', 'tcp4 127.0.0.1 3000', 'tcp4 127.0.0.1 1234'),
    # the kernel chooses, there
    ('3000=0', 'tcp4 127.0.0.1 3000 udp4 127.0.0.1 3000', 'tcp4 127.0.0.1 0 udp4 127.0.0.1 0'),
    ('3000-3001=127.0.0.2:0', 'tcp4 0.0.0.0 3000 tcp4 0.0.0.0 3001',
     'tcp4 127.0.0.2 0 tcp4 127.0.0.2 0'),
    # taken by what the program takes for another port
    ('3000=1234 3001=1234', 'tcp4 127.0.0.1 3000 tcp4 127.0.0.1 3001',
     'tcp4 127.0.0.1 1234 tcp4 127.0.0.1 1234'),
    # what the kernel refuses
    ('3000=224.0.0.1:1234', 'udp4 127.0.0.1 3000', 'udp4 224.0.0.1 1234'),
    ('3000=[ff02::1%lo]:1234', 'tcp6 :: 3000', 'tcp6 ff02::1 1234'),
]


@pytest.mark.parametrize('rules, outside, inside', REWRITTEN)
def test_rewritten(rules, outside, inside, program, bare, xbind):
    """getsockname(2) and the peers of both tell the same; the client's port is of rule 0."""
    there = bare([program('rewriting'), *inside.split()])
    moved = xbind([program('rewriting'), *outside.split()], XBIND=f'{rules} 0')
    assert moved.stdout == there.stdout
    assert (moved.returncode, moved.stderr) == (0, '')
    assert there.returncode == 0 and there.stdout.count('bind: ') == len(inside.split()) // 3


@pytest.mark.parametrize('name', PROGRAMS)
def test_to_what_it_is_already(name, program, bare, xbind):
    """Rules that rewrite, and change nothing, change nothing."""
    there, moved = bare([program(name)]), xbind([program(name)], XBIND='3000-3099=3000 0=0')
    assert (moved.stdout, moved.stderr) == (there.stdout, '')


def test_sequences(program, bare, xbind):
    """Bind then connect, bind after bind, port 0, SO_REUSEPORT, never bound."""
    there, moved = bare([program('sequences')]), xbind([program('sequences')])
    assert (moved.stdout, moved.stderr) == (there.stdout, '')
    assert 'in_target(fd): 1' in there.stdout and 'in_target(fd): 0' not in there.stdout


@pytest.mark.parametrize('listens', [False, True])
def test_already_bound(listens, vpn, here, program, bare, xbind):
    """A socket that a parent has bound stays what it is."""
    said = []
    for namespace, run in ((vpn, bare), (here, xbind)):
        with namespace.socket() as sock:
            sock.bind(('127.0.0.1', 3041))
            if listens:
                sock.listen()
            fd = sock.fileno()
            said.append(run([program('sequences'), str(fd)], pass_fds=[fd]).stdout)
    assert said[0] == said[1]
    assert said[0].splitlines()[1:] == [
        'port_of(fd): 3041', 'bind_port(fd, 3040): EINVAL', 'bind_port(fd, 0): EINVAL',
        'listen(fd, 5): 0', 'in_own(fd): 1', 'port_of(fd): 3041']


def test_one_port_for_another(xbind, vpn):
    """Which port the kernel is to choose may be fixed, and is one port then."""
    outside = xbind([PYTHON, '-c', BIND, *['127.0.0.1', '0'] * 2], XBIND='tcp:0=1234 udp:0=1235')
    assert outside.stdout.splitlines() == [
        f'{vpn.cookie()} 127.0.0.1 1234', f'{vpn.cookie()} 127.0.0.1 1235',
        f'{errno.EADDRINUSE} 0.0.0.0 0', f'{errno.EADDRINUSE} 0.0.0.0 0']
    assert outside.stderr == ''


def test_several_brokers(netns, broker, vpn, here, xbind):
    """Each rule has its own, also for the two protocols of one port."""
    others = []
    for name in ('one', 'two'):
        namespace = netns(name)
        broker('--netns', name, server=f'/run/xsocket/{name}')
        others.append(namespace.cookie())
    one, two = others
    rules = 'tcp:3000=1234@one udp:3000@/run/xsocket/two 3001=127.0.0.2:1235 3002@two'
    outside = xbind([PYTHON, '-c', BIND, *(word for port in (3000, 3001, 3002, 4000)
                                           for word in ('127.0.0.1', str(port)))], XBIND=rules)
    assert outside.stdout.splitlines() == [
        f'{one} 127.0.0.1 1234', f'{two} 127.0.0.1 3000',
        f'{vpn.cookie()} 127.0.0.2 1235', f'{vpn.cookie()} 127.0.0.2 1235',
        f'{two} 127.0.0.1 3002', f'{two} 127.0.0.1 3002',
        f'{here.cookie()} 127.0.0.1 4000', f'{here.cookie()} 127.0.0.1 4000']
    assert outside.stderr == ''


@pytest.mark.parametrize('rules, spec, missing', [
    ('3000=[::1]:1234', 'tcp4 127.0.0.1 3000', 'add 3000=ADDRESS:PORT'),
    ('3000=127.0.0.1:1234', 'tcp6o :: 3000', 'add 3000=[ADDRESS]:PORT'),
    ('3000=[::ffff:127.0.0.1] 3000=0.0.0.0', 'udp6o :: 3000', 'add 3000=[ADDRESS]:PORT'),
])
def test_no_rule_for_the_family(rules, spec, missing, program, xbind):
    """It is not bound here instead, and the line says what is missing."""
    outside = xbind([program('rewriting'), *spec.split()], XBIND=rules)
    assert 'bind: EADDRNOTAVAIL\n' in outside.stdout and 'in_own(fd): 1\n' in outside.stdout
    assert outside.stderr.count('\n') == 1
    assert 'bind to port 3000 failed' in outside.stderr and missing in outside.stderr


def test_a_family_that_no_rule_is_for_at_all(xbind, here):
    """Only TCP is in the rules."""
    outside = xbind([PYTHON, '-c', BIND, '127.0.0.1', '3000'], XBIND='tcp:3000=[::1]')
    assert outside.stdout.splitlines() == [
        f'{errno.EADDRNOTAVAIL} 0.0.0.0 0', f'{here.cookie()} 127.0.0.1 3000']


@pytest.mark.parametrize('rule, error, where, text', [
    ('3000=192.0.2.1:8080', errno.EADDRNOTAVAIL, '192.0.2.1:8080', "not in the broker's namespace"),
    ('3000=[2001:db8::1]', errno.EADDRNOTAVAIL, '[2001:db8::1]:3000', "not in the broker's"),
    ('3000=81', errno.EACCES, '127.0.0.1:81', 'net.ipv4.ip_unprivileged_port_start'),
    ('3000=[fe80::1%only0]:80', errno.ENODEV, '[fe80::1%only0]:80', 'no such interface'),
])
def test_what_is_refused_is_named(rule, error, where, text, here, vpn, xbind):
    """The address and port of the rule, which are nowhere else to be seen."""
    host = '::1' if '[' in rule else '127.0.0.1'
    code = BIND
    if error == errno.EACCES:
        require_users()
        os.chmod(vpn.server, 0o666)
        code = f'import os; os.setgid({UID}); os.setuid({UID})\n' + code
    here.run(['ip', 'link', 'add', 'only0', 'type', 'veth'])
    outside = xbind([PYTHON, '-c', code, host, '3000'], XBIND=f'tcp:{rule}')
    here.run(['ip', 'link', 'delete', 'only0'])
    assert outside.stdout.splitlines()[0].startswith(f'{error} ')
    assert outside.stderr.count('\n') == 1
    assert 'bind to port 3000 by' in outside.stderr
    assert f'failed there as {where}: ' in outside.stderr and text in outside.stderr


def test_what_is_in_use_is_named(xbind):
    """That is told at debug, as is each success."""
    argv = [PYTHON, '-c', BIND, *['127.0.0.1', '3000'] * 2]
    assert xbind(argv, XBIND='3000=1234').stderr == ''
    lines = xbind(argv, XBIND='3000=1234', XBIND_LOG='debug').stderr.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith('libxbind: port 3000 is bound by ')
    assert lines[0].endswith(' as 127.0.0.1:1234')
    assert ' failed there as 127.0.0.1:1234: Address already in use' in lines[2]


def test_interfaces_there(vpn, xbind):
    """A rule's interface is one of the other namespace, and need not exist here."""
    vpn.run(['ip', 'link', 'add', 'there0', 'type', 'veth'])
    vpn.run(['ip', 'link', 'set', 'there0', 'up'])
    vpn.run(['ip', 'address', 'add', 'fe80::78/64', 'dev', 'there0', 'nodad'])
    with vpn.entered():
        index = socket.if_nametoindex('there0')
    code = ('import socket\n'
            's = socket.socket(socket.AF_INET6); s.bind(("::", 3000))\n'
            'print(s.getsockname()[0].partition("%")[0], *s.getsockname()[1:])\n')
    outside = xbind([PYTHON, '-c', code], XBIND='3000=[fe80::78%there0]:1234')
    assert (outside.stdout, outside.stderr) == (f'fe80::78 1234 0 {index}\n', '')


def test_another_family_of_sockets(xbind):
    """Whatever the rules are, Unix sockets are none of their business."""
    code = 'import socket; socket.socket(socket.AF_UNIX).bind("\\0test"); print(1)'
    for rules in ('*=0.0.0.0 0', 'nonsense'):
        assert xbind([PYTHON, '-c', code], XBIND=rules).stdout == '1\n'


@pytest.mark.parametrize('rules, rule, position, hint', [
    ('3000 80x', '80x', 6, 'or @ and a broker'),
    ('99999', '99999', 1, 'at most 65535'),
    ('3000,4000', '3000,4000', 1, 'separated by blanks'),
    ('tcp/3000', 'tcp/3000', 1, 'tcp:3000'),
    ('3000:vpn', '3000:vpn', 1, '3000@vpn'),
    ('3000=::1', '3000=::1', 1, 'in brackets'),
    ('3000 *=8080', '*=8080', 6, 'many ports cannot become one'),
    ('3000@vpn,4000@vpn', '3000@vpn,4000@vpn', 1, 'separated by blanks'),
    ('3000@vpn=4000', '3000@vpn=4000', 1, '3000=4000@vpn'),
    ('3000=' + 'x' * 80, '3000=' + 'x' * 58, 1, 'in numbers'),
])
def test_mistakes_fail_closed(rules, rule, position, hint, xbind):
    """One line, and nothing of an internet address is bound: not what is listed, and no other."""
    argv = [PYTHON, '-c', BIND]
    for host in ('127.0.0.1', '::1'):
        for port in (3000, 4000, 0):
            argv += [host, str(port)]
    outside = xbind(argv, XBIND=rules)
    lines = outside.stdout.splitlines()
    assert len(lines) == 12
    assert all(re.fullmatch(rf'{errno.EINVAL} \S+ 0', line) for line in lines)
    assert outside.stderr.count('\n') == 1
    assert outside.stderr.startswith(f"libxbind: XBIND: rule '{rule}' at position {position}: ")
    assert hint in outside.stderr
    assert 'every bind() to an internet address fails with EINVAL' in outside.stderr


@pytest.mark.parametrize('server', ['.', '..', '@', 'x' * 120])
def test_a_wrong_broker_fails_closed(server, xbind):
    outside = xbind([PYTHON, '-c', BIND, '127.0.0.1', '4000'], XSOCKET=server)
    assert outside.stdout == f'{errno.EINVAL} 0.0.0.0 0\n' * 2
    assert outside.stderr.count('\n') == 1 and f'XSOCKET={server} is not' in outside.stderr


@pytest.mark.parametrize('rules', ['', ' \t\n'])
def test_inert_without_rules(rules, here, xbind):
    """Whatever else is set; and a newcomer who asks is told why."""
    argv = [PYTHON, '-c', BIND, '127.0.0.1', '3000']
    for log, lines in (('error', 0), ('debug', 1)):
        outside = xbind(argv, XBIND=rules, XSOCKET='.', XBIND_LOG=log)
        assert outside.stdout == f'{here.cookie()} 127.0.0.1 3000\n' * 2
        assert outside.stderr.count('\n') == lines
    assert 'XBIND is not set' in outside.stderr


def test_a_rule_that_never_counts(program, xbind):
    """It is no mistake, but hardly meant: told at debug."""
    for log, lines in (('error', []), ('debug', [
            'libxbind: XBIND: rule 2 never counts, rule 1 fits all of it'])):
        outside = xbind([program('rewriting')], XBIND='8000-8010 tcp:8005=80 8011', XBIND_LOG=log)
        assert outside.stderr.splitlines() == lines


def test_started_with_less_privilege(here, program, environment):
    """Who starts a program does not decide where it binds, and sees that it is so."""
    require_users()
    env = environment(LD_PRELOAD='', XBIND='3000-3099 secret')

    def run(**variables):
        return subprocess.run([program('secure'), 'x'], env=env | variables, text=True, timeout=60,
                              check=False, capture_output=True,
                              preexec_fn=lambda: os.setresuid(UID, 0, 0))

    outside = run()
    assert outside.stdout.splitlines()[-1] == 'in_own(fd): 1'
    assert 'EPERM' in outside.stdout
    assert outside.stderr.count('\n') == 1
    assert 'XBIND is ignored' in outside.stderr and 'secret' not in outside.stderr
    assert 'AmbientCapabilities=' in outside.stderr
    assert run(XBIND='').stderr == ''
    # the same program, started by who has its privileges
    assert 'secret' in subprocess.run([program('secure')], env=env, text=True, timeout=60,
                                      check=False, capture_output=True).stderr
