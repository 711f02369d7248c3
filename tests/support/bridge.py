# SPDX-License-Identifier: MIT
"""Bridges that a test starts by hand."""

import re
import signal

from support import daemon
from support.wait import wait_until


def program(build):
    return str(build / 'bridge/xsocket-bridge')


class Bridge(daemon.Daemon):
    """A running xsocket-bridge: all of its listeners are bound.

    `fds=[socket, ...]` are passed as a service manager passes them: they are 3, 4, ... in there.
    """

    what = 'bridge'

    def __init__(self, build, *args, fds=(), env=None, **kwargs):
        argv = [program(build), *args]
        if fds:
            argv, kwargs['pass_fds'] = passing(argv, fds), [each.fileno() for each in fds]
        super().__init__(argv, env=env, **kwargs)

    def counters(self):
        """What it says at SIGUSR1: {forward: {counter: number}}; see control.c for their names."""
        before = len(self.log)
        self.send_signal(signal.SIGUSR1)
        wait_until(lambda: 'all forwards: ' in self.log[before:],
                   what=lambda: f'counters: {self.log[before:]}')
        found = {}
        for name, counters in re.findall(r'forward (\S+): (connections=.*)', self.log[before:]):
            found[name] = {key: int(value) for key, value in re.findall(r'(\w+)=(\d+)', counters)}
        return found


def passing(argv, fds):
    """argv, started by a shell that has put these descriptors where sd_listen_fds(3) expects them."""
    # first out of the way, then into place
    up = ' '.join(f'{100 + i}<&{fd.fileno()} {fd.fileno()}<&-' for i, fd in enumerate(fds))
    down = ' '.join(f'{3 + i}<&{100 + i} {100 + i}<&-' for i in range(len(fds)))
    script = f'exec {up}; exec {down}; export LISTEN_FDS={len(fds)} LISTEN_PID=$$; exec "$@"'
    return ['bash', '-c', script, 'bash', *map(str, argv)]


def run(build, *args, **kwargs):
    """The command, run to its end: for calls that do not serve."""
    return daemon.run([program(build), *args], **kwargs)
