# SPDX-License-Identifier: MIT
"""What refers to a socket when it is replaced: descriptors, who waits for it, other processes."""

import os
import subprocess

import pytest

from support.users import UID, require_users
from support.wait import skip

# What the programs prove is said in them.
PROGRAMS = ['sets', 'waiting', 'uring', 'races', 'daemons']
PYTHON = '/usr/bin/python3'
IO_URING = 'an io_uring has requests, it seems, for the socket'


@pytest.mark.parametrize('name', PROGRAMS)
def test_same_as_inside(name, program, bare, xbind):
    inside, outside = bare([program(name)]), xbind([program(name)])
    if inside.returncode == 77:
        skip(inside.stdout)
    assert outside.stdout == inside.stdout
    assert (outside.returncode, outside.stderr) == (0, '')
    assert inside.returncode == 0
    assert 'in_target(fd): 1' in inside.stdout or name in ('waiting', 'races')


def test_a_duplicate_beyond_the_limit(program, xbind):
    outside = xbind([program('descriptors'), 'limit'])
    assert outside.stdout.splitlines() == [
        'bind_port(fd, 3015): EMFILE', 'in_own(fd): 1', 'in_own(high): 1',
        'bind_port(fd, 3015): 0', 'in_target(fd): 1', 'in_target(high): 1']
    assert 'LimitNOFILE=' in outside.stderr


def test_as_many_as_there_are(program, bare, xbind):
    """Duplicates are not limited by what fits on the stack."""
    inside, outside = bare([program('descriptors'), 'many']), xbind([program('descriptors'), 'many'])
    assert outside.stdout == inside.stdout
    assert inside.stdout == 'bind_port(fd, 3016): 0\nwrong: 0\n'
    assert outside.stderr == ''


def test_all_or_nothing(program, xbind):
    """A replacement that fails half way is undone, epoll entries and all."""
    outside = xbind([program('descriptors'), 'half'])
    assert outside.stdout.splitlines() == [
        'epoll_ctl(set, EPOLL_CTL_ADD, fd, &event): 0',
        'epoll_ctl(set, EPOLL_CTL_ADD, second, &event): 0',
        'bind_port(fd, 3017): ENOMEM',
        'in_own(fd): 1', 'in_own(second): 1', 'in_own(third): 1',
        'fcntl(fd, F_GETFD): 0', 'fcntl(second, F_GETFD): 1',
        'epoll_ctl(set, EPOLL_CTL_ADD, fd, &event): EEXIST',
        'epoll_ctl(set, EPOLL_CTL_MOD, second, &event): 0',
        'bind_port(third, 4017): 0', 'listen(fd, 5): 0',
        'get_int(second, SOL_SOCKET, SO_ACCEPTCONN): 1']


def test_an_entry_whose_number_is_another_file(program, xbind):
    """bind() fails until that is not so any more, and the other entries are as they were."""
    outside = xbind([program('sets'), 'in-use'])
    assert outside.stdout.splitlines()[3:] == [
        'bind_port(kept, 3086): EADDRNOTAVAIL', 'in_target(kept): 0',
        'epoll_ctl(set, EPOLL_CTL_DEL, kept, NULL): 0', 'unbound: 1 10:51',
        'dup2(kept, fd) == fd: 1', 'bind_port(kept, 3086): 0', 'in_target(kept): 1',
        'listen(kept, 5): 0', 'client(3086) >= 0: 1', 'client: 1 1:51']
    assert outside.stderr.count('\n') == 1
    assert 'an epoll set' in outside.stderr


def test_what_had_been_told_is_told_once_more(program, bare, xbind):
    """Edge-triggered entries: no harm, and no way to know."""
    inside, outside = bare([program('sets'), 'again']), xbind([program('sets'), 'again'])
    assert inside.stdout.splitlines()[-2:] == ['again: 0', 'no more: 0']
    assert outside.stdout.splitlines()[-2:] == ['again: 1 10:61', 'no more: 0']
    assert outside.stderr == ''


@pytest.mark.parametrize('how', ['poll', 'poll-limited', 'select', 'select-limited',
                                 'recv-limited', 'read-limited'])
def test_a_thread_that_will_look_again(how, program, xbind):
    """It gets nothing until then, and a line says so."""
    outside = xbind([program('waiting'), how])
    assert outside.returncode == 0
    assert outside.stdout.startswith('bind: 0\nin_target(sock): 1\nwoken: ')
    assert outside.stdout.endswith('next: 1\n')
    assert outside.stderr.count('\n') == 1
    assert 'another thread waits for the socket' in outside.stderr


@pytest.mark.parametrize('how', ['recv', 'read'])
def test_a_thread_that_would_wait_for_ever(how, program, xbind):
    """bind() fails rather than leave it there."""
    outside = xbind([program('waiting'), how])
    assert outside.stdout == 'bind: EADDRNOTAVAIL\nin_target(sock): 0\nwoken: 0\n'
    assert outside.stderr.count('\n') == 1
    assert 'a thread' in outside.stderr


def test_a_thread_that_waits_for_something_else(program, xbind):
    outside = xbind([program('waiting'), 'pipe'])
    assert outside.stdout.startswith('bind: 0\nin_target(sock): 1\n')
    assert outside.stderr == ''


@pytest.mark.parametrize('how', ['once', 'multi'])
def test_a_request_that_was_begun_before(how, program, bare, xbind):
    """It is not answered, and a line says so."""
    inside, outside = bare([program('uring'), how]), xbind([program('uring'), how])
    if inside.returncode == 77:
        skip(inside.stdout)
    assert inside.stdout.splitlines()[-1].startswith('answer: 1 to 1')
    assert outside.stdout.splitlines()[-1] == 'no answer'
    assert outside.stderr.count('\n') == 1
    assert IO_URING in outside.stderr


def test_a_registered_file_that_only_another_thread_may_change(program, bare, xbind):
    """bind() fails, and the program's socket is as it was."""
    outside = xbind([program('uring'), 'foreign'])
    if outside.returncode == 77:
        skip(outside.stdout)
    assert outside.stdout.splitlines()[-5:] == [
        'bind_port(foreign_fd, 0): EADDRNOTAVAIL', 'in_own(foreign_fd): 1',
        'in_own(same): 1', 'fcntl(foreign_fd, F_GETFD): 1', 'fcntl(same, F_GETFD): 0']
    assert outside.stderr.count('\n') == 1
    assert 'an io_uring' in outside.stderr


def test_a_thread_that_closes_everything(program, xbind):
    """At any moment of bind(): it may fail, and that is all."""
    outside = xbind([program('races'), 'close'], XBIND_LOG='silent')
    assert (outside.returncode, outside.stdout) == (0, 'fine: 200\n')


def test_nearly_no_descriptors_left(program, bare, xbind):
    """It fails with EMFILE, and goes on when there are some."""
    outside = xbind([program('daemons'), 'full'], XBIND_LOG='debug')
    lines = outside.stdout.splitlines()
    assert 'bad' not in lines
    results = [line for line in lines if line.startswith('spare ')]
    failed = [line.endswith(': EMFILE') for line in results]
    # No more than these are needed at once.
    assert failed == sorted(failed, reverse=True)
    assert failed[0] and not failed[5]
    assert all(line.endswith((': EMFILE', ': 0')) for line in results)
    assert lines.count('in_target(fd): 1') == len(results)
    assert lines.count('bind_port(same, 0): 0') == sum(failed)
    assert 'LimitNOFILE=' in outside.stderr
    inside = bare([program('daemons'), 'full'])
    assert [line for line in inside.stdout.splitlines()
            if line.startswith('spare ')] == [f'spare {i}: 0' for i in range(9)]


SERVE = ('import os, select, socket\n'
         's = socket.socket()\n'
         'p = select.epoll(); p.register(s, select.EPOLLIN)\n'
         'd = s.dup(); p.register(d, select.EPOLLIN | select.EPOLLET)\n'
         's.bind(("127.0.0.1", 3098)); s.listen()\n'
         'c = socket.socket(); c.bind(("127.0.0.1", 0)); c.connect(d.getsockname())\n'
         'print(os.getuid(), sorted(p.poll(1)) == [(s.fileno(), 1), (d.fileno(), 1)])\n')


@pytest.mark.parametrize('options', ['hidepid=2', 'hidepid=4', 'subset=pid',
                                     'hidepid=2,subset=pid'])
@pytest.mark.parametrize('user', ['root', 'nobody'])
def test_a_restricted_proc(options, user, vpn, xbind, sanitizer):
    """As ProtectProc= and ProcSubset= of a unit make it."""
    mount = f'mount -t proc -o {options} proc /proc'
    if subprocess.run(['unshare', '--mount', 'sh', '-c', mount], check=False).returncode != 0:
        skip(f'no /proc with {options} here')
    if sanitizer == 'asan' and 'subset' in options:
        skip('AddressSanitizer wants all of /proc')
    code = SERVE
    if user == 'nobody':
        require_users()
        os.chmod(vpn.server, 0o666)
        code = f'import os\nos.setgroups([]); os.setgid({UID}); os.setuid({UID})\n' + code
    outside = xbind(['unshare', '--mount', 'sh', '-c', f'{mount} && exec "$@"', 'sh',
                     PYTHON, '-c', code])
    assert outside.stderr == ''
    assert outside.stdout == f'{UID if user == "nobody" else os.getuid()} True\n'


def test_without_proc(xbind, sanitizer):
    """bind() fails, and a line says why."""
    if sanitizer == 'asan':
        skip('AddressSanitizer does not start without /proc')
    code = ('import errno, select, socket\n'
            's = socket.socket(); p = select.epoll(); p.register(s)\n'
            'try:\n'
            '    s.bind(("127.0.0.1", 3098))\n'
            'except OSError as e:\n'
            '    print(errno.errorcode[e.errno], s.getsockname()[1])\n')
    outside = xbind(['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"',
                     'sh', PYTHON, '-c', code])
    assert outside.stdout == 'ENOSYS 0\n'
    assert outside.stderr.count('libxbind: ') == 1
    assert '/proc is needed' in outside.stderr
