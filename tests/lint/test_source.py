# SPDX-License-Identifier: MIT
"""What holds for every source file."""

import ast
import re
import shutil
import subprocess

import pytest

from support import tree
from support.wait import skip

FILES = tree.files()
C = [path for path in FILES if path.suffix in ('.c', '.h')]
HEADERS = [path for path in C if path.suffix == '.h']
SHELL = [path for path in FILES if tree.interpreter(path) in ('sh', 'bash')]
PYTHON = [path for path in FILES if path.suffix == '.py' or tree.interpreter(path) == 'python3']
OTHER = [path for path in FILES if path.name in ('meson.build', 'PKGBUILD')
         or path.suffix in ('.in', '.socket', '.service', '.sysusers', '.sym', '.map')]
CODE = sorted({*C, *SHELL, *PYTHON, *OTHER})

# docs/ARCHITECTURE.md: who may include whom. Tests and benchmarks may include anything, and
# nothing includes them.
ALLOWED = {
    'common': {'common'},
    'lib': {'common', 'lib'},
    'preload': {'common', 'lib', 'preload'},
    'xbind': {'common', 'lib', 'preload', 'xbind'},
    'server': {'common', 'server'},
}
LONGEST = 400


def names(paths):
    return pytest.mark.parametrize('path', paths, ids=str)


@names(CODE)
def test_licence(path):
    assert 'SPDX-License-Identifier: MIT' in '\n'.join(tree.text(path).splitlines()[:4])


@names([path for path in FILES if path in CODE or path.suffix in ('.md', '.txt', '.conf')])
def test_white_space(path):
    """.editorconfig, and git's own idea of it."""
    text = tree.text(path)
    assert text == '' or text.endswith('\n') and not text.endswith('\n\n')
    assert not re.findall(r'(?m)^.*[ \t\r]+$', text)


@names(CODE)
def test_length(path):
    """A file that is longer says why at its top."""
    lines = tree.text(path).splitlines()
    assert len(lines) <= LONGEST or any(re.search(r'\blong(er)?\b', line) for line in lines[:20])


@names([path for path in C if path.parts[0] in ALLOWED])
def test_direction_of_includes(path):
    for name in re.findall(r'(?m)^\s*#\s*include\s+"([^"]+)"', tree.text(path)):
        directory = name.partition('/')[0] if '/' in name else path.parts[0]
        assert directory in ALLOWED[path.parts[0]], name


def test_the_direction_is_that_of_the_tree():
    """A new directory with C in it has its place in the order."""
    assert {path.parts[0] for path in C} - {'tests', 'bench'} <= set(ALLOWED)


@names(HEADERS)
def test_headers_stand_alone(path, compiler):
    compiler('-x', 'c', '-std=gnu11', path)


def test_public_header_in_cplusplus_and_old_c(compiler):
    compiler('-x', 'c', '-std=c99', '-pedantic-errors', 'lib/xsocket.h')
    if not shutil.which('c++'):
        skip('needs a C++ compiler')
    compiler('-x', 'c++', '-std=c++11', 'lib/xsocket.h', command='c++')


@pytest.fixture
def compiler():
    def check(*args, command='cc'):
        result = subprocess.run(
            [command, '-fsyntax-only', '-Wall', '-Wextra', '-Wno-unused-parameter', '-Wno-unused-function',
             '-Werror', '-D_GNU_SOURCE', '-DXSOCKET_VERSION=""', '-I.',
             *map(str, args)],
            cwd=tree.SOURCE, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr

    return check


@names(SHELL + [path for path in FILES if path.name == 'skip.sh'])
def test_shellcheck(path):
    if not shutil.which('shellcheck'):
        skip('needs shellcheck')
    result = subprocess.run(['shellcheck', '-x', str(path)], cwd=tree.SOURCE, capture_output=True,
                            text=True, check=False)
    assert result.returncode == 0, result.stdout


@names(PYTHON)
def test_python_parses(path):
    """With whatever Python this is, and no import that is not used."""
    module = ast.parse(tree.text(path), str(path))
    imported = {}
    for node in ast.walk(module):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                imported[(alias.asname or alias.name).partition('.')[0]] = node.lineno
    used = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    assert not set(imported) - used
