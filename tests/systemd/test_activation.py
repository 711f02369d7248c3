# SPDX-License-Identifier: MIT
"""The life of a broker under systemd, as its clients see it by the library."""

import contextlib
import errno
import os
import stat
import subprocess
import sys
import threading

import pytest

from support import wire
from support.manager import (journal, main_pid, show, status, systemctl, unit_file, wait_state)
from support.users import errno_of
from support.wait import skip, wait_until


class Crowd:
    """Clients that ask all the time: every socket counts, and every error is kept."""

    def __init__(self, library, server, size=4, ask=None):
        self._ask = ask or (lambda: library.xsocket(server).close())
        self.answers, self.errors, self._end = 0, [], threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(size)]

    def _run(self):
        while not self._end.is_set():
            try:
                self._ask()
                self.answers += 1
            except OSError as error:
                self.errors.append(error)

    def served(self, more):
        """Waits until so many more sockets were handed out."""
        goal = self.answers + more
        wait_until(lambda: self.answers >= goal, timeout=30, what=lambda: f'answers: {self.errors}')

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        for thread in self._threads:
            thread.join()


def cookie(library, server):
    with library.xsocket(server) as sock:
        return wire.netns_cookie(sock)


def test_first_client_starts_the_broker(enabled, unit, library):
    service = f'xsocket@{unit}.service'
    assert show(service, 'ActiveState') == 'inactive'
    assert cookie(library, unit) == enabled.cookie()
    assert show(service, 'ActiveState') == 'active'
    assert f'/run/netns/{unit}' in show(service, 'StatusText')


PYTHON = """
import socket, sys
import xsocket
with xsocket.namespace(sys.argv[1]):
    sock = socket.create_server(('localhost', 4000))
print(int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, 71, 8), sys.byteorder), xsocket.__file__)
"""


def test_python(enabled, unit, build):
    """The installed package finds the installed libraries; the first client, here, is a Python program."""
    if not (build / 'python/xsocket').exists():
        skip('the build is without the Python package')
    env = {name: value for name, value in os.environ.items()
           if name not in ('PYTHONPATH', 'LD_LIBRARY_PATH')}
    out = subprocess.run([sys.executable, '-c', PYTHON, unit], env=env, text=True, check=True,
                         stdout=subprocess.PIPE).stdout
    cookie, path = out.split()
    assert int(cookie) == enabled.cookie() and path.startswith('/usr/')


def test_enabled_stays_enabled(enabled, unit):
    assert systemctl('is-enabled', f'xsocket@{unit}.socket') == 'enabled'


def test_rights_of_the_control_socket(enabled, unit, library):
    group = int(subprocess.run(['getent', 'group', 'xsocket'], check=True, capture_output=True,
                               text=True).stdout.split(':')[2])
    control = os.stat(f'/run/xsocket/{unit}')
    assert (stat.S_IMODE(control.st_mode), control.st_uid, control.st_gid) == (0o660, 0, group)
    ask = lambda: library.xsocket(unit).close()
    assert errno_of(ask) == errno.EACCES
    assert errno_of(ask, groups=[group]) == 0


def test_the_broker_has_no_privilege(enabled, unit, library):
    library.xsocket(unit).close()
    with open(f'/proc/{main_pid(f"xsocket@{unit}.service")}/status', encoding='ascii') as lines:
        fields = dict(line.rstrip('\n').split(':\t', 1) for line in lines if ':\t' in line)
    assert int(fields['Uid'].split()[0]) >= 61184  # of DynamicUser=
    assert int(fields['CapBnd'], 16) == int(fields['CapEff'], 16) == 0
    assert fields['Seccomp'] == '2'


def test_host_broker(installed, here, library):
    """xsocket.socket: SERVER "default", sockets of this machine's own network."""
    systemctl('enable', '--now', 'xsocket.socket')
    try:
        assert cookie(library, 'default') == here.cookie()
    finally:
        systemctl('disable', '--now', 'xsocket.socket')
        systemctl('stop', 'xsocket.service')


def test_killed_and_no_client_refused(enabled, unit, library):
    service = f'xsocket@{unit}.service'
    with Crowd(library, unit) as crowd:
        for kills in range(1, 9):
            crowd.served(50)
            old = main_pid(service)
            systemctl('kill', '--signal=KILL', '--kill-whom=main', service)
            wait_until(lambda: main_pid(service) not in (0, old), what=lambda: status(service))
            assert show(service, 'NRestarts') == str(kills)
        crowd.served(50)
    assert not crowd.errors, crowd.errors
    assert show(service, 'NRestarts') == '8'


def test_restarted_and_no_client_refused(enabled, unit, library):
    inode = os.stat(f'/run/xsocket/{unit}').st_ino
    with Crowd(library, unit) as crowd:
        for _ in range(8):
            crowd.served(50)
            systemctl('restart', f'xsocket@{unit}.service')
        crowd.served(50)
    assert not crowd.errors, crowd.errors
    assert os.stat(f'/run/xsocket/{unit}').st_ino == inode


def test_missing_namespace(unit, netns, library):
    """Clients are told at once, as often as they ask; nothing fails; then it comes."""
    systemctl('enable', '--now', f'xsocket@{unit}.socket')
    for _ in range(15):  # far more starts than systemd's limits allow for
        with pytest.raises(OSError) as refused:
            library.xsocket(unit)
        assert refused.value.errno == errno.ENETDOWN
    assert show(f'xsocket@{unit}.socket', 'ActiveState') == 'active', \
        status(f'xsocket@{unit}.socket')
    assert show(f'xsocket@{unit}.service', 'ActiveState') == 'inactive'
    assert any(f'/run/netns/{unit}' in entry['MESSAGE']
               for entry in journal(f'UNIT=xsocket@{unit}.service'))
    namespace = netns(unit)
    assert cookie(library, unit) == namespace.cookie()


def test_deleted_namespace(enabled, unit, library):
    """The broker ends, the socket stays."""
    library.xsocket(unit).close()
    enabled.delete()
    wait_state(f'xsocket@{unit}.service', 'inactive')
    with pytest.raises(OSError) as refused:
        library.xsocket(unit)
    assert refused.value.errno == errno.ENETDOWN
    assert show(f'xsocket@{unit}.socket', 'ActiveState') == 'active'
    assert 'failed' not in systemctl('list-units', '--failed', '--no-legend', f'xsocket@{unit}*')
    enabled.create()
    assert cookie(library, unit) == enabled.cookie()


def test_namespace_made_again(enabled, unit, library):
    """At once, with clients asking all the time: none ever gets a socket of the dead one."""
    born = [enabled.cookie()]
    granted = []  # (which of these was there when it was asked for, whose the socket is)

    def ask():
        asked = len(born) - 1
        with library.xsocket(unit) as sock:
            granted.append((asked, wire.netns_cookie(sock)))

    with Crowd(library, unit, ask=ask) as crowd:
        for newest in range(1, 6):
            crowd.served(20)
            enabled.delete()
            enabled.create()
            born.append(enabled.cookie())
            wait_until(lambda: sum(asked == newest for asked, _ in granted) >= 20,
                       timeout=30, what=lambda: f'sockets of the new one: {crowd.errors[-3:]}')
    # while it was being replaced either was right; from then on only the new one
    wrong = [(asked, got) for asked, got in granted if got not in born[asked:]]
    assert not wrong, f'{len(wrong)} of {len(granted)}'
    # and what was refused was refused for want of a namespace
    assert {error.errno for error in crowd.errors} <= {errno.ENETDOWN}


def cookie_soon(library, server):
    """Of the first socket there is, as the broker may just be between two namespaces."""
    def ask():
        with contextlib.suppress(OSError):
            return cookie(library, server)
        return None

    return wait_until(ask)


def test_namespace_made_by_its_unit(unit, library):
    """xsocket-netns@ and xsocket@ together, by a drop-in."""
    unit_file(f'xsocket@{unit}.service.d/netns.conf',
              '[Unit]\nRequires=xsocket-netns@%i.service\n')
    systemctl('start', f'xsocket-netns@{unit}.service', f'xsocket@{unit}.socket')
    library.xsocket(unit).close()
    # open, so that its number is not given to the next one
    with open(f'/run/netns/{unit}', 'rb') as first:
        systemctl('restart', f'xsocket-netns@{unit}.service')
        assert os.stat(f'/run/netns/{unit}').st_ino != os.fstat(first.fileno()).st_ino
    cookie_soon(library, unit)


def test_reload(enabled, unit, library):
    os.makedirs('/etc/xsocket', exist_ok=True)
    config, service = f'/etc/xsocket/{unit}.conf', f'xsocket@{unit}.service'
    library.xsocket(unit).close()
    pid = main_pid(service)
    with open(config, 'w', encoding='ascii') as file:
        file.write('[Server]\nAllowSockets=udp\n')
    systemctl('reload', service)

    def refused():
        with contextlib.suppress(OSError):
            library.xsocket(unit).close()
            return False
        return True

    wait_until(refused)
    with open(config, 'w', encoding='ascii') as file:
        file.write('[Server]\nAllowSockets=no-such-kind\n')
    systemctl('reload', service)
    wait_until(lambda: any(f'{config}:2' in entry['MESSAGE'] for entry in journal('-u', service)))
    assert refused() and main_pid(service) == pid
    os.unlink(config)
    systemctl('reload', service)
    wait_until(lambda: not refused())
    assert main_pid(service) == pid


def test_broken_configuration_at_start(enabled, unit, library):
    """Status 78: no restarts; the socket stays, and serves as soon as the file is right."""
    os.makedirs('/etc/xsocket', exist_ok=True)
    config, service = f'/etc/xsocket/{unit}.conf', f'xsocket@{unit}.service'
    with open(config, 'w', encoding='ascii') as file:
        file.write('[Server]\nMaxBatch=none\n')
    with pytest.raises(OSError) as refused:
        library.xsocket(unit)
    assert refused.value.errno == errno.ENETDOWN
    assert show(service, 'ExecMainStatus') == '78'
    assert show(service, 'NRestarts') == '0'
    assert any(f'{config}:2' in entry['MESSAGE'] for entry in journal('-u', service))
    os.unlink(config)
    library.xsocket(unit).close()


def test_stop(enabled, unit, library):
    service, control = f'xsocket@{unit}.service', f'xsocket@{unit}.socket'
    library.xsocket(unit).close()
    systemctl('stop', service)
    assert show(service, 'Result') == 'success'
    library.xsocket(unit).close()  # the socket unit starts it again
    systemctl('stop', control, service)
    assert not os.path.exists(f'/run/xsocket/{unit}')
    with pytest.raises(OSError) as refused:
        library.xsocket(unit)
    assert refused.value.errno == errno.ENOENT


def test_watchdog(enabled, unit, library):
    """A broker that hangs is replaced."""
    service = f'xsocket@{unit}.service'
    unit_file(f'{service}.d/watchdog.conf', '[Service]\nWatchdogSec=1s\nWatchdogSignal=SIGKILL\n')
    library.xsocket(unit).close()
    pid = main_pid(service)
    wait_until(lambda: show(service, 'WatchdogTimestampMonotonic') != '0')
    os.kill(pid, 19)  # SIGSTOP
    wait_until(lambda: main_pid(service) not in (0, pid), timeout=20)
    library.xsocket(unit).close()
    assert show(service, 'NRestarts') == '1'
