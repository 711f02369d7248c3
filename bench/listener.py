# SPDX-License-Identifier: MIT
"""A server under libxbind outside a namespace, against the same server inside it without.

Both run at once; the clients are inside and visit them by turns, so that each ratio is of two
measurements side by side. `listener.py ROUNDS` for more than the default.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile

from measure import BUILD, broker, find, namespace, spread, table
from support.wait import wait_until

ROUNDS = 5
INSIDE, OUTSIDE = 0, 1  # the servers are started in this order, with ports of their own
IPERF_PORTS = (5201, 5202)
NGINX_PORTS = (8081, 8082)

NGINX_CONF = '''
daemon off;
user root;
pid {directory}/pid;
error_log stderr;
worker_processes 1;
events {{ }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {directory};
    proxy_temp_path {directory};
    fastcgi_temp_path {directory};
    uwsgi_temp_path {directory};
    scgi_temp_path {directory};
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200 "0123456789"; }}
    }}
}}
'''


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


def iperf(inside, port, streams):
    """Bits per second."""
    result = inside.run(['iperf3', '--client', '127.0.0.1', '--port', port, '--time', 1,
                         '--parallel', streams, '--json'], stdout=subprocess.PIPE)
    return json.loads(result.stdout)['end']['sum_received']['bits_per_second']


def wrk(inside, port, *options):
    """Requests per second."""
    result = inside.run(['wrk', '--threads', 1, '--connections', 16, '--duration', '1s', *options,
                         f'http://127.0.0.1:{port}/'], stdout=subprocess.PIPE)
    assert 'Socket errors' not in result.stdout and 'Non-2xx' not in result.stdout, result.stdout
    return float(re.search(r'Requests/sec:\s*([0-9.]+)', result.stdout)[1])


# what is measured: name, unit, its size, the ports, and how
MEASURED = [
    ('throughput, 1 stream', 'Gbit/s', 1e9, IPERF_PORTS, lambda ns, port: iperf(ns, port, 1)),
    ('throughput, 8 streams', 'Gbit/s', 1e9, IPERF_PORTS, lambda ns, port: iperf(ns, port, 8)),
    ('connections, one request each', '1000/s', 1e3, NGINX_PORTS,
     lambda ns, port: wrk(ns, port, '--header', 'Connection: close')),
    ('requests on kept connections', '1000/s', 1e3, NGINX_PORTS, wrk),
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

        def nginx_argv(port):
            os.mkdir(f'{directory}/{port}')
            with open(f'{directory}/{port}/conf', 'w', encoding='ascii') as conf:
                conf.write(NGINX_CONF.format(directory=f'{directory}/{port}', port=port))
            return [nginx, '-c', f'{directory}/{port}/conf', '-e', 'stderr']

        inside = stack.enter_context(namespace())
        server = stack.enter_context(broker(inside)).server
        stack.enter_context(servers(inside, server, nginx_argv, NGINX_PORTS))
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
