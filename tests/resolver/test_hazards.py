# SPDX-License-Identifier: MIT
"""What there may be in the process where names are looked up, and what may be missing."""

import glob
import os
import re
import subprocess

import odd
import pytest
import questions
from conftest import SANITIZER

from support.wait import require, skip

QUESTIONS = [
    'addrinfo web.example 80 unspec stream 0 canonname', 'addrinfo many.example 80', 'host www.example inet',
    'addr 10.2.0.1', 'nameinfo 10.2.0.1 80 0', 'query text.example 16', 'search web 1', 'send web.example 1',
]
PLAIN = ['addrinfo both.hosts 80 unspec stream 0 0', 'addrinfo 10.1.2.3 80', 'nameinfo 10.2.0.1 80 ninumerichost',
         'addrinfo localhost 80 inet stream 0 0']


@pytest.fixture
def full(asker, dns, outside):
    """A namespace with all names."""
    asker.write('hosts', questions.HOSTS)
    asker.write('resolv.conf', questions.RESOLV_CONF)
    dns(asker.namespace, more=questions.RECORDS)
    return asker


@pytest.fixture
def cares():
    """The file of the c-ares that is installed."""
    return next(iter(glob.glob('/usr/lib/*/libcares.so.2') + glob.glob('/usr/lib*/libcares.so.2')), None) \
        or skip('needs libcares.so.2')


def exported(library):
    """The names of its functions."""
    text = subprocess.run([require('readelf'), '-W', '--dyn-syms', library], capture_output=True, text=True,
                          check=True).stdout
    return re.findall(r' FUNC +GLOBAL +DEFAULT +\d+ (\w+)', text)


def compile_library(path, source, *args):
    path.parent.mkdir(exist_ok=True)
    (path.parent / 'source.c').write_text(source)
    subprocess.run([require('cc'), '-shared', '-fPIC', '-w', '-o', path, path.parent / 'source.c', *args], check=True)
    return path


def test_another_c_ares_in_the_process(full, cares, tmp_path, sanitizer):
    """A program offers functions of these names, as node does, and whoever calls one of them is lost."""
    if sanitizer:
        skip('a sanitizer ends programs that use RTLD_DEEPBIND')
    names = exported(cares)
    assert 'ares_init_options' in names and 'ares_send' in names and len(names) > 50
    other = compile_library(tmp_path / 'other/libother.so', '#include <stdlib.h>\n' + '\n'.join(
        f'void {name}(void) {{ abort(); }}' for name in names))
    env = os.environ | {'LD_PRELOAD': str(other)}
    assert full.there(*QUESTIONS, env=env) == full.native(*QUESTIONS)


@pytest.mark.parametrize('how', ['missing', 'incomplete'])
def test_no_c_ares(full, cares, how, tmp_path, outside):
    """What needs no DNS goes on; what does fails, and says so. Nobody else is asked."""
    env = dict(os.environ)
    wrap = []
    if how == 'missing':
        wrap = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c',
                f'mount --bind /dev/null {os.path.realpath(cares)} && exec "$@"', 'sh']
    else:
        old = compile_library(tmp_path / 'old/libcares.so.2', 'int ares_init_options(void) { return 0; }\n')
        env['LD_LIBRARY_PATH'] = str(old.parent)
    native = full.native(*PLAIN)
    assert full.there(*PLAIN, wrap=wrap, env=env) == native and full.why == ''
    answers = full.there(*QUESTIONS, wrap=wrap, env=env)
    assert {answer.strip() for answer in answers.values()} == {
        '= Temporary failure in name resolution', '= Host name lookup failure', '= Resolver Error 0 (no error)'}
    assert set(full.why.splitlines()) == {
        'vpn: names cannot be asked for: this program can load no libcares.so.2: install c-ares (Debian: libc-ares2)'}


def test_no_libidn2(full, outside):
    """A name in other letters is not asked for, and that is said; others are."""
    library = next(iter(glob.glob('/usr/lib/*/libidn2.so.0')), None) or skip('needs libidn2.so.0')
    wrap = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c',
            f'mount --bind /dev/null {os.path.realpath(library)} && exec "$@"', 'sh']
    answers = full.there('addrinfo bücher.example 80 inet stream 0 64', 'addrinfo web.example 80 inet stream 0 192',
                         wrap=wrap, env=os.environ | {'LC_ALL': 'C.UTF-8'})
    assert list(answers.values()) == ['= Parameter string not correctly encoded\n',
                                      '= \n  2 1 6 0xc0 16 10.2.0.1:80 \n']
    assert full.why == ('vpn: a name that is not ASCII cannot be converted: this program can load no libidn2.so.0: '
                        'install it (Debian: libidn2-0)\n')


def test_files_of_this_machine_are_left_alone(full, tmp_path, sanitizer):
    """Not even opened: they may be anything, and c-ares looks for them by itself where it is let."""
    if sanitizer == 'asan':
        skip('LeakSanitizer does not work under strace')
    log = tmp_path / 'strace'
    strace = [require('strace'), '-f', '-qq', '-e', 'trace=open,openat,openat2', '-o', log]
    # names of services are this machine's, and libc makes the message that is sent
    full.there(*(question for question in QUESTIONS if question.partition(' ')[0] not in ('nameinfo', 'send')),
               wrap=strace)
    opened = set(re.findall(r'"([^"]+)"', log.read_text()))
    assert str(full.directory / 'resolv.conf') in opened
    assert any('libcares' in path for path in opened)
    assert [path for path in opened if path.startswith('/etc') and path != '/etc/ld.so.cache'] == []


@pytest.mark.parametrize('library', ['libjemalloc.so.2', 'libtcmalloc_minimal.so.4'])
def test_another_malloc(full, library, sanitizer):
    """c-ares is bound to libc's own: neither may free what the other allocated."""
    if sanitizer:
        skip('a sanitizer has a malloc of its own')
    path = next(iter(glob.glob(f'/usr/lib/*/{library}')), None) or skip(f'needs {library}')
    assert full.there(*QUESTIONS, env=os.environ | {'LD_PRELOAD': path}) == full.native(*QUESTIONS)


# Once c-ares has been loaded, a signal is sent; after that it is as always.
INTERRUPT = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
void *dlopen(const char *path, int flags)
{
        static int calls;
        void *(*next)(const char *, int) = dlsym(RTLD_NEXT, "dlopen"), *library = next(path, flags);
        if (calls++ == 0)
                raise(SIGUSR1);
        return library;
}
"""


@pytest.mark.parametrize('what', ['threads', 'fork', 'cancel', 'deadline', 'flood', 'jump'])
def test_in_a_busy_process(asker, build, what, sanitizer, tmp_path, outside):
    """Threads, children of such a process, a thread that is ended while it waits; a time limit,
    also where somebody sends without end;
    a signal handler that does not return to a look-up."""
    if (what, sanitizer) == ('fork', 'asan'):
        skip('its malloc does not get its locks back in a child of a process with threads')
    env = os.environ | SANITIZER
    if what == 'jump':
        if sanitizer:
            skip('a sanitizer wants to be loaded first')
        env['LD_PRELOAD'] = str(compile_library(tmp_path / 'interrupt/libinterrupt.so', INTERRUPT))

    def answer(query):
        if query.name == 'silent.example':
            return []
        if query.name == 'flood.example':
            return [b'\0\0\0\0']
        if query.name != 'web.example':
            return [query.answer(rcode=3)]
        address = {odd.A: '10.2.0.1', odd.AAAA: 'fd00::21'}[query.kind]
        return [query.answer(odd.record(query.name, query.kind, address))]
    asker.write('hosts', '10.2.0.9 hosts.example\n')
    asker.write('resolv.conf', 'nameserver 127.0.0.1\noptions timeout:2 attempts:1\n')
    with odd.Odd(asker.namespace, answer=answer):
        subprocess.run([build / 'tests/resolver/load', what, 'there', asker.namespace.path, asker.directory],
                       check=True, timeout=120, env=env)
