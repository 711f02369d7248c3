# SPDX-License-Identifier: MIT
"""Libraries that know nothing of this reach servers of the namespace, and nobody outside hears of it."""

import contextlib
import ftplib
import http.client
import smtplib
import socket
import socketserver
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
import xmlrpc.client
import xmlrpc.server

import pytest

import xsocket
from support import streams, wire
from support.wait import require, require_module
from worlds import PORT, URL, descriptors


@pytest.fixture(autouse=True)
def not_outside(world):
    """The server outside, at the same address, is asked by those who say so only."""
    before = world.here.asked
    expected = []
    yield expected
    assert world.here.asked == before + len(expected)


@pytest.fixture
def inside(world):
    """inside(SERVER): it serves in vpn; SERVER is of socketserver, made by the test in there."""
    with contextlib.ExitStack() as stack:
        def serve(make):
            with world.vpn.namespace.entered():
                server = make()
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return server

        yield serve


def test_urlopen(world):
    for name in ('vpn', 'lan'):
        with xsocket.namespace(name), urllib.request.urlopen(URL) as answer:
            assert answer.read().decode() == name


def test_urlopen_between_push_and_pop(world):
    """The example of NSocker's README, with a URL that is to be found here."""
    xsocket.push('/run/xsocket/vpn')
    answer = urllib.request.urlopen(URL)
    xsocket.pop()
    with answer:
        assert answer.read() == b'vpn'


def test_outside_again(world, not_outside):
    with xsocket.namespace('vpn'), xsocket.namespace('.'), urllib.request.urlopen(URL) as answer:
        assert answer.read() == b'here'
    not_outside.append(1)
    with urllib.request.urlopen(URL) as answer:
        assert answer.read() == b'here'
    not_outside.append(2)


def test_an_error_is_urllib_s(world):
    with xsocket.namespace('nobody'), pytest.raises(urllib.error.URLError) as info:
        urllib.request.urlopen(URL)
    assert isinstance(info.value.reason, FileNotFoundError)


def test_http_client(world):
    """A connection that is kept stays where it was made."""
    connection = http.client.HTTPConnection('127.0.0.1', PORT, timeout=10)
    with contextlib.closing(connection), xsocket.namespace('vpn'):
        connection.request('GET', '/')
        assert connection.getresponse().read() == b'vpn'
        with xsocket.namespace('lan'):
            connection.request('GET', '/')
            assert connection.getresponse().read() == b'vpn'
            connection.close()
            connection.request('GET', '/')
            assert connection.getresponse().read() == b'lan'


@pytest.fixture
def requests():
    return require_module('requests')


def test_requests(world, requests):
    for name in ('vpn', 'lan'):
        with xsocket.namespace(name):
            assert requests.get(URL, timeout=10).text == name


def test_a_session_of_requests(world, requests):
    """It keeps connections, wherever they go: one session for each namespace, as the manual says."""
    with requests.Session() as vpn, requests.Session() as lan:
        for _ in range(3):
            with xsocket.namespace('vpn'):
                assert vpn.get(URL, timeout=10).text == 'vpn'
            with xsocket.namespace('lan'):
                assert lan.get(URL, timeout=10).text == 'lan'
                assert vpn.get(URL, timeout=10).text == 'vpn'


def test_requests_with_no_broker(world, requests):
    with xsocket.namespace('nobody'), pytest.raises(requests.ConnectionError, match='No such file'):
        requests.get(URL, timeout=10)


def test_xmlrpc(inside):
    server = inside(lambda: xmlrpc.server.SimpleXMLRPCServer(('127.0.0.1', 8081), logRequests=False))
    server.register_function(lambda one, two: one + two, 'add')
    with xsocket.namespace('vpn'), xmlrpc.client.ServerProxy('http://127.0.0.1:8081') as proxy:
        assert proxy.add(2, 3) == 5
    with pytest.raises(ConnectionRefusedError), \
            xmlrpc.client.ServerProxy('http://127.0.0.1:8081') as proxy:
        proxy.add(2, 3)


class Dialogue(socketserver.StreamRequestHandler):
    """Answers each line by its first word, until QUIT, and keeps what it was told."""

    answers = {b'QUIT': b'221 bye\r\n'}

    def handle(self):
        self.server.lines = []
        self.wfile.write(b'220 here\r\n')
        for line in self.rfile:
            self.server.lines.append(line)
            word = (line.split() or [b''])[0].upper()
            self.wfile.write(self.answer(word))
            if word == b'QUIT':
                return

    def answer(self, word):
        return self.answers.get(word, b'')


class Smtp(Dialogue):
    ok = b'250 ok\r\n'
    answers = Dialogue.answers | {b'EHLO': ok, b'MAIL': ok, b'RCPT': ok, b'.': ok,
                                  b'DATA': b'354 go on\r\n'}


def test_smtplib(inside):
    server = inside(lambda: socketserver.TCPServer(('127.0.0.1', 25), Smtp))
    with xsocket.namespace('vpn'), smtplib.SMTP('127.0.0.1', timeout=10, local_hostname='a') as mail:
        mail.sendmail('a@example.com', ['b@example.com'], 'Subject: from vpn\n\nHello.')
    assert b'Subject: from vpn\r\n' in server.lines
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP('127.0.0.1', timeout=10)


class Ftp(Dialogue):
    """Active mode: the client listens, in the namespace, and the server connects to it."""

    answers = Dialogue.answers | {b'USER': b'230 in\r\n', b'TYPE': b'200 ok\r\n'}

    def answer(self, word):
        if word == b'PORT':
            *_, high, low = map(int, self.server.lines[-1].split()[1].split(b','))
            self.data = self.server.namespace.connect(high * 256 + low)
            return b'200 connected\r\n'
        if word == b'RETR':
            with self.data:
                self.data.sendall(b'content')
            return b'150 coming\r\n226 done\r\n'
        return super().answer(word)


def test_ftplib_listens_there(world, inside):
    server = inside(lambda: socketserver.TCPServer(('127.0.0.1', 21), Ftp))
    server.namespace = world.vpn.namespace
    pieces = []
    with xsocket.namespace('vpn'), ftplib.FTP('127.0.0.1', timeout=10) as ftp:
        ftp.login()
        ftp.set_pasv(False)
        ftp.retrbinary('RETR file', pieces.append)
    assert b''.join(pieces) == b'content'


class Patient(Ftp):
    """It does not connect."""

    def answer(self, word):
        return b'200 ok\r\n' if word == b'PORT' else super().answer(word)


def test_ftplib_listens_where_it_is_called(world, inside):
    """And not where its connection is."""
    inside(lambda: socketserver.TCPServer(('127.0.0.1', 2121), Patient))
    with ftplib.FTP(timeout=10) as ftp:
        with xsocket.namespace('vpn'):
            ftp.connect('127.0.0.1', 2121)
        with ftp.makeport() as listener:
            assert wire.netns_cookie(listener) == world.own_cookie
        with xsocket.namespace('vpn'), ftp.makeport() as listener:
            assert wire.netns_cookie(listener) == world.vpn.cookie


@pytest.fixture(scope='module')
def certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp('tls') / 'both.pem'
    subprocess.run([require('openssl'), 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
                    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', str(path), '-out',
                    f'{path}.crt'], check=True, stderr=subprocess.DEVNULL)
    with open(f'{path}.crt', encoding='ascii') as crt, open(path, 'a', encoding='ascii') as both:
        both.write(crt.read())
    return str(path)


@pytest.fixture
def trusting(certificate):
    return ssl.create_default_context(cafile=certificate)


@pytest.fixture
def tls(world, certificate):
    """A server of TLS at 127.0.0.1:8443 of vpn that sends back what it gets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = streams.listen(world.vpn.namespace, 'tcp:127.0.0.1:8443')

    def serve():
        with contextlib.suppress(OSError):
            while True:
                answer(listener.accept()[0])

    def answer(plain):
        with plain, contextlib.suppress(OSError), \
                context.wrap_socket(plain, server_side=True) as sock:
            while piece := sock.recv(65536):
                sock.sendall(piece)

    thread = threading.Thread(target=serve)
    thread.start()
    yield ('127.0.0.1', 8443)
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    listener.close()


def test_ssl(world, tls, trusting):
    """Wrapped when connected, and connected when wrapped."""
    before = descriptors()
    with xsocket.namespace('vpn'):
        with socket.create_connection(tls, 10) as plain, \
                trusting.wrap_socket(plain, server_hostname='127.0.0.1') as sock:
            sock.sendall(b'one')
            assert sock.recv(3) == b'one'
        with trusting.wrap_socket(socket.socket(), server_hostname='127.0.0.1') as sock:
            sock.connect(tls)
            sock.sendall(b'two')
            assert sock.recv(3) == b'two'
        assert 'BEGIN CERTIFICATE' in ssl.get_server_certificate(tls)
    assert len(descriptors()) <= len(before) + 1  # that to the broker
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(tls, 10)
