# SPDX-License-Identifier: MIT
"""Services that connect and look names up in a namespace, by the installed example drop-in."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from support.manager import RUNTIME, journal, show, systemctl, unit_file
from support.names import Dns, Silence
from support.wait import wait_until

from systemd.test_services import FAMILIES, HARDENED, PLAIN, example

PORT, NAME, ANSWER = 8000, 'intern.example', 'only over there'
FETCH = ("import urllib.request as r; "
         f"print('fetched', r.urlopen('http://{NAME}:{PORT}/').read().decode())")


@pytest.fixture
def intern(enabled, unit):
    """What only the namespace has: a server, and a name that only its name server knows."""
    site = pathlib.Path('/srv/intern')
    site.mkdir(parents=True, exist_ok=True)
    (site / 'index.html').write_text(ANSWER)
    netns = pathlib.Path('/etc/netns', unit)
    first = not netns.parent.exists()
    netns.mkdir(parents=True)
    (netns / 'resolv.conf').write_text('nameserver 127.0.0.1\n')
    names = Dns(enabled, {NAME: ['127.0.0.1']})
    pages = enabled.popen([sys.executable, '-m', 'http.server', '--bind', '127.0.0.1', str(PORT),
                           '--directory', site], stderr=subprocess.DEVNULL)
    wait_until(lambda: enabled.listening(PORT))
    yield netns
    pages.terminate()
    pages.wait()
    names.stop()
    shutil.rmtree(netns.parent if first else netns)


@pytest.fixture
def fetcher(installed):
    """fetcher(SETTINGS, DROP-IN): a service that fetches the page, once; what came of it."""
    def run(settings, drop_in):
        unit_file('fetcher.service', '[Service]\nType=oneshot\n'
                  f'ExecStart=/usr/bin/python3 -c "{FETCH}"\n{settings}')
        unit_file('fetcher.service.d/xsocket-redirect.conf', drop_in)
        systemctl('start', 'fetcher.service', check=False)
        return show('fetcher.service', 'Result')

    yield run
    shutil.rmtree(RUNTIME / 'fetcher.service.d', ignore_errors=True)
    systemctl('reset-failed', check=False)


def told(since):
    return ' '.join(entry['MESSAGE'] for entry in journal('-u', 'fetcher.service')[since:])


@pytest.mark.parametrize('settings', [PLAIN, HARDENED,
                                      FAMILIES + 'RestrictAddressFamilies=AF_UNIX\n',
                                      'PrivateNetwork=yes\nRestrictAddressFamilies=AF_UNIX\n'],
                         ids=['plain', 'hardened', 'families', 'alone'])
def test_fetches_there(intern, here, unit, installed, fetcher, settings):
    silence, before = Silence(here), len(journal('-u', 'fetcher.service'))
    assert fetcher(settings, example(installed, 'redirect.conf', unit)) == 'success', told(before)
    assert f'fetched {ANSWER}' in told(before)
    assert silence.heard() == 0
    silence.close()


def test_without_its_resolver_it_says_which_file_to_write(intern, here, unit, installed, fetcher):
    """This machine's resolv.conf names the stub of its own resolved: that is told."""
    (intern / 'resolv.conf').unlink()
    before, ours = len(journal('-u', 'fetcher.service')), pathlib.Path('/etc/resolv.conf')
    was = ours.read_bytes()
    ours.write_text('nameserver 127.0.0.53\n')
    silence = Silence(here)
    try:
        assert fetcher(PLAIN, example(installed, 'redirect.conf', unit)) == 'exit-code'
    finally:
        ours.write_bytes(was)
    text = told(before)
    assert '127.0.0.53' in text and f'/etc/netns/{unit}/resolv.conf' in text, text
    assert silence.heard() == 0
    silence.close()


def test_without_the_socket_unit_it_says_what_to_start(intern, unit, installed, fetcher):
    systemctl('stop', f'xsocket@{unit}.socket', f'xsocket@{unit}.service')
    before = len(journal('-u', 'fetcher.service'))
    text = re.sub('(?m)^(Wants|After)=.*', '', example(installed, 'redirect.conf', unit))
    assert fetcher(PLAIN, text) == 'exit-code'
    assert f'xsocket@{unit}.socket' in told(before)
