# SPDX-License-Identifier: MIT
"""pytest's results as TAP, so that meson counts every test and not every file.

Loaded with `-p support.tap`; without it pytest prints what it always does.
"""

import sys

import pytest

_out = sys.stdout  # of the start: later it is captured
_count = 0


def _say(line):
    print(line, file=_out, flush=True)


def _comment(text):
    for line in text.splitlines():
        _say(f'# {line}')


def _result(verdict, name, reason=''):
    global _count
    _count += 1
    _say(f'{verdict} {_count} - {name.replace("#", " ")}{reason}')


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    """Not by -p no:terminal, which takes options away that other parts of pytest ask for."""
    config.pluginmanager.unregister(name='terminalreporter')


def pytest_runtest_logreport(report):
    """One line for each test, and one more for a teardown that failed after a test that passed."""
    file, _, name = report.nodeid.partition('::')
    name = f'{file.rpartition("/")[2]}::{name}'
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _result('ok', name, f' # SKIP {reason.removeprefix("Skipped: ").splitlines()[0]}')
    elif report.failed:
        _result('not ok', name + ('' if report.when == 'call' else f' ({report.when})'))
        _comment(report.longreprtext)
        for title, text in report.sections:
            _comment(f'--- {title}\n{text}')
    elif report.when == 'call':
        _result('ok', name)


def pytest_collectreport(report):
    if report.failed:
        _result('not ok', report.nodeid or 'collection')
        _comment(report.longreprtext)


def pytest_sessionfinish(session, exitstatus):
    _say(f'1..{_count}')
    # TAP has told which tests failed; any other status would be read as a crash
    if exitstatus in (1, 2) and _count:
        session.exitstatus = 0
