# SPDX-License-Identifier: MIT
"""xsocket-bridge(8) and xsocket-bridge.conf(5): each example works as it stands there, and every
option of the program is on the page."""

import contextlib
import grp
import os
import re
import shlex
import socket

import pytest

from support import bridge as command, streams, tree
from support.nginx import configuration
from support.pages import FILE, blocks
from support.users import require_users
from support.wait import require, wait_until

PAGE, CONF = 'man/xsocket-bridge.8.scd', 'man/xsocket-bridge.conf.5.scd'
EXAMPLES = [text for text in blocks(PAGE) if 'xsocket-bridge ' in text]
# an address of this machine, and of a client elsewhere that is said to be here
CLIENT = '198.51.100.7'


class End:
    """An endpoint as it is written: kind, address or path, and where it is."""

    def __init__(self, text, place=None):
        self.text = text if text.startswith(('tcp:', 'udp:', 'unix:')) else f'tcp:{text}'
        (self.kind, _, where), *options = [part.partition(':') if not i else part
                                           for i, part in enumerate(self.text.split(','))]
        self.host, _, port = where.rpartition(':')
        self.where = where
        self.port = int(port) if port.isdigit() else None
        self.options = dict(option.partition('=')[::2] for option in options)
        self.place = place or self.options.get('netns') or self.options.get('broker') or 'usual'


def forwards(argv):
    """[(End of --listen, End of --connect), ...]"""
    found, names = {'l': [], 'c': [], 'f': []}, {'--listen': 'l', '--connect': 'c'}
    for option, value in zip(argv[1::2], argv[2::2]):
        found[names.get(option, option[-1])].append(value)
    near = 'process' if found['f'] else None
    return [(End(listen, near), End(connect)) for listen, connect in zip(found['l'], found['c'])]


def tcp_or_unix(near, listen, far, connect):
    """A client gets through; the header that there may be is left out."""
    where = f'tcp:{connect.where}'
    start = listen.text.split(',')[0].replace('*', CLIENT)
    with streams.listen(far, where) as server, streams.connect(near, start) as client:
        one, address = server.accept()
        with one:
            one.settimeout(streams.PATIENCE)
            client.sendall(b'question')
            if 'proxy' in connect.options:
                # proxy-protocol.txt, 2.2: the signature, PROXY, TCP over IPv4, 12 bytes
                assert streams.read_exactly(one, 16) == b'\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c'
                assert streams.read_exactly(one, 12)[:4] == socket.inet_aton(CLIENT)
            assert streams.read_exactly(one, 8) == b'question'
            one.sendall(b'answer')
            assert streams.read_exactly(client, 6) == b'answer'
            return address[0]


def udp(near, listen, far, connect):
    with far.socket(type=socket.SOCK_DGRAM) as server, near.socket(type=socket.SOCK_DGRAM) as client:
        server.bind((connect.host, connect.port))
        for one in (server, client):
            one.settimeout(streams.PATIENCE)
        client.sendto(b'question', (listen.host, listen.port))
        question, address = server.recvfrom(100)
        assert question == b'question'
        server.sendto(b'answer', address)
        assert client.recvfrom(100) == (b'answer', (listen.host, listen.port))


@pytest.fixture
def places(netns, broker):
    """Where an example is tried: namespaces by name, as the page has them; brokers as it needs them."""
    usual = netns()
    found = {'usual': usual, 'vpn': netns('vpn')}
    found['vpn'].run(['ip', 'address', 'add', '10.64.0.1/32', 'dev', 'lo'])
    found['vpn'].run(['ip', 'address', 'add', '10.4.0.1/32', 'dev', 'lo'])
    usual.run(['ip', 'address', 'add', f'{CLIENT}/32', 'dev', 'lo'])
    usual.run(['ip', 'address', 'add', '192.0.2.34/32', 'dev', 'lo'])
    os.makedirs('/run/xsocket', exist_ok=True)

    def prepare(text):
        for name in re.findall(r'broker=(\w+)', text):
            found.setdefault(name, None)
            found[name] = found[name] or netns(name)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f'/run/xsocket/{name}')
            broker('--netns', name, server=f'/run/xsocket/{name}')
        return found

    return prepare


def replaced(text, found, netns):
    """What a reader replaces: the number of a process."""
    if '6448' not in text:
        return text, None
    found['process'] = netns()
    process = found['process'].popen(['sleep', 'infinity'])
    wait_until(lambda: os.stat(f'/proc/{process.pid}/ns/net').st_ino ==
               os.stat(found['process'].path).st_ino)
    return text.replace('6448', str(process.pid)), process


@pytest.mark.parametrize('text', EXAMPLES, ids=range(1, len(EXAMPLES) + 1))
def test_example(netns, bridge, places, text):
    if 'group=' in text:
        require_users()
    found = places(text)
    text, process = replaced(text, found, netns)
    try:
        *before, last = text.replace('\\\n', '').splitlines()
        for line in before:
            found['usual'].run(shlex.split(line))
        argv = shlex.split(last)
        assert argv[0] == 'xsocket-bridge'
        bridge(*argv[1:], wrap=found['usual'].enter)
        for listen, connect in forwards(argv):
            near, far = found[listen.place], found[connect.place]
            if listen.kind == 'udp':
                udp(near, listen, far, connect)
                continue
            seen = tcp_or_unix(near, listen, far, connect)
            if 'transparent' in connect.options:
                assert seen == CLIENT
            if listen.kind == 'unix':
                status = os.stat(listen.where)
                assert status.st_mode & 0o777 == 0o660
                assert status.st_gid == grp.getgrnam(listen.options['group']).gr_gid
    finally:
        if process:
            process.kill()
            process.wait()


def test_nginx_logs_the_client(bridge, places, tmp_path):
    """The page's lines for nginx, behind the example that they stand below."""
    server, = (text for text in blocks(PAGE) if 'proxy_protocol' in text)
    command_line, = (text for text in EXAMPLES if 'proxy=v2' in text)
    (tmp_path / 'nginx.conf').write_text(configuration(tmp_path, server, log=tmp_path / 'log'))
    found = places(command_line)
    usual, vpn = found['usual'], found['vpn']
    with vpn.popen([require('nginx'), '-c', tmp_path / 'nginx.conf']) as nginx:
        try:
            wait_until(lambda: vpn.listening(80))
            bridge(*shlex.split(command_line.replace('\\\n', ''))[1:], wrap=usual.enter)
            usual.run(['curl', '-sS', '--interface', CLIENT, '-o', '/dev/null', f'http://{CLIENT}:8080/'])
            wait_until(lambda: (tmp_path / 'log').read_text().startswith(f'{CLIENT} '))
        finally:
            nginx.terminate()


def test_configuration(build, bridge, places, tmp_path):
    text, = blocks(CONF)
    assert re.match(r'/etc/xsocket/bridge/\w+\.conf$', FILE.match(text)[1])
    config = tmp_path / 'web.conf'
    config.write_text(text)
    result = command.run(build, '--check', '--config', config)
    assert (result.returncode, result.stderr) == (0, '')
    found = places(text)
    bridge('--config', config, wrap=found['usual'].enter)
    ends = [End(end) for end in re.findall(r'(?m)^(?:Listen|Connect)=(.*)', text)]
    assert [end.kind for end in ends] == ['tcp', 'tcp', 'udp', 'udp']
    tcp_or_unix(found['usual'], ends[0], found['vpn'], ends[1])
    udp(found['usual'], ends[2], found['vpn'], ends[3])


# ---- completeness ----

def bold(path):
    """What is in bold letters on the page, and the rest of those words."""
    return tree.text(path).replace('\\', '')


def test_every_option_is_on_the_page(build):
    text = command.run(build, '--help').stdout
    assert not [line for line in text.splitlines() if len(line) > 80 or '\t' in line]
    options = re.findall(r'(?m)^ +(?:(-\w), )?(--[a-z-]+)', text)
    assert len(options) == 19
    for short, long in options:
        assert re.search(rf'\*{long}\*', bold(PAGE)), long
        assert not short or f'*{short}*' in bold(PAGE), short


def test_every_option_of_endpoints_is_on_the_page(build):
    """Those that the program itself tells of, where one is wrong."""
    known = set()
    for side in ('--listen', '--connect'):
        for endpoint in ('tcp:127.0.0.1:1', 'udp:127.0.0.1:1', 'unix:/a', 'fd:3'):
            result = command.run(build, side, f'{endpoint},nosuch')
            known |= set(re.search(r'which takes (.*)', result.stderr)[1].split(', '))
    assert len(known) == 19, known
    for option in known:
        assert re.search(rf'(?m)^\*{option}(=\w*)?\*|, \*{option}=', bold(PAGE)), option


def test_every_setting_is_on_the_page(build, tmp_path):
    """Likewise, of the file."""
    config = tmp_path / 'x.conf'
    for section in ('Bridge', 'Forward NAME'):
        config.write_text(f'[{section.replace("NAME", "x")}]\nNosuch=1\n')
        result = command.run(build, '--check', '--config', config)
        settings = re.findall(r'(\w+)=', result.stderr.partition(', only ')[2])
        assert len(settings) in (5, 6)
        page = bold(CONF).partition(f'# [{section}]')[2].partition('\n# ')[0]
        for setting in settings:
            assert f'*{setting}=*' in page, setting


def test_sections_end_up_in_the_log(bridge, tmp_path):
    """The name of a forward is what its lines in the log begin with."""
    config = tmp_path / 'x.conf'
    config.write_text('[Forward some.name]\nListen=unix:@here\nConnect=unix:@there\n')
    running = bridge('--config', config)
    wait_until(lambda: 'ready: forward some.name: ' in running.log)
