# SPDX-License-Identifier: MIT
"""SIGHUP: what has not changed goes on, no client is refused, and what is wrong changes nothing."""

import contextlib
import signal
import socket
import threading

import pytest

from support import streams
from support.setting import LISTEN
from support.wait import wait_until


def test_reload_of_nothing_new(setting):
    bridge = setting.start()
    client, before = setting.client(), bridge.fds()
    assert 'read again' in setting.reload(setting.forward())
    assert client.works()
    assert bridge.fds().items() >= {number: what for number, what in before.items()
                                    if what.startswith('socket:')}.items()
    assert bridge.counters()['web']['accepted'] == 1  # it goes on counting


def test_reload_of_another_target(setting):
    """The listener stays, and what is under way goes on."""
    setting.start()
    client = setting.client()
    setting.reload(setting.forward(server=setting.two))
    wait_until(lambda: setting.greeting() == 'two')
    assert client.server == 'one' and client.works()


def test_reload_and_no_client_refused(setting):
    setting.start()
    errors, answers, end = [], {'one': 0, 'two': 0}, threading.Event()

    def crowd():
        while not end.is_set():
            try:
                answers[setting.greeting()] += 1
            except (OSError, KeyError) as error:
                errors.append(error)

    threads = [threading.Thread(target=crowd) for _ in range(4)]
    for thread in threads:
        thread.start()
    for server in [setting.two, setting.one] * 10:
        before = dict(answers)
        setting.reload(setting.forward(server=server))
        name = server.name
        wait_until(lambda: answers[name] > before[name] + 10, what=lambda: errors)
    end.set()
    for thread in threads:
        thread.join()
    assert errors == []


def test_reload_with_another_forward(setting):
    """One comes and one goes; connections through that go on."""
    setting.start()
    client = setting.client()
    setting.reload(setting.forward('other', 'tcp:127.0.0.1:4001', setting.two))
    assert setting.greeting('tcp:127.0.0.1:4001') == 'two'
    wait_until(setting.refused)
    assert client.works()
    assert list(setting.bridge.counters()) == ['other']
    setting.reload(setting.forward('other', 'tcp:127.0.0.1:4001', setting.two), setting.forward())
    assert setting.greeting() == 'one'
    assert client.works()


def test_reload_exchanges_targets(setting):
    other = 'tcp:127.0.0.1:4001'
    setting.start(setting.forward(), setting.forward('other', other, setting.two))
    assert (setting.greeting(), setting.greeting(other)) == ('one', 'two')
    setting.reload(setting.forward(server=setting.two), setting.forward('other', other))
    wait_until(lambda: (setting.greeting(), setting.greeting(other)) == ('two', 'one'))


@pytest.mark.parametrize('text, told', [
    ('[Forward web]\nListen=nonsense\n', 'nonsense'),
    ('[Bridge]\nMaxConections=3\n', 'MaxConections'),
    ('', 'nothing to bridge'),
    (None, 'bridge.conf'),
])
def test_reload_of_something_broken(setting, text, told):
    setting.start()
    client = setting.client()
    if text is None:
        setting.path.unlink()
    else:
        setting.path.write_text(text)
    setting.bridge.reload()
    assert 'everything stays as it was' in setting.bridge.log and told in setting.bridge.log
    assert client.works() and setting.greeting() == 'one'
    assert setting.bridge.counters()['web']['accepted'] == 2


def test_reload_of_a_port_that_is_taken(setting):
    """What could be opened before that is closed again."""
    setting.start()
    before = setting.sockets()
    taken = streams.listen(setting.near, 'tcp:127.0.0.1:4009')
    told = setting.reload(setting.forward(server=setting.two),
                          setting.forward('more', 'tcp:127.0.0.1:4001'),
                          setting.forward('taken', 'tcp:127.0.0.1:4009'))
    taken.close()
    assert 'in use' in told and '4009' in told and 'stays as it was' in told
    assert setting.greeting() == 'one'
    assert setting.refused('tcp:127.0.0.1:4001')
    wait_until(lambda: setting.sockets() == before, what=lambda: setting.bridge.fds())
    setting.reload(setting.forward(server=setting.two),
                   setting.forward('more', 'tcp:127.0.0.1:4001'))
    wait_until(lambda: setting.greeting() == 'two')
    assert setting.greeting('tcp:127.0.0.1:4001') == 'one'


def test_reload_of_limits(setting):
    setting.start(limits='MaxConnections=2')
    clients = [setting.client(), setting.client()]
    with pytest.raises(ConnectionResetError):
        setting.client()
    setting.reload(setting.forward(), limits='MaxConnections=3')
    wait_until(lambda: clients.append(setting.client()) or len(clients) == 3)
    with pytest.raises(ConnectionResetError):
        setting.client()
    assert all(client.works() for client in clients)


def test_reload_of_a_unix_listener(setting, tmp_path):
    """Its path stays as long as it is in use, and goes with it."""
    path = tmp_path / 'listener'
    listen = f'unix:{path}'
    setting.start(setting.forward(listen=listen))
    inode = path.stat().st_ino
    assert setting.greeting(listen) == 'one'
    for server, name in [(setting.two, 'two'), (setting.one, 'one')]:
        setting.reload(setting.forward(listen=listen, server=server))
        wait_until(lambda: setting.greeting(listen) == name)
        assert path.stat().st_ino == inode
    setting.reload(setting.forward())
    wait_until(lambda: not path.exists())
    assert setting.greeting() == 'one'


def test_reload_of_an_inherited_listener(setting):
    """A descriptor of the service manager's is kept, also while no forward has it."""
    listener = streams.listen(setting.near, LISTEN)
    inherited = f'[Forward web]\nListen=fd:3\nConnect={{}},netns={setting.far.name}\n'
    one, two = (inherited.format(server.address) for server in (setting.one, setting.two))
    setting.start(one, fds=[listener])
    listener.close()
    assert setting.greeting() == 'one'
    setting.reload(two)
    wait_until(lambda: setting.greeting() == 'two')
    setting.reload(setting.forward('other', 'tcp:127.0.0.1:4001'))
    assert setting.greeting('tcp:127.0.0.1:4001') == 'one'
    setting.reload(one)
    wait_until(lambda: setting.greeting() == 'one')


def test_reload_of_datagrams(setting):
    def forward(port):
        return f'[Forward dns]\nListen=udp:127.0.0.1:4053,netns={setting.near.name}\n' \
               f'Connect=udp:127.0.0.1:{port},netns={setting.far.name}\n'

    def ask():
        with setting.near.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(1)
            sock.sendto(b'?', ('127.0.0.1', 4053))
            with contextlib.suppress(TimeoutError):
                return sock.recv(64)

    def answer(sock, name):
        with contextlib.suppress(OSError):
            while True:
                sock.sendto(name, sock.recvfrom(64)[1])

    servers = {}
    for port in (5053, 5054):
        servers[port] = setting.far.socket(socket.AF_INET, socket.SOCK_DGRAM)
        servers[port].bind(('127.0.0.1', port))
        setting.stack.callback(servers[port].close)
        threading.Thread(target=answer, args=(servers[port], b'%d' % port), daemon=True).start()
    setting.start(forward(5053))
    assert ask() == b'5053'
    for port in (5054, 5053):
        setting.reload(forward(port))
        wait_until(lambda: ask() == b'%d' % port)
    setting.reload(setting.forward())
    wait_until(lambda: not setting.near.listening(4053, 'udp'))


def test_reload_after_the_namespace_was_made_again(setting):
    """Also where the reload comes first, the listener moves to the new one, and stays there."""
    setting.start()
    assert setting.greeting() == 'one'
    setting.near.delete()
    setting.near.create()
    setting.reload(setting.forward())
    wait_until(lambda: setting.greeting() == 'one')
    setting.reload(setting.forward())
    assert setting.greeting() == 'one'


def test_many_reloads_leave_nothing(setting):
    setting.start()
    assert setting.greeting() == 'one'
    for round_ in range(40):
        server = (setting.two, setting.one)[round_ % 2]
        setting.reload(setting.forward(server=server),
                       setting.forward('more', f'tcp:127.0.0.1:{4001 + round_ % 3}'))
        wait_until(lambda: setting.greeting() == server.name)
        if round_ == 3:
            before = setting.sockets()
    wait_until(lambda: setting.sockets() <= before,
               what=lambda: f'{before} sockets before, now {setting.bridge.fds()}')


def test_reload_without_a_file(bridge, netns):
    running = bridge('--listen', LISTEN, '--connect', 'tcp:127.0.0.1:5001')
    running.reload()
    assert 'no --config' in running.log


def test_reload_after_the_end_has_begun(setting):
    bridge = setting.start()
    client = setting.client()
    bridge.send_signal(signal.SIGTERM)
    wait_until(setting.refused)
    bridge.send_signal(signal.SIGHUP)
    bridge.send_signal(signal.SIGUSR1)
    bridge.wait_log('all forwards: ')
    assert client.works()
    assert setting.refused()
    client.close()
    bridge.expected = 0
    assert bridge.wait(5) == 0
