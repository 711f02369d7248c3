# SPDX-License-Identifier: MIT
"""The ways from this tree to an installed system, each gone for real."""

import gzip
import os
import re
import shlex
import shutil
import subprocess
import tarfile

from support import tree
from support.users import GID, UID, as_user
from support.wait import require, skip

MESON = shlex.split(os.environ.get('MESONINTROSPECT', 'meson introspect'))[:-1]

# What is built here is not to run fast.
QUICK = {'CFLAGS': '-O0'}

# below /usr; {lib} is the library directory
INSTALLED = {
    'bin/xsocket-server', 'include/xsocket.h', '{lib}/libxsocket.so', '{lib}/libxsocket.so.1',
    '{lib}/libxsocket.so.1.0.0', '{lib}/libxbind.so', '{lib}/libxredirect.so',
    '{lib}/pkgconfig/xsocket.pc',
    'include/xsocket-resolver.h', '{lib}/libxsocket-resolver.so', '{lib}/libxsocket-resolver.so.1',
    '{lib}/libxsocket-resolver.so.1.0.0', '{lib}/pkgconfig/xsocket-resolver.pc',
}
UNITS = {
    'lib/systemd/system/xsocket.service', 'lib/systemd/system/xsocket.socket',
    'lib/systemd/system/xsocket@.service', 'lib/systemd/system/xsocket@.socket',
    'lib/systemd/system/xsocket-netns@.service', 'lib/sysusers.d/xsocket.conf',
    'share/doc/xsocket/examples/service.conf', 'share/doc/xsocket/examples/socket.conf',
    'share/doc/xsocket/examples/redirect.conf',
}
BRIDGE_UNITS = {
    'lib/systemd/system/xsocket-bridge@.service', *(
        f'share/doc/xsocket/examples/{name}' for name in
        ('bridge.conf', 'bridge.socket', 'bridge-netns.conf', 'bridge-ports.conf')),
}


def python_package():
    """The files of the Python package, where an installation has them."""
    modules = {path.name for path in tree.files() if path.match('python/xsocket/*.py')}
    return modules | {'_config.py', 'py.typed'}


def in_python(names):
    """Those of these paths, below the prefix, that are in the Python package, where that Python
    looks."""
    found = [re.fullmatch(r'lib/python3[.\d]*/(?:site|dist)-packages/xsocket/(\w+\.\w+)', str(name))
             for name in names]
    return {match[1] for match in found if match}


def man_pages():
    """Those that scdoc(1), where it is, makes of man/*.scd: share/man/man3/xsocket.3, ..."""
    pages = [path.stem for path in tree.files() if path.match('man/*.scd')]
    return {f'share/man/man{page[-1]}/{page}' for page in pages if shutil.which('scdoc')}


def check_pages(pages):
    """{path below the prefix: what is in it}: all that are to be there, and of others only such as
    say that they are one of these."""
    missing = man_pages() - pages.keys()
    assert not missing
    for page in pages.keys() - man_pages():
        assert f'share/man/{pages[page].removeprefix(".so ").strip()}' in man_pages(), page


def expected(lib, build):
    names = {name.format(lib=lib) for name in INSTALLED}
    bridge, units = (build / 'bridge').exists(), (build / 'systemd/xsocket@.service').exists()
    if bridge:
        names.add('bin/xsocket-bridge')
    if units:
        names |= UNITS
    if bridge and units:
        names |= BRIDGE_UNITS
    return names


def run(argv, **kwargs):
    result = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            check=False, **kwargs)
    assert result.returncode == 0, result.stdout
    return result.stdout


def test_makepkg(copy, build):
    """The real one, as a user, since it refuses to be root."""
    require('makepkg')
    # where a user cannot get at the first meson in the PATH
    path = '/usr/bin:/bin:/usr/sbin:/sbin'
    env = {'PATH': path, 'HOME': str(copy), 'LANG': 'C.UTF-8', 'PKGEXT': '.pkg.tar.gz',
           'PKGDEST': str(copy), 'BUILDDIR': str(copy / 'build-makepkg')}
    (copy / 'build-makepkg').mkdir()
    os.chown(copy / 'build-makepkg', UID, GID)
    run(as_user(['makepkg', '--nodeps', '--nocheck']), cwd=copy, env=env)
    package, = (name for name in copy.glob('*.pkg.tar.gz') if '-debug-' not in name.name)
    with tarfile.open(package) as archive:
        names = set(archive.getnames())
        binary = archive.extractfile('usr/bin/xsocket-server').read(4)
        # makepkg compresses them
        check_pages({
            name.removeprefix('usr/').removesuffix('.gz'):
                gzip.decompress(archive.extractfile(name).read()).decode()
            for name in names if re.match('usr/share/man/.*[.]gz$', name)})
    assert binary == b'\x7fELF'
    assert {f'usr/{name}' for name in expected('lib', build)} <= names
    assert 'usr/share/licenses/xsocket/LICENSE' in names
    assert in_python(name.removeprefix('usr/') for name in names) == python_package()
    assert not [name for name in names if 'test' in name or name.startswith('usr/local')]


def test_pkgbuild_has_the_version_of_the_project():
    version, = (line.split("'")[1] for line in tree.text('meson.build').splitlines()
                if line.strip().startswith('version:'))
    assert f'\npkgver={version}\n' in tree.text('PKGBUILD')


def test_install_below_any_prefix_by_any_user(copy):
    """No root, no systemd directory of the machine's is touched."""
    prefix = copy / 'here'
    env = {'PATH': '/usr/bin:/bin', 'HOME': str(copy)} | QUICK
    said = run(as_user(['meson', 'setup', 'build-prefix', f'--prefix={prefix}', '--libdir=lib',
                        '-Dtests=disabled', '-Dbenchmarks=disabled', '-Dfuzzers=disabled']),
               cwd=copy, env=env)
    assert 'WARNING' not in said
    run(as_user(['meson', 'install', '-C', 'build-prefix']), cwd=copy, env=env)
    for name in expected('lib', copy / 'build-prefix'):
        assert (prefix / name).exists(), name
    check_pages({str(path.relative_to(prefix)): path.read_text()
                 for path in prefix.glob('share/man/*/*')})
    modules = (path.relative_to(prefix) for path in prefix.glob('lib/python3*/*/xsocket/*'))
    assert in_python(modules) == python_package()
    config, = prefix.glob('lib/python3*/*/xsocket/_config.py')
    assert f"LIBDIR = '{prefix}/lib'" in config.read_text()
    unit = prefix / 'lib/systemd/system/xsocket@.service'
    if unit.exists():
        assert f'ExecStart={prefix}/bin/xsocket-server' in unit.read_text()
    run([str(prefix / 'bin/xsocket-server'), '--version'])


def test_dist(tmp_path):
    """`meson dist`: the archive builds."""
    git = ['git', '-c', f'safe.directory={tree.SOURCE}', '-C', str(tree.SOURCE)]
    require('git')
    if subprocess.run([*git, 'rev-parse', 'HEAD'], check=False, capture_output=True).returncode:
        skip('needs a git work tree')
    setup = ['-Dtests=disabled', '-Dbenchmarks=disabled', '-Dfuzzers=disabled', '-Dman=disabled']
    env = os.environ | {'GIT_CONFIG_COUNT': '1', 'GIT_CONFIG_KEY_0': 'safe.directory',
                        'GIT_CONFIG_VALUE_0': '*'} | QUICK
    run([*MESON, 'setup', str(tmp_path / 'build'), str(tree.SOURCE), *setup], env=env)
    run([*MESON, 'dist', '-C', str(tmp_path / 'build'), '--no-tests', '--allow-dirty',
         '--formats', 'gztar'], env=env)
    archive, = (tmp_path / 'build/meson-dist').glob('*.tar.gz')
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path)
    unpacked = tmp_path / archive.name.removesuffix('.tar.gz')
    for name in ('PKGBUILD', 'LICENSE', 'README.md', 'common/wire.h', 'tools/check'):
        assert (unpacked / name).exists(), name
    run([*MESON, 'setup', str(tmp_path / 'again'), str(unpacked), *setup], env=env)
    run([*MESON, 'compile', '-C', str(tmp_path / 'again')])
