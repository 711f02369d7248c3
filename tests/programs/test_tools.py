# SPDX-License-Identifier: MIT
"""nc and socat."""

import signal

from programs import PATIENCE, talk
from support.matrix import row
from support.wait import require, wait_until


def nc_tcp(nc, side, v4):
    """It takes one connection, and ends with it."""
    nc.wait_listening(3000, v4=v4, v6=1 - v4)
    nc.look()
    host = '127.0.0.1' if v4 else '::1'
    yield talk(side.there, 3000, b'to nc\n', host, enough=8)
    yield nc.wait_ended(0)
    assert nc.said == 'to nc\n'


def nc_udp(nc, side, status):
    nc.wait_listening(3000, 'udp', v4=1)
    nc.look()  # it connects to its first client
    yield talk(side.there, 3000, b'to nc\n', proto='udp')
    wait_until(lambda: nc.said == 'to nc\n', PATIENCE, lambda: nc.said)
    nc.process.send_signal(signal.SIGTERM)
    yield nc.wait_ended(status)


@row('nc (OpenBSD)', 'a line each way over IPv4 and IPv6', '-h', cases=[
    (['-l', '3000'], 1), (['-6', '-l', '::', '3000'], 0)])
def test_nc_openbsd(side, options, v4):
    yield from nc_tcp(side.start([require('nc.openbsd'), *options], '3000', b'from nc\n'), side, v4)


@row('nc (OpenBSD)', 'a datagram each way', '-h')
def test_nc_openbsd_udp(side):
    nc = side.start([require('nc.openbsd'), '-u', '-l', '3000'], 'udp:3000', b'from nc\n')
    yield from nc_udp(nc, side, -signal.SIGTERM)


@row('nc (traditional)', 'a line each way', '-h')
def test_nc_traditional(side):
    nc = side.start([require('nc.traditional'), '-l', '-p', '3000'], '3000', b'from nc\n')
    yield from nc_tcp(nc, side, 1)


@row('nc (traditional)', 'a datagram each way', '-h')
def test_nc_traditional_udp(side):
    nc = side.start([require('nc.traditional'), '-u', '-l', '-p', '3000'], 'udp:3000', b'from nc\n')
    yield from nc_udp(nc, side, 1)


@row('socat', 'two echoes over IPv4, IPv6 and UDP', '-V', cases=[
    ('TCP4-LISTEN:3000,reuseaddr,fork', 'tcp', '127.0.0.1'),
    ('TCP6-LISTEN:3000,reuseaddr,fork,ipv6only', 'tcp', '::1'),
    ('UDP4-RECVFROM:3000,fork', 'udp', '127.0.0.1')])
def test_socat(side, address, proto, host):
    socat = side.start([require('socat'), address, 'PIPE'], '3000')
    socat.wait_listening(3000, proto, v4='.' in host, v6=':' in host)
    for request in (b'first\n', b'second\n'):
        yield talk(side.there, 3000, request, host, proto, enough=len(request))
    yield socat.stop(status=128 + signal.SIGTERM)
