# SPDX-License-Identifier: MIT
"""Contexts of libxsocket decide where a thread's sockets come from."""

import pytest

# What tests/redirect/contexts.c says; OUTSIDE stands for where it is without a context.
EXPECTED = '''\
-- nested
outside: OUTSIDE
xsocket_push(server): 0
one: there
xsocket_push(other): 0
two: other
xsocket_push("."): 0
current: .
three: here
xsocket_push(server): 0
four: there
xsocket_push("/nowhere"): 0
nowhere: ENETDOWN
xsocket_pop(): 0
popped: there
xsocket_pop(): 0
popped: here
xsocket_pop(): 0
popped: other
xsocket_pop(): 0
popped: there
xsocket_pop(): 0
popped: OUTSIDE
xsocket_pop(): ENOENT
fd: there
fd: there
-- at once
wrong: 0
outside: OUTSIDE
-- begun
thread: other
popped: there
still: other
with attributes: other
popped: there
of C11: other
popped: there
deep: there
popped: other
outside: OUTSIDE
outside: OUTSIDE
popped: OUTSIDE
-- children
parent: there
child: there
child popped: OUTSIDE
status: 0
parent: there
executed: OUTSIDE
status: 0
-- interrupted
bad: 0, in the handler: 0
'''


@pytest.fixture
def contexts(build, vpn, other, program, redirected):
    """contexts(NAME, ...): what the program says under the library."""
    def run(name, **variables):
        return redirected([program(name)], SERVER=vpn.server, OTHER_SERVER=other.server,
                          OTHER_COOKIE=str(other.cookie()),
                          LIBXSOCKET=str(build / 'lib/libxsocket.so.1'), **variables)
    return run


@pytest.mark.parametrize('name, outside, pool', [
    ('contexts', 'here', '0'),
    ('contexts', 'there', '20'),
    ('contexts-opened', 'here', '20'),
    ('contexts-opened', 'other', '0'),
])
def test_contexts(name, outside, pool, vpn, other, contexts):
    server = {'here': None, 'there': vpn.server, 'other': other.server}[outside]
    said = contexts(name, XREDIRECT=server, XREDIRECT_POOL=pool)
    assert said.stdout == EXPECTED.replace('OUTSIDE', outside)
    assert said.returncode == 0
    # of the broker that is not there
    assert said.stderr.count('\n') == 1 and '/nowhere' in said.stderr


def test_a_broken_setting_counts_in_a_context(contexts):
    """What a program that knows of contexts wants to be here may not be so by mistake."""
    said = contexts('contexts', XREDIRECT=None, XREDIRECT_LOCAL='localhost')
    assert 'outside: EINVAL\n' in said.stdout and 'one: EINVAL\n' in said.stdout


def test_without_the_library_contexts_are_for_xsocket_alone(contexts):
    """That the test above proves something."""
    said = contexts('contexts', XREDIRECT=None, LD_PRELOAD='')
    assert 'one: here\n' in said.stdout and said.stdout.count('fd: there\n') == 1
