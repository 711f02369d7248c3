# SPDX-License-Identifier: MIT
"""Servers of Python's standard library."""

import signal
import sys

from programs import PATIENCE, http, talk
from support.wait import wait_until


def test_http_server(start, vpn):
    server = start([sys.executable, '-u', '-m', 'http.server', '--bind', '127.0.0.1', '3000'],
                   '3000')
    server.wait_moved(3000, v4=1)
    assert '<a href="input">' in http(vpn, 3000)
    wait_until(lambda: '"GET / HTTP/1.0" 200' in server.said, PATIENCE, lambda: server.said)
    server.stop(signal.SIGINT)


def test_asyncio(start, vpn, files):
    """TCP on both families, and UDP. It sees the clients' real addresses."""
    server = start([sys.executable, files / 'asyncio_server.py', '3000'], '3000')
    server.wait_moved(3000, v4=1, v6=1)
    server.wait_moved(3000, 'udp', v4=1)
    for host in ('127.0.0.1', '::1'):
        proto, address, port = talk(vpn, 3000, b'?\n', host).decode().split()
        assert (proto, address) == ('tcp', host) and int(port) > 0
    assert talk(vpn, 3000, b'?\n', proto='udp').decode().startswith('udp 127.0.0.1 ')
    server.stop()


def test_goes_on_without_the_broker(start, vpn):
    """A socket that has been handed out is the program's own."""
    server = start([sys.executable, '-m', 'http.server', '--bind', '::', '3000'], '3000')
    server.wait_moved(3000, v6=1)
    vpn.broker.stop()
    assert '<a href="input">' in http(vpn, 3000, '::1')
    server.stop(signal.SIGINT)
