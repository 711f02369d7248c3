# SPDX-License-Identifier: MIT
"""Names that a forward connects to: asked for in the connecting namespace and nowhere else, and
again when what was found is old."""

import contextlib
import socket
import subprocess
import threading
import time

import pytest

from support.greeters import Greeter, greeting as ask_greeter
from support.names import Etc
from support.users import as_user
from support.wait import wait_until

PORT = 4000
LOOK_UP = 4.5  # seconds until a single server that is silent is given up: resolve.c


@pytest.fixture
def etc():
    """/etc, where every namespace has its name server at 127.0.0.1."""
    with Etc() as layer:
        layer.write('resolv.conf', 'nameserver 127.0.0.1\n')
        yield layer


@pytest.fixture
def greeters():
    """greeters(NAMESPACE, ADDRESS..., port=80): servers that say which address they have."""
    made = []

    def start(namespace, *addresses, port=80):
        for address in addresses:
            host = f'[{address}]' if ':' in address else address
            made.append(Greeter(namespace, address, f'tcp:{host}:{port}'))

    yield start
    for each in made:
        each.close()


@pytest.fixture
def greeting(here):
    """greeting(): who answers through the bridge."""
    return lambda port=PORT: ask_greeter(here, f'tcp:127.0.0.1:{port}')


def start(bridge, connect, *args, **kwargs):
    return bridge('--listen', f'tcp:127.0.0.1:{PORT}', '--connect', connect, *args, **kwargs)


def test_a_name_of_the_namespace(bridge, netns, dns, greeters, outside, greeting):
    vpn = netns()
    server = dns(vpn, {'web.example': ['127.0.0.2']})
    greeters(vpn, '127.0.0.2')
    start(bridge, f'tcp:web.example:80,netns={vpn.name}')
    assert greeting() == '127.0.0.2'
    assert server.asked('web.example') == server.asked('web.example', 'AAAA') == 1


def test_a_search_list(bridge, netns, dns, greeters, etc, outside, greeting):
    vpn = netns()
    dns(vpn, {'web.example': ['127.0.0.2']})
    greeters(vpn, '127.0.0.2')
    etc.write(f'netns/{vpn.name}/resolv.conf', 'search example\nnameserver 127.0.0.1\n')
    start(bridge, f'tcp:web:80,netns={vpn.name}')
    assert greeting() == '127.0.0.2'


def test_files_of_the_namespace(bridge, netns, dns, greeters, etc, outside, greeting):
    """/etc/netns/NAME has its servers and its hosts, as for ip-netns(8)."""
    vpn = netns()
    dns(vpn, {'web.example': ['127.0.0.2']}, port=53, more=['--listen-address=127.0.0.77'])
    greeters(vpn, '127.0.0.2', '127.0.0.3')
    etc.write('resolv.conf', 'nameserver 127.0.0.66\n')
    etc.write('hosts', '127.0.0.4 web.example db.example\n')
    etc.write(f'netns/{vpn.name}/resolv.conf', 'nameserver 127.0.0.77\n')
    etc.write(f'netns/{vpn.name}/hosts', '# none\n127.0.0.3\tdb DB.example # the database\n')
    start(bridge, f'tcp:web.example:80,netns={vpn.name}',
          '--listen', 'tcp:127.0.0.1:4001', '--connect', f'tcp:db.example:80,netns={vpn.name}')
    assert greeting() == '127.0.0.2'
    assert greeting(4001) == '127.0.0.3'


def test_the_bridge_own_namespace(bridge, here, dns, greeters, etc, greeting):
    dns(here, {'web.example': ['127.0.0.2']})
    greeters(here, '127.0.0.2')
    start(bridge, 'tcp:web.example:80')
    assert greeting() == '127.0.0.2'


def test_localhost_is_nobody_s_to_tell(bridge, netns, etc, greeters, outside, greeting):
    vpn = netns()
    etc.write('hosts', '')
    greeters(vpn, '127.0.0.1')
    start(bridge, f'tcp:localhost:80,netns={vpn.name}')
    assert greeting() == '127.0.0.1'


def test_a_name_that_moves(bridge, netns, dns, greeters, outside, greeting):
    """Looked up again by the first connection after its time, and not before."""
    vpn = netns()
    server = dns(vpn, {'web.example': ['127.0.0.2']}, ttl=3)
    greeters(vpn, '127.0.0.2', '127.0.0.3')
    begin = time.monotonic()
    running = start(bridge, f'tcp:web.example:80,netns={vpn.name}')
    assert greeting() == '127.0.0.2'
    server.names({'web.example': ['127.0.0.3']})
    found = [greeting() for _ in range(50)]
    if time.monotonic() < begin + 3:
        assert set(found) == {'127.0.0.2'} and server.asked('web.example') == 1
    wait_until(lambda: greeting() == '127.0.0.3', what=lambda: running.log)
    assert time.monotonic() > begin + 3
    assert server.asked('web.example') == 2


def test_a_name_that_nobody_uses_is_not_asked_for(bridge, netns, dns, greeters, outside, greeting):
    vpn = netns()
    server = dns(vpn, {'web.example': ['127.0.0.2'], 'end.example': ['127.0.0.2']})
    greeters(vpn, '127.0.0.2')
    start(bridge, f'tcp:web.example:80,netns={vpn.name}',
          '--listen', 'tcp:127.0.0.1:4001', '--connect', f'tcp:end.example:80,netns={vpn.name}')
    wait_until(lambda: server.asked('web.example') == 1)
    wait_until(lambda: greeting(4001) and server.asked('end.example') >= 4, timeout=20)
    assert server.asked('web.example') == 1


def test_many_clients_ask_once(bridge, netns, dns, greeters, outside, greeting):
    """Also when what they wait for is old."""
    vpn = netns()
    server = dns(vpn, {'web.example': ['127.0.0.2']}, ttl=2)
    greeters(vpn, '127.0.0.2')
    start(bridge, f'tcp:web.example:80,netns={vpn.name}')
    assert greeting() == '127.0.0.2'
    old = time.monotonic() + 2
    wait_until(lambda: time.monotonic() > old)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(greeting())) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ['127.0.0.2'] * 200
    # more than one only if this took longer than the address is good
    assert server.asked('web.example') <= 2 + (time.monotonic() - old) // 2


def test_no_such_name(bridge, netns, dns, greeters, outside, greeting):
    """The client is reset, one line says why, and it works once there is one."""
    vpn = netns()
    server = dns(vpn)
    greeters(vpn, '127.0.0.2')
    running = start(bridge, f'tcp:web.example:80,netns={vpn.name}')
    assert [greeting() for _ in range(3)] == ['reset'] * 3
    running.wait_log('web.example cannot be looked up: there is no such name')
    assert running.log.count('cannot be looked up') == 1
    server.names({'web.example': ['127.0.0.2']})
    wait_until(lambda: greeting() == '127.0.0.2', what=lambda: running.log)
    running.wait_log('the name web.example can be looked up again')


def test_a_name_that_goes(bridge, netns, dns, greeters, outside, greeting):
    """An answer that there is none is an answer: its address may be somebody else's now."""
    vpn = netns()
    server = dns(vpn, {'web.example': ['127.0.0.2']})
    greeters(vpn, '127.0.0.2')
    running = start(bridge, f'tcp:web.example:80,netns={vpn.name}')
    assert greeting() == '127.0.0.2'
    server.names({})
    wait_until(lambda: greeting() == 'reset', what=lambda: running.log)


def test_a_server_that_ends(bridge, netns, dns, greeters, outside, greeting):
    """What was found goes on to be used, and connections do not wait."""
    vpn = netns()
    server = dns(vpn, {'web.example': ['127.0.0.2']})
    greeters(vpn, '127.0.0.2')
    running = start(bridge, f'tcp:web.example:80,netns={vpn.name}')
    assert greeting() == '127.0.0.2'
    server.stop()
    wait_until(lambda: greeting() == '127.0.0.2' and 'the old addresses are used' in running.log,
               what=lambda: running.log)
    silent = vpn.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(('127.0.0.1', 53))
    end = time.monotonic() + 7  # longer than it takes until the next try
    while time.monotonic() < end:
        begin = time.monotonic()
        assert greeting() == '127.0.0.2'
        assert time.monotonic() < begin + LOOK_UP / 2
        time.sleep(0.02)  # the time that is tested, not one that is waited for
    assert silent.recv(512)
    silent.close()
    server.start()
    wait_until(lambda: greeting() == '127.0.0.2' and 'can be looked up again' in running.log,
               timeout=20, what=lambda: running.log)
    assert running.log.count('cannot be looked up') <= 2


@pytest.mark.parametrize('silent', [False, True])
def test_no_server_answers(bridge, netns, silent, outside, greeting):
    """Nobody is there (said at once), or somebody who says nothing (after some seconds)."""
    vpn = netns()
    if silent:
        sock = vpn.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(('127.0.0.1', 53))
    begin = time.monotonic()
    running = start(bridge, f'tcp:web.example:80,netns={vpn.name}')
    assert greeting() == 'reset'
    assert (time.monotonic() - begin > LOOK_UP - 1) == silent
    assert time.monotonic() - begin < LOOK_UP + 3
    running.wait_log('no name server answers' if silent else 'no name server can be reached')
    running.wait_log('servers of /etc/resolv.conf; its own go into /etc/netns')


def test_ends_in_the_middle_of_a_look_up(bridge, netns, outside):
    vpn = netns()
    sock = vpn.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(('127.0.0.1', 53))
    sock.settimeout(20)
    running = start(bridge, f'tcp:web.example:80,netns={vpn.name}')
    sock.recv(512)
    begin = time.monotonic()
    running.stop()
    assert time.monotonic() - begin < 1


def test_both_families(bridge, netns, dns, greeters, outside, greeting):
    """All addresses are tried: who listens at one only is found."""
    vpn = netns()
    dns(vpn, {'four.example': ['127.0.0.2', '::1'], 'six.example': ['127.0.0.3', '::1']})
    greeters(vpn, '127.0.0.2')
    greeters(vpn, '::1', port=81)
    start(bridge, f'tcp:four.example:80,netns={vpn.name}',
          '--listen', 'tcp:127.0.0.1:4001', '--connect', f'tcp:six.example:81,netns={vpn.name}')
    assert greeting() == '127.0.0.2'
    assert greeting(4001) == '::1'


def test_an_answer_by_tcp(bridge, netns, dns, greeters, outside, greeting):
    """More addresses than a datagram has room for, and than are kept."""
    vpn = netns()
    addresses = [f'127.0.1.{i}' for i in range(1, 101)]
    server = dns(vpn, {'many.example': addresses})
    greeters(vpn, *addresses)
    start(bridge, f'tcp:many.example:80,netns={vpn.name}')
    assert greeting() in addresses
    assert server.asked('many.example') == 2  # the second time by TCP


def test_an_address_that_cannot_be_reached(bridge, netns, dns, greeters, outside, greeting):
    """The name is looked up again although its time has not come."""
    vpn = netns()
    server = dns(vpn, {'web.example': ['127.0.0.2']}, ttl=3600)
    greeters(vpn, '127.0.0.3')
    running = start(bridge, f'tcp:web.example:80,netns={vpn.name}')
    assert greeting() == 'reset'
    server.names({'web.example': ['127.0.0.3']})
    wait_until(lambda: greeting() == '127.0.0.3', what=lambda: running.log)


def test_a_name_by_a_broker(bridge, vpn, dns, greeters, outside, greeting):
    """Without privilege: sockets for queries are the broker's, too."""
    dns(vpn, {'web.example': ['127.0.0.2']})
    greeters(vpn, '127.0.0.2')
    subprocess.run(['chmod', '666', vpn.server], check=True)
    start(bridge, f'tcp:web.example:80,broker={vpn.server}', wrap=as_user)
    assert greeting() == '127.0.0.2'


def test_datagrams_to_a_name(bridge, netns, dns, outside):
    vpn = netns()
    dns(vpn, {'echo.example': ['127.0.0.2']})
    with vpn.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        server.bind(('127.0.0.2', 7))
        server.settimeout(20)
        client.settimeout(20)
        bridge('--listen', f'udp:127.0.0.1:{PORT}',
               '--connect', f'udp:echo.example:7,netns={vpn.name}')
        client.sendto(b'hello', ('127.0.0.1', PORT))
        data, source = server.recvfrom(64)
        server.sendto(data + b' back', source)
        assert client.recv(64) == b'hello back'


def test_an_interface_of_the_namespace(bridge, netns):
    """The same name has another number over there."""
    vpn = netns()
    for name in ('first', 'second', 'third', 'wanted'):
        vpn.run(['ip', 'link', 'add', name, 'type', 'bridge'])
    vpn.run(['ip', 'link', 'set', 'wanted', 'up'])
    vpn.run(['ip', 'addr', 'add', 'fe80::5/64', 'dev', 'wanted', 'nodad'])
    vpn.await_addresses('fe80::5')
    with vpn.entered():
        scope = socket.if_nametoindex('wanted')
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(vpn.socket(socket.AF_INET6))
        listener.bind(('fe80::5', 80, 0, scope))
        listener.listen()
        running = start(bridge, f'tcp:[fe80::5%wanted]:80,netns={vpn.name}')
        client = stack.enter_context(socket.create_connection(('127.0.0.1', PORT), 20))
        listener.settimeout(20)
        accepted, _ = listener.accept()
        stack.enter_context(accepted).sendall(b'scoped')
        assert client.recv(64) == b'scoped', running.log


def test_nothing_is_left_of_look_ups(bridge, netns, dns, greeters, outside, greeting):
    vpn = netns()
    server = dns(vpn, {'web.example': ['127.0.0.2']})
    greeters(vpn, '127.0.0.2')
    running = start(bridge, f'tcp:web.example:80,netns={vpn.name}')
    assert greeting() == '127.0.0.2'

    def sockets():
        return sum(what.startswith('socket:') for what in running.fds().values())

    wait_until(lambda: greeting() and server.asked('web.example') >= 2)
    before = sockets()
    wait_until(lambda: greeting() and server.asked('web.example') >= 5, timeout=20)
    wait_until(lambda: sockets() <= before, what=lambda: f'{before} before, now {running.fds()}')
