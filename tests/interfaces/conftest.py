# SPDX-License-Identifier: MIT
"""A program, run bare inside a namespace and under libxredirect.so outside of it."""

import os
import subprocess

import pytest

from support.broker import Vpn
from support.preloaded import SANITIZER, is_musl, sanitizer_of, skip_foreign


def pytest_collection_modifyitems(items):
    skip_foreign(items)


@pytest.fixture
def musl():
    return is_musl()


@pytest.fixture
def glibc(musl):
    """For tests that run what is installed, or are about glibc."""
    if musl:
        pytest.skip('it is for glibc')


@pytest.fixture
def libxredirect(build):
    return str(build / 'xredirect' / 'libxredirect.so')


@pytest.fixture
def no_sanitizer(build):
    """For tests of what does not go together with a sanitizer.

    libxbind tells: libxredirect may have the names of sanitizers in it, since it looks for them.
    """
    if sanitizer_of(build / 'xbind' / 'libxbind.so'):
        pytest.skip('it does not go together with a sanitizer')


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


@pytest.fixture
def environment(libxredirect):
    """environment(XREDIRECT='...'): that of a program under the library."""
    def make(**variables):
        env = os.environ | SANITIZER | {'LD_PRELOAD': libxredirect} | variables
        return {name: value for name, value in env.items() if value is not None}
    return make


@pytest.fixture
def redirected(environment):
    """redirected(ARGV, XREDIRECT='...'): what a program under the library says, outside."""
    def run(argv, stderr=subprocess.PIPE, timeout=30, **variables):
        return subprocess.run([str(arg) for arg in argv], env=environment(**variables), text=True,
                              timeout=timeout, check=False, stdout=subprocess.PIPE, stderr=stderr)
    return run


@pytest.fixture
def bare(vpn):
    """bare(ARGV): what a program says inside the namespace."""
    def run(argv, **variables):
        return vpn.run(argv, env=os.environ | SANITIZER | variables, check=False, timeout=30,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return run
