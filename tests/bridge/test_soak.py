# SPDX-License-Identifier: MIT
"""A few seconds of soak.py, in which all that it can tell apart happens many times."""

from soak import MODES, command_line, soak
from support.procfs import resident
from support.wait import wait_until

SECONDS = 4


def test_soak(netns, bridge):
    near, far = netns(), netns()
    one = bridge(*command_line(near, far))
    fds, memory = len(one.fds()), resident(one.pid)
    total, different = soak(one, near, far, SECONDS)
    assert different == []
    assert all(total[mode.__name__] >= 3 for mode in MODES), total
    wait_until(lambda: len(one.fds()) <= fds + 40)
    assert resident(one.pid) - memory < 16 << 20
