# SPDX-License-Identifier: MIT
"""The unit files themselves, and what is installed with them."""

import grp
import json
import os
import shutil
import subprocess

import pytest

from support.manager import RUNTIME, show, systemctl, unit_file

UNITS = ['xsocket.socket', 'xsocket.service', 'xsocket@vpn.socket', 'xsocket@vpn.service',
         'xsocket-netns@vpn.service']
BROKERS = ['xsocket.service', 'xsocket@vpn.service']


def analyze(*args):
    return subprocess.run(['systemd-analyze', '--no-pager', *args], text=True, capture_output=True,
                          check=False, timeout=60)


@pytest.mark.parametrize('unit', UNITS)
def test_verify(installed, unit):
    result = analyze('verify', '--man=no', unit)
    ours = [line for line in (result.stdout + result.stderr).splitlines() if 'xsocket' in line]
    assert result.returncode == 0 and not ours, ours


def test_verify_with_the_examples(installed):
    drop_ins = {'xsocket@example.socket.d': 'socket.conf', 'example.service.d': 'service.conf',
                'other.service.d': 'redirect.conf'}
    for service in ('example.service', 'other.service'):
        unit_file(service, '[Service]\nExecStart=/bin/true\n')
    for directory, example in drop_ins.items():
        unit_file(f'{directory}/{example}', (installed.examples / example).read_text())
    try:
        result = analyze('verify', '--man=no', 'xsocket@example.socket', 'example.service',
                         'other.service')
        assert result.returncode == 0
        assert not [line for line in result.stderr.splitlines() if 'xsocket' in line]
    finally:
        for directory in drop_ins:
            shutil.rmtree(RUNTIME / directory)
        (RUNTIME / 'example.service').unlink()
        (RUNTIME / 'other.service').unlink()
        systemctl('daemon-reload')


@pytest.mark.parametrize('unit', BROKERS)
def test_exposure(installed, unit):
    result = analyze('security', '--offline=yes', '--threshold=15', unit)
    exposed = [line for line in result.stdout.splitlines() if line[:1] in '-✗→']
    assert result.returncode == 0, '\n'.join(exposed)


@pytest.mark.parametrize('unit', BROKERS)
def test_what_must_not_be_in_a_broker(installed, unit):
    """IPAddressDeny= would reach the handed-out sockets, PrivateUsers= hide who asks."""
    text = systemctl('cat', unit)
    settings = [line for line in text.splitlines() if '=' in line and not line.startswith('#')]
    for name in ('IPAddressDeny', 'PrivateUsers', 'PrivateNetwork', 'ProtectProc'):
        assert not [line for line in settings if line.startswith(name)]


def test_group(installed):
    assert grp.getgrnam('xsocket')


def test_no_setting_is_unknown(installed):
    """A setting that this manager does not know is only a line in the journal."""
    for unit in UNITS:
        assert show(unit, 'LoadState') == 'loaded'
        assert 'Unknown' not in analyze('verify', '--man=no', unit).stderr


def test_many_namespaces_at_once(installed):
    """The first ones that this system sees: ip-netns(8) has to set /run/netns up, too."""
    names = [f'many{i}' for i in range(20)]
    units = [f'xsocket-netns@{name}.service' for name in names]
    try:
        systemctl('start', *units)
        for name in names:
            link = subprocess.run(['ip', '-j', '-n', name, 'link', 'show', 'lo'], check=True,
                                  capture_output=True).stdout
            assert 'UP' in json.loads(link)[0]['flags']
    finally:
        systemctl('stop', *units)
    assert not [name for name in names if os.path.exists(f'/run/netns/{name}')]


def test_namespace_of_somebody_else_is_left_alone(installed, netns):
    namespace = netns()
    unit = f'xsocket-netns@{namespace.name}.service'
    systemctl('start', unit)
    assert show(unit, 'ConditionResult') == 'no'
    systemctl('stop', unit)
    assert os.path.exists(namespace.path)


def test_broken_drop_in_is_seen(installed):
    """That the checks above can fail."""
    unit_file('xsocket@vpn.service.d/broken.conf', '[Service]\nNoSuchSetting=yes\n')
    try:
        assert 'NoSuchSetting' in analyze('verify', '--man=no', 'xsocket@vpn.service').stderr
    finally:
        shutil.rmtree(RUNTIME / 'xsocket@vpn.service.d')
        systemctl('daemon-reload')
