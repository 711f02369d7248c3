# SPDX-License-Identifier: MIT
"""README.md, read by a machine: what it tells to do is done, in its order, on one system."""

import re
import shutil
import socket
import subprocess

import pytest

from support.manager import RUNTIME, show, systemctl
from support.pages import FILE, blocks
from support.wait import require, skip

SHELL = blocks('README.md', 'sh')


@pytest.fixture(autouse=True)
def as_installed_by_the_readme(installed):
    if installed.server.parts[:3] != ('/', 'usr', 'bin'):
        skip(f'the pages tell of an installation below /usr, and this is {installed.server}')


def do(text):
    """One block, as root; what it prints."""
    result = subprocess.run(['sh', '-eu', '-c', text], text=True, timeout=60, check=False,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    assert result.returncode == 0, f'{text}\n{result.stdout}'
    return result.stdout


def in_vpn_only(text, port):
    """The block shows the port in the namespace, and then nothing for the machine's own."""
    assert f"ip netns exec vpn ss -Hltn 'sport = :{port}'" in text
    assert f"\nss -Hltn 'sport = :{port}'" in text
    lines = [line for line in do(text).splitlines() if 'LISTEN' in line]
    assert len(lines) == 1 and lines[0].split()[3].endswith(f':{port}'), lines


def claim_service(text):
    in_vpn_only(text, 8080)
    assert show('hello.service', 'ActiveState') == 'active'
    page = subprocess.run(['ip', 'netns', 'exec', 'vpn', 'curl', '-sS', 'http://127.0.0.1:8080/'],
                          check=True, text=True, capture_output=True).stdout
    assert 'Directory listing' in page


def claim_default(text):
    do(text)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
        control.connect('/run/xsocket/default')


def claim_listening(text):
    assert 'listening in vpn\n' in do(text)


def claim_bridge(text):
    assert 'Directory listing' in do(text)


# what a block is known by, and what is so after it
CLAIMS = {
    "exec vpn ss -Hltn 'sport = :8080'": claim_service,
    'enable --now xsocket.socket': claim_default,
    'XBIND=tcp:3000': lambda text: in_vpn_only(text, 3000),
    "XBIND='tcp:3000=": lambda text: in_vpn_only(text, 9000),
    'xsocket-bridge --listen': claim_bridge,
    '[Forward web]': claim_bridge,
    'XREDIRECT=vpn': claim_bridge,
    '/tmp/there.c': claim_listening,
    '--grant vpn u:nobody': claim_listening,
}


def test_every_block(installed):
    require('curl')
    claims = dict(CLAIMS)
    for text in SHELL:
        known = [mark for mark in claims if mark in text]
        assert len(known) <= 1
        (claims.pop(known[0]) if known else do)(text)
    assert not claims, 'what README.md does not show any more'
    # the right was taken back in the end
    assert subprocess.run(['runuser', '-u', 'nobody', '--', '/tmp/there'], check=False,
                          capture_output=True).returncode == 1


def unit_blocks():
    return [text for text in blocks('man/xsocket.units.7.scd')
            if re.search(r'(?m)^\[(Unit|Service|Socket)\]$', text)]


@pytest.mark.parametrize('text', unit_blocks())
def test_unit_examples(installed, text):
    """The drop-ins of xsocket.units(7): in the directory that they name, or of some service."""
    named = FILE.match(text)
    directory, name = named[1].split('/')[-2:] if named else ('example.service.d', 'drop-in.conf')
    unit = directory.removesuffix('.d')
    target = RUNTIME / directory
    target.mkdir()
    (target / name).write_text(text)
    if unit == 'example.service':
        (RUNTIME / unit).write_text('[Service]\nExecStart=/bin/true\n')
    try:
        systemctl('daemon-reload')
        assert show(unit, 'LoadState') == 'loaded'
        assert show(unit, 'DropInPaths').endswith(name)
        result = subprocess.run(['systemd-analyze', 'verify', '--man=no', unit], text=True,
                                check=False, capture_output=True, timeout=60)
        # complaints about other units are not ours
        ours = [line for line in result.stderr.splitlines() if name in line or unit in line]
        assert (result.returncode, ours) == (0, [])
    finally:
        shutil.rmtree(target)
        (RUNTIME / 'example.service').unlink(missing_ok=True)
        systemctl('daemon-reload')


def test_examples_are_found():
    """That the tests above have something to do."""
    assert len(unit_blocks()) >= 4 and len(SHELL) >= 8
