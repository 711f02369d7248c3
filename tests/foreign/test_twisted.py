# SPDX-License-Identifier: MIT
"""The tests of Twisted, which are installed with it, come to the same under libxbind, one by one.

Most are run once for each of its reactors: epoll, poll, select, asyncio.
"""

import pytest

from foreign import PythonSuite, check
from support.python import python_with

# With each: how many pass natively at the least, and how often they call bind(). How many pass
# depends on which reactors there are.
MODULES = {
    'internet.test.test_tls': (50, 50),
    'internet.test.test_tcp': (150, 150),
    'internet.test.test_unix': (80, 3),
    'test.test_tcp': (30, 40),
    'test.test_ssl': (10, 8),
    'internet.test.test_udp': (80, 90),
    'internet.test.test_socket': (20, 8),
    'internet.test.test_fdset': (25, 25),
    'internet.test.test_newtls': (10, 10),
    'test.test_udp': (12, 20),
    'test.test_internet': (50, 2),
}


@pytest.mark.parametrize('module', MODULES)
def test_twisted(module, build, runs, say):
    python = python_with('twisted.trial', 'twisted.internet.test')

    def suite_of(name):
        return PythonSuite(build, python, 'trial', [f'twisted.{name}'], reactor='epoll')

    native, moved = runs(suite_of).of(module, 'libxbind')
    check(suite_of(module), 'libxbind', native, moved, lambda text: say(f'{module}: {text}'),
          MODULES[module])
