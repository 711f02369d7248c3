# SPDX-License-Identifier: MIT
"""What sends one packet outside, or asks somebody there, is seen and heard: without the library,
and where that is told to.
"""

import subprocess
import sys

import pytest

from asking import FILES
from leaky import BY_LIBC, PROGRAMS
from places import IPV4
from servers import Echo
from support.ears import SERVICES
from support.matrix import PATIENCE
from support.wait import require

LOCAL = '198.51.100.1'


@pytest.mark.parametrize('program', PROGRAMS)
def test_it_is_heard(program, shared_world, java, tmp_path):
    """By its packets, by who answers, and by whom libc asks for names."""
    shared_world.strays()
    subprocess.run(list(map(str, PROGRAMS[program](shared_world, java))), env=shared_world.bare(),
                   cwd=tmp_path, timeout=PATIENCE, check=False, capture_output=True)
    strays = shared_world.strays()
    if program == 'curl, address':
        expected = ['<lo: tcp ', 'tcp 80: connected', "tcp 80: b'GET /page"]
    elif program in BY_LIBC:
        expected = ['<lo: udp ', 'udp 53: ', *(f'{service}: ' for service in SERVICES)]
    else:
        expected = ['<lo: udp ', 'udp 53: ']
    assert not [text for text in expected if not any(stray.startswith(text) for stray in strays)], strays


def test_what_is_about_users_is_no_leak(shared_world):
    """Those are of this machine."""
    subprocess.run([require('getent'), 'passwd', '12345'], env=shared_world.bare(), check=False)
    assert shared_world.strays() == []


BOTH_SIDES = {
    'python': [sys.executable, '-I', FILES / 'both_sides.py'],
    'node': ['node', FILES / 'both_sides.js'],
    'java': ['java', '-XX:+UseSerialGC', FILES / 'BothSides.java'],
}


@pytest.mark.parametrize('program', BOTH_SIDES)
def test_what_is_local_is_not_there(program, shared_world):
    """The other wrong side: what is kept outside is not seen in the namespace.

    Both are asked, by TCP and UDP: one that XREDIRECT_LOCAL has, and one in the namespace.
    """
    argv = [require(BOTH_SIDES[program][0]), *BOTH_SIDES[program][1:], LOCAL, IPV4]
    shared_world.server(Echo)
    shared_world.strays(), shared_world.inside.packets()
    result = subprocess.run(argv, check=False, text=True, timeout=PATIENCE, capture_output=True,
                            env=shared_world.under(XREDIRECT_LOCAL='198.51.100.0/24'))
    said = result.stdout.splitlines()
    assert ['outside' in line for line in said] == [True, True, False, False], (said, result.stderr)
    outside, inside = (capture.packets() for capture in (shared_world.outside, shared_world.inside))
    assert {packet.begins for packet in outside} - {''} == {'tcp 3000', 'udp 3000'}
    assert {LOCAL} == {packet.target for packet in outside}
    assert {packet.begins for packet in inside} - {''} == {'tcp 3000', 'udp 3000'}
    assert not [packet for packet in inside if LOCAL in (packet.source, packet.target)]
    assert len(shared_world.ears.heard()) == 3  # a connection and what it said, a datagram
