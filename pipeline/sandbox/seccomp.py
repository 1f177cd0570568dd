# SPDX-License-Identifier: Apache-2.0
"""seccomp: system calls that no reader of files needs are refused by the kernel.

A deny list, since a reader may need whatever USD and numpy need tomorrow: no sockets, no new processes or
programs, no tracing, mounting, kernel modules or keys, no changing of rights or owners. Threads stay possible.
Refused calls answer EPERM; `clone3` answers ENOSYS, so that the C library falls back to `clone`, whose flags a
filter can see.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

from pipeline.sandbox.landlock import no_new_privileges

PR_SET_SECCOMP = 22
_FILTER = 2
_CLONE_THREAD = 0x00010000
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data

#: the audit number, clone, clone3 and what is refused, by architecture (asm/unistd.h)
_TABLES: dict[str, tuple[int, int, int, tuple[int, ...]]] = {
    "x86_64": (
        0xC000003E, 56, 435,
        (
            41, 42, 43, 44, 46, 49, 50, 53, 288, 299, 307,  # socket, connect, accept … sendmmsg
            57, 58, 59, 322,  # fork, vfork, execve, execveat
            101, 310, 311, 312, 438,  # ptrace, process_vm_readv, process_vm_writev, kcmp, pidfd_getfd
            155, 161, 165, 166, 167, 168, 169, 170, 171,  # pivot_root, chroot, mount, umount2, swap …
            272, 308, 304, 133, 259,  # unshare, setns, open_by_handle_at, mknod, mknodat
            175, 176, 313, 246, 320,  # modules, kexec
            248, 249, 250, 321, 298, 323, 425, 426, 427,  # keys, bpf, perf, userfaultfd, io_uring
            428, 429, 430, 431, 432, 433, 442, 163,  # the new mount calls, acct
            90, 92, 94, 260, 268, 452, 188, 189, 197, 198,  # rights, owners, attributes by path: Landlock has none
        ),
    ),
    "aarch64": (
        0xC00000B7, 220, 435,
        (
            198, 199, 200, 201, 202, 203, 206, 211, 242, 269,
            221, 281,
            117, 270, 271, 272, 438,
            41, 51, 40, 39, 224, 225, 142, 161, 162,
            97, 268, 265, 33,
            105, 106, 273, 104, 294,
            217, 218, 219, 280, 241, 282, 425, 426, 427,
            428, 429, 430, 431, 432, 433, 442, 89,
            53, 54, 452, 5, 6, 14, 15,
        ),
    ),
}  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _filter(audit: int, clone: int, clone3: int, refused: tuple[int, ...]) -> bytes:
    refuse = _step(_RETURN, _ERRNO | errno.EPERM)
    steps = [
        _step(_LOAD, _ARCHITECTURE), _step(_EQUAL, audit, 1, 0), _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, 0x40000000, 0, 1), refuse,  # the x32 numbers of x86_64
        _step(_EQUAL, clone3, 0, 1), _step(_RETURN, _ERRNO | errno.ENOSYS),
        _step(_EQUAL, clone, 0, 4), _step(_LOAD, _FIRST_ARGUMENT),
        _step(_ANY_BIT, _CLONE_THREAD, 1, 0), refuse, _step(_RETURN, _ALLOW),
    ]  # fmt: skip
    for number in refused:
        steps += [_step(_EQUAL, number, 0, 1), refuse]
    return b"".join([*steps, _step(_RETURN, _ALLOW)])


def available() -> bool:
    """Whether this architecture is known and the kernel can filter."""
    if platform.machine() not in _TABLES or platform.system() != "Linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    ok = libc.prctl(PR_SET_SECCOMP, _FILTER, None, 0, 0)  # a null program: EFAULT where filters exist
    return bool(ok and ctypes.get_errno() == errno.EFAULT)


def restrict() -> bool:
    """Install the filter on this process for good; False where it cannot be had and nothing was done."""
    if not available():
        return False
    program = _filter(*_TABLES[platform.machine()])
    no_new_privileges()
    libc = ctypes.CDLL(None, use_errno=True)
    return not libc.prctl(PR_SET_SECCOMP, _FILTER, ctypes.byref(_Program(len(program) // 8, program)), 0, 0)
