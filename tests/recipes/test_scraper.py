# SPDX-License-Identifier: MIT
"""docs/recipes/scraper.md: its program and its commands, as they stand there."""

import subprocess
import sys

import pytest

from support.names import Dns, Etc, Silence
from support.netns import listening
from support.pages import blocks
from support.wait import require, wait_until

PAGE = 'docs/recipes/scraper.md'
ANSWER = 'only in the namespace'


@pytest.fixture
def intern(vpn, tmp_path):
    """The server that only the namespace can reach, by a name that only its server knows."""
    (tmp_path / 'pages').mkdir()
    (tmp_path / 'pages' / 'index.html').write_text(ANSWER)
    with Etc() as etc:
        etc.write('resolv.conf', 'nameserver 127.0.0.53\n')
        etc.write(f'netns/{vpn.name}/resolv.conf', 'nameserver 127.0.0.1\n')
        names = Dns(vpn, {'intern.example': ['127.0.0.1']})
        pages = vpn.popen([sys.executable, '-m', 'http.server', '--bind', '127.0.0.1', '8000',
                           '--directory', tmp_path / 'pages'], stderr=subprocess.DEVNULL)
        wait_until(lambda: vpn.listening(8000))
        yield
        pages.terminate()
        pages.wait()
        names.stop()


@pytest.fixture
def scraper(build, vpn, tmp_path):
    """The program, begun by the command of the page, with what is there in an installation."""
    program, = blocks(PAGE, 'python')
    start, fetch = blocks(PAGE, 'sh')
    (tmp_path / 'scraper.py').write_text(program)
    assert start.count('XREDIRECT=vpn') == 1 and start.endswith(' &\n')
    command = start.removesuffix(' &\n').replace('XREDIRECT=vpn', f'XREDIRECT={vpn.server}')
    command = command.replace('libxredirect.so', str(build / 'xredirect/libxredirect.so'))
    with open(tmp_path / 'log', 'wb') as log:
        running = subprocess.Popen(['sh', '-c', command.replace('LD_PRELOAD', 'exec env LD_PRELOAD')],
                                   cwd=tmp_path, stderr=log)
    wait_until(lambda: listening(8080))
    # the status goes to stderr
    assert fetch.startswith('curl ')
    fetch = fetch.replace('curl', "curl --write-out '%{stderr}%{http_code}'")
    yield lambda: subprocess.run(['sh', '-c', fetch], capture_output=True, text=True, check=True)
    running.terminate()
    running.wait()


def test_scraper(here, vpn, intern, scraper, tmp_path):
    require('curl')
    silence = Silence(here)
    found = scraper()
    assert (found.stdout, found.stderr) == (ANSWER, '200')
    assert not vpn.listening(8080)
    # the broker is gone: nothing is fetched from here, and the control interface says so
    vpn.broker.stop()
    for _ in range(2):
        failed = scraper()
        assert 'Network is down' in failed.stdout and failed.stderr == '502'
    assert 'there is no such control socket; start it: ' in (tmp_path / 'log').read_text()
    assert silence.heard() == 0
    silence.close()
