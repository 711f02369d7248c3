# SPDX-License-Identifier: MIT
"""A program that lists interfaces or opens files, run bare inside and under libxredirect.so outside."""

import pytest

from support.broker import Vpn
from support.redirected import bare, environment, libxredirect, redirected
from support.wait import skip

__all__ = ['bare', 'environment', 'libxredirect', 'redirected']


@pytest.fixture
def told():
    """A test says itself what is to be redirected."""
    return dict


@pytest.fixture
def glibc(musl):
    """For tests that run what is installed, or are about glibc."""
    if musl:
        skip('it is for glibc')


@pytest.fixture
def no_sanitizer(sanitizer):
    """For tests of what does not go together with one."""
    if sanitizer:
        skip('it does not go together with a sanitizer')


@pytest.fixture
def program(build):
    return lambda name: str(build / 'tests' / 'interfaces' / f'interfaces-{name}')


@pytest.fixture
def route(vpn, broker, tmp_path):
    """The same namespace by another broker, which hands out sockets that tell routes, too."""
    config = tmp_path / 'route.conf'
    config.write_text('[Server]\nAllowSockets=tcp udp route\n')
    server = f'{vpn.server}-route'
    return Vpn(vpn.namespace, broker('--netns', vpn.name, '--config', config, server=server))
