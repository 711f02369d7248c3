# SPDX-License-Identifier: MIT
"""What libc says inside a namespace is what resolver/ says outside of it, question by question."""

import os

import pytest
import questions

from support.wait import skip

ADDRESSES = ('10.1.1.9/24', '10.4.0.9/24', 'fd00::9/64', 'fe80::9/64')


@pytest.fixture
def network(asker):
    """An interface with addresses of all kinds, by which the world can be reached."""
    ip = ['ip', '-n', asker.namespace.name]
    run = asker.namespace.run
    run([*ip, 'link', 'add', 'br0', 'type', 'bridge'])
    run([*ip, 'link', 'set', 'br0', 'up'])
    for address in ADDRESSES:
        run([*ip, 'address', 'add', address, 'dev', 'br0', *(['nodad'] if ':' in address else [])])
    asker.namespace.await_addresses('fd00::9', 'fe80::9')
    for family in ('-4', '-6'):
        run([*ip, family, 'route', 'add', 'default', 'dev', 'br0'])


def test_every_question(asker, network, dns, outside):
    asker.write('hosts', questions.HOSTS)
    asker.write('resolv.conf', questions.RESOLV_CONF)
    dns(asker.namespace, more=questions.RECORDS)
    assert asker.differing(questions.ALL) == {}


@pytest.mark.parametrize('order', ['files dns', 'dns files', 'nosuch [NOTFOUND=return] files', 'dns', ''])
def test_all_entries(asker, order, outside):
    """gethostent(3); but for a line without a name, which libc has as an entry with an empty one."""
    asker.write('nsswitch.conf', f'hosts: {order}\n' if order else 'passwd: files\n')
    hosts = questions.HOSTS.replace('10.1.1.4\n', '') + f'\n{"# long" * 2000}\n10.1.1.9 last'
    for text in (hosts, hosts + '\n', '', '\n', '::2 six\n'):
        asker.write('hosts', text)
        assert asker.differing(['hosts 8192', 'hosts 512']) == {}
    if order != 'dns':
        asker.write('hosts', hosts)
        assert '  last 2 4\n  10.1.1.9\n' in asker.there('hosts 1')['hosts 1']


FAMILIES = {  # commands of ip(8), and questions that depend on addresses
    'nothing': [],
    'loopback': [['link', 'set', 'lo', 'up']],
    'another loopback': [['address', 'add', '127.0.0.2/8', 'dev', 'lo']],
    'IPv4': [['address', 'add', '10.1.1.9/24', 'dev', 'br0']],
    'IPv6 of a link': [['address', 'add', 'fe80::9/64', 'dev', 'br0', 'nodad']],
    'IPv6 without a route to the world': [['address', 'add', 'fd00::9/64', 'dev', 'br0', 'nodad']],
    'IPv6': [['address', 'add', 'fd00::9/64', 'dev', 'br0', 'nodad'],
             ['-6', 'route', 'add', 'default', 'dev', 'br0']],
    'both': [['address', 'add', '10.1.1.9/24', 'dev', 'br0'],
             ['address', 'add', 'fd00::9/64', 'dev', 'br0', 'nodad'],
             ['-6', 'route', 'add', 'default', 'dev', 'br0']],
    # as WireGuard is: an interface that has no neighbours
    'IPv4 of a tunnel': [['tuntap', 'add', 'tun0', 'mode', 'tun'],
                         ['link', 'set', 'tun0', 'multicast', 'off'],
                         ['link', 'set', 'tun0', 'addrgenmode', 'none'], ['link', 'set', 'tun0', 'up'],
                         ['address', 'add', '10.1.1.9/24', 'dev', 'tun0']],
    'IPv6 of a tunnel': [['tuntap', 'add', 'tun0', 'mode', 'tun'],
                         ['link', 'set', 'tun0', 'multicast', 'off'],
                         ['link', 'set', 'tun0', 'addrgenmode', 'none'], ['link', 'set', 'tun0', 'up'],
                         ['address', 'add', 'fd00::9/64', 'dev', 'tun0', 'nodad']],
}


@pytest.mark.parametrize('what', FAMILIES)
def test_addresses_that_there_are(asker, what, outside):
    """AI_ADDRCONFIG is about those of the namespace, which has others than this one."""
    if 'tunnel' in what and not os.access('/dev/net/tun', os.W_OK):
        skip('needs /dev/net/tun')
    ip = ['ip', '-n', asker.namespace.name]
    run = asker.namespace.run
    run([*ip, 'link', 'set', 'lo', 'down'])
    asker.write('hosts', '10.0.0.1 both\nfd00::2 both\n10.0.0.3 four\nfd00::4 six\n')
    asker.write('nsswitch.conf', 'hosts: files\n')
    run([*ip, 'link', 'add', 'br0', 'type', 'bridge'])
    run([*ip, 'link', 'set', 'br0', 'addrgenmode', 'none'])
    run([*ip, 'link', 'set', 'br0', 'up'])
    if what != 'nothing':
        run([*ip, 'link', 'set', 'lo', 'up'])
    for command in FAMILIES[what]:
        run([*ip, *command])
        if 'nodad' in command:
            asker.namespace.await_addresses(command[2].partition('/')[0])
    asked = questions.each('addrinfo {} 80 {} stream 0 addrconfig',
                           ('both', 'four', 'six', '::1', '10.1.1.1'), questions.FAMILIES)
    assert asker.differing([*asked, 'addrinfo both 80', 'addrinfo - 80']) == {}


# Without any source libc 2.36 reads what is nowhere, and may die of it.
ORDERS = ['files dns', 'dns files', 'files', 'dns', 'files [NOTFOUND=return] dns', 'dns [NOTFOUND=return] files',
          'dns [!UNAVAIL=return] files', 'dns [UNAVAIL=return] files', 'files [SUCCESS=return]dns',
          'nosuch files', 'nosuch [NOTFOUND=return] files', 'nosuch [!UNAVAIL=return] files dns',
          'nosuch [UNAVAIL=return] files', 'FILES dns']


@pytest.mark.parametrize('server', [True, False])
def test_order_of_sources(asker, dns, server, outside):
    """nsswitch.conf, with a name server and without."""
    asker.write('hosts', '10.1.1.1 both.example\n10.1.1.2 file.example\n')
    asker.write('resolv.conf', 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
    asked = [*questions.each('addrinfo {} 80 {} stream 0 0',
                             ('both.example', 'file.example', 'dns.example', 'nope.example'), ('unspec', 'inet')),
             'host both.example inet']
    if server:
        dns(asker.namespace, {'both.example': ['10.2.0.1'], 'dns.example': ['10.2.0.2']})
        # without, libc takes the silence of DNS for an answer, where it is about addresses
        asked += ['addr 10.1.1.1', 'addr 10.2.0.2', 'addr 10.3.3.3']
    for order in ORDERS:
        asker.write('nsswitch.conf', f'passwd: files\nhosts: {order}\n')
        assert (order, asker.differing(asked)) == (order, {})


LOCALHOST = [*questions.each('addrinfo {} 80 {} stream 0 {}', ('localhost', 'LocalHost', 'localhost.', 'my.localhost'),
                             questions.FAMILIES, ('0', 'v4mapped', 'v4mapped+all', 'canonname')),
             *questions.each('host {} {}', ('localhost', 'my.localhost'), ('inet', 'inet6'))]


@pytest.mark.parametrize('hosts', ['127.0.0.1 localhost my.localhost\n', '::1 localhost my.localhost\n',
                                   '::7 localhost my.localhost\n'])
def test_localhost(asker, dns, hosts, outside):
    """What the hosts file has is all that there is: a server that is as it should be has nothing to add."""
    asker.write('hosts', hosts)
    server = dns(asker.namespace)
    for order in ('files dns', 'dns files', 'files', 'files [!SUCCESS=continue] dns'):
        asker.write('nsswitch.conf', f'hosts: {order}\n')
        assert (order, asker.differing(LOCALHOST)) == (order, {})
    log = server.log
    asker.there(*LOCALHOST)
    assert server.log == log


IDN = 'bücher.example', 'faß.example', 'www.bücher.example'
IDN_RECORDS = ['--host-record=xn--bcher-kva.example,10.2.0.20', '--host-record=xn--fa-hia.example,10.2.0.21',
               '--cname=www.xn--bcher-kva.example,xn--bcher-kva.example', '--host-record=xn--.example,10.2.0.22']
IDN_QUESTIONS = [
    *questions.each('addrinfo {} 80 {} stream 0 {}',
                    (*IDN, 'BÜCHER.Example', 'xn--bcher-kva.example', 'xn--.example', 'nope.example', 'ü', 'a\\ü.example',
                     '１２７.0.0.1', '10.2.0.1', '-ü-.example', 'ü' * 64, '\u200d', '☃.example', '\u0378.example', 'hösts'),
                    ('unspec', 'inet'),
                    ('64', 'canonname+64', 'canonname+64+128', 'canonname+128', '64+numerichost', '768')),
    *questions.each('nameinfo {} 80 {}', ('10.2.0.20', '10.2.0.22', '10.2.0.200', 'fe80::1'),
                    ('32', '32+namereqd', '32 14 100', '32 15 100', '32 16 100', '0 20 100')),
]


@pytest.mark.parametrize('locale', ['C', 'C.UTF-8'])
def test_names_in_other_letters(asker, dns, locale, sanitizer, outside):
    """AI_IDN, AI_CANONIDN, NI_IDN: by the locale of the thread, or not at all."""
    asker.write('hosts', '10.2.0.30 xn--hsts-5qa\n')
    server = dns(asker.namespace, more=IDN_RECORDS)
    env = os.environ | {'LC_ALL': locale}
    # glibc forgets to free a name for which there is no room
    libc_env = env | ({'ASAN_OPTIONS': 'detect_leaks=0'} if sanitizer == 'asan' else {})
    assert asker.there(*IDN_QUESTIONS, env=env) == asker.native(*IDN_QUESTIONS, env=libc_env)
    found = asker.there(f'addrinfo {IDN[2]} 80 inet stream 0 canonname+64+128', env=env)
    assert list(found.values()) == (
        ['= Parameter string not correctly encoded\n'] if locale == 'C' else [f'= \n  2 1 6 0xc2 16 10.2.0.20:80 {IDN[0]}\n'])
    assert '\\' not in server.log  # nothing was asked for as it is
