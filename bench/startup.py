# SPDX-License-Identifier: MIT
"""From the start of a broker to its first answer, against the start and end of `true`."""

import os
import time

from measure import BUILD, namespace, spread, table
from support import wire

ROUNDS = 50
TIMEOUT_S = 10


def spawn(argv):
    null = os.open('/dev/null', os.O_RDWR | os.O_CLOEXEC)
    try:
        return os.posix_spawnp(argv[0], argv, os.environ,
                               file_actions=[(os.POSIX_SPAWN_DUP2, null, 2)])
    finally:
        os.close(null)


def time_true():
    start = time.perf_counter()
    os.waitpid(spawn(['true']), 0)
    return (time.perf_counter() - start) * 1000


def connect(server, end):
    """A connection, as soon as there is one to be had."""
    while True:
        try:
            return wire.Connection(server)
        except (FileNotFoundError, ConnectionRefusedError):
            if time.perf_counter() > end:
                raise
            os.sched_yield()


def time_broker(inside, server):
    """Milliseconds until it listens, and until a client has a socket."""
    argv = [str(BUILD / 'server/xsocket-server'), '--netns', inside.name, server]
    start = time.perf_counter()
    pid = spawn(argv)
    try:
        with connect(server, start + TIMEOUT_S) as connection:
            connected = time.perf_counter()
            connection.sockets()[0].close()
        answered = time.perf_counter()
    finally:
        os.kill(pid, 15)
        os.waitpid(pid, 0)
    return (connected - start) * 1000, (answered - start) * 1000


def main():
    os.makedirs('/run/xsocket', exist_ok=True)
    true, connected, answered = [], [], []
    with namespace() as inside:
        for _ in range(ROUNDS):
            true.append(time_true())
            times = time_broker(inside, f'/run/xsocket/{inside.name}')
            connected.append(times[0])
            answered.append(times[1])
    table(f'ms from spawn, median of {ROUNDS} [least, most]', [
        ('true: to its end', spread(true, '{:.2f}')),
        ('broker: to the first connection', spread(connected, '{:.2f}')),
        ('broker: to the first answer', spread(answered, '{:.2f}')),
        ('  ratio to true in the same round',
         spread([a / t for a, t in zip(answered, true)], '{:.2f}')),
    ])


if __name__ == '__main__':
    main()
