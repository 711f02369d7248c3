# SPDX-License-Identifier: MIT
"""Services of this machine that answer questions for names are not there for who is redirected."""

import contextlib
import os
import socket

import pytest

# in the /run of the sandbox
SERVICES = ['/run/nscd/socket', '/run/systemd/resolve/io.systemd.Resolve',
            '/run/avahi-daemon/socket', '/run/nslcd/socket', '/run/systemd/machine/io.systemd.Machine']
BUS = '/run/dbus/system_bus_socket'
OTHER = '/run/other/socket'


class Service:
    """Somebody who listens."""

    def __init__(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self.path = path
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(path)
        self.sock.listen()
        self.sock.setblocking(False)

    def heard(self):
        """How many came since the last time."""
        count = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                self.sock.accept()[0].close()
                count += 1
        return count


@pytest.fixture
def services():
    """All of them: {path: Service}."""
    made = {path: Service(path) for path in [*SERVICES, BUS, OTHER]}
    yield made
    for service in made.values():
        service.sock.close()
        os.unlink(service.path)


def heard(services):
    return {path for path, service in services.items() if service.heard()}


@pytest.fixture
def guard(program, redirected, vpn):
    """guard(WORD..., XREDIRECT=...): what the program says, as (path, outcome)."""
    def run(*words, **variables):
        outside = redirected([program('guard'), *words], SERVER=vpn.server, **variables)
        assert (outside.returncode, outside.stderr) == (0, '')
        return [tuple(line.split(': ')) for line in outside.stdout.splitlines()]
    return run


def test_they_are_not_there(services, guard):
    assert guard(*SERVICES, BUS, OTHER) == [
        *((path, 'ENOENT') for path in SERVICES), (BUS, 'connected'), (OTHER, 'connected')]
    assert heard(services) == {BUS, OTHER}


def test_by_other_paths(services, guard):
    paths = ['/var/run/nscd/socket', '/var//run/./nscd/socket', '//run/avahi-daemon//socket']
    assert guard(*paths) == [(path, 'ENOENT') for path in paths]
    assert heard(services) == set()


@pytest.mark.parametrize('variables', [{'XREDIRECT': None}, {'XREDIRECT': '.'}])
def test_for_who_is_not_redirected_they_are(variables, services, guard):
    assert {outcome for _, outcome in guard(*SERVICES, BUS, **variables)} == {'connected'}
    assert heard(services) == {*SERVICES, BUS}


def test_with_a_broken_setting_they_are_not(services, program, redirected):
    outside = redirected([program('guard'), *SERVICES], XREDIRECT='')
    assert outside.stdout.count('ENOENT') == len(SERVICES)
    assert heard(services) == set()


def test_only_in_a_context(services, guard):
    first, second = SERVICES[:2]
    assert guard(first, 'push', first, 'pop', second, XREDIRECT=None) == [
        (first, 'connected'), (first, 'ENOENT'), (second, 'connected')]
    assert services[first].heard() == services[second].heard() == 1


def test_the_bus_is_not_there_for_modules_of_nss(build, services, guard):
    """They have no other business there than names. Programs and their libraries have."""
    modules = {name: f'module={build}/tests/redirect/lib{name}.so'
               for name in ('nss_test', 'module')}
    assert guard(BUS, modules['nss_test'], BUS, OTHER, modules['module'], BUS) == [
        (BUS, 'connected'), (BUS, 'ENOENT'), (OTHER, 'connected'), (BUS, 'connected')]
    assert services[BUS].heard() == 2
    assert guard(modules['nss_test'], BUS, XREDIRECT=None) == [(BUS, 'connected')]
