# SPDX-License-Identifier: MIT
"""Who the client is: told by the PROXY protocol to nginx and haproxy, and heard from haproxy."""

import socket
import struct
import time

import pytest

from support import streams, webservers
from support.webservers import as_it_is, asked

SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
CLIENT = '127.3.2.1'


servers = pytest.mark.parametrize('kind', ['nginx', 'haproxy'])
versions = pytest.mark.parametrize('version', ['v1', 'v2'])


@versions
@servers
@pytest.mark.parametrize('there', ['tcp:127.0.0.1:5000', 'tcp:[::1]:5000', 'unix'])
@pytest.mark.parametrize('here', ['tcp:127.0.0.1:4000', 'tcp:[::1]:4000'])
def test_told(forward, webserver, tmp_path, kind, version, here, there):
    """The client's address and the one it connected to, of whatever family the target is."""
    if there == 'unix':
        there = f'unix:{tmp_path}/{kind}0/socket'
    ends = forward(listen=here, connect=there, connecting=f',proxy={version}', serve=False)
    webserver(ends.far, kind)
    for _ in range(3):
        client = ends.connect(source=CLIENT if '127' in here else None)
        expected = as_it_is(client)
        assert asked(client) == expected


@versions
@servers
def test_client_of_a_unix_socket(forward, webserver, directory, kind, version):
    """It has no address that could be told; it is served."""
    ends = forward(listen=f'unix:{directory}/socket', connecting=f',proxy={version}', serve=False)
    webserver(ends.far, kind)
    asked(ends.connect())


@versions
@servers
@pytest.mark.parametrize('heard, said', [('v1', 1), ('any', 1), ('v2', 2), ('any', 2)])
@pytest.mark.parametrize('host', ['127.0.0.1', '::1'])
def test_heard_and_passed_on(forward, webserver, kind, version, heard, said, host):
    """From haproxy in front of the bridge to the server behind it, from one version to another."""
    ends = forward(listening=f',proxy={heard}', connecting=f',proxy={version}', serve=False)
    webserver(ends.far, kind)
    webserver(ends.near, 'haproxy', webservers.UPSTREAM)
    upstream = f'tcp:[{host}]:300{said}' if ':' in host else f'tcp:{host}:300{said}'
    client = ends.keep(streams.connect(ends.near, upstream, CLIENT if '.' in host else None))
    expected = as_it_is(client)
    assert asked(client) == expected


def v2(command=0x21, family=0x11, body=None, more=b''):
    if body is None:
        body = socket.inet_aton('192.0.2.1') + socket.inet_aton('192.0.2.2') + \
            struct.pack('!HH', 1111, 2222)
    body += more
    return SIGNATURE + struct.pack('!BBH', command, family, len(body)) + body


V1 = b'PROXY TCP4 192.0.2.1 192.0.2.2 1111 2222\r\n'
V1_6 = b'PROXY TCP6 2001:db8::1 2001:db8::2 1111 2222\r\n'
V2_6 = v2(family=0x21, body=socket.inet_pton(socket.AF_INET6, '2001:db8::1') +
          socket.inet_pton(socket.AF_INET6, '2001:db8::2') + struct.pack('!HH', 1111, 2222))
TLV = b'\x04' + struct.pack('!H', 300) + bytes(300) + b'\xea' + struct.pack('!H', 3) + b'abc'


@pytest.mark.parametrize('pieces', ['whole', 'bytes'])
@pytest.mark.parametrize('sent, passed', [
    (V1, V1), (v2(), V1), (v2(more=TLV), V1), (V1_6, V1_6), (V2_6, V1_6),
    (v2(command=0x20, family=0, body=b''), None), (b'PROXY UNKNOWN\r\n', None),
    (b'PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n', None)])
def test_header_then_data(forward, sent, passed, pieces):
    """However it is cut; what comes behind it is the stream, both ways, to its end."""
    ends = forward(listening=',proxy=any', connecting=',proxy=v1')
    client = ends.connect(options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)])
    task = None
    if pieces == 'whole':
        task = streams.Task(client.sendall, sent + streams.data(1 << 20))
    else:
        for byte in sent:
            client.sendall(bytes([byte]))
        task = streams.Task(client.sendall, streams.data(1 << 20))
    server = ends.accept()
    header = streams.read_exactly(server, 8)
    while not header.endswith(b'\r\n'):
        header += streams.read_exactly(server, 1)
    if passed:
        assert header == passed
    else:
        assert header.startswith(b'PROXY ') and b'192.0.2' not in header and b'ffff' not in header
    received = streams.read_exactly(server, 1 << 20)
    assert streams.first_difference(received, streams.data(1 << 20)) is None
    task.result()
    client.shutdown(socket.SHUT_WR)
    assert streams.read_all(server) == b''
    server.sendall(b'answer')
    server.close()
    assert streams.read_all(client) == b'answer'


def test_heard_and_not_passed_on(forward):
    """The target sees the stream alone, and the end that comes right behind the header."""
    ends = forward(listening=',proxy=any', connecting=',as-local')
    client = ends.connect()
    client.sendall(v2() + b'question')
    client.shutdown(socket.SHUT_WR)
    server = ends.accept()
    assert streams.read_all(server) == b'question'
    server.sendall(b'answer')
    server.close()
    assert streams.read_all(client) == b'answer'


def test_told_although_the_client_says_nothing(forward):
    """A server may have the first word. The header is there before the client has sent anything."""
    ends = forward(connecting=',proxy=v2')
    client, server = ends.pair()
    header = streams.read_exactly(server, 28)
    assert header[:12] == SIGNATURE
    assert header[16:20] == socket.inet_aton('127.0.0.1')
    assert struct.unpack('!H', header[24:26])[0] == client.getsockname()[1]
    server.sendall(b'220 ready')
    assert streams.read_exactly(client, 9) == b'220 ready'


BROKEN = {
    'something else': ('any', b'GET / HTTP/1.0\r\n\r\n'),
    'too few addresses': ('any', b'PROXY TCP4 192.0.2.1\r\n'),
    'no address': ('any', b'PROXY TCP4 192.0.2.300 192.0.2.2 1111 2222\r\n'),
    'another family': ('any', b'PROXY TCP4 ::1 ::1 1111 2222\r\n'),
    'no port': ('any', b'PROXY TCP4 192.0.2.1 192.0.2.2 1111 99999\r\n'),
    'no end': ('any', b'PROXY TCP4 ' + b'1' * 200),
    'another version': ('any', v2(command=0x31)),
    'another command': ('any', v2(command=0x2f)),
    'too short': ('any', v2(body=b'1234')),
    'too long': ('any', v2(more=bytes(20000))),
    'only version 2 is heard': ('v2', V1),
    'only version 1 is heard': ('v1', v2()),
}


@pytest.mark.parametrize('what', BROKEN)
def test_no_header_of_these_versions(forward, what):
    """The client is reset, and the target hears nothing of it. Others are served."""
    version, sent = BROKEN[what]
    ends = forward('--connect-timeout', 60, listening=f',proxy={version}', connecting=',as-local')
    client = ends.connect()
    client.sendall(sent)
    assert streams.ending(client) == (b'', 'ECONNRESET')
    assert not streams.readable(ends.listener, 0)
    client = ends.connect()
    client.sendall((v2() if version == 'v2' else V1) + b'x')
    assert streams.read_exactly(ends.accept(), 1) == b'x'


@pytest.mark.parametrize('sent', [b'', b'PROXY TCP4 192.0.2.1', SIGNATURE, v2()[:-1]])
def test_half_a_header(forward, sent):
    """Who does not go on is reset in time, and has not kept anybody waiting."""
    ends = forward('--connect-timeout', 1, listening=',proxy=any', connecting=',as-local')
    begin = time.monotonic()
    client = ends.connect()
    client.sendall(sent)
    other = ends.connect()
    other.sendall(V1 + b'x')
    assert streams.read_exactly(ends.accept(), 1) == b'x'
    assert streams.ending(client) == (b'', 'ECONNRESET')
    assert 0.9 <= time.monotonic() - begin < 8
    assert not streams.readable(ends.listener, 0)


@pytest.mark.parametrize('sent', [b'', b'PROXY TCP4 192.0.2.1'])
def test_end_before_a_header(forward, sent):
    ends = forward('--connect-timeout', 60, listening=',proxy=any')
    client = ends.connect()
    client.sendall(sent)
    client.shutdown(socket.SHUT_WR)
    assert streams.ending(client)[1] in ('EOF', 'ECONNRESET')
    assert not streams.readable(ends.listener, 0)


REMOTE = '10.3.0.5'


@pytest.fixture
def remote(forward):
    """remote(connecting=): a listener for everybody in a namespace with two addresses."""
    def start(listen='tcp:0.0.0.0:4000', **kwargs):
        ends = forward(listen=listen, **kwargs)
        for host in ('10.3.0.1', REMOTE):
            ends.near.run(['ip', 'address', 'add', f'{host}/32', 'dev', 'lo'])
        ends.listen = 'tcp:10.3.0.1:4000'
        return ends

    return start


@pytest.mark.parametrize('connect', ['tcp:127.0.0.1:5000', 'tcp:localhost:5000', 'tcp:[::1]:5000'])
def test_remote_client_is_not_shown_as_a_local_one(remote, connect):
    """127.0.0.1 is trusted by many servers: the client is reset, and why is in the log."""
    ends = remote(connect=connect)
    assert ends.connect_and_end(source=REMOTE) == (b'', 'ECONNRESET')
    assert not streams.readable(ends.listener, 0)
    ends.bridge.wait_log('a remote client would look like a local one to the target: say as-local')


@pytest.mark.parametrize('option', ['as-local', 'proxy=v1', 'bind=10.4.0.1'])
def test_unless_that_was_asked_for(remote, option):
    ends = remote(connecting=f',{option}')
    ends.far.run(['ip', 'address', 'add', '10.4.0.1/32', 'dev', 'lo'])
    client, server = ends.connect(source=REMOTE), ends.accept()
    client.sendall(b'x')
    if option.startswith('proxy'):
        assert REMOTE.encode() in streams.read_exactly(server, 40)
    else:
        assert streams.read_exactly(server, 1) == b'x'
        assert server.getpeername()[0] == ('10.4.0.1' if 'bind' in option else '127.0.0.1')


def test_local_client_is_shown_as_one(remote):
    ends = remote()
    ends.listen = 'tcp:127.0.0.1:4000'
    ends.works()


def test_remote_client_that_somebody_tells_of(forward):
    """As the PROXY header has it, although it comes from 127.0.0.1."""
    ends = forward(listening=',proxy=any')
    client = ends.connect()
    client.sendall(V1 + b'x')
    assert streams.ending(client)[1] == 'ECONNRESET'
    assert not streams.readable(ends.listener, 0)
