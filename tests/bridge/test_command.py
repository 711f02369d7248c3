# SPDX-License-Identifier: MIT
"""The command line, from end to end: mistakes, what a limit limits, and who may look like whom."""

import os
import socket
import subprocess

import pytest

from support import bridge as command, streams
from support.wait import wait_until

LISTEN, CONNECT = 'tcp:127.0.0.1:4000', 'tcp:127.0.0.1:5000'
PAIR = ['--listen', LISTEN, '--connect', CONNECT]
HINT = "Try 'xsocket-bridge --help'.\n"


def said(result, *words):
    """One line, of the program, with all of these in it."""
    assert result.stdout == ''
    line, end, rest = result.stderr.partition('\n')
    # getopt(3) has the path before it
    assert line.startswith(('xsocket-bridge: ', '/')) and end and not rest, result.stderr
    assert 'xsocket-bridge: ' in line
    for word in words:
        assert word in line
    return line


@pytest.mark.parametrize('args, words', [
    ([], 'needed'),
    (['-l', LISTEN], 'add --connect EP'),
    (['-c', CONNECT], 'add --listen EP'),
    (['-l', '80', '-c', CONNECT], 'write ADDRESS:PORT'),
    (['-l', f'{LISTEN},nets=vpn', '-c', CONNECT], 'there is no option "nets"'),
    (['-l', f'{LISTEN},netns=a,broker=b', '-c', CONNECT], 'exclude each other'),
    (['-l', LISTEN, '-f', '/n', '-F', '3', '-c', CONNECT], 'exclude each other'),
    (['-l', LISTEN, '-L', '3', '-c', CONNECT], 'exclude each other'),
    (['-l', 'udp:*:1', '-c', CONNECT], 'datagrams'),
    ([*PAIR, *PAIR], 'listens at'),
    ([*PAIR, '--config', 'x'], 'says everything'),
    ([*PAIR, '--workers', '0'], '--workers'),
    ([*PAIR, '--nonsense'], '--nonsense'),
    ([*PAIR, 'more'], '"more"'),
], ids=lambda value: ' '.join(value) if isinstance(value, list) else '')
def test_mistake(build, args, words):
    result = command.run(build, *args)
    assert result.returncode == 2
    assert result.stderr.endswith(f'\n{HINT}')
    result.stderr = result.stderr.removesuffix(HINT)
    said(result, words)


def test_check(build, tmp_path):
    """What is right is told by silence, whether it could be served or not."""
    config = tmp_path / 'x.conf'
    config.write_text(f'[Forward a]\nListen={LISTEN},netns=nowhere\nConnect={CONNECT}\n')
    for args in ([*PAIR, '--check'], ['--check', '--config', config],
                 ['--check', '-L77', '-c', CONNECT]):
        result = command.run(build, *args)
        assert (result.returncode, result.stdout, result.stderr) == (0, '', '')


@pytest.mark.parametrize('text, words', [
    ('', 'nothing to bridge'),
    ('[Forward a]\nListen=tcp:80\n', 'x.conf:2: Listen=tcp:80: write ADDRESS:PORT'),
    ('[Bridge]\nMaxConections=5\n', 'x.conf:2: there is no setting MaxConections='),
    ('[Forward a]\nListen=tcp:*:80\n', '[Forward a] has no Connect='),
    (None, 'No such file'),
])
@pytest.mark.parametrize('check', [True, False])
def test_mistake_in_file(build, tmp_path, text, words, check):
    config = tmp_path / 'x.conf'
    if text is not None:
        config.write_text(text)
    result = command.run(build, '--config', config, *['--check'] * check)
    assert result.returncode == 78
    said(result, 'x.conf', words)


@pytest.mark.parametrize('listen, words', [
    ('tcp:192.0.2.1:4000', ['tcp:192.0.2.1:4000: Cannot assign', 'freebind']),
    ('tcp:127.0.0.1:4000,interface=nosuch0', ['interface=nosuch0', 'No such device']),
    ('tcp:127.0.0.1:4000,netns=nowhere', ['/run/netns/nowhere: does not exist']),
    ('tcp:127.0.0.1:4000,netns=/etc/passwd', ['/etc/passwd: is no namespace']),
    ('tcp:127.0.0.1:4000,broker=/nowhere', ['broker /nowhere: No such file']),
    ('tcp:[fe80::1%nosuch0]:4000', ['%nosuch0', 'No such device']),
    ('unix:/nowhere/a', ['/nowhere: No such file']),
    ('unix:/run/a,user=no.such.user', ['no.such.user']),
    ('fd:77', ['fd:77']),
    ('fd:0', ['fd:0']),
])
def test_what_cannot_be_listened_at(build, listen, words):
    result = command.run(build, '--listen', listen, '--connect', CONNECT, stdin=subprocess.DEVNULL)
    assert result.returncode == 1
    said(result, *words)


@pytest.fixture
def descriptors():
    """Sockets by what they are."""
    with socket.create_server(('127.0.0.1', 0)) as listening, \
            socket.create_connection(listening.getsockname()) as connected, \
            socket.socket() as fresh, socket.socket(type=socket.SOCK_DGRAM) as datagram, \
            open('/dev/null', 'rb') as file:
        datagram.bind(('127.0.0.1', 0))
        yield {'listening': listening, 'connected': connected, 'fresh': fresh, 'datagram': datagram,
               'file': file}


@pytest.mark.parametrize('option, what', [
    ('-L', 'connected'), ('-L', 'fresh'), ('-L', 'file'), ('-L', 'datagram'),
    ('-S', 'listening'), ('-S', 'fresh'), ('-S', 'datagram'), ('-S', 'file'),
    ('-C', 'listening'), ('-C', 'fresh'), ('-C', 'datagram'), ('-C', 'file'),
    ('-F', 'file'), ('-F', 'fresh'), ('-T', 'file'),
])
def test_wrong_descriptor(build, descriptors, option, what):
    """A socket of another kind than is needed is told at once."""
    fd = descriptors[what].fileno()
    ends = {'-L': ['-c', CONNECT], '-S': ['-c', CONNECT], '-C': ['-l', LISTEN]}
    result = command.run(build, option, fd, *ends.get(option, PAIR), pass_fds=[fd])
    assert result.returncode == 1, result.stderr
    said(result, str(fd))


def test_address_in_use(build):
    with socket.create_server(('127.0.0.1', 4000)):
        result = command.run(build, *PAIR)
    assert result.returncode == 1
    said(result, LISTEN, 'Address already in use')


def test_ready(bridge):
    """The log tells what is served; then it can be connected to."""
    running = bridge(*PAIR, '-l', 'unix:@a', '-c', CONNECT)
    assert f'ready: forward 1: {LISTEN} to {CONNECT}\n' in running.log
    assert f'ready: forward 2: unix:@a to {CONNECT}\n' in running.log
    assert running.log.startswith('xsocket-bridge: ')


# ---- limits ----

def reset(client, where):
    """A connection ends by a reset, before or after it was seen to be there."""
    try:
        with streams.connect(client, where) as sock:
            return streams.ending(sock) == (b'', 'ECONNRESET')
    except ConnectionResetError:
        return True


@pytest.fixture(params=['options', 'file'])
def start(request, bridge, tmp_path):
    """start(max_connections=5): a bridge from LISTEN to CONNECT that is told so in one way."""
    def options(**limits):
        told = [f'--{name.replace("_", "-").removesuffix("-sec")}={value}'
                for name, value in limits.items()]
        return bridge(*PAIR, *told)

    def file(**limits):
        lines = [f'{"".join(part.capitalize() for part in name.split("_"))}={value}\n'
                 for name, value in limits.items()]
        config = tmp_path / 'x.conf'
        config.write_text(f'[Bridge]\n{"".join(lines)}'
                          f'[Forward x]\nListen={LISTEN}\nConnect={CONNECT}\n')
        return bridge('--config', config)

    return {'options': options, 'file': file}[request.param]


def test_max_connections(here, start):
    running = start(max_connections=1)
    with streams.listen(here, CONNECT) as listener, streams.connect(here, LISTEN) as one:
        one.sendall(b'x')
        server, _ = listener.accept()
        with server:
            assert reset(here, LISTEN)
    running.wait_log('a client was refused: MaxConnections= of the bridge is 1')


def test_idle_timeout(here, start):
    start(idle_timeout_sec=1)
    with streams.listen(here, CONNECT) as listener, streams.connect(here, LISTEN) as one:
        server, _ = listener.accept()
        with server:
            assert streams.readable(one, 10)


def test_workers(start):
    running = start(workers=3)
    with open(f'/proc/{running.pid}/maps', encoding='utf-8') as maps:
        sanitizers = any('/libtsan' in line for line in maps)  # which has a thread of its own
    # the main one, and those
    assert len(os.listdir(f'/proc/{running.pid}/task')) == 4 + sanitizers


# ---- who looks like whom ----

NEAR, CLIENT = '192.0.2.1', '192.0.2.2'


@pytest.fixture
def remote(netns):
    """(near, client's): two namespaces with a wire between them."""
    near, far = netns(), netns()
    near.run(['ip', 'link', 'add', 'wire0', 'type', 'veth', 'peer', 'name', 'wire1', 'netns',
              far.name])
    for namespace, wire, address in ((near, 'wire0', NEAR), (far, 'wire1', CLIENT)):
        namespace.run(['ip', 'address', 'add', f'{address}/24', 'dev', wire])
        namespace.run(['ip', 'link', 'set', wire, 'up'])
    wait_until(lambda: far.run(['ip', '-j', 'link', 'show', 'wire1'], capture_output=True).stdout
               .count('LOWER_UP'))
    return near, far


def from_everywhere(bridge, near, there, target, options):
    return bridge('--listen', f'tcp:*:4000,netns={near.name}',
                  '--connect', f'tcp:{target}:5000,netns={there.name}{options}')


@pytest.mark.parametrize('target', ['127.0.0.1', 'localhost'])
def test_remote_client_is_not_a_local_one(netns, remote, bridge, target):
    """To a target that sees 127.0.0.1 only local clients are connected; the log says what to do."""
    near, far = remote
    there = netns()
    running = from_everywhere(bridge, near, there, target, '')
    with streams.listen(there, CONNECT) as listener:
        for host in ('127.0.0.1', NEAR):
            with streams.connect(near, f'tcp:{host}:4000'):
                server, address = listener.accept()
                server.close()
                assert address[0] == '127.0.0.1'
        assert reset(far, f'tcp:{NEAR}:4000')
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    running.wait_log('a remote client would look like a local one')
    assert 'as-local' in running.log


@pytest.mark.parametrize('header, passed', [
    (f'PROXY TCP4 {CLIENT} {NEAR} 1 2', False),
    ('PROXY TCP4 127.0.0.1 127.0.0.1 1 2', True),
    # then it is who it is
    ('PROXY UNKNOWN', False),
])
def test_client_that_a_header_tells_of(netns, remote, bridge, header, passed):
    """What a proxy in front says counts; where it does not know, its own address does."""
    near, far = remote
    there = netns()
    bridge('--listen', f'tcp:*:4000,netns={near.name},proxy=any',
           '--connect', f'{CONNECT},netns={there.name}')
    with streams.listen(there, CONNECT) as listener, \
            streams.connect(far, f'tcp:{NEAR}:4000') as sock:
        sock.sendall(f'{header}\r\nx'.encode())
        if not passed:
            assert streams.ending(sock)[1] == 'ECONNRESET'
            return
        server, _ = listener.accept()
        with server:
            assert streams.read_exactly(server, 1) == b'x'


@pytest.mark.parametrize('target', ['127.0.0.1', 'localhost'])
@pytest.mark.parametrize('options, passed', [('', False), (',as-local', True), (',proxy=v2', True)])
def test_remote_datagrams_are_not_local_ones(netns, remote, bridge, target, options, passed):
    near, far = remote
    there = netns()
    running = bridge('--listen', f'udp:*:4000,netns={near.name}',
                     '--connect', f'udp:{target}:5000,netns={there.name}{options}')
    with there.socket(type=socket.SOCK_DGRAM) as server, \
            near.socket(type=socket.SOCK_DGRAM) as local, \
            far.socket(type=socket.SOCK_DGRAM) as sock:
        server.settimeout(streams.PATIENCE)
        server.bind(('127.0.0.1', 5000))
        sock.sendto(b'from far', (NEAR, 4000))
        if passed:
            assert server.recv(100).endswith(b'from far')
            return
        running.wait_log('a remote client would look like a local one')
        local.sendto(b'from near', ('127.0.0.1', 4000))
        assert server.recv(100) == b'from near'
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.recv(100)


@pytest.mark.parametrize('target, options, seen', [
    ('127.0.0.1', ',as-local', '127.0.0.1'),
    ('127.0.0.1', ',bind=192.0.2.9', '192.0.2.9'),
    ('127.0.0.1', ',proxy=v1', '127.0.0.1'),
    ('192.0.2.9', '', '192.0.2.9'),
])
def test_unless_that_is_asked_for(netns, remote, bridge, target, options, seen):
    near, far = remote
    there = netns()
    there.run(['ip', 'address', 'add', '192.0.2.9/32', 'dev', 'lo'])
    from_everywhere(bridge, near, there, target, options)
    with streams.listen(there, f'tcp:{target}:5000') as listener, \
            streams.connect(far, f'tcp:{NEAR}:4000') as sock:
        server, address = listener.accept()
        with server:
            server.settimeout(streams.PATIENCE)
            assert address[0] == seen
            sock.sendall(b'x')
            first = streams.read_exactly(server, 1)
            assert first == (b'P' if 'proxy' in options else b'x')


def test_that_is_told_at_the_start(bridge):
    running = bridge('-l', 'tcp:*:4000', '-c', CONNECT,
                     '-l', 'tcp:*:4001', '-c', f'{CONNECT},as-local')
    running.wait_log('forward 1: clients from elsewhere will be refused')
    assert 'forward 2: clients' not in running.log
