# SPDX-License-Identifier: MIT
"""The project is installed once for each file, into a container that is thrown away with it."""

import json
import os
import pathlib
import shlex
import shutil
import subprocess

import pytest

from support.manager import Library, systemctl
from support.wait import skip


class Installed:
    """Where things are."""

    def __init__(self, build):
        meson = shlex.split(os.environ.get('MESONINTROSPECT', 'meson introspect'))
        options = json.loads(subprocess.run([*meson, '--buildoptions', str(build)], check=True,
                                            capture_output=True).stdout)
        option = {each['name']: each['value'] for each in options}
        prefix = pathlib.Path(option['prefix'])
        # where the manager and the linker look for what they need
        if str(prefix) not in ('/usr', '/usr/local') or option['systemd_unit_dir']:
            skip(f'the build is for {prefix}; a real systemd is tried with /usr and /usr/local')
        self.libxsocket = prefix / option['libdir'] / 'libxsocket.so.1'
        self.libxbind = prefix / option['libdir'] / 'libxbind.so'
        self.server = prefix / option['bindir'] / 'xsocket-server'
        self.examples = prefix / option['datadir'] / 'doc/xsocket/examples'
        self.units = prefix / 'lib/systemd/system'
        subprocess.run([*meson[:-1], 'install', '-C', str(build), '--no-rebuild', '--quiet'],
                       check=True, stdout=subprocess.DEVNULL)
        if not (self.units / 'xsocket@.service').exists():
            skip('the build is without units (option systemd)')


@pytest.fixture(scope='session')
def installed(build):
    assert os.environ.get('container') == 'with-systemd', 'run me by tests/tools/with-systemd'
    found = Installed(build)
    subprocess.run(['ldconfig'], check=True)
    subprocess.run(['systemd-sysusers'], check=True)
    systemctl('daemon-reload')
    return found


@pytest.fixture(scope='session')
def library(installed):
    return Library(installed.libxsocket)


@pytest.fixture
def unit(installed, netns):
    """A name that is free, for a namespace, SERVER and instance; its units are gone at the end."""
    name = f'test-{os.urandom(3).hex()}'
    yield name
    systemctl('disable', '--now', f'xsocket@{name}.socket', check=False)
    systemctl('stop', f'xsocket@{name}.service', f'xsocket-netns@{name}.service', check=False)
    systemctl('reset-failed', check=False)
    for kind in ('socket', 'service'):
        shutil.rmtree(f'/run/systemd/system/xsocket@{name}.{kind}.d', ignore_errors=True)


@pytest.fixture
def enabled(unit, netns):
    """The usual beginning: a namespace, and `systemctl enable --now` of its socket unit."""
    namespace = netns(unit)
    systemctl('enable', '--now', f'xsocket@{unit}.socket')
    return namespace
