# SPDX-License-Identifier: MIT
"""The examples in the manual pages work. Those of README.md and of units: tests/systemd."""

import json
import os
import shlex
import subprocess

import pytest

from support.broker import run
from support.netns import listening
from support.pages import FILE, blocks
from support.wait import require, wait_until

MESON = shlex.split(os.environ.get('MESONINTROSPECT', 'meson introspect'))[:-1]


@pytest.mark.parametrize('text', [text for text in blocks('man/xsocket.conf.5.scd')
                                  if '[Server]' in text])
def test_configuration(build, tmp_path, text):
    assert FILE.match(text)[1] == '/etc/xsocket/vpn.conf'
    config = tmp_path / 'vpn.conf'
    config.write_text(text)
    result = run(build, '--check', '--config', config)
    assert (result.returncode, result.stderr) == (0, '')
    config.write_text(text.replace('MaxConnections=', 'MaxConections='))
    assert run(build, '--check', '--config', config).returncode == 78


@pytest.fixture(scope='module')
def installed(build, tmp_path_factory):
    """What pkg-config tells of the project where it was installed, below a directory."""
    require('pkg-config')
    root = tmp_path_factory.mktemp('root')
    subprocess.run([*MESON, 'install', '-C', str(build), '--no-rebuild', '--quiet', '--destdir',
                    str(root)], check=True, stdout=subprocess.DEVNULL)
    page, = root.glob('**/pkgconfig/xsocket.pc')
    env = os.environ | {'PKG_CONFIG_SYSROOT_DIR': str(root), 'PKG_CONFIG_PATH': str(page.parent),
                        # of the standard directories, too
                        'PKG_CONFIG_ALLOW_SYSTEM_CFLAGS': '1', 'PKG_CONFIG_ALLOW_SYSTEM_LIBS': '1'}

    def pkg_config(*args, name='xsocket'):
        return subprocess.run(['pkg-config', *args, name], env=env, check=True, text=True,
                              capture_output=True).stdout.split()

    return pkg_config


@pytest.fixture(scope='module')
def sanitize(build):
    options = json.loads(subprocess.run([*MESON, 'introspect', '--buildoptions', str(build)],
                                        check=True, capture_output=True).stdout)
    value, = (option['value'] for option in options if option['name'] == 'b_sanitize')
    return [] if value == 'none' else [f'-fsanitize={value}']


def test_pkg_config(installed):
    """Of the version of the project, with nothing else to be linked."""
    version, = installed('--modversion')
    assert version[0].isdigit()
    assert [flag for flag in installed('--libs') if flag.startswith('-l')] == ['-lxsocket']
    assert installed('--libs', '--static').count('-lxsocket') == 1


@pytest.fixture
def vpn(netns, broker):
    """As on the pages."""
    namespace = netns('vpn')
    os.makedirs('/run/xsocket', exist_ok=True)
    broker('--netns', 'vpn', server='/run/xsocket/vpn')
    return namespace


@pytest.fixture
def example(installed, sanitize, tmp_path):
    """example(PAGE, LIBRARY): its program, compiled without a warning, and where it runs in."""
    def compile(page, library='xsocket'):
        text, = (text for text in blocks(page) if 'int main' in text)
        (tmp_path / 'example.c').write_text(text)
        libs = installed('--libs', name=library)
        subprocess.run(['cc', '-Wall', '-Wextra', '-Werror', *sanitize,
                        '-o', str(tmp_path / 'example'), str(tmp_path / 'example.c'),
                        *installed('--cflags', name=library), *libs], check=True)
        directory, = (flag[2:] for flag in libs if flag.startswith('-L'))
        return {'args': [str(tmp_path / 'example')],
                'env': os.environ | {'LD_LIBRARY_PATH': directory}}

    return compile


def test_contexts(example, vpn):
    """The example of xsocket_push(3)."""
    result = subprocess.run(**example('man/xsocket_push.3.scd'), text=True, capture_output=True,
                            check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, 'vpn: a socket\n', '')


def test_no_broker(example):
    """The example of xsocket(3) says what to do."""
    result = subprocess.run(**example('man/xsocket.3.scd'), text=True, capture_output=True, check=False)
    assert result.returncode == 1 and result.stdout == ''
    assert result.stderr.startswith('xsocket: No such file or directory: ')
    assert 'systemctl enable --now xsocket@vpn.socket' in result.stderr


def test_names(example, vpn):
    """The example of xsocket_getaddrinfo(3)."""
    result = subprocess.run(**example('man/xsocket_getaddrinfo.3.scd', 'xsocket-resolver'), text=True,
                            capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (0, '')
    assert '127.0.0.1' in result.stdout.splitlines()


def test_program(example, vpn):
    """The example of xsocket(3) does what the page says."""
    with subprocess.Popen(**example('man/xsocket.3.scd')) as program:
        try:
            wait_until(lambda: vpn.listening(8080))
            assert not listening(8080)
            assert vpn.fetch(8080, b'') == b'hello\n'
        finally:
            program.kill()
