# SPDX-License-Identifier: MIT
"""Fixtures of the suites that run a program bare inside a namespace and under libxredirect.so outside
of it. Their conftest.py takes them over, and has one more, `told`: told() is what programs
find in their environment on both sides, but for XREDIRECT: that is for outside."""

import os
import subprocess

import pytest

from support.preloaded import SANITIZER


@pytest.fixture
def libxredirect(build):
    return str(build / 'xredirect' / 'libxredirect.so')


@pytest.fixture
def environment(libxredirect, told):
    """environment(XREDIRECT='...'): that of a program under the library; None: not set."""
    def make(**more):
        env = os.environ | SANITIZER | {'LD_PRELOAD': libxredirect} | told() | more
        return {name: value for name, value in env.items() if value is not None}
    return make


@pytest.fixture
def redirected(environment):
    """redirected(ARGV, XREDIRECT='...'): what a program under the library says, outside."""
    def run(argv, stderr=subprocess.PIPE, input=None, pass_fds=(), timeout=60, **more):
        return subprocess.run([str(arg) for arg in argv], env=environment(**more), timeout=timeout,
                              text=True, check=False, stdout=subprocess.PIPE, stderr=stderr,
                              input=input, pass_fds=pass_fds)
    return run


@pytest.fixture
def bare(vpn, told):
    """bare(ARGV): what a program says inside the namespace."""
    def run(argv, pass_fds=(), **more):
        given = {name: value for name, value in told().items() if name != 'XREDIRECT'}
        return vpn.run(argv, env=os.environ | SANITIZER | given | more, check=False, timeout=60,
                       pass_fds=pass_fds, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return run
