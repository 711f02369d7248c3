# SPDX-License-Identifier: MIT
"""nc and socat."""

import signal

import pytest

from programs import PATIENCE, talk
from support.wait import require, wait_until


@pytest.mark.parametrize('name, argv, v4', [
    ('nc.openbsd', ['-l', '3000'], 1),
    ('nc.openbsd', ['-6', '-l', '::', '3000'], 0),
    ('nc.traditional', ['-l', '-p', '3000'], 1),
])
def test_nc(name, argv, v4, start, vpn):
    """It takes one connection, and ends with it."""
    nc = start([require(name), *argv], '3000', stdin=b'from nc\n')
    nc.wait_moved(3000, v4=v4, v6=1 - v4)
    host = '127.0.0.1' if v4 else '::1'
    assert talk(vpn, 3000, b'to nc\n', host, enough=8) == b'from nc\n'
    nc.wait_ended(0)
    assert nc.said == 'to nc\n'


@pytest.mark.parametrize('name, argv, status', [
    ('nc.openbsd', ['-u', '-l', '3000'], -signal.SIGTERM),
    ('nc.traditional', ['-u', '-l', '-p', '3000'], 1),
])
def test_nc_udp(name, argv, status, start, vpn):
    nc = start([require(name), *argv], 'udp:3000', stdin=b'from nc\n')
    nc.wait_moved(3000, 'udp', v4=1)
    assert talk(vpn, 3000, b'to nc\n', proto='udp') == b'from nc\n'
    wait_until(lambda: nc.said == 'to nc\n', PATIENCE, lambda: nc.said)
    nc.stop(status=status)


@pytest.mark.parametrize('address, proto, host', [
    ('TCP4-LISTEN:3000,reuseaddr,fork', 'tcp', '127.0.0.1'),
    ('TCP6-LISTEN:3000,reuseaddr,fork,ipv6only', 'tcp', '::1'),
    ('UDP4-RECVFROM:3000,fork', 'udp', '127.0.0.1'),
])
def test_socat(address, proto, host, start, vpn):
    socat = start([require('socat'), address, 'PIPE'], '3000')
    socat.wait_moved(3000, proto, v4='.' in host, v6=':' in host)
    for request in (b'first\n', b'second\n'):
        assert talk(vpn, 3000, request, host, proto, enough=len(request)) == request
    socat.stop(status=128 + signal.SIGTERM)
