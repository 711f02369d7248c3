# SPDX-License-Identifier: MIT
"""What a preloaded library cannot reach: the probes of common/ tell, and rightly.

For each program that a probe takes for out of reach, the library is tried on it: it must not be in
there. For each that it does not, it must be.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess

import pytest

from support.users import as_user, require_users
from support.wait import require, skip

# Says where it is bound, and waits
SOURCE = r'''
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
int main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = 0x4a0c /* 3146 */};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	unsigned long long cookie = 0;
	socklen_t length = sizeof(cookie);
	int r = bind(fd, (struct sockaddr *)&address, sizeof(address));
	getsockopt(fd, SOL_SOCKET, 71 /* SO_NETNS_COOKIE */, &cookie, &length);
	printf("%d %llu\n", r, cookie);
	fflush(stdout);
	getchar();
	return 0;
}
'''
# As Go's linker writes it, for programs with and without libc
GO_NOTE = '''
__asm__(".pushsection .note.go.buildid,\\"a\\",@note\\n.balign 4\\n.long 4, 8, 4\\n"
        ".ascii \\"Go\\\\0\\\\0\\"\\n.ascii \\"abcdefgh\\"\\n.popsection");
'''


@pytest.fixture
def look(build, libxbind):
    """look(FILE): the names of what is in the way."""
    def run(*args):
        output = subprocess.run([str(build / 'tests/preload/company/look'), libxbind,
                                 *map(str, args)], check=True, capture_output=True, text=True)
        return output.stdout.rstrip('\n').rpartition(':')[2].split()
    return run


@pytest.fixture
def made(musl, source, tmp_path):
    """made(ARGUMENT...): a program that the compiler of the library made with these."""
    own = str(source / 'tests/musl/cc') if musl else 'cc'

    def make(*args, source=SOURCE, compiler=own):
        (tmp_path / 'program.c').write_text(source)
        result = subprocess.run([compiler, '-o', str(tmp_path / 'program'), *args,
                                 str(tmp_path / 'program.c')], check=False, capture_output=True,
                                text=True)
        if result.returncode != 0:
            skip(f'{compiler} {" ".join(args)}: {result.stderr.splitlines()[-1]}')
        return tmp_path / 'program'
    return make


def somebody(argv):
    """Run as another user, who may be given more rights by what is run."""
    return [word for word in as_user(argv) if word != '--no-new-privs']


@pytest.fixture
def public_program(made, tmp_path):
    """A program that everybody may run, on a file system that gives the rights in files."""
    for directory in [tmp_path, *list(tmp_path.parents)[:3]]:
        directory.chmod(0o755)
    place = tmp_path / 'place'
    place.mkdir()
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'suid,mode=755', 'tmpfs', str(place)], check=True)
    yield pathlib.Path(shutil.copy(made(), place))
    subprocess.run(['umount', '--lazy', str(place)], check=True)


@pytest.fixture
def for_somebody(environment, public):
    """The environment of a program that another user runs, who may not look into every build."""
    return lambda **variables: environment(
        LD_PRELOAD=str(public('xbind/libxbind.so')), TSAN_OPTIONS='', **variables)


def loaded_last(argv, env):
    """argv and env, with which only the last word of argv is run with the library, not what runs
    it, which may be of another libc."""
    return {'args': [*argv[:-1], 'env', f'LD_PRELOAD={env["LD_PRELOAD"]}', str(argv[-1])],
            'env': env | {'LD_PRELOAD': ''}}


def is_redirected(vpn, environment, argv):
    """Whether its port 3146 is in the target, rather than here."""
    output = subprocess.run(**loaded_last(argv, environment(XBIND='3146')), input='', check=False,
                            capture_output=True, text=True, timeout=30).stdout
    return output.split() == ['0', str(vpn.cookie())]


@pytest.mark.parametrize('arguments, obstacles', [
    ([], []),
    (['-no-pie'], []),
    (['-pie', '-Wl,-z,now'], []),
    (['-s'], []),
    (['-static'], ['static']),
    (['-static-pie'], ['static']),
    (['-static', '-s'], ['static']),
], ids=' '.join)
def test_ways_to_link(arguments, obstacles, look, made, musl, vpn, environment):
    if musl and '-static-pie' in arguments:
        skip('musl-gcc knows no -static-pie, and makes a program like any other')
    program = made(*arguments)
    assert look(program) == obstacles
    assert is_redirected(vpn, environment, [program]) == (not obstacles)


@pytest.mark.parametrize('arguments, obstacles', [
    ([], ['go']), (['-static'], ['static', 'go']), (['-s'], ['go'])], ids=' '.join)
def test_go(arguments, obstacles, look, made):
    """With a note as Go's linker writes it; a real one is too large a thing to install."""
    assert look(made(*arguments, source=SOURCE + GO_NOTE)) == obstacles


def test_another_libc(musl, look, made):
    assert look(made(compiler='cc' if musl else require('musl-gcc'))) == ['libc']


def test_another_word_size(look, made):
    """Nothing of 32 bits has to run for that."""
    freestanding = ['-m32', '-nostdlib', '-Wl,--dynamic-linker=/lib/ld-linux.so.2', '-pie', '-fPIE']
    program = made(*freestanding, source='void _start(void) { for (;;); }', compiler='cc')
    assert look(program) == ['machine']


def test_file_capabilities(look, public_program, vpn, for_somebody):
    """They bring secure-execution mode for everybody but root, even those that are never used."""
    require_users()
    program = public_program
    os.chmod(vpn.server, 0o666)
    subprocess.run([require('setcap'), 'cap_net_bind_service=ep', str(program)], check=True)
    assert look(program) == ['capabilities']
    assert not is_redirected(vpn, for_somebody, somebody([str(program)]))
    # nor with NoNewPrivileges=, which takes from the program what the file gives
    assert not is_redirected(vpn, for_somebody, as_user([str(program)]))
    subprocess.run(['setcap', '-r', str(program)], check=True)
    assert look(program) == []
    assert is_redirected(vpn, for_somebody, somebody([str(program)]))


@pytest.mark.parametrize('mode', [0o4755, 0o2755])
def test_set_id(mode, look, public_program, vpn, for_somebody):
    require_users()
    program = public_program
    os.chmod(vpn.server, 0o666)
    program.chmod(mode)
    assert look(program) == ['set-id']
    assert not is_redirected(vpn, for_somebody, somebody([str(program)]))
    # NoNewPrivileges= makes it a program like any other
    assert is_redirected(vpn, for_somebody, as_user([str(program)]))


def test_rights_on_a_file_system_without(look, public_program, vpn, for_somebody):
    """Where it is mounted with nosuid the bits mean nothing."""
    require_users()
    os.chmod(vpn.server, 0o666)
    public_program.chmod(0o6755)
    place = public_program.parent
    subprocess.run(['mount', '-o', 'remount,nosuid', str(place)], check=True)
    assert look(public_program) == []
    assert is_redirected(vpn, for_somebody, somebody([str(public_program)]))


def test_scripts(look, made, musl, tmp_path):
    program = made('-static')
    script = tmp_path / 'script'
    script.write_text(f'#!{program} -x\n')
    assert look(script) == ['static']
    script.write_text('#!/usr/bin/env program\n')
    assert look(script, f'/nowhere:{tmp_path}') == ['static']
    assert look(script) == (['libc'] if musl else [])  # what it says of env(1)
    script.write_text('print("a script without a line")\n')
    assert look(script) == ['not-elf']


@contextlib.contextmanager
def running(argv, env):
    """A process that has bound its port."""
    with subprocess.Popen(**loaded_last(argv, env), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as process:
        try:
            process.stdout.readline()
            yield process
        finally:
            process.communicate('\n')


def test_a_process(look, made, vpn, environment):
    env = environment(XBIND='3146')
    with running([made()], env) as process:
        assert look(process.pid, vpn.server, vpn.broker.pid) == []
    with running([made('-static')], env) as process:
        assert look(process.pid, vpn.server, vpn.broker.pid) == ['not-loaded']
    with running([made()], env | {'LD_PRELOAD': ''}) as process:
        assert look(process.pid, vpn.server, 0) == ['not-loaded']
    del env['XBIND']
    with running([made()], env) as process:
        assert look(process.pid, vpn.server, 0) == ['not-asked']
    with running(vpn.enter([made()]), env | {'XBIND': '3146'}) as process:
        assert look(process.pid, vpn.server, vpn.broker.pid) == ['same-namespace']
        assert look(process.pid, f'{vpn.server}.gone', 0) == ['socket-hidden']


def test_a_process_with_more_rights(look, public_program, vpn, environment):
    """Secure-execution mode is seen in a process that is in it."""
    require_users()
    public_program.chmod(0o4755)
    with running(somebody([str(public_program)]), environment(XBIND='3146')) as process:
        assert look(process.pid, vpn.server, 0) == ['not-loaded', 'secure']


@pytest.mark.parametrize('hide, obstacles', [
    ('mount -t tmpfs tmpfs {directory}', ['socket-hidden']),
    ('mount -t tmpfs tmpfs {directory} && touch {server}', ['socket-other']),
    ('mount -t tmpfs tmpfs /proc', ['no-proc']),
])
def test_a_sandbox(hide, obstacles, look, made, vpn, environment, sanitizer):
    if '/proc' in hide and sanitizer == 'asan':
        skip('AddressSanitizer does not start without /proc')
    text = hide.format(directory=os.path.dirname(vpn.server), server=vpn.server)
    argv = ['unshare', '--mount', 'sh', '-c', f'{text} && exec "$@"', 'sh', made()]
    with running(argv, environment(XBIND='3146')) as process:
        assert look(process.pid, vpn.server, 0) == obstacles
