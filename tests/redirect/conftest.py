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
def libxredirect(build):
    return str(build / 'xredirect' / 'libxredirect.so')


@pytest.fixture
def sanitizer(libxredirect):
    """Which one the library was built with: 'asan', 'tsan', or ''."""
    return sanitizer_of(libxredirect)


@pytest.fixture
def program(build):
    return lambda name: str(build / 'tests' / 'redirect' / f'redirect-{name}')


@pytest.fixture
def other(netns, broker, tmp_path):
    """A second namespace with a broker in it."""
    namespace = netns()
    return Vpn(namespace, broker('--netns', namespace.name, server=str(tmp_path / 'other')))


@pytest.fixture
def environment(libxredirect, vpn, here):
    """environment(XREDIRECT='...'): that of a program under the library; None: not set."""
    def make(**variables):
        env = os.environ | SANITIZER | {
            'LD_PRELOAD': libxredirect,
            'XREDIRECT': vpn.server,
            'TARGET_COOKIE': str(vpn.cookie()),
            'OWN_COOKIE': str(here.cookie()),
        } | variables
        return {name: value for name, value in env.items() if value is not None}
    return make


@pytest.fixture
def redirected(environment):
    """redirected(ARGV, XREDIRECT='...'): what a program under the library says, outside."""
    def run(argv, stderr=subprocess.PIPE, input=None, pass_fds=(), timeout=20, **variables):
        return subprocess.run(argv, env=environment(**variables), timeout=timeout, text=True,
                              check=False, stdout=subprocess.PIPE, stderr=stderr, input=input,
                              pass_fds=pass_fds)
    return run


@pytest.fixture
def bare(vpn):
    """bare(ARGV): what a program says inside the namespace."""
    def run(argv, pass_fds=(), **variables):
        env = os.environ | SANITIZER | {'TARGET_COOKIE': str(vpn.cookie())} | variables
        return vpn.run(argv, env=env, check=False, pass_fds=pass_fds, timeout=20,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return run


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
