# SPDX-License-Identifier: MIT
"""A program, run bare inside a namespace and under libxredirect.so outside of it."""

import pytest

from support.broker import Vpn
from support.redirected import bare, environment, libxredirect, redirected

__all__ = ['bare', 'environment', 'libxredirect', 'redirected']


@pytest.fixture
def program(build):
    return lambda name: str(build / 'tests' / 'redirect' / f'redirect-{name}')


@pytest.fixture
def other(netns, broker, tmp_path):
    """A second namespace with a broker in it."""
    namespace = netns()
    return Vpn(namespace, broker('--netns', namespace.name, server=str(tmp_path / 'other')))


@pytest.fixture
def told(vpn, here):
    """By these cookies programs know where a socket is from."""
    return lambda: {'XREDIRECT': vpn.server, 'TARGET_COOKIE': str(vpn.cookie()),
                    'OWN_COOKIE': str(here.cookie())}


@pytest.fixture
def same(program, bare, redirected):
    """same(NAME, ARG...): the program says under the library what it says inside. Returns that.

    lines: how many the library may write.
    """
    def check(name, *args, lines=0, **variables):
        inside = bare([program(name), *args])
        outside = redirected([program(name), *args], **variables)
        assert outside.stdout == inside.stdout
        assert outside.returncode == inside.returncode == 0
        assert outside.stderr.count('\n') <= lines and inside.stderr == ''
        return inside.stdout
    return check
