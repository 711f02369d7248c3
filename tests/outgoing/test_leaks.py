# SPDX-License-Identifier: MIT
"""Not one packet, and not one question for a name, appears on the wrong side, whatever fails.

That it would be seen there is what test_ears.py shows. That nothing is seen while all goes well is
part of each test with the fixture world.
"""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from asking import FILES
from leaky import PROGRAMS, SLOW, start
from places import IPV4
from servers import Echo, Web
from support.matrix import PATIENCE
from support.wait import require, wait_until

QUICK = [program for program in PROGRAMS if program not in SLOW]


def kill_broker(world):
    world.broker.expected = -signal.SIGKILL
    world.broker.process.kill()
    world.broker.wait()


def delete_namespace(world):
    """The broker notices, and ends."""
    world.broker.expected = os.EX_TEMPFAIL
    world.there.delete()


def take_name_server(world):
    """What is left is this machine's own."""
    world.etc.write(f'netns/{world.there.name}/resolv.conf', 'nameserver 127.0.0.53\n')


# What happens, what the environment has besides, which programs are tried, and which do not mind.
FAILURES = {
    'no broker': (kill_broker, {}, PROGRAMS, []),
    'no namespace': (delete_namespace, {}, PROGRAMS, []),
    'another broker': (lambda _: None, {'XREDIRECT': 'absent'}, QUICK, []),
    'a mistake': (lambda _: None, {'XREDIRECT': ''}, QUICK, []),
    'no name server': (take_name_server, {}, QUICK, ['curl, address']),
}


@pytest.mark.parametrize('failure', FAILURES)
def test_what_fails_there_is_not_done_here(failure, own_world, java, tmp_path):
    own_world.server(Web)
    own_world.strays()
    happen, variables, programs, unaware = FAILURES[failure]
    happen(own_world)
    started = start(programs, own_world, java, tmp_path, own_world.under(**variables))
    for program, process in started.items():
        said, _ = process.communicate(timeout=PATIENCE)
        if program in unaware:
            assert process.returncode == 0, said
        elif program == 'libc':  # it prints what it does not find, and ends well
            assert said.count(IPV4) == 1 and ' type ' not in said, said  # what it asks about
        elif program == 'hostid':
            assert said.endswith('\n00000000\n'), said
        else:
            assert process.returncode != 0, (program, said)
        assert 'libxredirect: ' in said or program in unaware or 'c-ares' in program, (program, said)
    assert own_world.strays() == []


# They look up, connect and send again and again, and say "good" or "bad" each time; or are given so
# much to do that they are not ready soon.
LOOPS = {
    'Python': ([sys.executable, '-I', FILES / 'python_client.py', 'looping', ''], {}),
    'Python with a pool': ([sys.executable, '-I', FILES / 'python_client.py', 'looping', ''],
                           {'XREDIRECT_POOL': '16'}),
    'node': (['node', FILES / 'node_client.js', 'looping'], {}),
}


@contextlib.contextmanager
def looping(world, directory):
    """{program: a file with what it says}, as long as that lasts."""
    processes, said = [], {}
    try:
        for program, (argv, variables) in LOOPS.items():
            said[program] = directory / program
            with open(said[program], 'wb') as output:
                processes.append(subprocess.Popen(
                    list(map(str, argv)), env=world.under(**variables), stdout=output, stderr=output,
                    stdin=subprocess.DEVNULL))
        yield said
        assert not any(process.poll() for process in processes)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def wait_said(said, word, count):
    """Until each of them has said that so often, from now on."""
    before = {path: path.read_text().count(word) for path in said.values()}
    wait_until(lambda: all(path.read_text().count(word) >= before[path] + count for path in before),
               PATIENCE, lambda: (word, [path.read_text()[-1000:] for path in before]))


@pytest.mark.parametrize('happen', [kill_broker, delete_namespace], ids=lambda each: each.__name__)
def test_it_fails_in_the_middle(happen, own_world, tmp_path):
    """And goes on as soon as there is a broker again."""
    require('node', 'nodejs')
    own_world.server(Echo)
    own_world.strays()
    with looping(own_world, tmp_path) as said:
        wait_said(said, 'good', 8)
        happen(own_world)
        wait_said(said, 'bad: ', 8)
        if happen is kill_broker:
            own_world.broker = own_world.start_broker()
            wait_said(said, 'good', 8)
    assert not any('wrong answer' in path.read_text() for path in said.values())
    assert own_world.strays() == []
