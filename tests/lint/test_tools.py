# SPDX-License-Identifier: MIT
"""tools/install-deps installs what the tests need."""

import ast

import pytest

from support import tree

TABLE = [line.split() for line in
         tree.text('tools/install-deps').partition("<<'TABLE'\n")[2].partition('\nTABLE')[0]
         .splitlines()]
# Debian's package of another row brings these, too.
BESIDE = {'c++': 'g++', 'java': 'javac', 'nodejs': 'node', 'scp': 'ssh'}
NEED = [path for path in tree.files() if path.suffix == '.py' and path.parts[0] in
        ('tests', 'bench')]


MODULES = {check.partition(':')[2] for _, check, *_ in TABLE if check.startswith('py:')}


def packaged():
    names = {check.partition(':')[2] for _, check, *_ in TABLE if check.startswith('cmd:')}
    return names | {name for name, row in BESIDE.items() if row in names}


def parameters(function):
    """What @pytest.mark.parametrize gives to a test: {name: [node of a value, ...]}."""
    found = {}
    for call in function.decorator_list:
        if isinstance(call, ast.Call) and getattr(call.func, 'attr', '') == 'parametrize':
            names = [name.strip() for name in call.args[0].value.split(',')]
            rows = getattr(call.args[1], 'elts', [])
            for index, name in enumerate(names):
                found[name] = [row.elts[index] if len(names) > 1 else row for row in rows]
    return found


def programs_needed(text):
    """The names that are given to require(), shutil.which() and the benchmarks' find()."""
    module = ast.parse(text)
    values = {}
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            given = parameters(node)
            values |= {id(inner): given for inner in ast.walk(node) if isinstance(inner, ast.Call)}
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and (getattr(node.func, 'id', '') in ('require', 'find')
                                           or getattr(node.func, 'attr', '') == 'which'):
            for argument in node.args:
                nodes = values.get(id(node), {}).get(getattr(argument, 'id', ''), [argument])
                yield from (each.value.rpartition('/')[2] for each in nodes
                            if isinstance(each, ast.Constant) and isinstance(each.value, str))


def modules_needed(text):
    """The names that are given to require_module()."""
    return {node.args[0].value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)
            and getattr(node.func, 'id', '') == 'require_module'
            and isinstance(node.args[0], ast.Constant)}


def test_modules_are_found():
    """That the next test can fail."""
    assert modules_needed(tree.text('tests/python/test_tasks.py')) == \
        {'aiohttp', 'twisted.internet.test', 'uvloop'}


@pytest.mark.parametrize('path', NEED, ids=str)
def test_what_module_a_test_requires_has_a_row(path):
    assert modules_needed(tree.text(path)) <= MODULES


def test_programs_are_found():
    """That the next test can fail."""
    text = tree.text('tests/programs/test_tools.py')
    assert {'socat', 'nc.openbsd', 'nc.traditional'} == set(programs_needed(text))


@pytest.mark.parametrize('path', NEED, ids=str)
def test_what_a_test_requires_has_a_row(path):
    assert not set(programs_needed(tree.text(path))) - packaged()


def test_every_row_has_a_package_or_none_for_every_distribution():
    for row in TABLE:
        assert len(row) == 6, row


def test_nothing_is_there_twice():
    rows = [(mode == 'bench', check) for mode, check, *_ in TABLE]
    assert len(rows) == len(set(rows))
