# SPDX-License-Identifier: MIT
"""What the broker's unit says about the network holds for every socket it hands out, and the
journal knows who got which. What the unit forbids is no obstacle to the files of a namespace."""

import errno
import os
import pathlib
import socket

import pytest

from support import bpf, wire
from support.manager import journal, main_pid, show, systemctl, unit_file
from support.pages import FILE, blocks
from support.users import errno_of
from support.wait import wait_until

ALLOWED, DENIED = '127.0.0.1', '127.0.0.2'


def restrict(unit, settings):
    unit_file(f'xsocket@{unit}.service.d/network.conf', f'[Service]\n{settings}\n')
    systemctl('restart', f'xsocket@{unit}.service')


def test_ip_address_deny_sending(enabled, unit, library):
    restrict(unit, f'IPAddressDeny={DENIED}')
    with library.xsocket(unit, kind=socket.SOCK_DGRAM) as sock, \
            enabled.socket(socket.AF_INET, socket.SOCK_DGRAM) as target:
        target.bind(('', 0))
        port = target.getsockname()[1]
        sock.sendto(b'allowed', (ALLOWED, port))
        with pytest.raises(PermissionError):
            sock.sendto(b'denied', (DENIED, port))
        target.settimeout(10)
        assert target.recv(100) == b'allowed'


def test_ip_address_deny_receiving(enabled, unit, library):
    """A kill switch: it also governs sockets whose owner is somebody else, and has long been."""
    restrict(unit, f'IPAddressDeny={DENIED}')
    with library.xsocket(unit, kind=socket.SOCK_DGRAM) as sock, \
            enabled.socket(socket.AF_INET, socket.SOCK_DGRAM) as allowed, \
            enabled.socket(socket.AF_INET, socket.SOCK_DGRAM) as denied:
        sock.bind(('', 0))
        sock.settimeout(10)
        port = sock.getsockname()[1]
        allowed.bind((ALLOWED, 0))
        denied.bind((DENIED, 0))
        denied.sendto(b'denied', (ALLOWED, port))
        allowed.sendto(b'allowed', (ALLOWED, port))
        assert sock.recv(100) == b'allowed'


def test_ip_address_deny_listening(enabled, unit, library):
    restrict(unit, f'IPAddressDeny={DENIED}')
    with library.xsocket(unit) as listener:
        listener.bind(('', 0))
        listener.listen()
        port = listener.getsockname()[1]
        enabled.connect(port, ALLOWED).close()
        with enabled.entered(), pytest.raises(TimeoutError):
            socket.create_connection((ALLOWED, port), 0.3, (DENIED, 0)).close()


def test_ip_address_deny_outlives_the_unit(enabled, unit, library):
    """Stopping the broker sets nothing free."""
    restrict(unit, f'IPAddressDeny={DENIED}')
    with library.xsocket(unit, kind=socket.SOCK_DGRAM) as sock:
        systemctl('stop', f'xsocket@{unit}.socket', f'xsocket@{unit}.service')
        sock.sendto(b'', (ALLOWED, 9))
        with pytest.raises(PermissionError):
            sock.sendto(b'', (DENIED, 9))


def test_socket_bind_deny(enabled, unit, library):
    """Where the manager can do it; Debian 12's cannot, and then says so in its version."""
    restrict(unit, 'SocketBindDeny=ipv4:tcp:8080')
    version = systemctl('--version')
    with library.xsocket(unit) as denied, library.xsocket(unit) as allowed:
        allowed.bind((ALLOWED, 8081))
        if '+BPF_FRAMEWORK' in version:
            with pytest.raises(PermissionError):
                denied.bind((ALLOWED, 8080))
        else:
            assert '-BPF_FRAMEWORK' in version, 'nothing is said about it'
            denied.bind((ALLOWED, 8080))


def test_bind_program_of_the_broker(enabled, unit, library):
    """What SocketBindDeny= does in the kernel, whatever the manager can do: a program that the
    broker's cgroup has judges the bind(2) of a client that is not in it, and of nobody else."""
    service = f'xsocket@{unit}.service'
    library.xsocket(unit).close()
    group, own = show(service, 'ControlGroup'), pathlib.Path('/proc/self/cgroup').read_text()
    assert group and group not in own
    with library.xsocket(unit) as before, library.xsocket(unit) as late:
        before.bind((ALLOWED, 8081))
        bpf.refuse_bind(f'/sys/fs/cgroup{group}')
        with library.xsocket(unit) as denied, enabled.socket() as clients_own:
            for sock in (denied, late):
                with pytest.raises(PermissionError):
                    sock.bind((ALLOWED, 8080))
            clients_own.bind((ALLOWED, 8080))
        # it outlives the broker, and its cgroup
        systemctl('stop', f'xsocket@{unit}.socket', service)
        wait_until(lambda: not os.path.exists(f'/sys/fs/cgroup{group}'))
        with pytest.raises(PermissionError):
            late.bind((ALLOWED, 8082))


def test_nothing_is_denied_by_default(enabled, unit, library):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with library.xsocket(unit, kind=kind) as sock:
            sock.bind((DENIED, 0))


def test_routes_by_the_documented_drop_in(enabled, unit, library):
    """The unit's sandbox has no netlink: xsocket.units(7) tells what to add, the journal as well."""
    service = f'xsocket@{unit}.service'
    text, = [text for text in blocks('man/xsocket.units.7.scd') if 'AF_NETLINK' in text]
    directory, name = FILE.match(text)[1].split('/')[-2:]
    assert directory == 'xsocket@vpn.service.d'
    config = pathlib.Path(f'/etc/xsocket/{unit}.conf')
    config.parent.mkdir(exist_ok=True)
    config.write_text('[Server]\nAllowSockets=tcp route\n')

    def ask():
        with library.xsocket(unit, socket.AF_NETLINK, socket.SOCK_RAW) as sock:
            return wire.netns_cookie(sock)

    with pytest.raises(OSError) as refused:
        ask()
    assert refused.value.errno == errno.EAFNOSUPPORT
    assert 'AF_NETLINK' in journal('-u', service, 'XSOCKET_VERDICT=refuse')[-1]['MESSAGE']
    unit_file(f'{service}.d/{name}', text)
    systemctl('restart', service)
    assert ask() == enabled.cookie()
    library.xsocket(unit).close()


@pytest.fixture
def etc(unit):
    """/etc/netns/UNIT, empty; and what is in /etc is put back."""
    own = pathlib.Path('/etc/netns', unit)
    own.mkdir(parents=True)
    kept = pathlib.Path('/etc/resolv.conf.kept')
    os.rename('/etc/resolv.conf', kept)
    pathlib.Path('/etc/resolv.conf').write_text("the machine's\n")
    yield own
    os.rename(kept, '/etc/resolv.conf')


def replace(path, text):
    """As those do that write resolv.conf."""
    path.with_suffix('.new').write_text(text)
    os.rename(path.with_suffix('.new'), path)


def test_files_for_resolvers(etc, enabled, unit, library):
    """Out of the sandbox, and as they are now: without a mount that would be detached or keep them."""
    def resolv_conf():
        return library.resolver_file(unit, wire.RESOLV_CONF)

    assert resolv_conf() == "the machine's\n"
    broker = main_pid(f'xsocket@{unit}.service')
    replace(pathlib.Path('/etc/resolv.conf'), 'another\n')
    assert resolv_conf() == 'another\n'
    replace(etc / 'resolv.conf', 'its own\n')
    assert resolv_conf() == 'its own\n'
    replace(etc / 'resolv.conf', 'its own, another\n')
    assert resolv_conf() == 'its own, another\n'
    (etc / 'resolv.conf').unlink()
    # as systemd-resolved has it
    os.unlink('/etc/resolv.conf')
    stub = pathlib.Path('/run/systemd/resolve-of-a-test/stub-resolv.conf')
    stub.parent.mkdir()
    os.symlink(f'..{stub}', '/etc/resolv.conf')
    replace(stub, 'stub\n')
    assert resolv_conf() == 'stub\n'
    replace(stub, 'another stub\n')
    assert resolv_conf() == 'another stub\n'
    assert library.resolver_file(unit, wire.HOSTS) == pathlib.Path('/etc/hosts').read_text()
    assert main_pid(f'xsocket@{unit}.service') == broker


def test_a_file_that_the_service_may_not_read(etc, enabled, unit, library):
    (etc / 'resolv.conf').touch(mode=0o600)
    with pytest.raises(OSError) as refused:
        library.resolver_file(unit, wire.RESOLV_CONF)
    assert refused.value.errno == errno.EIO
    entry = journal('-u', f'xsocket@{unit}.service', 'XSOCKET_VERDICT=refuse')[-1]
    assert f'{etc}/resolv.conf cannot be handed out: Permission denied' in entry['MESSAGE']
    (etc / 'resolv.conf').chmod(0o644)
    assert library.resolver_file(unit, wire.RESOLV_CONF) == ''
    entry = journal('-u', f'xsocket@{unit}.service', 'XSOCKET_VERDICT=grant')[-1]
    assert f'{etc}/resolv.conf handed out' in entry['MESSAGE']
    assert entry['XSOCKET_PID'] == str(os.getpid())


def test_files_of_the_machine(etc, installed, library):
    systemctl('start', 'xsocket.socket')
    try:
        assert library.resolver_file('default', wire.RESOLV_CONF) == "the machine's\n"
    finally:
        systemctl('stop', 'xsocket.socket', 'xsocket.service')


def test_journal_of_a_grant(enabled, unit, library):
    library.xsocket(unit, socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_UDP).close()
    entry = journal('-u', f'xsocket@{unit}.service', 'XSOCKET_VERDICT=grant')[-1]
    assert entry['XSOCKET_UID'] == entry['XSOCKET_GID'] == '0'
    assert entry['XSOCKET_PID'] == str(os.getpid())
    assert entry['XSOCKET_UNIT'] == pathlib.Path('/proc/self/cgroup').read_text().strip() \
        .rpartition('/')[2]
    assert entry['XSOCKET_FAMILY'] == 'inet6'
    assert entry['XSOCKET_TYPE'] == 'dgram'
    assert entry['XSOCKET_PROTOCOL'] == str(socket.IPPROTO_UDP)
    assert entry['SYSLOG_IDENTIFIER'] == 'xsocket-server'
    assert int(entry['PRIORITY']) == 6


def test_journal_of_a_denial(enabled, unit, library):
    os.chmod(f'/run/xsocket/{unit}', 0o666)
    ask = lambda: library.xsocket(unit, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    assert errno_of(ask, 64001, 64002) != 0
    entry = journal('-u', f'xsocket@{unit}.service', 'XSOCKET_VERDICT=deny')[-1]
    assert (entry['XSOCKET_UID'], entry['XSOCKET_GID']) == ('64001', '64002')
    assert entry['XSOCKET_TYPE'] == 'raw'
    assert int(entry['PRIORITY']) <= 5


def test_ready_line_names_the_namespace(enabled, unit, library):
    library.xsocket(unit).close()
    told = [entry['MESSAGE'] for entry in journal('-u', f'xsocket@{unit}.service')]
    assert any(f'/run/netns/{unit}' in message for message in told)
    assert show(f'xsocket@{unit}.service', 'NRestarts') == '0'
