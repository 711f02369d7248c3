# SPDX-License-Identifier: MIT
"""libxbind in the sandboxes that systemd makes: what it needs is there, or a line says what is not,
and the bind fails. Never is the port opened in the service's own namespace."""

import pathlib
import re

import pytest

from support.manager import status, systemctl, unit_file
from support.sandboxed import KEPT, MOVED

OUTPUT = pathlib.Path('/var/tmp/sandboxed')
FILTER = ('SystemCallArchitectures=native\nSystemCallErrorNumber=EPERM\n'
          'SystemCallFilter=@system-service\n')


@pytest.fixture
def sandboxed(installed, public, enabled, unit):
    """sandboxed(SETTINGS): what a service that binds port 3070 writes to stdout and stderr."""
    def run(settings, log='error'):
        program = public('tests/preload/company/sandboxed')
        unit_file('sandboxed.service',
                  f'[Service]\nType=oneshot\nExecStart={program} none 0\n'
                  f'Environment=LD_PRELOAD={installed.libxbind} XBIND=3070 XSOCKET={unit} '
                  f'XBIND_LOG={log}\n'
                  f'StandardOutput=file:{OUTPUT}.out\nStandardError=file:{OUTPUT}.err\n{settings}')
        for suffix in ('out', 'err'):
            OUTPUT.with_suffix(f'.{suffix}').unlink(missing_ok=True)
        systemctl('start', 'sandboxed.service')
        return (OUTPUT.with_suffix('.out').read_text().splitlines(),
                OUTPUT.with_suffix('.err').read_text().splitlines())

    yield run
    systemctl('reset-failed', check=False)


@pytest.mark.parametrize('settings', [
    '', 'RestrictAddressFamilies=AF_INET AF_UNIX\n', 'ProtectProc=invisible\nProcSubset=pid\n',
    FILTER, FILTER + 'SystemCallFilter=~@privileged @resources\n',
    'PrivateUsers=yes\n', 'PrivateNetwork=yes\n', 'ProtectSystem=strict\nPrivateDevices=yes\n',
    'MemoryDenyWriteExecute=yes\nLockPersonality=yes\nRestrictNamespaces=yes\n',
    'TemporaryFileSystem=/run\nBindReadOnlyPaths=/run/xsocket\n'])
def test_what_is_needed_is_there(settings, sandboxed):
    assert sandboxed(settings) == (MOVED, [])


@pytest.mark.parametrize('settings, error, text', [
    ('RestrictAddressFamilies=AF_INET AF_INET6\n', 'E[A-Z]+', 'RestrictAddressFamilies=AF_UNIX'),
    ('TemporaryFileSystem=/run\n', 'EADDRNOTAVAIL', 'no such control socket'),
    ('InaccessiblePaths=/run/xsocket\n', 'EACCES|EADDRNOTAVAIL', 'xsocket'),
    (FILTER + 'SystemCallFilter=~connect\n', 'EACCES', 'sandbox'),
    (FILTER + 'SystemCallFilter=~recvmmsg\n', 'EACCES', 'sandbox'),
    (FILTER + 'SystemCallFilter=~getdents64\n', 'ENOSYS', '/proc'),
    ('User=daemon\nInaccessiblePaths=/proc\n', 'ENOSYS', '/proc'),
])
def test_what_is_not_there_is_told(settings, error, text, sandboxed, unit):
    output, lines = sandboxed('SupplementaryGroups=xsocket\n' + settings)
    assert re.fullmatch(rf'bind_port\(fd, 3070\): ({error})', output[0]), status('sandboxed.service')
    assert output[1:] == KEPT
    assert len(lines) == 1 and re.match('libxbind: bind to port 3070 ', lines[0])
    assert text in lines[0]
    assert sandboxed('SupplementaryGroups=xsocket\n' + settings, log='silent') == (output, [])
