# SPDX-License-Identifier: MIT
"""Servers of Python's standard library, and uvloop."""

import signal
import subprocess
import sys

from programs import greet, http, talk
from support.matrix import row
from support.wait import skip


@row('Python http.server', 'a listing over HTTP')
def test_http_server(side):
    server = side.start([sys.executable, '-u', '-m', 'http.server', '--bind', '127.0.0.1', '3000'],
                        '3000')
    server.wait_listening(3000, v4=1)
    listing = http(side.there, 3000)
    assert '<a href="input">' in listing
    yield listing
    server.wait_said('"GET / HTTP/1.0" 200')
    yield server.stop(signal.SIGINT)


def loop(side, *options):
    """TCP on both families, and UDP. It sees the clients' real addresses."""
    # the order in which it binds is that of a set
    server = side.start([sys.executable, side.files / 'asyncio_server.py', '3000', *options],
                        '3000', PYTHONHASHSEED='0')
    server.wait_listening(3000, v4=1, v6=1)
    server.wait_listening(3000, 'udp', v4=1)
    server.wait_said('ready')
    for host in ('127.0.0.1', '::1'):
        proto, address, port = talk(side.there, 3000, b'?\n', host).decode().split()
        assert (proto, address) == ('tcp', host) and int(port) > 0
        yield proto, address
    proto, address, _ = talk(side.there, 3000, b'?\n', proto='udp').decode().split()
    assert (proto, address) == ('udp', '127.0.0.1')
    yield proto, address
    yield server.stop()


@row('Python asyncio', "the client's address over TCP, IPv4 and IPv6, and UDP")
def test_asyncio(side):
    yield from loop(side)


UVLOOP = ['-c', 'import uvloop; print(uvloop.__version__)']


@row('Python uvloop', "the client's address over TCP, IPv4 and IPv6, and UDP", UVLOOP)
def test_uvloop(side):
    """libuv's own way with sockets."""
    if subprocess.run([sys.executable, *UVLOOP], check=False, capture_output=True).returncode:
        skip('needs uvloop (python3-uvloop)')
    yield from loop(side, 'uvloop')


@row('Python socketserver', 'lines and datagrams, threads for each')
def test_socketserver(side):
    server = side.start([sys.executable, side.files / 'socketserver_server.py', '3000'], '3000')
    server.wait_listening(3000, v4=1)
    server.wait_listening(3000, 'udp', v4=1)
    yield from greet(side.there, 3000)
    yield server.stop()


def test_goes_on_without_the_broker(start, vpn):
    """A socket that has been handed out is the program's own."""
    server = start([sys.executable, '-m', 'http.server', '--bind', '::', '3000'], '3000')
    server.wait_listening(3000, v6=1)
    vpn.broker.stop()
    assert '<a href="input">' in http(vpn, 3000, '::1')
    server.stop(signal.SIGINT)
