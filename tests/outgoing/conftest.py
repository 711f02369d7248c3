# SPDX-License-Identifier: MIT
"""The two sides of a row: bare inside, under libxredirect outside; what came of them is compared."""
import itertools
import subprocess

import pytest

pytest.register_assert_rewrite('asking', 'servers', 'world', 'support.matrix')

from asking import FILES, Side, compare  # noqa: E402
from support.matrix import PATIENCE, runner  # noqa: E402
from support.wait import require  # noqa: E402
from world import World  # noqa: E402

_numbers = itertools.count(1)


def _world(build):
    made = World(build, f'world{next(_numbers)}')
    yield made
    made.close()


# Servers are slow to start: one for all tests of a file.
_shared = pytest.fixture(scope='module', name='shared_world')(_world)
# One that a test may break.
_own = pytest.fixture(name='own_world')(_world)


@pytest.fixture
def world(shared_world):
    """Nothing of what a test does is seen or heard outside."""
    assert shared_world.strays() == []
    yield shared_world
    assert shared_world.strays() == []


@pytest.fixture(scope='session')
def java(tmp_path_factory):
    """The command of JavaClient, but for the certificate."""
    classes = tmp_path_factory.mktemp('java')
    # one that lives for a second need not compile well
    options = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto']
    subprocess.run([require('javac'), *(f'-J{option}' for option in options), '-d', classes,
                    FILES / 'JavaClient.java'], check=True, timeout=PATIENCE)
    return [require('java'), *options, '-cp', classes, 'JavaClient']


@pytest.fixture
def sides(world, tmp_path, request):
    """Bare inside a namespace, and under the library outside of it."""
    return (Side('bare', world, tmp_path / '1', world.bare(), request),
            Side('libxredirect', world, tmp_path / '2', world.under(), request))


@pytest.fixture
def twice(build, sides, request):
    """twice(ROW, FUNCTION, ARGUMENT...): a test of matrix.py on both sides."""
    return runner(build / 'outgoing-matrix', request, sides, compare)
