# SPDX-License-Identifier: MIT
import pytest

from foreign import RUNS, Runs


@pytest.fixture
def say(capfd):
    """say(TEXT): a line for people, which in TAP is a comment."""
    def line(text):
        with capfd.disabled():
            print('#', text, flush=True)
    return line


@pytest.fixture(scope='module')
def runs(request):
    """runs(SUITE_OF): the runs of all modules that are to be tested, so many at once."""
    made = []

    def start(suite_of, at_once=RUNS):
        if not made:
            wanted = {}
            for item in request.session.items:
                if item.module is request.module and hasattr(item, 'callspec'):
                    params = item.callspec.params
                    wanted.setdefault(params['module'], []).append(params.get('library', 'libxbind'))
            made.append(Runs({name: (suite_of(name), libraries)
                              for name, libraries in wanted.items()}, at_once))
        return made[0]

    yield start
    for each in made:
        each.close()
