# SPDX-License-Identifier: MIT
"""Fixtures. The tests run inside tests/tools/sandbox or tests/tools/with-systemd: meson does that.

By hand: XSOCKET_BUILD=build tests/tools/sandbox /usr/bin/python3 -m pytest tests/netns -k NAME
"""

import itertools
import os
import pathlib
import shutil

import pytest

from support import tree
from support.bridge import Bridge
from support.broker import Broker, Vpn
from support.names import Dns, Silence
from support.netns import Here, Namespace
from support.preloaded import is_musl, sanitizer_of, skip_foreign
from support.users import GID, UID, require_users
from support.wait import wait_until

_numbers = itertools.count(1)


def pytest_runtest_setup(item):
    skip_foreign(item)


@pytest.fixture(scope='session')
def source():
    return pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope='session')
def build():
    return pathlib.Path(os.environ['XSOCKET_BUILD']).resolve()


@pytest.fixture(scope='session')
def public(build, tmp_path_factory):
    """public('xbind/libxbind.so'): a copy of a built file that every user can get at."""
    directory = tmp_path_factory.getbasetemp()
    for parent in (directory, directory.parent):
        parent.chmod(0o755)

    def copy(name):
        target = directory / 'public' / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(build / name, target)
        return target

    return copy


@pytest.fixture
def sanitizer(build):
    """Which one the libraries were built with: 'asan', 'tsan', or ''."""
    return sanitizer_of(build / 'lib' / 'libxsocket.so.1')


@pytest.fixture
def musl():
    """Whether the libraries are for it."""
    return is_musl()


@pytest.fixture
def copy(tmp_path):
    """A copy of the source tree that an unprivileged user owns."""
    require_users()
    for parent in [tmp_path, *list(tmp_path.parents)[:2]]:
        parent.chmod(0o755)
    return tree.copy(tmp_path / 'tree', UID, GID)


@pytest.fixture
def here():
    return Here()


@pytest.fixture
def netns():
    """netns(): a new network namespace, deleted at the end."""
    made = []

    def make(name=None):
        made.append(Namespace(name or f'vpn{next(_numbers)}'))
        return made[-1]

    yield make
    for namespace in made:
        if os.path.exists(namespace.path):
            namespace.delete()


def _started(kind, *first):
    made = []

    def start(*args, **kwargs):
        made.append(kind(*first, *args, **kwargs))
        return made[-1]

    yield start
    for one in made:
        one.stop()


@pytest.fixture
def broker(build, netns):
    """broker(ARG..., server=PATH, expected=STATUS): a running broker, ended at the end."""
    yield from _started(Broker, build)


@pytest.fixture
def bridge(build, netns, broker):
    """bridge(ARG..., wrap=, env=, fds=, expected=STATUS): a running bridge, ended at the end."""
    yield from _started(Bridge, build)


@pytest.fixture
def vpn(netns, broker):
    """A new namespace with a broker that serves it at /run/xsocket/NAME."""
    namespace = netns()
    server = f'/run/xsocket/{namespace.name}'
    os.makedirs('/run/xsocket', exist_ok=True)
    return Vpn(namespace, broker('--netns', namespace.name, server=server))


@pytest.fixture
def dns(netns):
    """dns(NAMESPACE, {name: [address]}): a name server in there, ended at the end."""
    yield from _started(Dns)


@pytest.fixture
def outside(etc, here):
    """Nobody asks for a name here, where /etc is the suite's."""
    silence = Silence(here)
    silence.ask()
    wait_until(lambda: silence.heard() == 1)  # it has ears
    yield silence
    assert silence.heard() == 0
    silence.close()
