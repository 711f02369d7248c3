# SPDX-License-Identifier: MIT
"""Fixtures. The package is that of the build, which meson has put into the paths."""

import os
import subprocess
import sys

import pytest

import xsocket
from worlds import World


@pytest.fixture(scope='module')
def world(build):
    """Namespaces vpn and lan."""
    made = World(build, 'vpn', 'lan')
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nothing_left():
    """No test leaves its thread in a namespace."""
    yield
    assert xsocket.current() == xsocket.HERE


@pytest.fixture
def run():
    """run(CODE, ARG...): a program of its own; what it prints."""
    def start(code, *args, python=sys.executable, env=None, status=0, **kwargs):
        result = subprocess.run([str(python), '-c', code, *map(str, args)], text=True, check=False,
                                env=os.environ | (env or {}), timeout=60, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)
        assert result.returncode == status, result.stdout + result.stderr
        return result.stdout if status == 0 else result.stderr

    return start
