# SPDX-License-Identifier: MIT
"""Names, by libc: what getent(1) says, and a program that calls all functions that there are."""

from support.matrix import row
from support.wait import require


@row('getent', 'a name, a name by an address, in each of its ways', cases=[
    ('hosts', 'web.example', '192.0.2.1', '2001:db8::1'), ('ahosts', 'web.example', 'four.example'),
    ('ahostsv4', 'web.example'), ('ahostsv6', 'web.example', 'four.example')])
def test_getent(side, database, *keys):
    for key in keys:
        said = side.run([require('getent'), database, key])
        assert 'web.example' in said or '192.0.2.1' in said
        yield said


@row('hostid', 'the address that the machine has by its name',
     ['hostid', '--version'])
def test_hostid(side):
    """The machine is called after one that only the namespace knows."""
    yield side.run(['unshare', '--uts', 'sh', '-c',
                    'echo web.example >/proc/sys/kernel/hostname; exec hostid'])


@row('dig', 'records over UDP and TCP, a name by an address, by a resolver of its own', '-v', cases=[
    ('web.example', 'AAAA'), ('web.example', 'TXT', '+tcp'), ('-x', '192.0.2.1')])
def test_dig(side, *options):
    yield side.run([require('dig'), '+noall', '+answer', '+tries=1', '+time=20', *options])


@row('libc', 'names, addresses and records, by each of its functions')
def test_libc(side):
    side.run([require('getent'), '--version'])  # which is that of libc
    said = side.run([side.world.build / 'tests/outgoing/names'])
    assert said.count('192.0.2.1') >= 5 and said.count('web.example') >= 10
    yield said
