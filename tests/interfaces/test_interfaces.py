# SPDX-License-Identifier: MIT
"""Interfaces under libxredirect are those of the broker's namespace, and what is told of them is
what libc tells inside."""

import json
import re
import socket
import subprocess

import pytest

from support.wait import require, wait_until

PYTHON = '/usr/bin/python3'


def ip(namespace, text):
    """Commands of ip(8), one on each line."""
    subprocess.run(['ip', '-n', namespace.name, '-batch', '-'], input=text, text=True, check=True)


def settled(namespace):
    """Waits until each interface that has a carrier says so, and the loopback has had 2 packets."""
    def links(*what):
        found = namespace.run(['ip', '-j', '-s', 'link', 'show', *what], stdout=subprocess.PIPE)
        return [link for link in json.loads(found.stdout) if link]

    wait_until(lambda: all(link['operstate'] == 'UP' for link in links('up', 'type', 'veth')))
    wait_until(lambda: links('dev', 'lo')[0]['stats64']['rx']['packets'] == 2)


@pytest.fixture
def comparable(musl):
    """comparable(TEXT): of musl without that it names labels as well, and leaves an errno behind."""
    def change(text):
        if not musl:
            return text
        return re.sub(r"(?m)^\d+ \S+:\S+\n'.*\n.*\n", '', text).replace('errno 105\n', 'errno 99\n')
    return change


@pytest.fixture
def interfaces(vpn, here):
    """Of many kinds, with addresses of many kinds, in the namespace; and one outside of it."""
    here.run(['ip', 'link', 'add', 'outside0', 'type', 'ifb'])
    here.run(['ip', 'address', 'add', '192.0.2.77/24', 'dev', 'outside0'])
    ip(vpn, '''
        link add lan0 type veth peer name lan1
        link set lan0 addrgenmode none
        link set lan1 addrgenmode none
        link set lan0 up
        link set lan1 up
        address add 10.0.0.1/24 broadcast 10.0.0.255 dev lan0 label lan0:one
        address add 10.0.0.2/24 broadcast 10.0.0.200 dev lan0
        address add 10.0.1.1/32 dev lan0
        address add 10.0.2.1 peer 10.0.2.2/32 dev lan0 label lan0:ptp
        address add 2001:db8::1/64 dev lan0 nodad
        address add 2001:db8::2 peer 2001:db8::3/128 dev lan0 nodad
        address add fe80::1/64 dev lan0 nodad
        address add fe80::2/64 dev lan1 nodad
        tuntap add tun0 mode tun
        address add 10.8.0.1 peer 10.8.0.2 dev tun0
        tuntap add tap0 mode tap
        link set tap0 up
        link add down0 type ifb
        address add 10.3.0.1/16 dev down0
        link add bridge0 type bridge
        link add name0123456789a type ifb
        link set lo multicast off
    ''')
    # counters of the loopback interface, which then stay as they are: this, and that nobody is there
    with vpn.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b'something', ('127.0.0.1', 9))
    settled(vpn)
    yield vpn
    here.run(['ip', 'link', 'delete', 'outside0'])


@pytest.mark.parametrize('freed_by', ['', 'libc'])
def test_same_as_inside(interfaces, route, program, bare, redirected, comparable, freed_by):
    inside = bare([program('list'), freed_by])
    outside = redirected([program('list'), freed_by], XREDIRECT=route.server)
    assert outside.stdout == comparable(inside.stdout)
    assert (outside.returncode, outside.stderr) == (inside.returncode, '') == (0, '')
    # that it was told what there is
    for text in ('lan0:one', 'address=fe80::1%', 'tun0 flags', 'address=none', 'packets=2,2',
                 'name0123456789a', 'other=10.8.0.2'):
        assert text in inside.stdout, text
    assert 'outside0' not in inside.stdout


def test_file_of_ipv6_addresses(interfaces, route, program, bare, redirected):
    """/proc/net/if_inet6: in whatever order, it never had one."""
    argv = [program('open'), 'all', '/proc/net/if_inet6']
    inside, outside = bare(argv), redirected(argv, XREDIRECT=route.server)
    assert sorted(outside.stdout.splitlines()) == sorted(inside.stdout.splitlines())
    assert (outside.returncode, outside.stderr) == (0, '')
    assert 'fe800000000000000000000000000002' in inside.stdout
    # what it is as a file
    argv = [program('open'), '/proc/net/if_inet6']
    lines = [redirected(argv, XREDIRECT=server).stdout.splitlines()
             for server in (route.server, interfaces.server, 'gone')]
    for line in lines[0]:
        assert re.search(r': errno left, cloexec [01], mode 2, offset 1: [0-9a-f]{32} ', line)
    # one that hands out no sockets for that tells of no such addresses
    for line in lines[1]:
        assert re.search(r': errno left, cloexec [01], mode 2, offset 0: $', line)
    assert all(line.endswith(': EIO') for line in lines[2])


def test_many(interfaces, route, program, bare, redirected, comparable):
    """More than the kernel tells at once."""
    ip(interfaces, ''.join(f'link add many{number} type ifb\n' for number in range(60)))
    inside = bare([program('list')])
    outside = redirected([program('list')], XREDIRECT=route.server)
    assert outside.stdout == comparable(inside.stdout)
    assert inside.stdout.count('many') > 180


def test_without_route(interfaces, program, bare, redirected):
    """Names, IPv4 addresses and flags can be told by other sockets, too."""
    def partial(text):
        text = text.partition('errno 99\n')[2]
        return re.sub(r' more=\S+', '', text.partition('errno 99\n')[0])

    inside = partial(bare([program('list')]).stdout).splitlines()
    outside = redirected([program('list')], XREDIRECT=interfaces.server)
    assert (outside.returncode, outside.stderr) == (0, '')
    told = partial(outside.stdout).splitlines()
    addresses = [line for line in inside if re.search(r' address=[0-9.]+:0 ', line)]
    assert [line for line in told if ':0 netmask' in line] == addresses
    assert len(addresses) == 7
    # the interfaces of these
    links = [line for line in told if line not in addresses]
    assert [line.split()[0] for line in links] == ['lo', 'lan0', 'tun0', 'down0']
    for line in links:
        begin = line.partition(' netmask')[0] + ' '
        assert [other for other in inside if other.startswith(begin)], line
    names = outside.stdout.rpartition('errno 99\n')[2]
    assert re.findall(r"'(.*)' is (?!0)", names) == ['lo', 'lan0', 'tun0', 'down0']
    for line in names.splitlines():
        assert line in bare([program('list')]).stdout.splitlines()


def test_without_route_is_told(interfaces, program, redirected):
    """Once for each call, and only to those who ask."""
    lines = redirected([program('list')], XREDIRECT=interfaces.server,
                       XREDIRECT_LOG='debug').stderr.splitlines()
    assert [line.split()[1] for line in lines] == ['getifaddrs():', 'if_nameindex():']
    assert all('"route" to AllowSockets=' in line for line in lines)


def test_no_udp(interfaces, broker, tmp_path, program, redirected):
    """A broker of few kinds."""
    config, lists = tmp_path / 'few.conf', []
    for kinds in ('tcp', 'udp', 'mptcp'):
        config.write_text(f'[Server]\nAllowSockets={kinds}\n')
        server = f'/run/xsocket/{kinds}'
        broker('--netns', interfaces.name, '--config', config, server=server)
        lists.append(redirected([program('list')], XREDIRECT=server))
    assert lists[0].stdout == lists[1].stdout
    assert 'lan0:one' in lists[0].stdout
    assert lists[2].stdout.startswith('getifaddrs: EACCES\nif_nameindex: EACCES\n')
    assert 'AllowSockets=' in lists[2].stderr


def test_no_broker(program, redirected):
    result = redirected([program('list')], XREDIRECT='gone')
    lines = result.stdout.splitlines()
    assert lines[:2] == ['getifaddrs: ENETDOWN', 'if_nameindex: ENETDOWN']
    assert lines[2] == "'' is 0, errno ENETDOWN"
    # that name is too long for any interface
    assert lines[5] == "'0123456789abcdef' is 0, errno ENODEV"
    assert lines[6] == "0 is 'unchanged', NULL, errno ENETDOWN"
    said = result.stderr.splitlines()
    assert len(said) == 8
    for line, call in zip(said, ['getifaddrs()', 'if_nameindex()', 'if_nametoindex()']):
        assert line.startswith(f'libxredirect: {call} by /run/xsocket/gone failed: ')


def test_broken_configuration(program, redirected):
    result = redirected([program('list')], XREDIRECT='')
    assert result.stdout.startswith("getifaddrs: EINVAL\nif_nameindex: EINVAL\n'' is 0, errno EINVAL")
    assert len(result.stderr.splitlines()) == 1


def test_not_redirected(here, interfaces, program, redirected):
    expected = here.run([program('list')], stdout=subprocess.PIPE).stdout
    for server in (None, '.'):
        result = redirected([program('list')], XREDIRECT=server)
        assert (result.stdout, result.stderr) == (expected, '')
    assert 'outside0' in expected


def test_contexts(interfaces, route, program, redirected):
    interfaces.run(['ip', 'link', 'add', 'inside0', 'type', 'ifb'])
    inside = 'lo lan1 lan0 tun0 tap0 down0 bridge0 name0123456789a inside0 1'
    outside = redirected([program('contexts'), route.server])
    assert outside.stderr == ''
    assert outside.stdout == (f'outside: lo outside0 0\ncontext: {inside}\n'
                              f'exception: lo outside0 0\ncontext: {inside}\n')


def test_while_they_come_and_go(vpn, route, program, redirected):
    """What is told at once was there at once."""
    vpn.run(['ip', 'link', 'add', 'kept0', 'type', 'ifb'])
    ip(vpn, ''.join(f'link add many{number} type ifb\n' for number in range(30)))
    script = ('while :; do printf "link add a0 type ifb\\naddress add 10.7.0.1/24 dev a0\\n'
              'link add b0 type ifb\\nlink delete a0\\nlink delete b0\\n"; done'
              f' | exec ip -n {vpn.name} -force -batch - 2>&1')
    with subprocess.Popen(['sh', '-c', script], stdout=subprocess.DEVNULL) as changes:
        try:
            result = redirected([program('list'), 'churn', '300'], XREDIRECT=route.server)
        finally:
            changes.terminate()
    assert (result.returncode, result.stdout, result.stderr) == (0, '', '')


def test_another_library(build, libxredirect, interfaces, route, program, redirected):
    """Each frees what it has made: the next one in line, and this one."""
    library = build / 'tests' / 'interfaces' / 'libinterfaces-chain.so'
    both = f'{libxredirect} {library}'
    result = redirected([program('list')], LD_PRELOAD=both, XREDIRECT=None)
    assert result.returncode == 0
    assert 'chain: freed its own\n' in result.stdout
    assert 'chain: freed its own names\n' in result.stdout
    result = redirected([program('list')], LD_PRELOAD=both, XREDIRECT=route.server)
    alone = redirected([program('list')], XREDIRECT=route.server)
    # but for NULL, which is nobody's
    assert result.stdout == alone.stdout + "chain: freed another's\n"


def test_python(interfaces, route, bare, redirected):
    argv = [PYTHON, '-c', 'import socket\n'
            'print(socket.if_nameindex(), socket.if_nametoindex("lan0"), socket.if_indextoname(1))']
    inside, outside = bare(argv), redirected(argv, XREDIRECT=route.server)
    assert (outside.stdout, outside.stderr) == (inside.stdout, '')
    assert 'lan0' in inside.stdout


def test_node(glibc, no_sanitizer, interfaces, route, bare, redirected):
    argv = [require('node'), '-e', 'console.log(os.networkInterfaces())']
    inside, outside = bare(argv), redirected(argv, XREDIRECT=route.server)
    assert (outside.stdout, outside.stderr) == (inside.stdout, '')
    assert 'fe80::1' in inside.stdout
