# SPDX-License-Identifier: MIT
"""Programs that are tried twice by the same test: as they are, and under a library.

A test is a generator under @row(...) that runs with two sides, and must yield the same on both.
What else must be the same is up to the suite (its matrix.py). What came of it is kept in the build
directory, where tests/tools/programs-table finds it.
"""

import collections
import json
import re
import subprocess

import pytest

PATIENCE = 60  # seconds: a Java machine starts slowly where others are at work

# log: whether what it wrote must be the same, too; but: what else need not be, as the suite names
# it. The test says why.
Row = collections.namedtuple('Row', 'program exchange version log but')


class Started(collections.namedtuple('Started', 'argv directory enter')):
    """A program that a side has started, as far as its version is to be asked for; enter(ARGV) is
    what starts it where that side has it."""

    def version(self, option):
        """The first thing that looks like one in what it says of itself."""
        options = [option] if isinstance(option, str) else option
        said = subprocess.run(self.enter([self.argv[0], *options]), cwd=self.directory, text=True,
                              check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, errors='replace', timeout=PATIENCE).stdout
        found = re.search(r'\d+(?:[._]\d+)+(?:p\d+)?|\d{8}', said)
        return found[0].replace('_', '.') if found else '-'


def row(program, exchange, version='--version', cases=None, log=True, but=()):
    """Makes a test of a generator. With `cases` it is one for each, its arguments."""
    def decorate(function):
        if cases is None:
            def test(twice):
                twice(test.row, function)
        else:
            @pytest.mark.parametrize('case', cases, ids=lambda case: str(case[0]))
            def test(twice, case):
                twice(test.row, function, *case)
        test.row = Row(program, exchange, version, log, but)
        test.__name__, test.__doc__ = function.__name__, function.__doc__
        return test

    return decorate


def differences(one, other):
    return {name: (one.get(name), other.get(name)) for name in sorted({*one, *other})
            if one.get(name) != other.get(name)}


def count(answers):
    return '1 answer' if answers == 1 else f'{answers} answers'


def try_both(row, function, sides, case, compare):
    """(The result, the error): what goes into the table, and what to raise.

    A side has `first`, what was Started first, and `ports`; compare(row, sides) fails where
    somebody could tell the difference by more than what was yielded.
    """
    result = {'program': row.program, 'exchange': row.exchange, 'version': '-', 'ports': [],
              'bare': 'fails', 'moved': 'not tried'}
    answers = []
    try:
        for name, side in zip(('bare', 'moved'), sides):
            result[name] = 'fails'
            answers.append(list(function(side, *case)))
            result[name] = count(len(answers[-1]))
            result['ports'] = side.ports
        result['moved'] = 'differs'
        assert answers[1] == answers[0], f'{sides[1].name} == bare'
        compare(row, sides)
        result['moved'] = 'the same'
        result['version'] = sides[0].first.version(row.version)
    except (Exception, pytest.fail.Exception) as error:  # to be told after the result has been kept
        return result, error
    finally:
        for side in sides:
            side.end()
    return result, None


def keep(directory, name, result):
    """Where tests/tools/programs-table finds it."""
    kept = directory / (re.sub(r'\W+', '-', name).strip('-') + '.json')
    kept.unlink(missing_ok=True)
    if result:
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(result), encoding='utf-8')


def runner(kept, request, sides, compare):
    """run(ROW, FUNCTION, ARGUMENT...): a test on both sides; the result is left in the directory."""
    def run(row, function, *case):
        name = f'{request.module.__name__}-{request.node.name}'
        keep(kept, name, None)  # a skip leaves nothing
        result, error = try_both(row, function, sides, case, compare)
        keep(kept, name, result)
        if error:
            raise error

    return run


def declared(modules):
    """{(program, what is exchanged), ...} of all tests."""
    rows = [getattr(test, 'row', None) for module in modules for test in vars(module).values()]
    return {(row.program, text) for row in rows if isinstance(row, Row)
            for text in row.exchange.split('; ')}


def rows_of_page(text, heading):
    """The cells of each line of the table below a heading of docs/PROGRAMS.md, but for its own two."""
    _, found, below = text.partition(f'\n## {heading}\n')
    assert found, heading
    lines = re.findall(r'(?m)^\| (.*) \|$', re.split(r'(?m)^## ', below)[0])
    cells = [line.split(' | ') for line in lines]
    assert {len(each) for each in cells} == {6}
    return cells[2:]
