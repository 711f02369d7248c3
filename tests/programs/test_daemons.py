# SPDX-License-Identifier: MIT
"""nginx, redis and dnsmasq."""

import signal
import socket
import struct

import pytest

from programs import http, talk
from support.users import require_users
from support.wait import require

NGINX_CONF = '''
daemon off;
user root;
pid pid;
error_log stderr;
worker_processes 2;
events {}
http {
    access_log off;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;
    server {
        listen 0.0.0.0:3000 reuseport;
        listen [::]:3000 ipv6only=on reuseport;
        location / { return 200 "$remote_addr $server_port worker $pid"; }
    }
    server {
        listen 127.0.0.1:4000;
        location / { return 200 "stayed"; }
    }
}
'''


@pytest.fixture
def nginx(start, tmp_path):
    (tmp_path / 'conf').write_text(NGINX_CONF)
    program = start([require('nginx', '/usr/sbin/nginx'), '-p', tmp_path, '-c', tmp_path / 'conf',
                     '-e', 'stderr'], '3000-3010')
    # one socket for each worker: that is what reuseport is
    program.wait_moved(3000, v4=2, v6=2)
    return program


def test_nginx(nginx, vpn, here):
    for host in ('127.0.0.1', '::1'):
        workers = set()
        for _ in range(200):
            address, port, _, worker = http(vpn, 3000, host).split()
            assert (address, port) == (host, '3000')
            workers.add(worker)
            if len(workers) == 2:
                break
        assert len(workers) == 2, 'the kernel spreads connections over both'
    nginx.wait_stayed(4000, v4=1)
    assert http(here, 4000) == 'stayed'
    nginx.stop(signal.SIGQUIT)


def test_nginx_reload(nginx, vpn, tmp_path):
    """The master binds what is new in the file, and keeps what it has."""
    (tmp_path / 'conf').write_text(NGINX_CONF.replace('4000', '3001'))
    nginx.process.send_signal(signal.SIGHUP)
    nginx.wait_moved(3001, v4=1)
    assert http(vpn, 3001) == 'stayed'
    assert http(vpn, 3000).startswith('127.0.0.1 3000 worker')
    nginx.stop()


def test_redis(start, vpn):
    redis = start([require('redis-server'), '--port', '3000', '--bind', '127.0.0.1', '::1',
                   '--save', '', '--daemonize', 'no'], '3000')
    redis.wait_moved(3000, v4=1, v6=1)
    for host in ('127.0.0.1', '::1'):
        assert talk(vpn, 3000, b'PING\r\n', host, enough=7) == b'+PONG\r\n'
    redis.stop()


def query(name):
    """A DNS query for its address, RFC 1035 section 4."""
    labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.'))
    return struct.pack('!6H', 0x1234, 0x0100, 1, 0, 0, 0) + labels + struct.pack('!xHH', 1, 1)


@pytest.mark.parametrize('options, v4, v6', [
    (['--keep-in-foreground'], 1, 1),
    (['--no-daemon', '--listen-address=127.0.0.1', '--bind-interfaces'], 1, 0)])
def test_dnsmasq(options, v4, v6, start, vpn):
    if '--no-daemon' not in options:
        require_users()  # it sets its groups
    dnsmasq = start([require('dnsmasq', '/usr/sbin/dnsmasq'), '--port=3053', '--no-resolv',
                     '--no-hosts', '--conf-file=/dev/null', '--pid-file=', '--user=root',
                     '--log-facility=-', '--address=/x.test/10.0.0.1', *options],
                    'udp:3053 tcp:3053')
    dnsmasq.wait_moved(3053, 'udp', v4, v6)
    dnsmasq.wait_moved(3053, 'tcp', v4, v6)
    asked, address = query('host.x.test'), socket.inet_aton('10.0.0.1')
    for host in ['127.0.0.1'] + ['::1'] * v6:
        for _ in range(2):
            answer = talk(vpn, 3053, asked, host, 'udp')
            assert answer[:2] == asked[:2] and answer.endswith(address)
        framed = talk(vpn, 3053, struct.pack('!H', len(asked)) + asked, host,
                      enough=2 + len(asked) + 16)
        assert framed[2:4] == asked[:2] and framed.endswith(address)
    dnsmasq.stop()
