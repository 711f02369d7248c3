# SPDX-License-Identifier: MIT
"""The state of a socket: what the program set, and nothing else, is what it has over there."""

import errno
import subprocess

import pytest

from support.wait import skip

# what is usual there and what is usual here, where the programs are run under the library
DEFAULTS = [
    ('net.ipv4.ip_default_ttl', 77, 61),
    ('net.ipv4.ip_no_pmtu_disc', 1, 0),
    ('net.ipv4.tcp_keepalive_time', 700, 6001),
    ('net.ipv4.tcp_keepalive_intvl', 71, 61),
    ('net.ipv4.tcp_keepalive_probes', 7, 6),
    ('net.ipv4.tcp_syn_retries', 7, 4),
    ('net.ipv4.tcp_fin_timeout', 37, 31),
    ('net.ipv4.tcp_congestion_control', None, 'reno'),
    ('net.ipv6.conf.all.forwarding', 0, 0),
    ('net.ipv6.conf.lo.hop_limit', 78, 62),
    ('net.ipv6.auto_flowlabels', 0, 1),
    ('net.ipv6.bindv6only', 1, 0),
]
PYTHON = '/usr/bin/python3'


@pytest.fixture
def defaults(vpn, here):
    """Both namespaces have defaults of their own. Those that were here come back."""
    def value(name):
        return here.run(['sysctl', '-n', name], capture_output=True).stdout.strip()

    before = {name: value(name) for name, _, _ in DEFAULTS}
    for name, there, own in DEFAULTS:
        if there is not None:
            vpn.run(['sysctl', '-qw', f'{name}={there}'])
        here.run(['sysctl', '-qw', f'{name}={own}'])
    yield
    for name, text in before.items():
        here.run(['sysctl', '-qw', f'{name}={text}'])


@pytest.mark.usefixtures('defaults')
def test_defaults_of_namespaces(program, bare, xbind):
    inside, outside = bare([program('defaults')]), xbind([program('defaults')])
    unset, _, rest = inside.stdout.partition('-- set to')
    usual, _, _ = rest.partition('-- in a duplicate')
    assert 'IP_TTL: 77' in unset and 'TCP_KEEPIDLE: 700' in unset
    assert 'IP_TTL: 61' in usual and 'TCP_CONGESTION: reno' in usual
    assert (outside.stdout, outside.stderr) == (inside.stdout, '')


@pytest.mark.parametrize('name', ['ownership', 'strangers'])
def test_same_as_inside(name, program, bare, xbind):
    inside, outside = bare([program(name)]), xbind([program(name)])
    assert (outside.returncode, outside.stdout, outside.stderr) == (0, inside.stdout, '')
    assert 'in_target(fd): 1' in inside.stdout and 'in_target(fd): 0' not in inside.stdout


def test_programs(program, bare, xbind):
    """BPF, classic and extended."""
    inside, outside = bare([program('programs')]), xbind([program('programs')])
    assert (outside.stdout, outside.stderr) == (inside.stdout, '')
    assert inside.stdout.count('4 bytes\n') == 2
    assert '-11 ' * 20 in inside.stdout, 'the second one gets all'


def test_a_program_that_cannot_be_opened_again(libxbind, program, xbind):
    """It is told, since what is received may be another thing."""
    probe = xbind([program('programs'), 'kept'])
    if 'load: 0' not in probe.stdout:
        skip('bpf(2) is not for this user')
    outside = xbind(['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin', 'env',
                     f'LD_PRELOAD={libxbind}', program('programs'), 'absent'], LD_PRELOAD='')
    assert '10 bytes' in outside.stdout
    assert outside.stderr.count('\n') == 1 and 'SO_ATTACH_BPF' in outside.stderr


def test_a_program_that_nobody_saw(program, xbind):
    """It cannot be read, but that there is one can."""
    outside = xbind([program('programs'), 'bare'])
    if 'load: 0' not in outside.stdout:
        skip('bpf(2) is not for this user')
    assert '10 bytes' in outside.stdout
    assert outside.stderr.count('\n') == 1 and 'SO_ATTACH_BPF' in outside.stderr


def test_many_sockets(program, bare, xbind):
    """The library's memory is bounded: far more sockets than it has room for."""
    inside = bare([program('churn'), '20000'])
    outside = xbind([program('churn'), '20000'])
    assert (outside.stdout, outside.stderr) == (inside.stdout, '')
    assert 'grown: 0\n' in inside.stdout


# joins groups on an interface, binds, and says by which numbers the interface goes
MEMBER = '''
import socket, struct
index = socket.if_nametoindex('dum0')
four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
four.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                struct.pack('=4s4si', socket.inet_aton('239.9.9.9'), bytes(4), index))
four.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                struct.pack('=4s4si', bytes(4), bytes(4), index))
four.setsockopt(socket.IPPROTO_IP, IP_UNICAST_IF := 50, struct.pack('!I', index))
four.bind(('', 3000))
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
               socket.inet_pton(socket.AF_INET6, 'ff12::9') + struct.pack('=I', index))
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
six.bind(('::', 3000))
print(index, socket.ntohl(four.getsockopt(socket.IPPROTO_IP, IP_UNICAST_IF)),
      six.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF), flush=True)
input()
'''


@pytest.fixture
def dummies(vpn, here):
    """Interfaces of one name and two numbers."""
    for namespace, number in ((vpn, 77), (here, 88)):
        namespace.run(['ip', 'link', 'add', 'dum0', 'index', str(number), 'type', 'veth',
                       'peer', 'name', 'dum1'])
        namespace.run(['ip', 'link', 'set', 'dum0', 'up'])
    yield
    here.run(['ip', 'link', 'delete', 'dum0'])


@pytest.mark.usefixtures('dummies')
def test_interfaces_by_name(vpn, here, environment):
    """The same name has another number over there."""
    with subprocess.Popen([PYTHON, '-c', MEMBER], env=environment(), text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as member:
        assert member.stdout.readline() == '88 77 77\n'
        groups = {namespace.name: namespace.run(['ip', 'maddr', 'show', 'dev', 'dum0'],
                                                capture_output=True).stdout
                  for namespace in (vpn, here)}
        member.communicate('\n')
    assert '239.9.9.9' in groups[vpn.name] and 'ff12::9' in groups[vpn.name]
    assert '239.9.9.9' not in groups[here.name] and 'ff12::9' not in groups[here.name]


# refers to an interface by its number in all other ways
NUMBERS = '''
import socket, struct
MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP, SO_BINDTOIFINDEX, IPV6_2292PKTOPTIONS = 42, 45, 62, 6
index = socket.if_nametoindex('dum0')
def request(group, rest=bytes(112)):
    return struct.pack('=I4xHH4s', index, socket.AF_INET, 0, socket.inet_aton(group)) + bytes(12) + rest
def bound(family, kind, *options):
    s = socket.socket(family, kind)
    for option in options:
        s.setsockopt(*option)
    s.bind(('', 3000))
    return s
device = bound(socket.AF_INET, socket.SOCK_STREAM,
               (socket.SOL_SOCKET, SO_BINDTOIFINDEX, struct.pack('=i', index)))
print(device.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(bytes(1)))
# no two are alike: what is not looked at differs
left = bound(socket.AF_INET, socket.SOCK_DGRAM,
             (socket.IPPROTO_IP, MCAST_JOIN_GROUP, request('239.9.9.8')),
             (socket.IPPROTO_IP, MCAST_JOIN_GROUP, request('239.9.9.9')),
             (socket.IPPROTO_IP, MCAST_LEAVE_GROUP, request('239.9.9.9', b'x' * 112)))
device.close()
sticky = bound(socket.AF_INET6, socket.SOCK_STREAM,
               (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1),
               (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, bytes(16) + struct.pack('=I', index)))
print(struct.unpack('=I', sticky.getsockopt(socket.IPPROTO_IPV6, IPV6_2292PKTOPTIONS, 64)[32:36])[0],
      flush=True)
input()
'''


@pytest.mark.usefixtures('dummies')
def test_no_number_is_another_interface(vpn, environment):
    """Where the number from here is an interface, too."""
    vpn.run(['ip', 'link', 'add', 'other0', 'index', '88', 'type', 'veth', 'peer', 'name', 'other1'])
    with subprocess.Popen([PYTHON, '-c', NUMBERS], env=environment(), text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout.readline() == "b'dum0'\n"
        assert program.stdout.readline() == '77\n'
        groups = vpn.run(['ip', 'maddr', 'show', 'dev', 'dum0'], capture_output=True).stdout
        program.communicate('\n')
    assert '239.9.9.8' in groups and '239.9.9.9' not in groups


@pytest.mark.usefixtures('dummies')
def test_interfaces_that_are_not_there(vpn, xbind):
    vpn.run(['ip', 'link', 'delete', 'dum0'])
    outside = xbind([PYTHON, '-c', MEMBER], input='\n')
    assert outside.returncode == 0
    lines = outside.stderr.splitlines()
    assert sorted(line.split()[1].rstrip(',') for line in lines) == [
        'IPV6_JOIN_GROUP', 'IPV6_MULTICAST_IF',
        'IP_ADD_MEMBERSHIP', 'IP_MULTICAST_IF', 'IP_UNICAST_IF']
    assert all('no such interface' in line for line in lines)


def test_a_device_that_is_not_there(here, xbind):
    """The socket is not the same without: bind(2) fails."""
    here.run(['ip', 'link', 'add', 'only0', 'type', 'veth'])
    code = ('import socket\n'
            's = socket.socket()\n'
            's.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"only0")\n'
            'try:\n'
            '    s.bind(("0.0.0.0", 3000))\n'
            'except OSError as e:\n'
            '    print(e.errno, s.getsockname()[1])\n')
    outside = xbind([PYTHON, '-c', code])
    here.run(['ip', 'link', 'delete', 'only0'])
    assert outside.stdout == f'{errno.ENODEV} 0\n'
    assert outside.stderr.count('\n') == 1 and 'SO_BINDTODEVICE' in outside.stderr
