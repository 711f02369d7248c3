# SPDX-License-Identifier: MIT
import os
import re
import subprocess

import pytest

pytest.register_assert_rewrite('programs', 'matrix', 'support.matrix')

from matrix import Side, compare  # noqa: E402
from programs import Program  # noqa: E402
from support.broker import Vpn  # noqa: E402
from support.matrix import runner  # noqa: E402

# For builds with a sanitizer: leaks and races would be the programs' own.
SANITIZER = {
    'ASAN_OPTIONS': 'verify_asan_link_order=0:detect_leaks=0',
    'TSAN_OPTIONS': 'ignore_noninstrumented_modules=1',
}


@pytest.fixture(scope='session')
def preloaded(build):
    """LD_PRELOAD. A sanitizer that the library needs comes first: programs have none."""
    library = build / 'xbind/libxbind.so'
    needed = subprocess.run(['ldd', library], check=True, text=True, capture_output=True).stdout
    return ':'.join([*re.findall(r'/\S*/lib[at]san\.so\S*', needed), str(library)])


@pytest.fixture
def xbind(preloaded, vpn):
    """The environment of a program under the library: xbind('3000', XSOCKET='name')."""
    def environment(rules, **variables):
        return os.environ | SANITIZER | {
            'LD_PRELOAD': preloaded,
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
def sides(xbind, vpn, netns, here, tmp_path, request):
    """Bare inside a namespace, and under the library outside of another."""
    def bare(rules, **variables):
        return {name: value for name, value in xbind(rules, **variables).items()
                if name not in ('LD_PRELOAD', 'XBIND', 'XSOCKET')}

    inside = netns()
    return (Side('bare', inside, inside, tmp_path / '1', bare, request),
            Side('libxbind', vpn, here, tmp_path / '2', xbind, request))


@pytest.fixture
def twice(build, sides, request):
    """twice(ROW, FUNCTION, ARGUMENT...): a test of matrix.py on both sides."""
    return runner(build / 'programs-matrix', request, sides, compare)


@pytest.fixture
def vpn(netns, broker):
    """As everywhere, and with a control socket that every user may connect to."""
    namespace = netns()
    server = f'/run/xsocket/{namespace.name}'
    os.makedirs('/run/xsocket', exist_ok=True)
    started = broker('--netns', namespace.name, server=server)
    os.chmod(server, 0o666)
    return Vpn(namespace, started)
