# SPDX-License-Identifier: MIT
"""A program, run bare inside a namespace and under libxbind.so outside of it."""

import inspect
import os
import pathlib
import re
import subprocess

import pytest

# Ports that the programs take for listed, and 0.
XBIND = '3000-3099 0'
# For builds with a sanitizer: AddressSanitizer is not the first library, and is confused by the
# stack of a cancelled thread; ThreadSanitizer does not expect descriptors that are looked at while
# another thread closes them.
SANITIZER = {
    'ASAN_OPTIONS': 'verify_asan_link_order=0:use_sigaltstack=0:detect_leaks=0',
    'TSAN_OPTIONS': f'suppressions={os.path.dirname(os.path.abspath(__file__))}/tsan.suppressions',
}
# What tests use that cannot be under, or beside, a library for musl, and why.
FOREIGN = {
    re.compile(r'\bPYTHON\b'): 'runs Python, which is for glibc here',
    re.compile(r'\blibrary\('): 'the other library is for glibc',
}


def is_musl():
    """Whether the library under test is one for musl, and the programs here with it."""
    library = pathlib.Path(os.environ['XSOCKET_BUILD']) / 'xbind' / 'libxbind.so'
    return library.exists() and b'libc.so.6\0' not in library.read_bytes()


def pytest_collection_modifyitems(items):
    """A build for musl runs what is for musl. The others have been run by the build for glibc."""
    if not is_musl():
        return
    for item in items:
        source = inspect.getsource(item.function)
        for pattern, reason in FOREIGN.items():
            if pattern.search(source):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def musl():
    return is_musl()


@pytest.fixture
def libxbind(build):
    return str(build / 'xbind' / 'libxbind.so')


@pytest.fixture
def sanitizer(libxbind):
    """Which one the library was built with: 'asan', 'tsan', or ''."""
    with open(libxbind, 'rb') as file:
        symbols = file.read()
    return next((name for name in ('asan', 'tsan') if f'__{name}_init'.encode() in symbols), '')


@pytest.fixture
def program(build):
    return lambda name: str(build / 'tests' / 'preload' / name)


@pytest.fixture
def environment(libxbind, vpn):
    """environment(XBIND='...'): that of a program under the library."""
    return lambda **variables: os.environ | SANITIZER | {
        'LD_PRELOAD': libxbind,
        'XBIND': XBIND,
        'XSOCKET': vpn.server,
        'TARGET_COOKIE': str(vpn.cookie()),
    } | variables


@pytest.fixture
def xbind(environment):
    """xbind(ARGV, XBIND='...'): what a program under the library says, outside the namespace."""
    def run(argv, stderr=subprocess.PIPE, input=None, pass_fds=(), **variables):
        return subprocess.run(argv, env=environment(**variables), timeout=60, text=True,
                              check=False, stdout=subprocess.PIPE, stderr=stderr, input=input,
                              pass_fds=pass_fds)
    return run


@pytest.fixture
def bare(vpn):
    """bare(ARGV): what a program says inside the namespace."""
    def run(argv, pass_fds=()):
        env = os.environ | SANITIZER | {'TARGET_COOKIE': str(vpn.cookie())}
        return vpn.run(argv, env=env, check=False, pass_fds=pass_fds,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return run
