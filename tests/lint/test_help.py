# SPDX-License-Identifier: MIT
"""Help and version texts, as a user meets them."""

import os
import pathlib
import re
import subprocess

import pytest

from support import tree

SERVER = 'server/xsocket-server'
DAEMONS = [SERVER, 'bridge/xsocket-bridge']
TOOLS = ['tools/check', 'tools/demo', 'tools/fetch-libuv', 'tools/install-deps']

daemons = pytest.mark.parametrize('program', DAEMONS)


def run(build, program, *args):
    path = build / program if program in DAEMONS else tree.SOURCE / program
    return subprocess.run([str(path), *args], capture_output=True, text=True, timeout=20,
                          stdin=subprocess.DEVNULL, check=False)


@pytest.mark.parametrize('program', [*DAEMONS, *TOOLS])
def test_help(build, program):
    """On standard output, the same for both spellings, for a terminal of 80 columns."""
    result = run(build, program, '--help')
    assert result.returncode == 0 and result.stderr == ''
    assert run(build, program, '-h').stdout == result.stdout
    assert program.rpartition('/')[2] in ''.join(result.stdout.splitlines()[:1])
    assert not [line for line in result.stdout.splitlines() if len(line) > 80 or '\t' in line]


@pytest.mark.parametrize('program', [*DAEMONS, *TOOLS])
def test_mistake(build, program):
    """An unknown option: on standard error, with the status of a usage error."""
    result = run(build, program, '--no-such-option')
    assert result.returncode == 2 and result.stdout == ''
    assert result.stderr


def test_too_many_arguments(build):
    assert run(build, SERVER, 'one', 'two').returncode == 2


@daemons
def test_version(build, program):
    version = re.search(r"version: '([^']+)'", tree.text('meson.build'))[1]
    for option in ('--version', '-V'):
        result = run(build, program, option)
        assert result.returncode == 0 and result.stderr == ''
        assert result.stdout == f'{pathlib.Path(program).name} {version}\n'


@daemons
def test_every_option_of_the_help_is_in_the_manual(build, program):
    manual = tree.text(f'man/{pathlib.Path(program).name}.8.scd').replace('\\', '')
    options = re.findall(r'(?m)^ +(?:-\w, )?(--[a-z-]+)', run(build, program, '--help').stdout)
    assert len(options) > 5
    for option in options:
        assert option in manual, option


@daemons
def test_help_into_a_full_device(build, program):
    """Output that cannot be written is an error."""
    with open('/dev/full', 'wb') as full:
        for option in ('--help', '--version'):
            status = subprocess.run([str(build / program), option], stdout=full, check=False,
                                    stderr=subprocess.DEVNULL, env=os.environ).returncode
            assert status != 0
