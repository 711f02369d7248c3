# SPDX-License-Identifier: MIT
"""What holds for every source file."""

import ast
import pathlib
import re
import subprocess

import pytest

from support import tree
from support.wait import require

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
    'resolver': {'common', 'lib', 'resolver'},
    'preload': {'common', 'lib', 'preload'},
    'xbind': {'common', 'lib', 'preload', 'xbind'},
    'xredirect': {'common', 'lib', 'preload', 'resolver', 'xredirect'},
    'daemon': {'common', 'daemon'},
    'server': {'common', 'daemon', 'server'},
    'bridge': {'common', 'lib', 'daemon', 'resolver', 'bridge'},
}
LONGEST, LONGEST_FUNCTION = 400, 60


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
    top = ' '.join(line.strip(' */#-"') for line in lines[:30])
    assert len(lines) <= LONGEST or 'This file is long because ' in top


def functions(path):
    """(Name, number of lines) of what has a body at the left margin, as this project writes it."""
    if path in PYTHON:
        for node in ast.walk(ast.parse(tree.text(path))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node.name, node.end_lineno - node.lineno + 1
        return
    # C: the name, then a line "{"; the shell: "name() {". Both end with a line "}"
    begins = re.compile(r'^{|^\w+\(\) [({]$')
    start, name = None, ''
    for number, line in enumerate(tree.text(path).splitlines()):
        if begins.match(line):
            start = number
        elif line[:1] in ('}', ')') and start is not None:
            yield name, number - start + 1
            start = None
        if start is None or start == number:
            named = re.search(r'\w+(?=\()', line)
            name = named[0] if named and line[:1].strip() else name


@names([*C, *SHELL, *PYTHON])
def test_length_of_functions(path):
    assert not [(name, lines) for name, lines in functions(path) if lines > LONGEST_FUNCTION]


def test_functions_are_found():
    """That the test above can fail."""
    for path, some in (('server/main.c', 'main'), ('tools/check', 'test_step'),
                       ('tests/support/wait.py', 'wait_until')):
        found = dict(functions(pathlib.Path(path)))
        assert found[some] > 5, path


@names([path for path in C if path.parts[0] in ALLOWED])
def test_direction_of_includes(path):
    for name in re.findall(r'(?m)^\s*#\s*include\s+"([^"]+)"', tree.text(path)):
        directory = name.partition('/')[0] if '/' in name else path.parts[0]
        assert directory in ALLOWED[path.parts[0]], name


def test_the_direction_is_that_of_the_tree():
    """A new directory with C in it has its place in the order."""
    assert {path.parts[0] for path in C} - {'tests', 'bench'} <= set(ALLOWED)


@names([path for path in PYTHON if path.parts[0] in ('tests', 'bench')])
def test_nothing_is_skipped_in_another_way(path):
    """support.wait.skip() says why, and fails where XSOCKET_MUST_WORK=1."""
    if path.as_posix() in ('tests/support/wait.py', 'tests/lint/test_source.py'):
        return
    for name in ('pytest.skip(', 'mark.skip', 'xfail', 'importorskip', 'unittest.skip', 'self.skipTest'):
        assert name not in tree.text(path)


@names(HEADERS)
def test_headers_stand_alone(path, compiler):
    compiler('-x', 'c', '-std=gnu11', path)


def test_public_header_in_cplusplus_and_old_c(compiler):
    for header in ('lib/xsocket.h', 'resolver/xsocket-resolver.h'):
        compiler('-x', 'c', '-std=c99', '-pedantic-errors', header)
        compiler('-x', 'c++', '-std=c++11', header, command=require('g++', 'c++'))


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
    require('shellcheck')
    result = subprocess.run(['shellcheck', '-x', str(path)], cwd=tree.SOURCE, capture_output=True,
                            text=True, check=False)
    assert result.returncode == 0, result.stdout


@names(PYTHON)
def test_python_parses(path):
    """With whatever Python this is, and no import that is not used, or passed on by __all__."""
    module = ast.parse(tree.text(path), str(path))
    imported, passed_on = {}, set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import) or \
                isinstance(node, ast.ImportFrom) and node.module != '__future__':
            for alias in node.names:
                imported[(alias.asname or alias.name).partition('.')[0]] = node.lineno
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == '__all__':
            passed_on = set(ast.literal_eval(node.value))
    used = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    assert not set(imported) - used - passed_on


def test_testing_has_a_line_for_each_suite_helper_and_benchmark():
    page = tree.text('docs/TESTING.md')
    rows = set(re.findall(r'(?m)^\| `([\w.]+)` \|', page))
    suites = set(re.search(r"(?s)\nsuites = \[(.*?)\]", tree.text('tests/meson.build'))[1]
                 .replace("'", '').replace(',', ' ').split())
    helpers = {path.name for path in FILES if path.match('tests/support/[a-z]*.py')}
    assert len(suites) > 10 < len(helpers)
    assert rows == suites | helpers
    benchmarks = re.findall(r"benchmark\('(\w+)'", tree.text('bench/meson.build'))
    benchmarks += ['memory', 'startup', 'listener']
    _, _, below = page.partition('\n## Benchmarks\n')
    assert {name for name in benchmarks if f'`{name}`' not in below.partition('\n## ')[0]} == set()
