# SPDX-License-Identifier: MIT
import pytest

from foreign import Pairs


@pytest.fixture
def say(capfd):
    """say(TEXT): a line for people, which in TAP is a comment."""
    def line(text):
        with capfd.disabled():
            print('#', text, flush=True)
    return line


@pytest.fixture(scope='module')
def pairs(request):
    """pairs(SUITE_OF): the runs of all modules that are to be tested, started at once."""
    made = []

    def start(suite_of):
        if not made:
            names = [item.callspec.params['module'] for item in request.session.items
                     if item.module is request.module and hasattr(item, 'callspec')]
            made.append(Pairs({name: suite_of(name) for name in names}))
        return made[0]

    yield start
    for each in made:
        each.close()
