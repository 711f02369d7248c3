# SPDX-License-Identifier: MIT
"""What would mix up sockets, leak descriptors, or make the program stop, under libxredirect.so."""

import contextlib
import os
import subprocess

import pytest

from support.users import require_users
from support.wait import wait_until

GONE = 75  # EX_TEMPFAIL: start me again
POOLS = pytest.mark.parametrize('pool', ['0', '30'])


@contextlib.contextmanager
def crowd(how, vpn, other, program, environment, **variables):
    """What `crowds HOW` says, while it still runs."""
    env = environment(SERVER=vpn.server, OTHER_SERVER=other.server,
                      OTHER_COOKIE=str(other.cookie()), **variables)
    with subprocess.Popen([program('crowds'), how], env=env, text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process.stdout.readline()
        finally:
            _, errors = process.communicate('\n', timeout=20)
        assert (process.returncode, errors) == (0, '')


def connections(broker):
    return sum(what.startswith('socket:') for what in broker.fds().values())


@POOLS
def test_threads_that_ask_for_different_things(pool, vpn, other, program, environment):
    """By two brokers at the same time: each gets what it asked for."""
    idle = connections(vpn.broker)
    with crowd('busy', vpn, other, program, environment, XREDIRECT=None,
               XREDIRECT_POOL=pool) as line:
        wrong, _, left = line.strip().partition(', left: ')
        assert wrong == 'wrong: 0'
        # what is held ready, and the connection of each kind
        assert int(left) <= (int(pool) + 8 if pool != '0' else 0)
        wait_until(lambda: connections(vpn.broker) <= idle + (8 if pool != '0' else 0))


def test_more_threads_than_may_keep_a_connection(vpn, other, program, environment):
    with crowd('many', vpn, other, program, environment) as line:
        assert line == 'wrong: 0, kept: 64, left: 0\n'


def test_threads_that_come_and_go(vpn, other, program, environment):
    idle = connections(vpn.broker)
    with crowd('churn', vpn, other, program, environment) as line:
        assert line == 'wrong: 0, most: 0\n'
        wait_until(lambda: connections(vpn.broker) <= idle + 1)


@POOLS
def test_children_and_other_programs(pool, program, redirected):
    outside = redirected([program('processes')], XREDIRECT_POOL=pool)
    assert outside.stdout.splitlines() == [
        'fine: 100, too many sockets: 0, too many connections: 0, wrong: 0, ended: 0',
        'in other programs: 0', 'bad: 0', 'bad: 0', 'bad: 0', 'vfork: 0, left: 0']
    assert outside.stderr == ''


@POOLS
def test_a_program_that_closes_everything(pool, same):
    """Nothing is written to what has the numbers then."""
    assert 'silent: 1\nintact: 1\n' in same('numbers', XREDIRECT_POOL=pool)


@POOLS
@pytest.mark.parametrize('limit', ['12', '20', '100', '700'])
def test_few_descriptors(limit, pool, same):
    """All but three can be had; then it is EMFILE, until there are some again."""
    transcript = same('numbers', limit, lines=1, XREDIRECT_POOL=pool)
    assert transcript.splitlines() == ['few: 0', 'EMFILE, nearly all: 1', '11111', 'few again: 0']


@POOLS
def test_handlers_that_jump_out_of_it(pool, same):
    assert same('jumps', XREDIRECT_POOL=pool) == 'wrong: 0\n'


@POOLS
@pytest.mark.parametrize('name', ['signals', 'threads', 'children', 'forking', 'daemons', 'failure'])
def test_programs_that_bind(name, pool, build, bare, redirected):
    """Those of tests/preload: sockets are there from the start, and what they do with them works."""
    argv = [str(build / 'tests/preload' / name)]
    inside, outside = bare(argv), redirected(argv, XREDIRECT_POOL=pool)
    assert outside.stdout == inside.stdout
    assert (outside.returncode, outside.stderr) == (inside.returncode, '') == (0, '')


class Asking:
    """`ask KIND... stop KIND...`: what it says up to the next stop."""

    def __init__(self, process):
        self.process = process

    def lines(self, count):
        return [self.process.stdout.readline().strip() for _ in range(count)]

    def go_on(self):
        self.process.stdin.write('\n')
        self.process.stdin.flush()


@pytest.fixture
def asking(program, environment):
    """asking(KIND..., XREDIRECT=...): a running `ask`."""
    with contextlib.ExitStack() as stack:
        def start(*kinds, **variables):
            process = stack.enter_context(subprocess.Popen(
                [program('ask'), *kinds], env=environment(**variables), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
            stack.callback(process.kill)
            return Asking(process)
        yield start


@POOLS
def test_a_broker_that_is_started_again(pool, vpn, broker, asking):
    """Without one there are no sockets, also none that were held ready."""
    program = asking(*['tcp'] * 8, 'stop', 'tcp', 'udp', 'stop', 'tcp', 'udp', XREDIRECT_POOL=pool)
    assert program.lines(8) == ['tcp: there'] * 8
    vpn.broker.stop()
    program.go_on()
    assert program.lines(2) == ['tcp: ENETDOWN', 'udp: ENETDOWN']
    broker('--netns', vpn.name, server=vpn.server)
    program.go_on()
    assert program.lines(2) == ['tcp: there', 'udp: there']


@POOLS
def test_a_namespace_that_is_made_again(pool, netns, broker, tmp_path, asking):
    """Its sockets are those of the new one, whatever was kept of the old one."""
    namespace, server = netns(), tmp_path / 'socket'
    first = broker('--netns', namespace.name, server=server, expected=GONE)
    program = asking(*['tcp'] * 8, 'stop', 'tcp', 'stop', 'tcp', XREDIRECT=str(server),
                     TARGET_COOKIE=str(namespace.cookie()), XREDIRECT_POOL=pool)
    assert program.lines(8) == ['tcp: there'] * 8
    namespace.delete()
    namespace.create()
    assert first.wait() == GONE
    program.go_on()
    assert program.lines(1) == ['tcp: ENETDOWN']
    broker('--netns', namespace.name, server=server)
    program.go_on()
    # neither of the old one, nor of this one
    assert program.lines(1) == ['tcp: nowhere']


@POOLS
def test_a_program_that_becomes_another_user(pool, vpn, asking):
    """What it kept as the one before counts for nothing."""
    require_users()
    os.chmod(vpn.server, 0o600)
    program = asking(*['tcp'] * 8, 'nobody', 'tcp', 'udp', XREDIRECT_POOL=pool)
    assert program.lines(8) == ['tcp: there'] * 8
    assert program.lines(2) == ['tcp: EACCES', 'udp: EACCES']


def test_a_namespace_that_is_gone_just_now(netns, broker, tmp_path, asking):
    """A connection that is kept gets none of its sockets, even before the broker has ended."""
    namespace, server = netns(), tmp_path / 'socket'
    broker('--netns', namespace.name, server=server, expected=GONE)
    program = asking('tcp', 'stop', 'tcp', XREDIRECT=str(server),
                     TARGET_COOKIE=str(namespace.cookie()))
    assert program.lines(1) == ['tcp: there']
    namespace.delete()
    program.go_on()
    assert program.lines(1) == ['tcp: ENETDOWN']
