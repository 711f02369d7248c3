# SPDX-License-Identifier: MIT
"""The tests of Python's own library come to the same in a namespace that xsocket.push() has entered."""

import pytest

from foreign import EnteredSuite, check, python_with
from support.wait import skip

# The slowest first. With each: how many pass natively at the least, and how often they call bind().
MODULES = {
    'test_ftplib': (75, 150),
    'test_socketserver': (20, 25),
    'test_httpservers': (40, 20),
    'test_smtplib': (60, 40),
}


@pytest.mark.parametrize('module', MODULES)
def test_package(module, build, pairs, say):
    if not (build / 'python/xsocket').exists():
        skip('needs a build with the Python package')
    python = python_with('test.test_socket', 'test.test_asyncio')

    def suite_of(name):
        return EnteredSuite(build, python, 'unittest', [f'test.{name}'])

    native, moved = pairs(suite_of).of(module)
    check(suite_of(module), native, moved, lambda text: say(f'{module}: {text}'), MODULES[module])
