# SPDX-License-Identifier: MIT
"""A program, run bare inside a namespace and under libxbind.so outside of it."""

import os
import subprocess

import pytest

from support.preloaded import SANITIZER

# Ports that the programs take for listed, and 0.
XBIND = '3000-3099 0'


@pytest.fixture
def libxbind(build):
    return str(build / 'xbind' / 'libxbind.so')


@pytest.fixture
def program(build):
    return lambda name: str(build / 'tests' / 'preload' / name)


@pytest.fixture
def environment(libxbind, vpn):
    """environment(XBIND='...'): that of a program under the library."""
    return lambda **variables: os.environ | SANITIZER | {
        'LD_PRELOAD': libxbind,
        'XBIND': XBIND,
        'XSOCKET': vpn.server,
        'TARGET_COOKIE': str(vpn.cookie()),
    } | variables


@pytest.fixture
def xbind(environment):
    """xbind(ARGV, XBIND='...'): what a program under the library says, outside the namespace."""
    def run(argv, stderr=subprocess.PIPE, input=None, pass_fds=(), **variables):
        return subprocess.run(argv, env=environment(**variables), timeout=60, text=True,
                              check=False, stdout=subprocess.PIPE, stderr=stderr, input=input,
                              pass_fds=pass_fds)
    return run


@pytest.fixture
def bare(vpn):
    """bare(ARGV): what a program says inside the namespace."""
    def run(argv, pass_fds=()):
        env = os.environ | SANITIZER | {'TARGET_COOKIE': str(vpn.cookie())}
        return vpn.run(argv, env=env, check=False, pass_fds=pass_fds,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return run
