# SPDX-License-Identifier: MIT
"""Bridges as units: xsocket-bridge@NAME.service, with the installed examples."""

import grp
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

from support.greeters import Client, Greeter, greeting
from support.manager import (RUNTIME, journal, main_pid, show, status, systemctl, unit_file,
                             wait_state)
from support.users import errno_of
from support.wait import wait_until

CONFIG = pathlib.Path('/etc/xsocket/bridge')
NEAR, FAR = 'tcp:127.0.0.1:8080', 'tcp:127.0.0.1:80'


def analyze(*args):
    return subprocess.run(['systemd-analyze', '--no-pager', *args], text=True, capture_output=True,
                          check=False, timeout=60)


class Site:
    """A bridge's unit, the broker and namespace of the same name, and a server in there."""

    def __init__(self, installed, name, here, namespace):
        self.installed, self.name, self.here, self.vpn = installed, name, here, namespace
        self.unit, self.socket = (f'xsocket-bridge@{name}.{kind}' for kind in ('service', 'socket'))
        self.greeters = [Greeter(namespace, 'one', FAR), Greeter(namespace, 'two', 'tcp:127.0.0.1:81')]

    def example(self, name, *wanted):
        """An installed example for this site, with the lines taken in that begin with #WANTED."""
        text = (self.installed.examples / name).read_text()
        for setting in wanted:
            text, found = re.subn(f'^#(?={setting})', '', text, flags=re.MULTILINE)
            assert found
        return re.sub(r'\b(vpn|web)\b(?!\])', self.name, text)

    def forward(self, listen=NEAR, connect=FAR, name='web'):
        return f'[Forward {name}]\nListen={listen}\nConnect={connect},broker={self.name}\n'

    def write(self, text):
        CONFIG.mkdir(parents=True, exist_ok=True)
        (CONFIG / f'{self.name}.conf').write_text(text)

    def start(self, text=None):
        self.write(text or self.forward())
        systemctl('start', self.unit)

    def reload(self, text):
        self.write(text)
        systemctl('reload', self.unit)

    def drop_in(self, text, name='drop-in'):
        unit_file(f'{self.unit}.d/{name}.conf', text)

    def client(self, address=NEAR):
        return Client(self.here, address)

    def greeting(self, address=NEAR):
        return greeting(self.here, address)

    def said(self):
        return [entry['MESSAGE'] for entry in journal('-u', self.unit)]

    def close(self):
        systemctl('stop', self.socket, check=False)
        systemctl('stop', self.unit, check=False)
        for greeter in self.greeters:
            greeter.close()
        shutil.rmtree(RUNTIME / f'{self.unit}.d', ignore_errors=True)
        (RUNTIME / self.socket).unlink(missing_ok=True)
        (CONFIG / f'{self.name}.conf').unlink(missing_ok=True)
        systemctl('daemon-reload')
        systemctl('reset-failed', check=False)


@pytest.fixture
def site(installed, enabled, unit, here):
    made = Site(installed, unit, here, enabled)
    yield made
    made.close()


# ---- the unit ----

def test_verify(site):
    for example in ('bridge-netns.conf', 'bridge-ports.conf'):
        site.drop_in(site.example(example), example)
    unit_file(site.socket, site.example('bridge.socket'))
    result = analyze('verify', '--man=no', site.unit, site.socket)
    ours = [line for line in (result.stdout + result.stderr).splitlines() if 'xsocket' in line]
    assert result.returncode == 0 and not ours, ours


def test_exposure(installed):
    result = analyze('security', '--offline=yes', '--threshold=15', 'xsocket-bridge@web.service')
    exposed = [line for line in result.stdout.splitlines() if line[:1] in '-✗→']
    assert result.returncode == 0, '\n'.join(exposed)


def test_the_example(site):
    """A port of this machine leads into the namespace, without any privilege."""
    site.start(site.example('bridge.conf'))
    assert site.greeting() == 'one'
    with open(f'/proc/{main_pid(site.unit)}/status', encoding='ascii') as lines:
        fields = dict(line.rstrip('\n').split(':\t', 1) for line in lines if ':\t' in line)
    assert int(fields['Uid'].split()[0]) >= 61184  # of DynamicUser=
    assert int(fields['CapBnd'], 16) == int(fields['CapEff'], 16) == 0
    assert fields['Seccomp'] == '2'
    assert any('ready: forward web' in line for line in site.said())
    wait_until(lambda: '1 since the start' in show(site.unit, 'StatusText'))
    assert show(site.unit, 'NRestarts') == '0'


def test_enabled_at_boot(site):
    systemctl('enable', site.unit)
    assert systemctl('is-enabled', site.unit) == 'enabled'
    systemctl('disable', site.unit)


def test_datagrams(site):
    """Also in the sandbox."""
    with site.vpn.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        server.bind(('127.0.0.1', 53))
        site.start(site.forward('udp:127.0.0.1:5353', 'udp:127.0.0.1:53'))
        for sock in (server, client):
            sock.settimeout(20)
        client.sendto(b'question', ('127.0.0.1', 5353))
        data, source = server.recvfrom(64)
        assert data == b'question'
        server.sendto(b'answer', source)
        assert client.recv(64) == b'answer'


def test_a_name(site):
    """In the sandbox, too, the files of the namespace are found."""
    hosts = pathlib.Path(f'/etc/netns/{site.name}/hosts')
    hosts.parent.mkdir(parents=True, exist_ok=True)
    hosts.write_text('127.0.0.1 web.example\n')
    site.start(site.forward(connect='tcp:web.example:80'))
    assert site.greeting() == 'one'


def test_a_unix_socket_for_others(site):
    """The directory of the unit is there for that."""
    path = f'/run/xsocket-bridge/{site.name}/web'
    site.start(site.forward(f'unix:{path},mode=0666'))
    assert site.greeting(f'unix:{path}') == 'one'

    def connect():
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(path)

    assert errno_of(connect) == 0
    systemctl('stop', site.unit)
    assert not os.path.exists(path)


def test_a_unix_socket_for_a_group(site):
    """Without a capability, by a drop-in as xsocket.units(7) tells."""
    path = f'/run/xsocket-bridge/{site.name}/web'
    site.drop_in('[Service]\nSupplementaryGroups=www-data\n')
    site.start(site.forward(f'unix:{path},mode=0660,group=www-data'))
    assert os.stat(path).st_gid == grp.getgrnam('www-data').gr_gid
    assert site.greeting(f'unix:{path}') == 'one'


# ---- its life ----

def test_reload(site):
    """Connections go on, the listener stays, and another one comes."""
    site.start()
    client = site.client()
    site.reload(site.forward(connect='tcp:127.0.0.1:81') +
                site.forward('tcp:127.0.0.1:8081', name='more'))
    wait_until(lambda: site.greeting() == 'two')
    assert site.greeting('tcp:127.0.0.1:8081') == 'one'
    assert client.works()
    assert show(site.unit, 'NRestarts') == '0'
    client.close()


def test_reload_of_something_broken(site):
    site.start()
    site.write('[Forward web]\nListen=nonsense\n')
    systemctl('reload', site.unit)
    assert site.greeting() == 'one'
    assert any('everything stays as it was' in line for line in site.said())


def test_stop_waits_for_connections(site):
    site.start()
    client = site.client()
    systemctl('stop', '--no-block', site.unit)
    wait_until(lambda: not site.here.listening(8080))
    assert client.works()
    assert show(site.unit, 'ActiveState') == 'deactivating'
    client.close()
    wait_state(site.unit, 'inactive')
    assert show(site.unit, 'Result') == 'success'


@pytest.mark.parametrize('limit', [1, 4])
def test_stop_waits_no_longer_than_it_may(site, limit):
    """The limit is the bridge's, whatever the unit says."""
    site.drop_in('[Service]\nTimeoutStopSec=2\n')
    site.start(f'[Bridge]\nDrainTimeoutSec={limit}\n' + site.forward())
    client = site.client()
    begin = time.monotonic()
    systemctl('stop', site.unit)
    assert limit <= time.monotonic() - begin < limit + 1.5
    assert client.ended()
    assert show(site.unit, 'Result') == 'success'


def test_killed(site):
    site.start()
    old = main_pid(site.unit)
    systemctl('kill', '--signal=KILL', site.unit)
    wait_until(lambda: main_pid(site.unit) not in (0, old), what=lambda: status(site.unit))
    wait_until(lambda: site.greeting() == 'one')
    assert show(site.unit, 'NRestarts') == '1'


def test_watchdog(site):
    """A bridge that hangs is started again."""
    site.drop_in('[Service]\nWatchdogSec=1\nRestartSec=0\n')
    site.start()
    old = main_pid(site.unit)
    end = time.monotonic() + 2.5
    while time.monotonic() < end:  # it is well, and stays
        assert site.greeting() == 'one', site.said()
        time.sleep(0.02)  # the time that is tested, not one that is waited for
    assert main_pid(site.unit) == old
    systemctl('kill', '--signal=STOP', '--kill-whom=main', site.unit)
    wait_until(lambda: main_pid(site.unit) not in (0, old), timeout=20,
               what=lambda: status(site.unit))
    wait_until(lambda: site.greeting() == 'one')


def test_counters(site):
    site.start()
    site.client().close()

    def told():
        # it may not know yet that the client is gone
        systemctl('kill', '--signal=USR1', '--kill-whom=main', site.unit)
        return any('forward web: connections=0 accepted=1' in line for line in site.said())

    wait_until(told, what=site.said)


def test_broken_configuration(site):
    """Said once, and not tried again."""
    site.write('[Forward web]\nListen=tcp:127.0.0.1:8080\n')
    systemctl('start', site.unit, check=False)
    assert show(site.unit, 'ActiveState') == 'failed'
    assert (show(site.unit, 'ExecMainStatus'), show(site.unit, 'NRestarts')) == ('78', '0')
    assert any('Connect=' in line for line in site.said())


def test_what_is_not_there_yet(site):
    """A listener by a broker that has not begun: tried until it has."""
    systemctl('stop', f'xsocket@{site.name}.socket', f'xsocket@{site.name}.service')
    site.drop_in('[Service]\nRestartSec=200ms\n')
    site.write(f'[Forward in]\nListen=tcp:127.0.0.1:8080,broker={site.name}\nConnect={FAR}\n')
    systemctl('start', '--no-block', site.unit)
    wait_until(lambda: int(show(site.unit, 'NRestarts')) >= 6, timeout=20,
               what=lambda: status(site.unit))
    assert any(f'/run/xsocket/{site.name}' in line for line in site.said())
    systemctl('start', f'xsocket@{site.name}.socket')
    wait_state(site.unit, 'active')
    assert site.vpn.listening(8080) and not site.here.listening(8080)


# ---- the other examples ----

def test_entering_namespaces(site):
    """netns= takes the drop-in; without that the journal says so."""
    text = f'[Forward web]\nListen={NEAR}\nConnect={FAR},netns={site.name}\n'
    site.drop_in('[Service]\nRestart=no\n', 'once')
    site.write(text)
    systemctl('start', site.unit, check=False)
    assert any('CAP_SYS_ADMIN' in line for line in site.said()), site.said()
    site.drop_in(site.example('bridge-netns.conf'))
    systemctl('restart', site.unit)
    assert site.greeting() == 'one'
    with open(f'/proc/{main_pid(site.unit)}/status', encoding='ascii') as lines:
        assert 'CapEff:\t0000000000200000\n' in lines.readlines()


def test_entering_the_namespace_of_a_process(site):
    with site.vpn.popen(['sleep', 'infinity']) as process:
        try:
            wait_until(lambda: os.stat(f'/proc/{process.pid}/ns/net').st_ino ==
                       os.stat(site.vpn.path).st_ino)
            site.drop_in(site.example('bridge-netns.conf', 'AmbientCapabilities=CAP_SYS_PTRACE',
                                      'CapabilityBoundingSet=CAP_SYS_PTRACE', 'ProtectProc'))
            site.start(f'[Forward web]\nListen={NEAR}\nConnect={FAR},netns=pid:{process.pid}\n')
            assert site.greeting() == 'one'
        finally:
            process.kill()


def test_a_low_port(site):
    site.drop_in('[Service]\nRestart=no\n', 'once')
    site.write(site.forward('tcp:127.0.0.1:82'))
    systemctl('start', site.unit, check=False)
    assert any('CAP_NET_BIND_SERVICE' in line for line in site.said())
    site.drop_in(site.example('bridge-ports.conf'))
    systemctl('restart', site.unit)
    assert site.greeting('tcp:127.0.0.1:82') == 'one'


def test_listener_of_the_manager(site):
    """The first client starts the bridge, and none is refused while it restarts."""
    site.write(site.forward('fd:3'))
    unit_file(site.socket, site.example('bridge.socket'))
    systemctl('start', site.socket)
    assert show(site.unit, 'ActiveState') == 'inactive'
    assert site.greeting('tcp:127.0.0.1:80') == 'one'
    answers, end = [], threading.Event()

    def crowd():
        while not end.is_set():
            answers.append(site.greeting('tcp:127.0.0.1:80'))

    threads = [threading.Thread(target=crowd) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        before = len(answers)
        systemctl('restart', site.unit)
        wait_until(lambda: len(answers) > before + 100)
    end.set()
    for thread in threads:
        thread.join()
    assert set(answers) == {'one'}, [each for each in answers if each != 'one']
