# SPDX-License-Identifier: MIT
"""nginx, redis, dnsmasq, memcached, mosquitto and iperf3."""

import json
import signal
import socket
import struct

from programs import PATIENCE, client, http, receive, talk
from support.matrix import row
from support.nginx import configuration
from support.users import require_users
from support.wait import require, wait_until

NGINX = '''
server {
    listen 0.0.0.0:3000 reuseport;
    listen [::]:3000 ipv6only=on reuseport;
    location / { return 200 "$remote_addr $server_port worker $pid"; }
}
server {
    listen 127.0.0.1:4000;
    location / { return 200 "stayed"; }
}
'''


def configure_nginx(side, http):
    (side.directory / 'conf').write_text(
        configuration(side.directory, http, main='worker_processes 2;'))


def start_nginx(side):
    configure_nginx(side, NGINX)
    nginx = side.start([require('nginx', '/usr/sbin/nginx'), '-p', side.directory, '-c',
                        side.directory / 'conf', '-e', 'stderr'], '3000-3010')
    # one socket for each worker: that is what reuseport is
    nginx.wait_listening(3000, v4=2, v6=2)
    return nginx


@row('nginx', '200 requests over IPv4 and IPv6, answered by both workers; another port stays', '-v')
def test_nginx(side):
    nginx = start_nginx(side)
    for host in ('127.0.0.1', '::1'):
        workers = set()
        for _ in range(200):
            *answer, worker = http(side.there, 3000, host).split()
            assert answer == [host, '3000', 'worker']
            workers.add(worker)
            if len(workers) == 2:
                break
        assert len(workers) == 2, 'the kernel spreads connections over both'
    nginx.wait_stayed(4000, v4=1)
    yield http(side.home, 4000)
    yield nginx.stop(signal.SIGQUIT)


@row('nginx', 'a port that a reload brings', '-v')
def test_nginx_reload(side):
    """The master binds what is new in the file, and keeps what it has."""
    nginx = start_nginx(side)
    configure_nginx(side, NGINX.replace('4000', '3001'))
    nginx.process.send_signal(signal.SIGHUP)
    nginx.wait_listening(3001, v4=1)
    yield http(side.there, 3001)
    assert http(side.there, 3000).startswith('127.0.0.1 3000 worker')
    yield nginx.stop()


@row('redis', 'PING, SET and GET over IPv4 and IPv6')
def test_redis(side):
    redis = side.start([require('redis-server'), '--port', '3000', '--bind', '127.0.0.1', '::1',
                        '--save', '', '--daemonize', 'no'], '3000')
    redis.wait_listening(3000, v4=1, v6=1)
    for host in ('127.0.0.1', '::1'):
        answer = talk(side.there, 3000, b'PING\r\nSET key value\r\nGET key\r\nQUIT\r\n', host)
        assert answer == b'+PONG\r\n+OK\r\n$5\r\nvalue\r\n+OK\r\n'
        yield answer
    yield redis.stop()


def query(name):
    """A DNS query for its address, RFC 1035 section 4."""
    labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.'))
    return struct.pack('!6H', 0x1234, 0x0100, 1, 0, 0, 0) + labels + struct.pack('!xHH', 1, 1)


@row('dnsmasq', 'a name over UDP and TCP, on IPv4 and IPv6, any address and one', cases=[
    ('--keep-in-foreground', ['--keep-in-foreground'], 1, 1),
    ('--no-daemon', ['--no-daemon', '--listen-address=127.0.0.1', '--bind-interfaces'], 1, 0)])
def test_dnsmasq(side, _, options, v4, v6):
    if '--no-daemon' not in options:
        require_users()  # it sets its groups
    dnsmasq = side.start([require('dnsmasq', '/usr/sbin/dnsmasq'), '--port=3053', '--no-resolv',
                          '--no-hosts', '--conf-file=/dev/null', '--pid-file=', '--user=root',
                          '--log-facility=-', '--address=/x.test/10.0.0.1', *options],
                         'udp:3053 tcp:3053')
    dnsmasq.wait_listening(3053, 'udp', v4, v6)
    dnsmasq.wait_listening(3053, 'tcp', v4, v6)
    asked, address = query('host.x.test'), socket.inet_aton('10.0.0.1')
    for host in ['127.0.0.1'] + ['::1'] * v6:
        for _ in range(2):
            answer = talk(side.there, 3053, asked, host, 'udp')
            assert answer[:2] == asked[:2] and answer.endswith(address)
            yield answer
        framed = talk(side.there, 3053, struct.pack('!H', len(asked)) + asked, host,
                      enough=2 + len(asked) + 16)
        assert framed[2:4] == asked[:2] and framed.endswith(address)
        yield framed
    yield dnsmasq.stop()


@row('memcached', 'a value set and got over TCP, IPv4 and IPv6, and got in a UDP frame', '-V')
def test_memcached(side):
    """Its threads share the UDP socket by dup(2)."""
    memcached = side.start([require('memcached'), '-u', 'root', '-l', '127.0.0.1,::1', '-p', '3000',
                            '-U', '3000'], '3000')
    memcached.wait_listening(3000, v4=1, v6=1)
    memcached.wait_listening(3000, 'udp', v4=1, v6=1)
    value = b'VALUE key 0 5\r\nhello\r\nEND\r\n'
    for host in ('127.0.0.1', '::1'):
        answer = talk(side.there, 3000, b'set key 0 0 5\r\nhello\r\nget key\r\nquit\r\n', host)
        assert answer == b'STORED\r\n' + value
        yield answer
        frame = struct.pack('!4H', 0x4321, 0, 1, 0)  # request, number, of so many
        for _ in range(8):
            answer = talk(side.there, 3000, frame + b'get key\r\n', host, 'udp')
            assert answer == frame + value
        yield answer
    yield memcached.stop()


def mqtt(kind, *parts):
    """A packet of MQTT 3.1.1; words come with their length."""
    body = b''.join(part if isinstance(part, bytes) else
                    struct.pack('!H', len(part)) + part.encode() for part in parts)
    return bytes([kind, len(body)]) + body


@row('mosquitto', 'MQTT: a message from one client to another', '-h')
def test_mosquitto(side):
    (side.directory / 'conf').write_text('listener 3000 127.0.0.1\nallow_anonymous true\n'
                                         'user root\npersistence false\n')
    mosquitto = side.start([require('mosquitto', '/usr/sbin/mosquitto'), '-c',
                            side.directory / 'conf'], '3000')
    mosquitto.wait_listening(3000, v4=1)
    with client(side.there, 3000) as subscriber, client(side.there, 3000) as publisher:
        for sock, name in ((subscriber, 'one'), (publisher, 'two')):
            # clean session, kept for a minute
            sock.sendall(mqtt(0x10, 'MQTT', b'\4\2\0\x3c', name))
            assert receive(sock, 4) == b'\x20\2\0\0', 'CONNACK'
        subscriber.sendall(mqtt(0x82, b'\0\1', 'some/topic', b'\0'))
        assert receive(subscriber, 5) == b'\x90\3\0\1\0', 'SUBACK'
        message = mqtt(0x30, 'some/topic', b'hello')
        publisher.sendall(message)
        answer = receive(subscriber, len(message))
        assert answer == message
        yield answer
    yield mosquitto.stop()


def wait_ready(iperf3, number):
    """Until it waits for its next client: it makes the listening socket anew, too."""
    wait_until(lambda: iperf3.ended or iperf3.said.count('Server listening') == number, PATIENCE,
               lambda: iperf3.said)
    iperf3.wait_listening(3000, v4=1)


@row('iperf3', '8 MB over TCP, 2 streams and the other way round too; 64 kB over UDP', cases=[
    ('tcp', '-n', '8M'), ('reverse', '-n', '8M', '-R', '-P', '2'),
    ('udp', '-u', '-b', '0', '-n', '64K')], log=False)  # it tells speeds
def test_iperf3(side, _, *options):
    """Over UDP it binds the port again for each client, and connects the socket that it has."""
    server = side.start([require('iperf3'), '-s', '-p', '3000', '-B', '127.0.0.1', '--forceflush'],
                        '3000')
    wait_ready(server, 1)
    for number in (2, 3):
        result = side.there.run(['iperf3', '-c', '127.0.0.1', '-p', '3000', '--json', *options],
                                capture_output=True, check=False)
        answer = json.loads(result.stdout)
        assert 'error' not in answer, answer['error']
        end = answer['end']
        got = end['sum'] if '-u' in options else end['sum_received']
        assert got['bytes'] >= 2 ** 16
        yield result.returncode, len(end['streams'])
        wait_ready(server, number)
    yield server.stop(status=1)
