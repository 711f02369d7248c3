# SPDX-License-Identifier: MIT
import os
import pathlib
import re
import subprocess

import pytest

from programs import Program


# For builds with a sanitizer: it is not the first library then, and leaks and races would be the
# programs' own.
SANITIZER = {
    'ASAN_OPTIONS': 'verify_asan_link_order=0:detect_leaks=0',
    'TSAN_OPTIONS': 'ignore_noninstrumented_modules=1',
}


@pytest.fixture
def xbind(build, vpn):
    """The environment of a program under the library: xbind('3000', XSOCKET='name')."""
    def environment(rules, **variables):
        return os.environ | SANITIZER | {
            'LD_PRELOAD': str(build / 'xbind/libxbind.so'),
            'XBIND': rules,
            'XSOCKET': vpn.server,
        } | variables
    return environment


@pytest.fixture
def start(xbind, vpn, here, tmp_path):
    """start(ARGV, '3000', stdin=BYTES): a program that has been started under these rules."""
    started = []

    def run(argv, rules, stdin=b'', **variables):
        directory = tmp_path / str(len(started))
        directory.mkdir()
        started.append(Program(argv, xbind(rules, **variables), vpn, here, directory, stdin))
        return started[-1]

    yield run
    for program in started:
        program.end()


@pytest.fixture
def sanitizer_first(build):
    """LD_PRELOAD for a program that bears no sanitizer behind itself, where there is one."""
    library = build / 'xbind/libxbind.so'
    needed = subprocess.run(['ldd', library], check=True, text=True, capture_output=True).stdout
    return ':'.join([*re.findall(r'/\S*/lib[at]san\.so\S*', needed), str(library)])


@pytest.fixture
def files():
    """Where the sources of what is no packaged program are."""
    return pathlib.Path(__file__).resolve().parent
