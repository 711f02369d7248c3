# SPDX-License-Identifier: MIT
"""nginx and haproxy that say who their client is."""

import re
import signal
import socket
import subprocess

from support import nginx, streams
from support.wait import require, wait_until

# Port 5000 and the Unix socket: with a PROXY header in front, 5001: without.
NGINX = '''
    server {{
        listen 127.0.0.1:5000 proxy_protocol;
        listen [::1]:5000 proxy_protocol;
        listen unix:{directory}/socket proxy_protocol;
        location / {{
            return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port";
        }}
    }}
    server {{
        listen 5001;
        listen [::]:5001;
        location / {{
            return 200 "$remote_addr $remote_port $server_addr $server_port";
        }}
    }}
'''

HAPROXY = '''
defaults
    mode http
    timeout connect 20s
    timeout client 20s
    timeout server 20s
frontend told
    bind 127.0.0.1:5000 accept-proxy
    bind ipv6@::1:5000 accept-proxy
    bind unix@{directory}/socket accept-proxy
    http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port]"
frontend seen
    bind 0.0.0.0:5001
    bind ipv6@:::5001
    http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port]"
'''

# In front of the bridge: clients at port 3001 are told of by version 1, at 3002 by version 2.
UPSTREAM = '''
defaults
    mode tcp
    timeout connect 20s
    timeout client 20s
    timeout server 20s
listen one
    bind 127.0.0.1:3001
    bind ipv6@::1:3001
    server bridge 127.0.0.1:4000 send-proxy
listen two
    bind 127.0.0.1:3002
    bind ipv6@::1:3002
    server bridge 127.0.0.1:4000 send-proxy-v2
'''


def listeners(namespace, ports):
    """How many sockets listen on one of these."""
    found = 0
    with namespace.entered():
        for table in ('tcp', 'tcp6'):
            with open(f'/proc/thread-self/net/{table}', encoding='ascii') as lines:
                rows = [line.split() for line in list(lines)[1:]]
            found += sum(row[3] == '0A' and str(int(row[1].rpartition(':')[2], 16)) in ports
                         for row in rows)
    return found


class Server:
    """One of them, in a namespace."""

    def __init__(self, namespace, kind, directory, text):
        self.directory = directory
        directory.mkdir(exist_ok=True)
        conf = directory / 'conf'
        text = text.format(directory=directory)
        if kind == 'nginx':
            text = nginx.configuration(directory, text)
            argv = [require('nginx', '/usr/sbin/nginx'), '-p', directory, '-c', conf]
        else:
            argv = [require('haproxy', '/usr/sbin/haproxy'), '-db', '-f', conf]
        conf.write_text(text)
        with open(directory / 'log', 'wb') as log:
            self.process = namespace.popen(argv, stdout=log, stderr=log)
        # of each "bind 127.0.0.1:5000", "listen 5001", but not "listen unix:..."
        ports = re.findall(r'(?m)^ +(?:bind|listen) (?!unix)\S*?(\d+)(?=[ ;\n])', text)
        wait_until(lambda: listeners(namespace, ports) == len(ports)
                   or self.process.poll() is not None)
        assert self.process.poll() is None, (directory / 'log').read_text()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(streams.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def asked(sock):
    """What the server behind a connection says of it: ADDRESS PORT ADDRESS PORT."""
    with sock:
        sock.sendall(b'GET / HTTP/1.0\r\n\r\n')
        head, _, body = streams.read_all(sock).decode().partition('\r\n\r\n')
    assert head.split()[1] == '200', head
    return body


def as_it_is(sock):
    """The same, as the client's socket has it."""
    if sock.family == socket.AF_UNIX:
        return None
    (host, port, *_), (peer, peer_port, *_) = sock.getsockname(), sock.getpeername()
    return f'{host} {port} {peer} {peer_port}'
