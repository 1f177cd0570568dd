# SPDX-License-Identifier: Apache-2.0
"""Landlock: a process gives up every file it was not granted, for good, without being root.

The kernel's own interface (Documentation/userspace-api/landlock.rst) through ctypes; versions 1 to 7 of
its ABI are known, newer ones are used as 7. It must be applied while the process has one thread: it binds
the calling thread and those that it starts later.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
PR_SET_NO_NEW_PRIVS = 38

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << i for i in range(6))
MAKE_DIR, MAKE_REG = 1 << 7, 1 << 8
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_NET_TCP = 0b11  # bind and connect
_SCOPES = 0b11  # abstract unix sockets and signals

_READ = READ_FILE | READ_DIR
#: no links, pipes, sockets or devices can be made
_WRITE = _READ | WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER
_OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result: int = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def version() -> int:
    """The ABI version this kernel offers, 0 where Landlock is absent or switched off."""
    try:
        return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    except (OSError, AttributeError):
        return 0


def _handled(abi: int) -> int:
    bits = 13 + (abi >= 2) + (abi >= 3) + (abi >= 5)
    return (1 << bits) - 1


def restrict(read: Sequence[Path], write: Sequence[Path], run: Sequence[Path] = ()) -> int:
    """Allow this process only these files and folders from now on.

    Parameters
    ----------
    read
        May be read; folders with all beneath.
    write
        May be read, written, made and removed in.
    run
        May be read and mapped as code (libraries).

    Returns
    -------
    int
        The ABI version that was applied; 0 if this kernel has none and nothing was done.
    """
    abi = version()
    if not abi:
        return 0
    handled = _handled(abi)
    attributes = _Ruleset(handled, _NET_TCP if abi >= 4 else 0, _SCOPES if abi >= 6 else 0)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    ruleset = _call(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for paths, access in ((read, _READ), (write, _WRITE), (run, _READ | EXECUTE)):
            for path in paths:
                _grant(ruleset, path, access & handled)
        no_new_privileges()
        _call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return abi


def _grant(ruleset: int, path: Path, access: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    try:
        if not path.is_dir():
            access &= _OF_A_FILE
        rule = _PathBeneath(access, handle)
        _call(
            _ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_RULE_PATH_BENEATH), ctypes.byref(rule),
            ctypes.c_uint32(0),
        )  # fmt: skip
    finally:
        os.close(handle)


def no_new_privileges() -> None:
    """Nothing this process starts may gain rights by a set-user-id bit; needed by Landlock and seccomp."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
