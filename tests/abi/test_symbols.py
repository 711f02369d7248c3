# SPDX-License-Identifier: MIT
"""What the libraries export, and what they need: the promise to programs that are already built."""

import os
import re
import subprocess

import pytest

from support import tree
from support.wait import require

LIBXSOCKET, LIBXBIND = 'lib/libxsocket.so.1', 'xbind/libxbind.so'
LIBRESOLVER = 'resolver/libxsocket-resolver.so.1'


def readelf(*args):
    require('readelf')
    return subprocess.run(['readelf', '-W', *map(str, args)], check=True, capture_output=True,
                          text=True).stdout


def exported(path):
    """Functions and data that others can link with: {name: version}."""
    found = {}
    for line in readelf('--dyn-syms', path).splitlines():
        fields = line.split()
        if len(fields) >= 8 and fields[4] in ('GLOBAL', 'WEAK', 'UNIQUE') \
                and fields[6] not in ('UND', 'ABS'):
            name, _, version = fields[7].partition('@')
            found[name] = version.lstrip('@')
    return found


def declared(script):
    """The names in a version script, each with the node it is in."""
    found = {}
    text = re.sub(r'/\*.*?\*/', '', tree.text(script), flags=re.DOTALL)
    for node, body in re.findall(r'([\w.]*)\s*\{(.*?)\}', text, re.DOTALL):
        names = re.search(r'global:(.*?)(local:|$)', body, re.DOTALL)
        found |= {name: node for name in re.findall(r'\w+', names[1])} if names else {}
    return found


def test_libxsocket_exports_what_is_declared(build):
    symbols = exported(build / LIBXSOCKET)
    assert symbols == declared('lib/libxsocket.sym')
    assert set(symbols.values()) == {'XSOCKET_2.0', 'XSOCKET_2.1', 'XSOCKET_PRIVATE'}


def test_libxsocket_keeps_what_was_published(build):
    """Of each release: a program that was linked then finds its symbols, with their versions."""
    symbols = exported(build / LIBXSOCKET)
    assert {name for name, version in symbols.items() if version == 'XSOCKET_2.0'} == {
        'xsocket', 'xsocket_client_free', 'xsocket_client_new', 'xsocket_client_socket',
        'xsocket_client_sockets'}
    assert {name for name, version in symbols.items() if version == 'XSOCKET_2.1'} == {
        'xsocket_client_resolver_file', 'xsocket_current', 'xsocket_pop', 'xsocket_push',
        'xsocket_resolver_file', 'xsocket_why'}


def test_the_contexts_are_those_of_whoever_comes_first(build):
    """By a call that the dynamic linker resolves: it is not bound to the library's own function."""
    assert re.search(r'JUMP_SLO|GLOB_DAT', ' '.join(
        line for line in readelf('-r', build / LIBXSOCKET).splitlines()
        if 'xsocket_context_1' in line))


LIBXREDIRECT = 'xredirect/libxredirect.so'


def test_libxredirect_exports_its_hooks_without_a_version(build):
    symbols = exported(build / LIBXREDIRECT)
    assert set(symbols) == set(declared('xredirect/libxredirect.map'))
    assert set(symbols.values()) == {''}
    assert 'Version definition section' not in readelf('--version-info', build / LIBXREDIRECT)


def test_libxredirect_has_all_its_hooks_where_plugins_see_libc_first(build):
    """All but the one that sees to that, and what only libxsocket calls."""
    text = re.search(r'plugins_hooks\[\] = \{(.*?)NULL', tree.text('xredirect/xredirect.c'), re.DOTALL)[1]
    names = re.findall(r'"(\w+)"', text)
    assert names == sorted(names)
    assert set(names) == set(exported(build / LIBXREDIRECT)) - {'dlopen', 'xsocket_context_1'}


def test_libxredirect_needs_nothing_but_libc(build):
    needed = re.findall(r'\(NEEDED\).*\[(.*)\]', readelf('-d', build / LIBXREDIRECT))
    others = [name for name in needed if not re.match(r'(libc\.|ld-linux|lib(clang_rt\.)?(a|l|t|ub)san)', name)]
    assert others == []
    assert 'TEXTREL' not in readelf('-d', build / LIBXREDIRECT)
    stack = [line for line in readelf('-l', build / LIBXREDIRECT).splitlines() if 'GNU_STACK' in line]
    assert stack and 'E' not in stack[0].split()[6]


def test_libxsocket_exports_what_its_header_says(build):
    header = re.sub(r'/\*.*?\*/', '', tree.text('lib/xsocket.h'), flags=re.DOTALL)
    public = {name for name, version in exported(build / LIBXSOCKET).items()
              if version != 'XSOCKET_PRIVATE'}
    assert set(re.findall(r'\b(xsocket\w*)\s*\(', header)) == public


def test_libxsocket_resolver_exports_what_is_declared(build):
    symbols = exported(build / LIBRESOLVER)
    assert symbols == declared('resolver/libxsocket-resolver.sym')
    assert {name for name, version in symbols.items() if version == 'XSOCKET_RESOLVER_2.1'} == {
        'xsocket_freeaddrinfo', 'xsocket_getaddrinfo', 'xsocket_getnameinfo', 'xsocket_res_query',
        'xsocket_resolver_why'}
    header = re.sub(r'/\*.*?\*/', '', tree.text('resolver/xsocket-resolver.h'), flags=re.DOTALL)
    assert set(re.findall(r'\b(xsocket\w*)\s*\(', header)) == set(symbols)


def test_a_program_with_its_own_c_ares_does_not_get_in_the_way(build):
    """What is not referred to by name cannot be bound to the functions of somebody else."""
    names = set(re.findall(r' UND (\w+)', readelf('--dyn-syms', build / LIBRESOLVER)))
    assert 'free' in names
    assert not {name for name in names if name.startswith('ares')}


def test_libxbind_exports_its_hooks_without_a_version(build):
    """With one, the linker would pass over them in silence: DESIGN, rule 7."""
    symbols = exported(build / LIBXBIND)
    assert set(symbols) == set(declared('xbind/libxbind.map'))
    assert set(symbols.values()) == {''}
    assert 'Version definition section' not in readelf('--version-info', build / LIBXBIND)


@pytest.mark.parametrize('library, more', [
    (LIBXSOCKET, []), (LIBXBIND, []), (LIBRESOLVER, ['libxsocket.so.1'])])
def test_needs_nothing_but_libc(build, library, more):
    """A preloaded library brings its needs into every program. c-ares is loaded when it is needed."""
    needed = re.findall(r'\(NEEDED\).*\[(.*)\]', readelf('-d', build / library))
    sanitizer = re.compile(r'lib(clang_rt\.)?(a|l|t|ub)san')
    assert [name for name in needed if not sanitizer.match(name)
            and not re.match(r'(libc\.|ld-linux)', name)] == more


@pytest.mark.parametrize('library', [LIBXSOCKET, LIBXBIND, LIBRESOLVER])
def test_no_text_relocations_and_no_executable_stack(build, library):
    assert 'TEXTREL' not in readelf('-d', build / library)
    stack = [line for line in readelf('-l', build / library).splitlines() if 'GNU_STACK' in line]
    assert stack and 'E' not in stack[0].split()[6]


@pytest.mark.parametrize('library', [LIBXSOCKET, LIBRESOLVER])
def test_soname(build, library):
    name = library.rpartition('/')[2].replace('.', r'\.')
    assert re.search(rf'SONAME.*\[{name}\]', readelf('-d', build / library))


PROGRAMS = {
    'xsocket': """
        #include <errno.h>
        #include <xsocket.h>
        int main(void)
        {
            return xsocket("/nowhere", AF_INET, SOCK_STREAM, 0) == -1 && errno == ENOENT ? 0 : 1;
        }""",
    'xsocket-resolver': """
        #include <errno.h>
        #include <string.h>
        #include <xsocket-resolver.h>
        int main(void)
        {
            struct addrinfo *list;
            return xsocket_getaddrinfo("/nowhere", "localhost", "80", 0, &list) == EAI_SYSTEM &&
                errno == ENOENT && strstr(xsocket_resolver_why(), "there is no such control") ? 0 : 1;
        }""",
}


@pytest.mark.parametrize('name', PROGRAMS)
def test_a_program_by_pkg_config(build, name, tmp_path):
    """As a user builds one, against what is in the build directory."""
    require('pkg-config')
    env = os.environ | {'PKG_CONFIG_PATH': str(build / 'meson-uninstalled')}
    flags = subprocess.run(['pkg-config', '--cflags', '--libs', name], check=True, env=env,
                           capture_output=True, text=True).stdout.split()
    (tmp_path / 'program.c').write_text(PROGRAMS[name])
    sanitize = re.findall(r'lib(asan|tsan|ubsan)', readelf('-d', build / LIBXSOCKET))
    names = {'asan': 'address', 'tsan': 'thread', 'ubsan': 'undefined'}
    subprocess.run(['cc', '-D_GNU_SOURCE', '-o', str(tmp_path / 'program'), str(tmp_path / 'program.c'), *flags,
                    *(f'-fsanitize={names[name]}' for name in sanitize)], check=True)
    subprocess.run([str(tmp_path / 'program')], check=True,
                   env=os.environ | {'LD_LIBRARY_PATH': f'{build}/lib:{build}/resolver'})
