# SPDX-License-Identifier: MIT
"""Names are looked up where the code or the socket is: as libc does inside, and by nobody outside."""

import asyncio
import ctypes
import socket
import subprocess
import sys
import threading
import urllib.request

import pytest

import xsocket
from support.wait import require, require_module
from worlds import NAMED, Named

V4, V6, STREAM, DATAGRAM = socket.AF_INET, socket.AF_INET6, socket.SOCK_STREAM, socket.SOCK_DGRAM
NAMES = {'vpn': {'web.example': ['127.0.0.80'], 'both.example': ['127.0.0.2', '::1'],
                 'two.example': ['127.0.0.3', '127.0.0.4'], 'six.example': ['::1'],
                 'moved.example': ['127.0.0.6']},
         'lan': {'web.example': ['127.0.0.80'], 'moved.example': ['127.0.0.7']}}


@pytest.fixture(scope='module')
def vpn(build, quiet_outside):
    quiet_outside.write('hosts', '127.0.0.1 localhost\n::1 localhost\n127.0.0.5 only.here\n')
    for name in NAMES:
        quiet_outside.write(f'netns/{name}/hosts', f'127.0.0.1 localhost\n::1 localhost\n127.0.0.9 only.{name}\n')
    made = {name: Named(build, name, NAMES[name]) for name in NAMES}
    yield made['vpn']
    for place in made.values():
        place.close()


@pytest.fixture
def inside(vpn, quiet_outside):
    """inside(FUNCTION, ARG...): what it returns or raises in vpn itself, by libc."""
    def ask(function, *args, **kwargs):
        with vpn.namespace.entered():
            return outcome(function, *args, **kwargs)

    quiet_outside.write('hosts', '127.0.0.1 localhost\n::1 localhost\n127.0.0.9 only.vpn\n')
    yield ask
    quiet_outside.write('hosts', '127.0.0.1 localhost\n::1 localhost\n127.0.0.5 only.here\n')


def outcome(function, *args, **kwargs):
    """What it returns, with lists in order; or what it raises."""
    try:
        value = function(*args, **kwargs)
    except (OSError, TypeError, ValueError) as error:
        return type(error), error.errno if isinstance(error, OSError) else None
    return sorted(value) if isinstance(value, list) else value


QUESTIONS = [(host, port, family, kind, 0, flags)
             for host in ('web.example', b'web.example', 'both.example', 'six.example', 'no.example',
                          'only.vpn', 'only.here', 'localhost', '127.0.0.1', '::1')
             for port, family, kind, flags in (
                 (80, 0, STREAM, 0), ('http', V4, STREAM, 0), (None, V6, DATAGRAM, 0),
                 (b'domain', 0, 0, 0), (80, 0, STREAM, socket.AI_CANONNAME),
                 (80, 0, STREAM, socket.AI_NUMERICHOST), (80, V6, STREAM, socket.AI_V4MAPPED))]
QUESTIONS += [
    (None, 80, 0, STREAM, 0, 0), (None, 'http', V4, STREAM, 0, socket.AI_PASSIVE),
    (None, None, 0, 0, 0, 0), ('web.example', 'no-such-service', 0, STREAM, 0, 0),
    ('web.example', 80, 99, STREAM, 0, 0), ('web.example', 80, 0, 77, 0, 0),
    ('web.example', -1, 0, STREAM, 0, 0), (3, 80, 0, 0, 0, 0), ('web.example', 2.5, 0, 0, 0, 0),
    ('x' * 70, 80, 0, 0, 0, 0), ('', 80, 0, STREAM, 0, 0), ('127.1', 80, V4, STREAM, 0, 0),
    ('fe80::1%lo', 80, V6, STREAM, 0, 0), ('fe80::1%1', 80, 0, STREAM, 0, 0),
]


@pytest.mark.parametrize('question', QUESTIONS, ids=str)
def test_getaddrinfo(vpn, inside, question):
    expected = inside(socket.getaddrinfo, *question)
    assert outcome(xsocket.getaddrinfo, 'vpn', *question) == expected
    with xsocket.namespace('vpn'):
        assert outcome(socket.getaddrinfo, *question) == expected


HOSTS = ['web.example', 'six.example', 'no.example', 'only.vpn', 'only.here', 'localhost', '127.0.0.3',
         '::1', '127.0.0.200']


OLDER = [(function, host) for host in HOSTS for function in
         ('gethostbyname', 'gethostbyname_ex', 'gethostbyaddr', 'getfqdn')]
OLDER += [('gethostbyname', host) for host in ('', b'', '<broadcast>', b'<broadcast>', b'web.example')]
OLDER += [('gethostbyname_ex', 'two.example')]


@pytest.mark.parametrize('function, host', OLDER)
def test_older_functions(vpn, inside, function, host):
    """They know no aliases, and may have addresses in another order, and none twice."""
    function = getattr(socket, function)
    expected = inside(function, host)
    with xsocket.namespace('vpn'):
        found = outcome(function, host)
    if isinstance(expected, tuple) and isinstance(expected[-1], list):
        assert (found[0], sorted(found[2])) == (expected[0], sorted(set(expected[2])))
        assert found[1] == []
    else:
        assert found == expected


@pytest.mark.parametrize('flags', [0, socket.NI_NUMERICHOST, socket.NI_NUMERICSERV,
                                   socket.NI_NAMEREQD, socket.NI_DGRAM])
@pytest.mark.parametrize('address', [
    ('127.0.0.80', 80), ('127.0.0.200', 53), ('::1', 80), ('::1', 80, 0, 0), ('127.0.0.9', 65000),
    ('fe80::1', 80, 0, 1), ('web.example', 80), ('127.0.0.1',), ['127.0.0.1', 80]], ids=str)
def test_getnameinfo(vpn, inside, address, flags):
    expected = inside(socket.getnameinfo, address, flags)
    with xsocket.namespace('vpn'):
        assert outcome(socket.getnameinfo, address, flags) == expected
    assert outcome(xsocket.getnameinfo, 'vpn', address, flags) == expected


def test_elsewhere(vpn):
    """Each namespace has its own; HERE is the own one."""
    assert xsocket.getaddrinfo('.', 'only.here', 80, type=STREAM)[0][4] == ('127.0.0.5', 80)
    for name, address in (('vpn', '127.0.0.6'), ('lan', '127.0.0.7')):
        with xsocket.namespace(name):
            assert socket.gethostbyname('moved.example') == address
            with pytest.raises(socket.gaierror):
                socket.gethostbyname('only.here')
            with xsocket.namespace('.'):
                assert socket.gethostbyname('only.here') == '127.0.0.5'


def test_at_the_same_time(vpn):
    """By threads and tasks of one process, over and over."""
    found = {'vpn': set(), 'lan': set()}

    def look(name):
        with xsocket.namespace(name):
            for _ in range(20):
                found[name].add(socket.gethostbyname('moved.example'))

    async def ask(name):
        with xsocket.namespace(name):
            for _ in range(20):
                addresses = await asyncio.get_running_loop().getaddrinfo(
                    'moved.example', 80, family=V4, type=STREAM)
                found[name].add(addresses[0][4][0])

    async def main():
        await asyncio.gather(ask('vpn'), ask('lan'))

    threads = [threading.Thread(target=look, args=(name,)) for name in found]
    for each in threads:
        each.start()
    asyncio.run(main())
    for each in threads:
        each.join()
    assert found == {'vpn': {'127.0.0.6'}, 'lan': {'127.0.0.7'}}


@pytest.fixture(params=['web.example', b'web.example', bytearray(b'web.example'), '127.0.0.80'],
                ids=str)
def host(request):
    return request.param


@pytest.fixture(params=['in a block', 'outside', 'elsewhere'])
def anywhere(request, vpn):
    """A socket of vpn keeps to vpn, wherever the code is."""
    entered = {'in a block': 'vpn', 'outside': '.', 'elsewhere': 'lan'}[request.param]
    return xsocket.namespace(entered)


def test_connect(vpn, anywhere, host):
    for method in ('connect', 'connect_ex'):
        with xsocket.socket('vpn') as sock, anywhere:
            assert getattr(sock, method)((host, 80)) in (None, 0)
            assert sock.getpeername() == NAMED


def test_bind(vpn, anywhere, host):
    with xsocket.socket('vpn') as sock, anywhere:
        sock.bind((host, 0))
        assert sock.getsockname()[0] == NAMED[0]


def test_datagrams(vpn, anywhere, host):
    with xsocket.socket('vpn', type=DATAGRAM) as server, xsocket.socket('vpn', type=DATAGRAM) as sock, \
            anywhere:
        server.bind((host, 0))
        port = server.getsockname()[1]
        assert sock.sendto(b'1', (host, port)) == sock.sendto(b'2', 0, (host, port)) == 1
        assert sock.sendmsg([b'3'], [], 0, (host, port)) == 1
        assert [server.recv(1) for _ in range(3)] == [b'1', b'2', b'3']


def test_the_other_family(vpn, anywhere):
    with xsocket.socket('vpn', V6) as sock, anywhere:
        sock.bind(('both.example', 0))
        assert sock.getsockname()[0] == '::1'
        with pytest.raises(socket.gaierror):
            sock.connect(('web.example', 80))


@pytest.mark.parametrize('address', [('web.example',), ('web.example', 80, 1), ('web.example', 'http'),
                                     'web.example', (), (None, 80), ('no.example', 80)], ids=str)
def test_addresses_that_are_none(vpn, inside, address):
    """The same errors as from C."""
    def connect(make):
        with make() as sock:
            return sock.connect(address)

    assert outcome(connect, lambda: xsocket.socket('vpn')) == inside(connect, socket.socket)


def test_a_socket_of_here(vpn):
    """It is not in the namespace that the code is in, and its name is none of that namespace."""
    with socket.socket(type=DATAGRAM) as sock, xsocket.namespace('vpn'):
        sock.connect(('only.here', 53))
        assert sock.getpeername() == ('127.0.0.5', 53)


def test_an_accepted_socket(vpn):
    """The class of those that come of a socket is the same."""
    with xsocket.namespace('vpn'), socket.create_server(('web.example', 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(('web.example', port)) as client:
            assert client.getpeername() == (NAMED[0], port)


def test_asyncio(vpn):
    """Loops look names up in executors, and some before they call the socket."""
    async def main():
        loop = asyncio.get_running_loop()
        with xsocket.namespace('vpn'):
            reader, writer = await asyncio.open_connection('web.example', 80)
            assert writer.get_extra_info('peername') == NAMED
            writer.close()
            assert await loop.getnameinfo(NAMED) == ('web.example', 'http')
            transport, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=('web.example', 53))
            assert transport.get_extra_info('peername') == (NAMED[0], 53)
            transport.close()
        for place in ('.', 'lan'):
            with xsocket.socket('vpn') as sock, xsocket.namespace(place):
                sock.setblocking(False)
                await loop.sock_connect(sock, ('web.example', 80))
                assert sock.getpeername() == NAMED

    asyncio.run(main())


def test_uvloop(vpn):
    uvloop = require_module('uvloop')

    async def main():
        loop = asyncio.get_running_loop()
        with xsocket.namespace('vpn'):
            found = await loop.getaddrinfo('moved.example', 80, type=STREAM)
            assert found[0][4] == ('127.0.0.6', 80)
            assert await loop.getnameinfo(NAMED) == ('web.example', 'http')
        with xsocket.socket('vpn') as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, ('web.example', 80))
            assert sock.getpeername() == NAMED

    loop = uvloop.new_event_loop()
    loop.run_until_complete(main())
    loop.close()


def test_libraries(vpn):
    """By the name, in each namespace another one; aiohttp's looks names up in threads."""
    aiohttp, requests = require_module('aiohttp'), require_module('requests')

    async def get():
        async with aiohttp.ClientSession() as session, session.get('http://web.example/') as answer:
            return await answer.text()

    for name in ('vpn', 'lan'):
        with xsocket.namespace(name):
            with urllib.request.urlopen('http://web.example/') as answer:
                assert answer.read().decode() == name
            assert requests.get('http://web.example/', timeout=10).text == name
            assert asyncio.run(get()) == name


TWISTED = """
import xsocket
from twisted.internet import asyncioreactor
asyncioreactor.install()
from twisted.internet import defer, reactor, threads
from twisted.web import client
def get(name):
    with xsocket.namespace(name):
        return client.Agent(reactor).request(b'GET', b'http://web.example/').addCallback(client.readBody)
@defer.inlineCallbacks
def main():
    for name in ('vpn', 'lan', 'lan', 'vpn'):
        print((yield get(name)).decode())
        with xsocket.namespace(name):
            waiting = threads.deferToThread(xsocket.current)
        print((yield waiting), (yield threads.deferToThread(xsocket.current)))
reactor.callWhenRunning(lambda: main().addErrback(print).addCallback(lambda _: reactor.stop()))
reactor.run()
"""


def test_twisted(vpn, run):
    """Its reactor of asyncio, which looks names up in a pool of threads, and goes on from those."""
    require_module('twisted.internet.test')
    assert run(TWISTED).split() == [word for name in ('vpn', 'lan', 'lan', 'vpn')
                                    for word in (name, name, '.')]


EARLY = """
from socket import getaddrinfo, gethostbyname, gethostbyname_ex as another, getnameinfo, getfqdn
from socket import create_connection
import _socket
from _socket import gethostbyaddr
import xsocket
with xsocket.namespace('vpn'):
    print(getaddrinfo('web.example', 80)[0][4], _socket.getaddrinfo('web.example', 80)[0][4])
    print(gethostbyname('web.example'), another('web.example')[2], gethostbyaddr('127.0.0.80')[0])
    print(getnameinfo(('127.0.0.80', 80), 0), getfqdn('127.0.0.80'))
    print(create_connection(('web.example', 80)).getpeername())
"""


def test_names_that_were_imported_before(vpn, run):
    assert run(EARLY) == f"""\
{NAMED} {NAMED}
127.0.0.80 ['127.0.0.80'] web.example
('web.example', 'http') web.example
{NAMED}
"""


BYTES = """
import socket
import xsocket
def use(*hosts):
    for host in hosts:
        print(socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM)[0][4], socket.gethostbyname(host))
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            stream.bind((host, 0))
            print(stream.getsockname()[0], datagrams.sendto(b'1', (host, 9)))
with xsocket.namespace('vpn'):
    use('web.example', b'web.example', b'127.0.0.80')
use('only.here', b'only.here', b'127.0.0.5')
"""


def test_bytes_where_they_are_not_compared_with_text(vpn):
    """python -bb, in a block and outside of any."""
    result = subprocess.run([sys.executable, '-bb', '-c', BYTES], check=False, text=True,
                            capture_output=True)
    assert (result.stderr, result.stdout) == ('', ''.join(
        f"('{address}', 80) {address}\n{address} 1\n" * 3 for address in ('127.0.0.80', '127.0.0.5')))


def test_ctypes_that_forgets(vpn):
    """It keeps the types that it has made for others, until one of those clears that."""
    for _ in range(2):
        assert xsocket.getaddrinfo('vpn', 'moved.example', 80, type=STREAM)[0][4] == ('127.0.0.6', 80)
        getattr(ctypes, '_reset_cache', list)()


def test_no_socket_is_made(vpn, tmp_path):
    """By no system call of the process, as no query goes out from here."""
    trace = tmp_path / 'trace'
    subprocess.run([require('strace'), '-f', '-e', 'trace=socket', '-o', str(trace), sys.executable,
                    '-c', EARLY], check=True, stdout=subprocess.DEVNULL)
    calls = trace.read_text(encoding='ascii')
    assert 'socket(AF_UNIX, SOCK_SEQPACKET' in calls and 'socket(AF_INET' not in calls


def test_no_server_answers(vpn):
    """An error that says where to look."""
    vpn.dns.stop()
    try:
        with xsocket.namespace('vpn'), pytest.raises(socket.gaierror) as info:
            socket.getaddrinfo('web.example', 80)
    finally:
        vpn.dns.start()
    assert info.value.errno == socket.EAI_AGAIN and 'resolv.conf' in info.value.strerror


def test_no_broker(vpn):
    with xsocket.namespace('nobody'), pytest.raises(FileNotFoundError) as info:
        socket.getaddrinfo('web.example', 80)
    assert info.value.filename == '/run/xsocket/nobody'
