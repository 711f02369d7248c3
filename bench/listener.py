# SPDX-License-Identifier: MIT
"""A server under libxbind outside a namespace, against the same server inside it without.

Both run at once; the clients are inside and visit them by turns, so that each ratio is of two
measurements side by side. `listener.py ROUNDS` for more than the default.
"""

import contextlib
import os
import subprocess
import sys
import tempfile

from measure import BUILD, broker, find, namespace, spread, table
from support.wait import wait_until
from traffic import iperf, nginx_argv, wrk

ROUNDS = 5
INSIDE, OUTSIDE = 0, 1  # the servers are started in this order, with ports of their own
IPERF_PORTS = (5201, 5202)
NGINX_PORTS = (8081, 8082)


@contextlib.contextmanager
def servers(inside, server, argv_of, ports):
    """The same server twice: inside the namespace, and under libxbind outside of it."""
    env = os.environ | {
        'LD_PRELOAD': str(BUILD / 'xbind/libxbind.so'),
        'XSOCKET': server,
        'XBIND': str(ports[OUTSIDE]),
    }
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(tempfile.TemporaryFile('w+'))
        quiet = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.DEVNULL, 'stderr': errors}

        def failure():
            errors.seek(0)
            return f'a server there, which said: {errors.read()}'

        for which, port in enumerate(ports):
            argv = argv_of(port)
            process = stack.enter_context(
                inside.popen(argv, **quiet) if which == INSIDE
                else subprocess.Popen(argv, env=env, **quiet))
            stack.callback(process.terminate)
            wait_until(lambda: inside.listening(port), what=failure)
        yield


def throughput(inside, port, streams):
    """Bits per second."""
    return iperf(inside, port, '--parallel', streams)['sum_received']['bits_per_second']


def requests(inside, port, *options):
    """Requests per second."""
    return wrk(inside, port, *options)[0]


# what is measured: name, unit, its size, the ports, and how
MEASURED = [
    ('throughput, 1 stream', 'Gbit/s', 1e9, IPERF_PORTS, lambda ns, port: throughput(ns, port, 1)),
    ('throughput, 8 streams', 'Gbit/s', 1e9, IPERF_PORTS, lambda ns, port: throughput(ns, port, 8)),
    ('connections, one request each', '1000/s', 1e3, NGINX_PORTS,
     lambda ns, port: requests(ns, port, '--header', 'Connection: close')),
    ('requests on kept connections', '1000/s', 1e3, NGINX_PORTS, requests),
]


def measure(inside, rounds):
    figures = {name: ([], []) for name, *_ in MEASURED}
    for number in range(rounds):
        for name, _, size, ports, how in MEASURED:
            # who is first changes as well
            for which in ((INSIDE, OUTSIDE), (OUTSIDE, INSIDE))[number % 2]:
                figures[name][which].append(how(inside, ports[which]) / size)
    return figures


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    iperf3, nginx, _ = find('iperf3', 'nginx', 'wrk')
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())

        inside = stack.enter_context(namespace())
        server = stack.enter_context(broker(inside)).server
        stack.enter_context(servers(
            inside, server, lambda port: nginx_argv(nginx, f'{directory}/{port}', port),
            NGINX_PORTS))
        stack.enter_context(servers(
            inside, server, lambda port: [iperf3, '--server', '--port', str(port)], IPERF_PORTS))
        measure(inside, 1)  # to warm up
        figures = measure(inside, rounds)
    for name, unit, *_ in MEASURED:
        there, here = figures[name]
        table(f'{name}, median of {rounds} [least, most]', [
            (f'inside, {unit}', spread(there, '{:.1f}')),
            (f'outside under libxbind, {unit}', spread(here, '{:.1f}')),
            ('  ratio', spread([h / t for h, t in zip(here, there)])),
        ])


if __name__ == '__main__':
    main()
