# SPDX-License-Identifier: MIT
"""ssh, rsync, ping, nc and socat."""

from places import IPV4, IPV6
from servers import PAGE, Echo, Rsync, Ssh
from support.matrix import row
from support.wait import require


@row('ssh', 'a command, by addresses and by a name', '-V', cases=[(IPV4,), (IPV6,), ('web.example',)])
def test_ssh(side, host):
    server = side.server(Ssh)
    yield side.run([require('ssh'), *server.options(), f'root@{host}', 'echo $SSH_CONNECTION | cut -d" " -f1,3,4'])


@row('ssh', 'a file, by scp', '-V')
def test_scp(side):
    server = side.server(Ssh)
    page = server.write('page', PAGE)
    yield side.run([require('scp'), '-q', *server.options(), f'root@web.example:{page}', 'page'])
    yield (side.directory / 'page').read_text()


@row('rsync', 'a file from its daemon, by an address and by a name; the same by ssh')
def test_rsync(side):
    server = side.server(Ssh)
    side.server(Rsync)
    page = server.write('page', PAGE)
    ssh = ' '.join(map(str, [require('ssh'), *server.options()]))
    for name, *source in (('1', f'rsync://{IPV4}/files/page'), ('2', f'rsync://[{IPV6}]/files/page'),
                          ('3', 'rsync://web.example/files/page'),
                          ('4', '-e', ssh, f'root@web.example:{page}')):
        yield side.run([require('rsync'), *source, name])
        yield (side.directory / name).read_text()


@row('ping', 'an echo by ICMP and by ICMPv6, by addresses and by a name', '-V', cases=[
    (IPV4,), (IPV6,), ('four.example',), ('six.example',)])
def test_ping(side, host):
    said = side.run([require('ping'), '-c', '1', '-W', '20', host])
    yield [line for line in said.splitlines() if 'time' not in line and 'rtt' not in line]


@row('nc (OpenBSD)', 'a line over TCP, and a datagram, by addresses and by a name', '-h', cases=[
    (IPV4,), (IPV6,), ('web.example',)])
def test_nc(side, host):
    side.server(Echo)
    for options in ([], ['-u', '-W', '1']):
        yield side.run([require('nc.openbsd'), *options, host, '3000'], stdin='hello\n')
