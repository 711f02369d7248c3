# SPDX-License-Identifier: MIT
"""Clients, targets, brokers and parents that mean harm, or come at the worst moment."""

import contextlib
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time

import pytest

from support import streams
from support.names import Etc
from support.procfs import cpu_time
from support.setting import Setting
from support.wait import wait_until

LISTEN, CONNECT = 'tcp:127.0.0.1:4000', 'tcp:127.0.0.1:5000'
BUSY = 0.2  # seconds of CPU time in one second of nothing to do that show a busy loop


@pytest.fixture
def setting(netns, bridge, tmp_path):
    made = Setting(netns, bridge, tmp_path)
    yield made
    made.close()


def used_in_a_second(bridge):
    before = cpu_time(bridge.pid)
    time.sleep(1)
    return cpu_time(bridge.pid) - before


def stop(bridge):
    """All of its threads stand still until SIGCONT."""
    bridge.send_signal(signal.SIGSTOP)
    wait_until(lambda: all((task / 'stat').read_text().rpartition(')')[2].split()[0] == 'T'
                           for task in pathlib.Path(f'/proc/{bridge.pid}/task').iterdir()))


# ---- descriptors ----

@pytest.fixture
def joined_fds():
    """A connection over TCP: what is passed, and the far end of it."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    far.settimeout(streams.PATIENCE)
    with near, far:
        yield near, far


def test_second_client_does_not_end_the_first(here, bridge, joined_fds):
    """Where there is one connection for one client, others are turned away, and that is all."""
    near, far = joined_fds
    one = bridge('--listen', LISTEN, '--connect', 'fd:3', '--drain-timeout', '1', fds=[near],
                 expected=0)
    with streams.connect(here, LISTEN) as client:
        client.sendall(b'first')
        assert streams.read_exactly(far, 5) == b'first'
        assert streams.end_of_connecting(here, LISTEN) == (b'', 'ECONNRESET')
        time.sleep(2)
        client.sendall(b'still')
        assert streams.read_exactly(far, 5) == b'still'
        assert 'draining' not in one.log
    far.close()
    assert one.wait() == 0


def test_client_without_a_header_does_not_end_the_bridge(here, bridge, joined_fds):
    """The connection is there for the first one that gets through."""
    near, far = joined_fds
    one = bridge('--listen', LISTEN + ',proxy=any', '--connect', 'fd:3', fds=[near], expected=0)
    with streams.connect(here, LISTEN) as client:
        client.sendall(b'GET / HTTP/1.0\r\n\r\n')
        assert streams.ending(client) == (b'', 'ECONNRESET')
    with streams.connect(here, LISTEN) as client:
        client.sendall(b'PROXY UNKNOWN\r\nhello')
        assert streams.read_exactly(far, 5) == b'hello'
    far.close()
    assert one.wait() == 0


def test_reload_of_limits_keeps_a_descriptor(setting, joined_fds):
    """It has one owner before and after: whoever came later could have its number."""
    near, far = joined_fds
    text = f'[Forward web]\nListen={LISTEN},netns={setting.near.name}\nConnect=fd:3\n'
    bridge = setting.start(text, fds=[near], expected=0)
    near.close()
    for limit in (100, 200, 300):
        assert 'read again' in setting.reload(text, limits=f'MaxConnections={limit}')
    with streams.connect(setting.near, LISTEN) as client:
        client.sendall(b'hello')
        assert streams.read_exactly(far, 5) == b'hello'
        assert 'read again' in setting.reload(text, limits='MaxConnections=400')
        far.sendall(b'and back')
        assert streams.read_exactly(client, 8) == b'and back'
    far.close()
    assert bridge.wait() == 0


def test_reload_takes_no_descriptor(setting):
    """What has the number then is somebody's connection."""
    bridge = setting.start()
    client = setting.client()
    sockets = [fd for fd, what in bridge.fds().items() if what.startswith('socket:')]
    for fd in sockets:
        other = setting.forward('other', f'fd:{fd},accepted').replace(
            f'fd:{fd},accepted,netns={setting.near.name}', f'fd:{fd},accepted')
        assert 'everything stays as it was' in setting.reload(setting.forward(), other)
    assert client.works()


def test_no_descriptors_at_all(setting):
    """Not even the one in reserve: the bridge waits, but not busily, and goes on afterwards."""
    bridge = setting.start()
    assert setting.greeting() == 'one'
    before = resource.prlimit(bridge.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(bridge.pid, resource.RLIMIT_NOFILE, (3, before[1]))
    with streams.connect(setting.near, LISTEN) as client:
        assert used_in_a_second(bridge) < BUSY
        resource.prlimit(bridge.pid, resource.RLIMIT_NOFILE, before)
        assert streams.read_exactly(client, 3) == b'one'
    assert setting.greeting() == 'one'


def test_reserve_is_there_again(setting):
    """The descriptor that is given up for clients that are turned away."""
    bridge = setting.start()
    assert setting.greeting() == 'one'
    hard = resource.prlimit(bridge.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(bridge.pid, resource.RLIMIT_NOFILE, (3, hard))
    with streams.connect(setting.near, LISTEN):
        time.sleep(0.3)
    resource.prlimit(bridge.pid, resource.RLIMIT_NOFILE, (hard, hard))
    wait_until(lambda: setting.greeting() == 'one')
    wait_until(lambda: '/' in bridge.fds().values(), what=bridge.fds)


def test_listener_that_its_maker_shuts_down(setting):
    """Whoever passed it still has it. Others are served, and nothing is busy."""
    listener = streams.listen(setting.near, LISTEN)
    inherited = f'[Forward gone]\nListen=fd:3\n' \
                f'Connect={setting.one.address},netns={setting.far.name}\n'
    bridge = setting.start(inherited, setting.forward('web', 'tcp:127.0.0.1:4001'), fds=[listener])
    assert setting.greeting() == 'one'
    listener.shutdown(socket.SHUT_RD)
    assert used_in_a_second(bridge) < BUSY
    assert setting.greeting('tcp:127.0.0.1:4001') == 'one'
    listener.close()


# ---- privilege ----

def test_no_thread_has_more_rights(setting):
    """Also those that were there before the bridge was ready: one reads what name servers send."""
    forward = f'[Forward web]\nListen={LISTEN}\nConnect=tcp:web.example:80\n'
    bridge = setting.start(forward)
    rights = {task.name: [line for line in (task / 'status').read_text().splitlines()
                          if line.startswith(('Cap', 'NoNewPrivs')) and 'CapBnd' not in line]
              for task in pathlib.Path(f'/proc/{bridge.pid}/task').iterdir()}
    first = rights[str(bridge.pid)]
    assert all(each == first for each in rights.values()), rights


# ---- names ----

def test_first_bytes_survive_an_address_that_refuses(netns, here, bridge):
    """What the client has sent before there was a connection is for whoever takes it."""
    there = netns()
    with Etc() as etc:
        etc.write(f'netns/{there.name}/hosts', '127.0.0.2 web.example\n127.0.0.3 web.example\n')
        one = bridge('--listen', LISTEN, '--connect', f'tcp:web.example:5000,netns={there.name}')
        with streams.listen(there, 'tcp:127.0.0.3:5000') as listener:
            stop(one)
            with streams.connect(here, LISTEN) as client:
                client.sendall(b'the very first bytes')
                one.send_signal(signal.SIGCONT)
                server, _ = listener.accept()
                with server:
                    server.settimeout(streams.PATIENCE)
                    client.shutdown(socket.SHUT_WR)
                    assert streams.read_all(server) == b'the very first bytes'


def test_look_up_keeps_no_namespace_alive(netns, bridge):
    """The thread that has looked there goes back."""
    there = netns()
    one = bridge('--listen', LISTEN, '--connect', f'tcp:[fe80::1%lo]:5000,netns={there.name}')
    inode = os.stat(there.path).st_ino
    there.delete()
    wait_until(lambda: all(os.stat(f'{task}/ns/net').st_ino != inode
                           for task in pathlib.Path(f'/proc/{one.pid}/task').iterdir()))
    there.create()


def test_hanging_broker_does_not_hold_up_a_reload(setting, tmp_path):
    """Somebody waits for it for a name's sake; nobody waits for him."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as silent:
        silent.bind(str(tmp_path / 'silent'))
        silent.listen()
        slow = f'[Forward slow]\nListen=tcp:127.0.0.1:4001,netns={setting.near.name}\n' \
               f'Connect=tcp:web.example:80,broker={tmp_path}/silent\n'
        bridge = setting.start(setting.forward(), slow, expected=0)
        client = streams.connect(setting.near, 'tcp:127.0.0.1:4001')
        silent.settimeout(10)
        with silent.accept()[0], client:  # it is asked
            began = time.monotonic()
            setting.reload(setting.forward())
            for _ in range(8):
                assert setting.greeting() == 'one'
            streams.reset(client)
            for _ in range(8):
                assert setting.greeting() == 'one'
            assert time.monotonic() - began < 3
            bridge.send_signal(signal.SIGTERM)
            assert bridge.wait(timeout=3) == 0


# ---- namespaces ----

def test_address_that_comes_after_its_namespace(netns, here, bridge):
    """Who makes a namespace gives it its addresses a moment later; nothing else happens then."""
    there = netns()
    there.run(['ip', 'addr', 'add', '10.9.8.7/32', 'dev', 'lo'])
    one = bridge('--listen', f'tcp:10.9.8.7:4000,netns={there.name}', '--connect', CONNECT)
    there.delete()
    wait_until(lambda: 'was deleted' in one.log)
    # under its name only when its loopback interface is up: until then any address can be bound
    made = netns()
    pathlib.Path(there.path).touch()
    subprocess.run(['mount', '--bind', made.path, there.path], check=True)
    one.wait_log('tried again and again')
    there.run(['ip', 'addr', 'add', '10.9.8.7/32', 'dev', 'lo'])
    wait_until(lambda: there.listening(4000), what=lambda: one.log)
    with streams.listen(here, CONNECT) as listener:
        with streams.connect(there, 'tcp:10.9.8.7:4000') as client:
            listener.accept()[0].close()
            assert streams.ending(client)[0] == b''


# ---- events ----

def full(namespace, stack, text):
    """A listener that takes no connection, and refuses none."""
    listener = stack.enter_context(streams.listen(namespace, text, backlog=0))
    stack.enter_context(streams.connect(namespace, text))
    return listener


def dialled(namespace, address):
    """Whether a connection to this address waits for an answer."""
    host = socket.inet_aton(address)[::-1].hex().upper()
    with namespace.entered(), open('/proc/thread-self/net/tcp', encoding='ascii') as table:
        return any(f' {host}:1388 02 ' in line for line in table)


def test_event_of_an_address_that_is_given_up(netns, here, bridge):
    """The client speaks as an address refuses: that is not told of the next address, too."""
    there = netns()
    with Etc() as etc, contextlib.ExitStack() as stack:
        etc.write(f'netns/{there.name}/hosts',
                  ''.join(f'127.0.0.{n} web.example\n' for n in (2, 3, 4)))
        first = full(there, stack, 'tcp:127.0.0.2:5000')
        full(there, stack, 'tcp:127.0.0.3:5000')
        last = stack.enter_context(streams.listen(there, 'tcp:127.0.0.4:5000'))
        one = bridge('--listen', LISTEN, '--connect', f'tcp:web.example:5000,netns={there.name}')
        client = stack.enter_context(streams.connect(here, LISTEN))
        wait_until(lambda: dialled(there, '127.0.0.2'))
        stop(one)
        client.sendall(b'anybody there?')
        first.close()
        wait_until(lambda: not dialled(there, '127.0.0.2'))  # its next SYN was refused
        one.send_signal(signal.SIGCONT)
        server = stack.enter_context(last.accept()[0])
        assert streams.read_exactly(server, 14) == b'anybody there?'
