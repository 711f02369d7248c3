# SPDX-License-Identifier: MIT
"""The one BPF program that a test needs, by bpf(2) itself: no compiler, no library."""

import ctypes
import os
import platform
import struct

_libc = ctypes.CDLL(None, use_errno=True)
SYS_BPF = {'x86_64': 321, 'i686': 357, 'armv7l': 386}.get(platform.machine(), 280)

# of linux/bpf.h
PROG_LOAD, PROG_ATTACH = 5, 8
PROG_TYPE_CGROUP_SOCK_ADDR, CGROUP_INET4_BIND = 18, 8
F_ALLOW_MULTI = 2

# r0 = 0; exit. Of a cgroup's bind program that means: no
REFUSE = struct.pack('=BBhi', 0xb7, 0, 0, 0) + struct.pack('=BBhi', 0x95, 0, 0, 0)


def _bpf(command, attr):
    buffer = ctypes.create_string_buffer(attr, 128)
    result = _libc.syscall(SYS_BPF, command, buffer, len(buffer))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f'bpf({command}): {os.strerror(error)}')
    return result


def refuse_bind(cgroup):
    """Every bind(2) to an IPv4 address, of sockets that processes of this cgroup have made."""
    code, licence = ctypes.create_string_buffer(REFUSE), ctypes.create_string_buffer(b'MIT')
    # type, instructions, their place, licence; log level, size and place, version, flags, name,
    # interface; attach type
    program = _bpf(PROG_LOAD, struct.pack(
        '=IIQQIIQII16sII', PROG_TYPE_CGROUP_SOCK_ADDR, len(REFUSE) // 8, ctypes.addressof(code),
        ctypes.addressof(licence), 0, 0, 0, 0, 0, b'refuse_bind', 0, CGROUP_INET4_BIND))
    directory = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _bpf(PROG_ATTACH, struct.pack('=IIII', directory, program, CGROUP_INET4_BIND, F_ALLOW_MULTI))
    finally:
        os.close(directory)
        os.close(program)  # the cgroup keeps it
