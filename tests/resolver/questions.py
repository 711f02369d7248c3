# SPDX-License-Identifier: MIT
"""A namespace with names of all kinds, and questions about them: see ask.c for what they mean."""

import itertools

HOSTS = """\
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
# 10.1.1.77 comment.hosts
10.1.1.1 multi.hosts multi alias1
10.1.1.2\tmulti.hosts alias2 multi # alias3
fd00::5 multi.hosts
10.1.1.3 other multi
::1 sixloop
::ffff:10.9.9.9 mapped.hosts
300.1.1.1 bad.hosts
10.1.1.4
  10.1.1.5 indented.hosts
10.1.1.6 UPPER.hosts Alias.Upper
10.1.1.7 trailing.hosts
fe80::77 linklocal.hosts
10.3.3.3 both.hosts
fd00::33 both.hosts
8.8.8.8 far.hosts
10.1.1.200 far.hosts
2001:db8::1 sixes.hosts
2002:102:304::1 sixes.hosts
fd00::1:1 sixes.hosts
fec0::1 sixes.hosts
fe80::2 sixes.hosts
1.2.3.4 sixes.hosts
169.254.9.9 sixes.hosts
127.0.0.9 sixes.hosts
10.1.1.8 web.override"""

RESOLV_CONF = """\
# a comment
domain ignored.example
nameserver 127.0.0.1
search example corp.example
options ndots:2 timeout:1 attempts:1
"""

# What dnsmasq knows. 60 addresses do not fit into a datagram.
MANY = [f'10.4.{i}.{j}' for i in range(2) for j in range(1, 31)]
LONGEST = '.'.join(['a' * 63] * 3 + ['b' * 61])
RECORDS = [
    '--no-round-robin',
    '--host-record=web.example,10.2.0.1,fd00::21', '--host-record=four.example,10.2.0.4',
    '--host-record=six.example,fd00::66', '--host-record=deep.corp.example,10.2.0.5',
    '--host-record=under_score.example,10.2.0.6', '--host-record=two.dots.example,10.2.0.7',
    '--host-record=both.example,10.2.0.8', '--host-record=both.corp.example,10.2.0.9',
    '--cname=www.example,web.example', '--cname=far.example,www.example',
    '--cname=dead.example,nowhere.example', '--cname=four-www.example,four.example',
    '--txt-record=text.example,hello,there',
    '--txt-record=big.example,' + ','.join(['x' * 250] * 9),
    '--mx-host=mail.example,web.example,10', '--srv-host=_http._tcp.example,web.example,80,1,2',
    '--ptr-record=9.0.2.10.in-addr.arpa,first.example',
    '--ptr-record=9.0.2.10.in-addr.arpa,second.example',
    '--ptr-record=10.0.2.10.in-addr.arpa,-bad.example',
    '--ptr-record=11.0.2.10.in-addr.arpa,under_score.example',
    '--cname=12.0.2.10.in-addr.arpa,9.0.2.10.in-addr.arpa',
    *(f'--host-record=many.example,{address}' for address in MANY),
    f'--host-record={LONGEST},10.2.0.10',
]

FAMILIES = ('unspec', 'inet', 'inet6')


def each(text, *choices):
    """The text with each combination of choices."""
    return [text.format(*combination) for combination in itertools.product(*choices)]


SERVICES = [
    *each('addrinfo {} {}', ('web', '10.2.0.1', '-'), ('80', 'http', '-')),
    *each('addrinfo 10.0.0.1 {} unspec {}',
          ('80', 'domain', 'ntp', 'nosuch', '65536', "''", '080', '0x50', '+5', '-5'),
          ('0 0 0', 'stream 0 0', 'dgram 0 0', 'raw 0 0', 'seqpacket 0 0', '0 6 0', '0 17 0', '0 132 0',
           '0 136 0', '0 99 0', 'stream 17 0', 'raw 99 0', '77 0 0', '0 0 numericserv')),
    'addrinfo * 80', 'addrinfo 10.0.0.1 *', 'addrinfo * *', 'addrinfo - -',
    'addrinfo - 80 unspec 0 0 canonname', 'addrinfo - 80 unspec 0 0 1024',
    'addrinfo - 80 unspec 0 0 2048', 'addrinfo web 80 unix 0 0 0', 'addrinfo web 80 99 0 0 0',
    'addrinfo nope.example nosuch',
    *each('addrinfo - 80 {} stream 0 {}', FAMILIES, ('0', 'passive', 'passive+v4mapped', 'addrconfig')),
]

FLAGS = ('0', 'canonname', 'v4mapped', 'v4mapped+all', 'all', 'addrconfig', 'numerichost')
ADDRESSES = each(
    'addrinfo {} 80 {} stream 0 {}',
    ('10.2.0.1', '127.1', '0x7f.1', '010.1', '1.2.3.4.5', '256.1.1.1', '1.2.3.4.', '::1',
     '::ffff:10.2.0.1', 'fe80::1', 'fe80::1%br0', 'fe80::1%2', 'fe80::1%99', 'fe80::1%nosuch', 'fe80::1%',
     'fd00::1%br0', 'fd00::1%3', 'ff02::1%br0', '::1%lo', '[::1]', '1:2', '4294967295', '4294967296',
     '10.2.0.1%lo', '::1%4294967296', '::1%0x1', '::1%+1'),
    FAMILIES, ('0', 'canonname', 'v4mapped', 'numerichost'))

NAMES = [
    *each('addrinfo {} 80 {} stream 0 {}',
          ('multi', 'multi.hosts', 'MULTI', 'sixloop', 'mapped.hosts', 'bad.hosts', 'indented.hosts',
           'upper.hosts', 'trailing.hosts', 'trailing.hosts.', 'linklocal.hosts', 'both.hosts', 'far.hosts',
           'sixes.hosts', 'comment.hosts', 'localhost', 'ip6-localhost', 'other', 'web.override', 'alias3'),
          FAMILIES, FLAGS),
    *each('addrinfo {} 80 {} stream 0 {}',
          ('web', 'web.example', 'web.example.', 'WEB.Example', 'www.example', 'far', 'four', 'six.example',
           'dead.example', 'nope', 'nope.example', 'text.example', 'deep', 'deep.corp', 'two.dots', 'both',
           'under_score', 'many.example', 'four-www.example'),
          FAMILIES, FLAGS),
    *each('addrinfo {} 80 {} stream 0 0',
          ('.', '..', 'a..b', '.web.example', 'web.example..', '-dash.example', 'a\\b', 'a\\.b.example',
           'ü.example', 'a@b', '*.example', LONGEST, LONGEST + '.', 'c' + LONGEST, 'x' * 63 + '.example',
           'x' * 64 + '.example', 'y' * 1100),
          FAMILIES),
]

HOSTENTS = [
    *each('host {} {}',
          ('multi', 'multi.hosts', 'other', 'sixloop', 'mapped.hosts', 'both.hosts', 'localhost',
           'ip6-localhost', 'indented.hosts', 'web', 'www.example', 'far.example', 'four.example',
           'six.example', 'dead.example', 'nope', 'text.example', 'many.example', 'both', 'WEB.example',
           'a..b', LONGEST, 'x' * 64 + '.example', 'under_score.example', '10.2.0.1', '127.1', '1.2.3.4.5',
           '1.2.3.4.', '::1', 'fd00::1', '::ffff:10.2.0.1', 'fe80::1%br0', '1.2.3', 'abc:', 'face',
           'face.b00c', '0x7f.1', '256.0.0.1'),
          ('inet', 'inet6')),
    'host web unspec', 'host web unix',
    *each('addr {}',
          ('10.1.1.1', '10.1.1.2', '10.1.1.3', 'fd00::5', '::1', '127.0.0.1', '10.2.0.1', 'fd00::21',
           '10.2.0.4', '10.2.0.200', '::ffff:10.2.0.1', '::10.2.0.1', '::', '0.0.0.0', 'fd00::200',
           '10.2.0.9', '10.2.0.10', '10.2.0.11', '10.2.0.12', '10.9.9.9', '::ffff:10.9.9.9')),
]

NAMEINFOS = [
    *each('nameinfo {} {}',
          ('10.1.1.1', 'fd00::5', '::1', '10.2.0.1', 'fd00::21', '10.2.0.200', 'fd00::200',
           '::ffff:10.2.0.1', 'fe80::1%2', 'fe80::1%99', 'fe80::1', 'fd00::1%2', 'ff02::1%2', '10.2.0.10',
           '10.2.0.9', '0.0.0.0', '::', '/run/x'),
          ('80 0', '80 ninumerichost', '80 ninumericserv', '80 namereqd', '123 nidgram', '64999 0',
           '80 nofqdn', '80 ninumerichost+ninumericserv', '514 0', '514 nidgram',
           '80 namereqd+ninumerichost', '80 512', '80 4096')),
    *each('nameinfo {} 80 {} {}', ('10.2.0.1', '10.2.0.200', 'fe80::1%2'), ('0', 'namereqd'),
          ('0 0', '0 100', '100 0', '5 100', '12 100', '11 100', '100 4', '100 5', '1 1', '100 100 0',
           '100 100 1', '100 100 2', '100 100 15', '100 100 16', '100 100 27', '100 100 28')),
]

RAW = [
    *each('{} {}', ('query', 'search', 'send'),
          ('web.example 1', 'web.example 28', 'www.example 1', 'web.example 16', 'text.example 16',
           'mail.example 15', '_http._tcp.example 33', 'nope.example 1', '9.0.2.10.in-addr.arpa 12',
           'big.example 16', 'web.example 65')),
    'search web 1', 'search text 16', 'search nope 1', 'search web 16', 'query web 1',
    'search two.dots 1', 'query a..b 1', 'search a..b 1', 'search web.example. 1',
]

ALL = [*SERVICES, *ADDRESSES, *NAMES, *HOSTENTS, *NAMEINFOS, *RAW]
