#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs tests that others wrote, and writes down what came of each one.

outcomes.py FRAMEWORK PLAN RESULT: FRAMEWORK is unittest or trial; PLAN is JSON with the names to
load and which tests of them to run; RESULT gets a line of JSON for the start of each test, and one
for each thing that came of it, so that it also tells in which test a process ended early.

This is the program that is looked at: it runs in the interpreter of those tests, natively or under
a library, and uses nothing of this project.
"""

import faulthandler
import gc
import json
import sys
import unittest

# A test that takes longer ends the process. The slowest ones take five seconds.
PATIENCE = 40


class Writer:
    """What both kinds of results have in common."""

    def __init__(self, file):
        self.file, self.binds = file, 0

    def write(self, **line):
        print(json.dumps(line), file=self.file, flush=True)

    def audit(self, event, args):
        """Python tells of each bind() that a test makes."""
        if event == 'socket.bind' and args[0].family in (2, 10):
            self.binds += 1


def recording(base, writer):
    """A class for results that is base, and tells the writer."""

    def told(outcome):
        def add(self, test, *args, **kwargs):
            getattr(base, 'add' + outcome)(self, test, *args, **kwargs)
            reason = str(args[0]) if outcome == 'Skip' else ''
            text = str(args[0])
            if outcome in ('Failure', 'Error') and isinstance(args[0], tuple):
                text = self._exc_info_to_string(args[0], test)  # unittest's; trial has objects
            writer.write(id=test.id(), outcome=outcome, reason=reason,
                         text=text[-3000:] if outcome in ('Failure', 'Error') else '')
        return add

    class Result(base):
        before = None

        def startTest(self, test):
            # Many tests collect garbage when they are done. To look at all that those of other
            # classes have left would take more time than everything else they do.
            if type(test) is not self.before:
                self.before = type(test)
                gc.collect()
                gc.freeze()
            super().startTest(test)
            writer.write(start=test.id())
            faulthandler.dump_traceback_later(PATIENCE, exit=True)

        def stopTest(self, test):
            faulthandler.cancel_dump_traceback_later()
            super().stopTest(test)

        def addSuccess(self, test):
            super().addSuccess(test)
            writer.write(id=test.id(), outcome='Success', reason='', text='')

        def addSubTest(self, test, subtest, err):
            super().addSubTest(test, subtest, err)
            if err is not None:
                writer.write(id=subtest.id(), outcome='Failure', reason='',
                             text=self._exc_info_to_string(err, test)[-3000:])

        def addUnexpectedSuccess(self, test, *args):
            super().addUnexpectedSuccess(test, *args)
            writer.write(id=test.id(), outcome='UnexpectedSuccess', reason='', text='')

    for outcome in ('Failure', 'Error', 'Skip', 'ExpectedFailure'):
        setattr(Result, 'add' + outcome, told(outcome))
    return Result()


def flat(suite):
    try:
        tests = iter(suite)
    except TypeError:
        yield suite
        return
    for test in tests:
        yield from flat(test)


def framework(name, reactor):
    """(what loads names, the class of suites, the class of results)"""
    if name == 'unittest':
        return (unittest.TestLoader().loadTestsFromNames, unittest.TestSuite, unittest.TestResult)
    from twisted.application.reactors import installReactor
    installReactor(reactor)
    from twisted.trial import reporter, runner
    return (lambda names: runner.TestLoader().loadByNames(names, True), runner.TrialSuite,
            reporter.TestResult)


def main():
    _, name, plan_file, result_file = sys.argv
    sys.path.pop(0)
    with open(plan_file, encoding='utf-8') as file:
        plan = json.load(file)
    load, suite_class, result_class = framework(name, plan['reactor'])
    only, done = plan['only'] and set(plan['only']), set(plan['done'])
    unused = set(plan['leave_out'])
    tests = []
    for test in flat(load(plan['names'])):
        prefix = next((p for p in plan['leave_out'] if test.id().startswith(p)), None)
        unused.discard(prefix)
        if not prefix and test.id() not in done and (only is None or test.id() in only):
            tests.append(test)
    with open(result_file, 'a', encoding='utf-8') as file:
        writer = Writer(file)
        sys.addaudithook(writer.audit)
        suite_class(tests).run(recording(result_class, writer))
        writer.write(binds=writer.binds, unused=sorted(unused))


if __name__ == '__main__':
    main()
