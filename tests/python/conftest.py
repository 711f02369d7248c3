# SPDX-License-Identifier: MIT
"""Fixtures. The package is that of the build, which meson has put into the paths."""

import os
import socket
import subprocess
import sys

import pytest

import xsocket
from support.names import Etc, Silence
from support.netns import Here
from worlds import NAMED, Web, World


@pytest.fixture(scope='module')
def world(build):
    """Namespaces vpn and lan."""
    made = World(build, 'vpn', 'lan')
    yield made
    made.close()


@pytest.fixture
def cookies(world):
    """By which the kernel knows namespaces; '.' is the own one."""
    return {'vpn': world.vpn.cookie, 'lan': world.lan.cookie, '.': world.own_cookie}


@pytest.fixture(scope='module')
def quiet_outside():
    """Name servers are at 127.0.0.1, and web servers at 127.0.0.80: outside nobody asks those."""
    with Etc() as etc:
        etc.write('resolv.conf', 'nameserver 127.0.0.1\n')
        # servers of http.server ask for the name of their host
        etc.write('hosts', f'127.0.0.1 localhost {socket.gethostname()}\n')
        etc.write('nsswitch.conf', 'hosts: files dns\n')
        silence, web = Silence(Here()), Web(Here(), 'here', NAMED)
        yield etc
        web.close()
        assert web.asked == 0 and silence.heard() == 0
        silence.close()


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
