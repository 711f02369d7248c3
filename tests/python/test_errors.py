# SPDX-License-Identifier: MIT
"""A socket that cannot be had: the error says what to do, in the words that names have for it."""

import errno
import os
import shutil
import socket
import threading

import pytest

import xsocket
from support.users import UID, require_users


def error_of(function, *args):
    with pytest.raises(OSError) as info:
        function(*args)
    return info.value


def check(server, number, advice, kind=()):
    """Errno and path are those of the broker, and the sentence is that of a look-up."""
    path = server if '/' in server else f'/run/xsocket/{server}'
    name = error_of(xsocket.getaddrinfo, server, 'web.example', 80)
    with xsocket.namespace(server):
        redirected = error_of(socket.socket, *kind)
    for error in (redirected, error_of(xsocket.socket, server, *kind)):
        assert (error.errno, error.filename) == (number, path) == (name.errno, name.filename)
        what, _, sentence = error.strerror.partition(': ')
        assert what == f'{os.strerror(number)} (no socket from the broker)'
        assert advice in sentence and name.strerror.endswith(f': {sentence}')


def test_no_control_socket():
    check('nobody', errno.ENOENT, 'systemctl enable --now xsocket@nobody.socket')
    check('/srv/nobody', errno.ENOENT, 'xsocket-server /srv/nobody')
    assert 'xsocket@nobody.socket' in error_of(xsocket.Client, 'nobody').strerror


def test_nobody_listens(tmp_path):
    path = str(tmp_path / 'left')
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as left:
        left.bind(path)
    check(path, errno.ECONNREFUSED, f'nobody listens there; start it: xsocket-server {path}')


@pytest.fixture
def hangs_up():
    """A name where each client is let in, and told nothing: as with a namespace that is missing."""
    os.makedirs('/run/xsocket', exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind('/run/xsocket/gone')
        listener.listen()

        def serve():
            while True:
                try:
                    listener.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield 'gone'
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    os.unlink('/run/xsocket/gone')


def test_no_answer(hangs_up):
    check(hangs_up, errno.ENETDOWN, 'its network namespace does not exist (ip netns list')


FORBIDDEN = """
import os, sys
from test_errors import check, error_of
import xsocket

error_of(xsocket.getaddrinfo, 'nobody', 'web.example', 80)  # loads what it needs while it may
os.setresuid(*[int(sys.argv[1])] * 3)
check('vpn', 13, 'xsocket-server --grant vpn u:USER, or add the user to the group xsocket')
print('forbidden')
"""


def test_a_right_that_is_missing(world, run):
    """Of a user who may not ask, and of a kind of socket that the broker does not hand out."""
    require_users()
    os.chmod(world.vpn.path, 0o600)
    path = f'{os.environ["PYTHONPATH"]}:{os.path.dirname(__file__)}'
    assert run(FORBIDDEN, UID, env={'PYTHONPATH': path}) == 'forbidden\n'
    raw = error_of(xsocket.socket, 'vpn', socket.AF_INET, socket.SOCK_RAW)
    assert raw.errno == errno.EACCES and raw.filename == world.vpn.path
    assert 'AllowSockets=' in raw.strerror


def test_what_needs_no_more_words():
    error = error_of(xsocket.socket, '..')
    assert error.strerror == 'Invalid argument (no socket from the broker)'


OTHER = """
import sys
from xsocket import _config
_config.LIBDIR = sys.argv[1]
import xsocket
try:
    xsocket.namespace('vpn').__enter__()
except ImportError as error:
    print(error)
print(xsocket.current())
"""


def test_a_library_of_another_version(run, build, tmp_path):
    """It does not have what is asked of it."""
    shutil.copy(build / 'xbind/libxbind.so', tmp_path / 'libxsocket.so.1')
    lines = run(OTHER, tmp_path, env={'LD_LIBRARY_PATH': '/nonexistent'}).splitlines()
    assert lines[0].startswith('libxsocket.so.1 has no xsocket_client_new(): ') and lines[1:] == ['.']
