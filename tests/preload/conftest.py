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


# What tests run beside their own programs is made for glibc.
FOREIGN = re.compile(r"\bPYTHON\b|'(unshare|strace|setpriv|true)'|as_user\(|\blibrary\(|\bmade\b|public_program")


def is_musl():
    """Whether the library under test is one for musl, and the programs here with it."""
    library = pathlib.Path(os.environ['XSOCKET_BUILD']) / 'xbind' / 'libxbind.so'
    return library.exists() and b'libc.so.6\0' not in library.read_bytes()


def pytest_collection_modifyitems(items):
    """A build for musl runs what is for musl. The others have been run by the build for glibc."""
    if not is_musl():
        return
    for item in items:
        if FOREIGN.search(inspect.getsource(item.function)):
            item.add_marker(pytest.mark.skip(reason='with a program or library for glibc'))


@pytest.fixture
def program(build):
    return lambda name: str(build / 'tests' / 'preload' / name)


@pytest.fixture
def environment(build, vpn):
    """environment(XBIND='...'): that of a program under the library."""
    return lambda **variables: os.environ | SANITIZER | {
        'LD_PRELOAD': str(build / 'xbind' / 'libxbind.so'),
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
