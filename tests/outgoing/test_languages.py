# SPDX-License-Identifier: MIT
"""Clients written in Python, JavaScript, Java, Perl, Ruby and PHP, by what these come with."""

import subprocess

from servers import Echo, Web
from support.matrix import row
from support.python import python_with
from support.wait import require, skip


def servers(side):
    """Returns the path of the certificate."""
    side.server(Echo)
    return side.server(Web).world.keys.certificate


def python(side, way, *modules):
    return side.run([python_with(*modules), side.files / 'python_client.py', way, servers(side)])


@row('Python urllib', 'HTTP and HTTPS, by addresses and by names')
def test_python_urllib(side):
    yield python(side, 'urllib', 'ssl')


@row('Python requests', 'HTTP and HTTPS, by addresses and by names',
     ['-c', 'import requests; print(requests.__version__)'])
def test_python_requests(side):
    yield python(side, 'requests', 'requests')


@row('Python aiohttp', 'HTTP and HTTPS, all at once, by addresses and by names',
     ['-c', 'import aiohttp; print(aiohttp.__version__)'])
def test_python_aiohttp(side):
    yield python(side, 'aiohttp', 'aiohttp')


@row('Python asyncio', 'TCP with "happy eyeballs", where an address refuses and where one is silent; UDP')
def test_python_asyncio(side):
    yield python(side, 'asyncio', 'asyncio')


@row('Python socket', 'connecting without waiting, TCP Fast Open, IPv4 by IPv6, UDP, sources')
def test_python_sockets(side):
    side.world.there.run(['ip', 'tcp_metrics', 'flush'])
    yield python(side, 'sockets', 'socket')
    yield [packet.data for packet in side.sent() if packet.data == b'fast']


@row('node', 'fetch(), http and https, by addresses and by names; sockets of TCP and UDP, with '
     'the family chosen; names by libc; records of DNS, by c-ares', cases=[
         ('fetch',), ('http',), ('sockets',), ('lookup',), ('resolve',)])
def test_node(side, way):
    yield side.run([require('node', 'nodejs'), side.files / 'node_client.js', way],
                   NODE_EXTRA_CA_CERTS=str(servers(side)))


@row('Java HttpClient', 'HTTP and HTTPS; channels and sockets of TCP and UDP; names', '-version')
def test_java(side):
    yield side.run([*side.fixture('java'), servers(side)])


@row('perl', 'LWP, HTTP::Tiny; sockets of TCP and UDP; names')
def test_perl(side):
    perl = require('perl')
    if subprocess.run([perl, '-MLWP', '-e', '1'], capture_output=True, check=False).returncode:
        skip('needs LWP for perl')
    servers(side)
    yield side.run([perl, side.files / 'perl_client.pl'])


@row('ruby', 'HTTP and HTTPS; sockets of TCP and UDP; names, and records that it looks up itself')
def test_ruby(side):
    yield side.run([require('ruby'), side.files / 'ruby_client.rb', servers(side)])


@row('php', 'HTTP and HTTPS; sockets of TCP and UDP; names, and records of DNS')
def test_php(side):
    yield side.run([require('php'), '-n', side.files / 'php_client.php', servers(side)])
