# SPDX-License-Identifier: MIT
"""The examples for Python in README.md, docs/PYTHON.md and the recipes work: each is run, and what it
says is so. Names are known in the namespaces only, by different addresses in each of them."""

import re
import subprocess
import sys
import urllib.request
from typing import Callable, NamedTuple, Optional

import pytest

from support.broker import Broker
from support.netns import listening
from support.pages import blocks
from support.wait import require_module, wait_until
from worlds import Named

SERVERS = {'README.md': ['vpn'], 'docs/PYTHON.md': ['vpn', 'lan'],
           'docs/recipes/three-exits.md': ['de', 'fr', 'us'],
           'docs/recipes/vpn-for-one-thread.md': ['vpn']}
EXAMPLES = [(page, text) for page in SERVERS for text in blocks(page, 'python')]


def listens_in_vpn(vpn):
    wait_until(lambda: vpn.namespace.listening(8080))
    assert b'Directory listing' in vpn.namespace.fetch(8080) and not listening(8080)


def control_page():
    with urllib.request.urlopen('http://127.0.0.1:8000/') as answer:
        return answer.read()


def controls_here(vpn):
    wait_until(lambda: listening(8000))
    assert not vpn.namespace.listening(8000)

    wait_until(lambda: control_page() == b'vpn')


class Claim(NamedTuple):
    """What is so after an example: by Python in it, by its output (a regular expression), by a look
    while it runs."""

    after: str = ''
    prints: str = ''
    meanwhile: Optional[Callable] = None


NOWHERE = (r'/run/xsocket/nowhere No such file or directory \(no socket from the broker\): .*'
           r'systemctl enable --now xsocket@nowhere\.socket.*\n')
EXITS = 'de de\nfr fr\nus us\n'
# what a block is known by
CLAIMS = {
    "    page = urllib.request.urlopen": Claim("assert page == b'vpn', page"),
    'asyncio.gather(fetch(': Claim("assert one.endswith(b'\\nvpn') and other.endswith(b'\\nlan')"),
    "('', 8080)": Claim(meanwhile=listens_in_vpn),
    'xsocket.push(': Claim("assert answer.read() == b'vpn'"),
    'xsocket.Client(': Claim(
        "assert len({each.fileno() for each in [one, *many]}) == 501\n"
        "assert addresses[0][4] == ('127.0.0.80', 80)\n"
        "assert (name, port) == ('web.example', 'http')"),
    "'nowhere'": Claim(prints=NOWHERE),
    'requests.Session() for server': Claim("assert texts == ['vpn', 'lan', 'vpn'], texts"),
    'requests.Session() for exit': Claim(prints=EXITS),
    'aiohttp.ClientSession': Claim(prints=EXITS),
    'class Control': Claim(meanwhile=controls_here),
}


def claim(text):
    known = [mark for mark in CLAIMS if mark in text]
    assert len(known) == 1, text
    return CLAIMS[known[0]]


@pytest.fixture(scope='module')
def setting(build, quiet_outside):
    """setting(NAME...): these places, where the names of the examples are known."""
    made = {}

    def make(*names):
        for name in names:
            if name not in made:
                made[name] = Named(build, name, {
                    each: ['127.0.0.80'] for each in ('web.example', 'ip.example', 'echo.example')})
        return made

    yield make
    for place in made.values():
        place.close()


@pytest.mark.parametrize('page, text', EXAMPLES, ids=[
    f'{page}-{number}' for number, (page, _) in enumerate(EXAMPLES)])
def test_example(setting, page, text, tmp_path):
    for module in re.findall(r'(?m)^import (aiohttp|requests)$', text):
        require_module(module)
    places, says = setting(*SERVERS[page]), claim(text)
    path = tmp_path / 'example.py'
    path.write_text(f'{text}\n{says.after}\n')
    with subprocess.Popen([sys.executable, str(path)], text=True, cwd=tmp_path,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            if says.meanwhile:
                says.meanwhile(places['vpn'])
                return
            out, error = process.communicate(timeout=60)
        finally:
            process.kill()
    assert re.fullmatch(says.prints, out) and process.returncode == 0, out + error


@pytest.fixture
def down(build, setting):
    """down(NAME): the broker is gone until up() is called, or the test has ended."""
    stopped = []

    def up():
        while stopped:
            place = stopped.pop()
            place.broker = Broker(build, '--netns', place.name, server=place.path)

    def stop(name):
        stopped.append(setting(name)[name])
        stopped[-1].broker.stop()
        return up

    yield stop
    up()


def example(page, mark):
    text, = (text for each, text in EXAMPLES if each.endswith(page) and mark in text)
    return text


@pytest.mark.parametrize('mark', ['requests', 'aiohttp'])
def test_one_exit_of_three_is_down(setting, down, run, mark):
    """The others answer, and it is said what is wrong with this one."""
    require_module(mark)
    setting('de', 'fr', 'us')
    down('fr')
    first, second, third = run(example('three-exits.md', f'import {mark}')).splitlines()
    assert (first, third) == ('de de', 'us us')
    assert second.startswith('fr failed: ') and 'enable --now xsocket@fr.socket' in second


def test_the_thread_goes_on(setting, down, tmp_path):
    """It has an error on its page, and does its work as soon as there is a broker again."""
    setting('vpn')
    up = down('vpn')
    text = example('vpn-for-one-thread.md', 'class Control')
    assert text.count('time.sleep(60)') == 1
    with subprocess.Popen([sys.executable, '-c', text.replace('sleep(60)', 'sleep(0.05)')],
                          cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: listening(8000))
            wait_until(lambda: b'enable --now xsocket@vpn.socket' in control_page())
            up()
            wait_until(lambda: control_page().endswith(b'vpn'))
        finally:
            process.kill()


def test_every_claim_is_made():
    """No page has lost its example."""
    assert {claim(text) for _, text in EXAMPLES} == set(CLAIMS.values())
