# SPDX-License-Identifier: MIT
"""The tests of Python's own library come to the same under the libraries, and in a namespace that the
package has entered, one by one."""

import pytest

from foreign import PythonSuite, check
from support.python import python_with
from support.wait import skip

# The slowest first. With each: how many pass natively at the least, how often they call bind(), and
# under which libraries they are run.
XBIND, XREDIRECT, PACKAGE = ('libxbind',), ('libxredirect',), ('xsocket',)
ALL = XBIND + XREDIRECT + PACKAGE
MODULES = {
    'test_imaplib': (50, 50, XREDIRECT),
    'test_ssl': (120, 80, ALL),
    'test_asyncio': (800, 150, ALL),  # but for what is named below
    'test_asyncio.test_events': (200, 70, ALL),
    'test_socket': (450, 500, ALL),
    'test_asyncio.test_tasks': (500, 0, XBIND),
    'test_asyncio.test_subprocess': (90, 0, XBIND),
    'test_ftplib': (75, 150, ALL),
    'test_asyncio.test_ssl': (15, 15, ALL),
    'test_poplib': (50, 50, XREDIRECT + PACKAGE),
    'test_xmlrpc': (50, 20, XREDIRECT),
    'test_httplib': (80, 8, XREDIRECT + PACKAGE),
    'test_urllib': (80, 0, XREDIRECT),
    'test_logging': (100, 10, XREDIRECT + PACKAGE),
    'test_urllib2_localnet': (15, 15, XREDIRECT + PACKAGE),
    'test_urllib2': (50, 0, XREDIRECT),
    'test_socketserver': (20, 25, ALL),
    'test_httpservers': (40, 20, ALL),
    'test_smtplib': (60, 40, ALL),
    'test_timeout': (5, 0, XREDIRECT + PACKAGE),
    'test_selectors': (50, 0, XREDIRECT),
    'test_eintr': (1, 0, XREDIRECT),
    'test_epoll': (10, 0, XREDIRECT),
    'test_docxmlrpc': (5, 5, XREDIRECT),
    'test_robotparser': (20, 0, XREDIRECT),
    'test_wsgiref': (20, 0, XREDIRECT),
    'test_urllib2net': (1, 0, XREDIRECT),
    'test_urllibnet': (1, 0, XREDIRECT),
}
# What cannot be run here, and why. Each must be there.
LEAVE_OUT = {
    'test_socket': {
        'test.test_socket.ThreadedVSOCKSocketStreamTest.':
            'vsock addresses are the machine\'s and not the namespace\'s: both runs would meet '
            'there, and on some machines it waits for ever',
        'test.test_socket.GeneralModuleTests.testRefCountGetNameInfo':
            'counts references, and the frames of the package in a traceback have some',
    },
    'test_asyncio': {f'test.{module}.': 'is a module of its own here'
                     for module in MODULES if module.startswith('test_asyncio.')},
}


@pytest.mark.parametrize('module, library', [
    (module, library) for module, (*_, libraries) in MODULES.items() for library in libraries])
def test_cpython(module, library, build, runs, say):
    python = python_with('test.test_socket', 'test.test_asyncio')
    if library == 'xsocket' and not (build / 'python/xsocket').exists():
        skip('needs a build with the Python package')

    def suite_of(name):
        return PythonSuite(build, python, 'unittest', [f'test.{name}'], LEAVE_OUT.get(name, ()))

    # the slowest ones do nothing but wait
    native, moved = runs(suite_of, at_once=10).of(module, library)
    check(suite_of(module), library, native, moved, lambda text: say(f'{module}: {text}'),
          MODULES[module][:2])
