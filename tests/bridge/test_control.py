# SPDX-License-Identifier: MIT
"""What a bridge is told while it runs: to end, or to say how it is."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from support import bridge as command
from support.greeters import Client
from support.setting import LISTEN
from support.wait import wait_until

PTRACE_ATTACH, PTRACE_DETACH = 16, 17
_libc = ctypes.CDLL(None, use_errno=True)


# ---- the end ----

def test_drains(setting):
    """New clients are refused, those that are there go on, and with the last one it ends."""
    bridge = setting.start(limits='DrainTimeoutSec=60')
    clients = [setting.client() for _ in range(3)]
    bridge.send_signal(signal.SIGTERM)
    bridge.expected = 0
    wait_until(lambda: not setting.near.listening(4000))
    assert setting.refused()
    for client in clients:
        assert client.works()
        assert bridge.process.poll() is None
        client.close()
    assert bridge.wait(5) == 0
    bridge.wait_notified('STOPPING=1')
    assert f'EXTEND_TIMEOUT_USEC={70 * 10**6}' in bridge.notified
    assert 'waiting for 3 connections' in bridge.log


@pytest.mark.parametrize('limit', [0, 1])
def test_drains_no_longer_than_it_may(setting, limit):
    bridge = setting.start(limits=f'DrainTimeoutSec={limit}')
    client = setting.client()
    begin = time.monotonic()
    bridge.send_signal(signal.SIGINT)
    bridge.expected = 0
    assert bridge.wait(10) == 0
    assert limit <= time.monotonic() - begin < limit + 2
    assert client.ended()
    assert ('1 connection did not end within 1 s' in bridge.log) == (limit == 1)


def test_told_twice(setting):
    bridge = setting.start()
    client = setting.client()
    bridge.send_signal(signal.SIGTERM)
    wait_until(setting.refused)
    assert client.works()
    bridge.send_signal(signal.SIGTERM)
    bridge.expected = 0
    assert bridge.wait(5) == 0
    assert client.ended()
    assert '1 connection is closed' in bridge.log


def test_ends_at_once_with_nothing_to_do(setting):
    bridge = setting.start()
    assert setting.greeting() == 'one'
    begin = time.monotonic()
    bridge.stop()
    assert time.monotonic() - begin < 2


def test_drains_while_clients_come(setting):
    """Whoever was let in is served to the end; the others are refused, or reset in the queue."""
    bridge = setting.start(limits='DrainTimeoutSec=60')
    served, cut, end = [], [], threading.Event()

    def crowd():
        while not end.is_set():
            try:
                client = Client(setting.near, LISTEN)
            except OSError:
                continue
            with contextlib.closing(client):
                if not client.server:
                    continue  # closed unseen in the queue
                try:
                    served.append(client.works())
                except (OSError, AssertionError) as error:
                    cut.append(error)

    threads = [threading.Thread(target=crowd) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(served) > 200)
    bridge.send_signal(signal.SIGTERM)
    bridge.expected = 0
    status = bridge.wait(20)
    end.set()
    for thread in threads:
        thread.join()
    assert (status, cut) == (0, [])


# ---- how it is ----

def test_counters(setting):
    bridge = setting.start(setting.forward(more='MaxConnections=2'),
                           setting.forward('dead', 'tcp:127.0.0.1:4001'))
    setting.write(setting.forward(more='MaxConnections=2'),
                  f'[Forward dead]\nListen=tcp:127.0.0.1:4001,netns={setting.near.name}\n'
                  f'Connect=tcp:127.0.0.1:5999,netns={setting.far.name}\n')
    bridge.reload()
    clients = [setting.client(), setting.client()]
    assert all(client.works() for client in clients)
    with pytest.raises(ConnectionResetError):
        setting.client()
    with pytest.raises(ConnectionResetError):
        wait_until(lambda: setting.client('tcp:127.0.0.1:4001') and False)
    found = bridge.counters()
    assert found['web'] == {'connections': 2, 'accepted': 2, 'to_target': 24, 'to_client': 30,
                            'refused': 1, 'failed': 0, 'reset': 0, 'dropped': 0}
    assert found['dead']['failed'] == 1 and found['dead']['to_client'] == 0
    for client in clients:
        client.close()
    wait_until(lambda: bridge.counters()['web']['connections'] == 0)
    assert 'all forwards: connections=0 accepted=3 to_target=24 to_client=30' in bridge.log


def test_status(setting):
    """Told when it changes, and not else."""
    bridge = setting.start()
    wait_until(lambda: bridge.status().startswith('1 forward, 0 connections now, 0 since'))
    client = setting.client()
    wait_until(lambda: bridge.status().startswith('1 forward, 1 connection now, 1 since'))
    client.close()
    wait_until(lambda: bridge.status().startswith('1 forward, 0 connections now, 1 since'))
    told = sum(line.startswith('STATUS=') for line in bridge.notified)
    assert told == 3 and '3 B to clients' in bridge.status()
    time.sleep(4)  # longer than it takes until it looks again
    assert sum(line.startswith('STATUS=') for line in bridge._listen()) == told


def test_watchdog(setting):
    """As long as all threads answer: it goes silent when one of them is held."""
    bridge = setting.start(env={'WATCHDOG_USEC': '600000'}, limits='Workers=2')

    def signs():
        return bridge._listen().count('WATCHDOG=1')

    wait_until(lambda: signs() > 2)
    # workers are made last, also where a sanitizer has a thread of its own
    held = max(map(int, os.listdir(f'/proc/{bridge.pid}/task')))
    assert held != bridge.pid and _libc.ptrace(PTRACE_ATTACH, held, None, None) == 0
    try:
        os.waitpid(held, 0x40000000)  # __WALL
        before = signs()
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            time.sleep(0.05)
        assert signs() <= before + 1
    finally:
        _libc.ptrace(PTRACE_DETACH, held, None, None)
    silent = signs()
    wait_until(lambda: signs() > silent + 1)


def test_ready_reaches_a_manager_in_the_namespace_it_was_started_in(build, netns, tmp_path):
    """Abstract names belong to a namespace, and listeners of others were opened before that."""
    vpn, name = netns(), f'manager-{os.getpid()}'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f'\0{name}')
        manager.settimeout(20)
        argv = [command.program(build), '--listen', f'{LISTEN},netns={vpn.name}',
                '--connect', f'tcp:127.0.0.1:5001,netns={vpn.name}']
        with subprocess.Popen(argv, env=os.environ | {'NOTIFY_SOCKET': f'@{name}'}) as process:
            try:
                told = ''
                while 'READY=1' not in told:
                    told += manager.recv(65536).decode()
                process.send_signal(signal.SIGHUP)
                assert 'RELOADING=1' in manager.recv(65536).decode() + manager.recv(65536).decode()
            finally:
                process.terminate()
                assert process.wait(20) == 0
