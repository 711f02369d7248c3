# SPDX-License-Identifier: MIT
"""The systemd that the tests run under: units, drop-ins, the journal."""

import ctypes
import json
import os
import pathlib
import socket
import subprocess

from support.wait import wait_until

RUNTIME = pathlib.Path('/run/systemd/system')


def systemctl(*args, check=True):
    result = subprocess.run(['systemctl', '--no-pager', *args], text=True, capture_output=True,
                            timeout=60, check=False)
    assert not check or result.returncode == 0, \
        f'systemctl {" ".join(args)}: {result.stderr}{status(args[-1])}'
    return result.stdout.strip()


def status(unit):
    """For a human, when something went wrong."""
    return subprocess.run(['systemctl', '--no-pager', '-l', '-n', '30', 'status', unit], text=True,
                          capture_output=True, timeout=60, check=False).stdout


def show(unit, name):
    return systemctl('show', '--value', '-p', name, unit)


def wait_state(unit, state):
    wait_until(lambda: show(unit, 'ActiveState') == state,
               what=lambda: f'{unit} {state}: {status(unit)}')


def main_pid(unit):
    return int(show(unit, 'MainPID'))


def unit_file(name, text):
    """Writes a unit, or a drop-in of one (UNIT.d/NAME.conf)."""
    path = RUNTIME / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    systemctl('daemon-reload')


def journal(*matches):
    """Entries, as dictionaries; matches are FIELD=VALUE, or -u UNIT."""
    subprocess.run(['journalctl', '--sync'], check=True, timeout=60)
    output = subprocess.run(['journalctl', '--no-pager', '-o', 'json', '--all', *matches],
                            capture_output=True, check=True, timeout=60).stdout
    return [json.loads(line) for line in output.splitlines()]


class Library:
    """libxsocket, as a C program uses it."""

    def __init__(self, path):
        library = ctypes.CDLL(str(path), use_errno=True)
        self._xsocket, self._resolver_file = library.xsocket, library.xsocket_resolver_file
        self._xsocket.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_int]
        self._resolver_file.argtypes = [ctypes.c_char_p, ctypes.c_int]

    @staticmethod
    def _descriptor(result):
        if result < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
        return result

    def xsocket(self, server, family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0):
        return socket.socket(fileno=self._descriptor(
            self._xsocket(server.encode(), family, kind | socket.SOCK_CLOEXEC, protocol)))

    def resolver_file(self, server, file):
        """What is in it."""
        with open(self._descriptor(self._resolver_file(server.encode(), file)), 'rb') as opened:
            return opened.read().decode()
