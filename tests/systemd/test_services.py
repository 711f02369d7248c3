# SPDX-License-Identifier: MIT
"""Services that know nothing of this, moved by the installed example drop-in."""

import errno
import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

from support.manager import RUNTIME, journal, show, status, systemctl, unit_file, wait_state
from support.users import errno_of
from support.wait import wait_until

PORT = 8080

PLAIN = 'User=daemon\n'
HARDENED = '''DynamicUser=yes
CapabilityBoundingSet=
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
PrivateUsers=yes
ProcSubset=pid
ProtectHome=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RestrictNamespaces=yes
MemoryDenyWriteExecute=yes
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
'''
FAMILIES = HARDENED + 'RestrictAddressFamilies=AF_INET AF_INET6\n'
HIDDEN = FAMILIES + 'TemporaryFileSystem=/run\n'


@pytest.fixture
def web(installed):
    """web(SETTINGS): a web server, as a package would bring it."""
    pathlib.Path('/srv/web').mkdir(parents=True, exist_ok=True)
    pathlib.Path('/srv/web/index.html').write_text('moved')

    def start(settings):
        unit_file('web.service', '[Service]\nWorkingDirectory=/srv/web\n'
                  f'ExecStart=/usr/bin/python3 -m http.server {PORT}\n{settings}')
        systemctl('start', 'web.service')

    yield start
    systemctl('stop', 'web.service')
    shutil.rmtree(RUNTIME / 'web.service.d', ignore_errors=True)
    systemctl('reset-failed', check=False)


def example(installed, name, unit, *wanted):
    """The installed example for this namespace, with the lines taken in that begin with #WANTED."""
    text = (installed.examples / name).read_text()
    for setting in wanted:
        text, found = re.subn(f'^#(?={setting})', '', text, flags=re.MULTILINE)
        assert found == 1
    return re.sub(r'\bvpn\b', unit, text)


@pytest.mark.parametrize('settings, wanted', [
    (PLAIN, []), (HARDENED, []), (FAMILIES, ['RestrictAddressFamilies']),
    (HIDDEN, ['RestrictAddressFamilies', 'BindReadOnlyPaths'])],
    ids=['plain', 'hardened', 'families', 'hidden'])
def test_moved_by_the_drop_in(enabled, here, unit, installed, web, settings, wanted):
    web(settings)
    wait_until(lambda: here.listening(PORT), what=lambda: status('web.service'))

    unit_file('web.service.d/xsocket.conf', example(installed, 'service.conf', unit, *wanted))
    systemctl('restart', 'web.service')
    wait_until(lambda: enabled.listening(PORT), what=lambda: status('web.service'))
    assert not here.listening(PORT)
    assert b'moved' in enabled.fetch(PORT)
    assert show('web.service', 'NRestarts') == '0'
    entry = journal('-u', f'xsocket@{unit}.service', 'XSOCKET_VERDICT=grant')[-1]
    assert entry['XSOCKET_UNIT'] == 'web.service'

    (RUNTIME / 'web.service.d/xsocket.conf').unlink()
    systemctl('daemon-reload')
    systemctl('restart', 'web.service')
    wait_until(lambda: here.listening(PORT))
    assert not enabled.listening(PORT)


def test_without_the_socket_unit_it_says_what_to_start(unit, netns, installed, web, here):
    """Never a port in the wrong namespace: the service fails, and its journal says why."""
    web(PLAIN)
    text = example(installed, 'service.conf', unit)
    unit_file('web.service.d/xsocket.conf', re.sub('(?m)^(Wants|After)=.*', '', text))
    systemctl('restart', 'web.service')
    wait_state('web.service', 'failed')
    assert not here.listening(PORT)
    told = ' '.join(entry['MESSAGE'] for entry in journal('-u', 'web.service'))
    assert f'xsocket@{unit}.socket' in told


def test_survives_the_broker(enabled, here, unit, installed, web):
    """What was handed out needs no broker any more."""
    unit_file('web.service.d/xsocket.conf', example(installed, 'service.conf', unit))
    web(PLAIN)
    wait_until(lambda: enabled.listening(PORT), what=lambda: status('web.service'))
    systemctl('stop', f'xsocket@{unit}.socket', f'xsocket@{unit}.service')
    assert b'moved' in enabled.fetch(PORT)


def test_access_by_the_drop_in(unit, netns, installed, library):
    """Also after the socket unit was started again, and for whom a change of the drop-in names."""
    namespace = netns(unit)
    text = example(installed, 'socket.conf', unit)
    nobody = dict(uid=65534, gid=65534)
    daemon = int(subprocess.run(['getent', 'group', 'daemon'], check=True, capture_output=True,
                                text=True).stdout.split(':')[2])
    ask = lambda: library.xsocket(unit).close()
    systemctl('start', f'xsocket@{unit}.socket')
    assert errno_of(ask, **nobody) == errno.EACCES
    unit_file(f'xsocket@{unit}.socket.d/access.conf', text)
    for _ in range(2):
        systemctl('stop', f'xsocket@{unit}.socket', f'xsocket@{unit}.service')
        systemctl('start', f'xsocket@{unit}.socket')
        assert errno_of(ask, **nobody) == 0
        assert errno_of(ask, groups=[daemon]) == 0
        assert errno_of(ask) == errno.EACCES
    with library.xsocket(unit, socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(('127.0.0.1', 0))
        assert namespace.listening(sock.getsockname()[1], 'udp')


def test_wrong_name_in_the_access_drop_in_is_seen(unit, netns, installed):
    netns(unit)
    text = example(installed, 'socket.conf', unit).replace('u:nobody', 'u:no-such-user')
    unit_file(f'xsocket@{unit}.socket.d/access.conf', text)
    systemctl('start', f'xsocket@{unit}.socket', check=False)
    wait_state(f'xsocket@{unit}.socket', 'failed')
    assert any('no-such-user' in entry['MESSAGE']
               for entry in journal('-u', f'xsocket@{unit}.socket'))
    assert not os.path.exists(f'/run/xsocket/{unit}')
