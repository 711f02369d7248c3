# SPDX-License-Identifier: MIT
"""The tests of Python's own library come to the same under libxbind, one by one."""

import pytest

from foreign import PythonSuite, check
from support.python import python_with

# The slowest first. With each: how many pass natively at the least, and how often they call bind().
MODULES = {
    'test_ssl': (120, 80),
    'test_asyncio': (800, 150),  # but for what is named below
    'test_asyncio.test_events': (200, 70),
    'test_socket': (450, 500),
    'test_asyncio.test_tasks': (500, 0),
    'test_asyncio.test_subprocess': (90, 0),
    'test_ftplib': (75, 150),
    'test_asyncio.test_ssl': (15, 15),
    'test_socketserver': (20, 25),
    'test_httpservers': (40, 20),
    'test_smtplib': (60, 40),
}
# What cannot be run here, and why. Each must be there.
LEAVE_OUT = {
    'test_socket': {
        'test.test_socket.ThreadedVSOCKSocketStreamTest.':
            'vsock addresses are the machine\'s and not the namespace\'s: both runs would meet '
            'there, and on some machines it waits for ever',
    },
    'test_asyncio': {f'test.{module}.': 'is a module of its own here'
                     for module in MODULES if module.startswith('test_asyncio.')},
}


@pytest.mark.parametrize('module', MODULES)
def test_cpython(module, build, pairs, say):
    python = python_with('test.test_socket', 'test.test_asyncio')

    def suite_of(name):
        return PythonSuite(build, python, 'unittest', [f'test.{name}'], LEAVE_OUT.get(name, ()))

    native, moved = pairs(suite_of).of(module)
    check(suite_of(module), native, moved, lambda text: say(f'{module}: {text}'), MODULES[module])
