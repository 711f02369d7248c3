# SPDX-License-Identifier: MIT
"""Clients and servers of others' making, as the benchmarks use them: iperf3, nginx, wrk."""

import json
import os
import re
import subprocess

NGINX_CONF = '''
daemon off;
user root;
pid {directory}/pid;
error_log stderr;
worker_processes 1;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {directory};
    proxy_temp_path {directory};
    fastcgi_temp_path {directory};
    uwsgi_temp_path {directory};
    scgi_temp_path {directory};
    server {{
        listen {host}:{port} backlog=4096;
        location / {{ return 200 "{body}"; }}
    }}
}}
'''


def nginx_argv(nginx, directory, port, host='127.0.0.1', body='0123456789'):
    """nginx with one worker, which answers each request with the same body. Makes the directory."""
    os.mkdir(directory)
    with open(f'{directory}/conf', 'w', encoding='ascii') as conf:
        conf.write(NGINX_CONF.format(directory=directory, host=host, port=port, body=body))
    return [nginx, '-c', f'{directory}/conf', '-e', 'stderr']


def iperf(namespace, port, *options, host='127.0.0.1'):
    """What a client of iperf3 says about one second, as it says it."""
    result = namespace.run(['iperf3', '--client', host, '--port', port, '--time', 1, '--json',
                            *options], stdout=subprocess.PIPE, check=False)
    said = json.loads(result.stdout)
    assert result.returncode == 0 and 'error' not in said, said.get('error', result.stdout)
    return said['end']


def wrk(namespace, port, *options, connections=16, host='127.0.0.1'):
    """One second of wrk: requests per second, and the times of half and of 99 % of them in us."""
    result = namespace.run(['wrk', '--threads', 1, '--connections', connections, '--duration', '1s',
                            '--latency', *options, f'http://{host}:{port}/'],
                           stdout=subprocess.PIPE)
    said = result.stdout
    assert 'Socket errors' not in said and 'Non-2xx' not in said, said
    units = {'us': 1, 'ms': 1e3, 's': 1e6}
    times = [float(number) * units[unit] for number, unit in
             re.findall(r'^ +(?:50|99)% +([0-9.]+)(us|ms|s)$', said, re.MULTILINE)]
    return float(re.search(r'Requests/sec:\s*([0-9.]+)', said)[1]), *times
