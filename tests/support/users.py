# SPDX-License-Identifier: MIT
"""Being somebody else, without privilege."""

import os

from support.wait import skip

# in no passwd file, and in Debian's range of nobody in particular
UID, GID = 64123, 64123


def require_users():
    """Skips the test where only one user id exists: in a user namespace made without privilege."""
    with open('/proc/self/uid_map', encoding='ascii') as uid_map:
        mapped = sum(int(line.split()[2]) for line in uid_map)
    if mapped < 65536:
        skip('needs several user ids, and so root')


def as_user(argv, uid=UID, gid=GID, groups=()):
    """argv, run as uid and gid with exactly these supplementary groups and no capabilities."""
    require_users()
    more = ['--groups', ','.join(map(str, groups))] if groups else ['--clear-groups']
    return ['setpriv', '--reuid', str(uid), '--regid', str(gid), *more, '--no-new-privs', '--',
            *argv]


def errno_of(function, uid=UID, gid=GID, groups=()):
    """Calls function in a child that is uid and gid; the errno it failed with, or 0."""
    require_users()
    child = os.fork()
    if child == 0:
        status = 255
        try:
            os.setgroups(list(groups))
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            function()
            status = 0
        except OSError as error:
            status = error.errno
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert 0 <= status < 255, f'the child ended with {status}'
    return status
