# SPDX-License-Identifier: Apache-2.0
"""The C functions of meshoptimizer (MIT), through ctypes.

The Python wheel's own wrapper of `simplifyWithAttributes` hands over the wrong arguments in 0.2.30a0; its
shared library is sound. Any build of the library serves, since the two functions have kept their signature
since 0.22:

1. the file that `GATES_MESHOPT` names,
2. the shared library inside the package `meshoptimizer`,
3. the system's libmeshoptimizer.
"""

from __future__ import annotations

import ctypes
import os
from ctypes.util import find_library
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MissingDependency

__all__ = ["LOCK_BORDER", "available", "simplify"]

#: option: open borders stay as they are
LOCK_BORDER = 1
#: option: loose pieces may vanish
PRUNE = 8

_NO_LIMIT = 1e9


def available() -> bool:
    """Whether the library is on this machine."""
    return _library() is not None


def simplify(
    points: NDArray,
    faces: NDArray,
    target: int,
    attributes: NDArray | None = None,
    weights: NDArray | None = None,
    locked: NDArray | None = None,
    options: int = 0,
    limit: float = _NO_LIMIT,
) -> tuple[NDArray[np.int32], float]:
    """Collapse edges until `target` triangles are left; vertices that stay are not moved.

    Vertices at the same place with different indices are a seam: both sides stay together and keep apart.

    Parameters
    ----------
    points : (n, 3) float
    faces : (m, 3) int
    target
        Triangles wanted.
    attributes : (n, k) float, optional
        Values that should stay smooth, at most 16.
    weights : (k,) float, optional
        How much a unit of each attribute counts, against the mesh's size.
    locked : (n,) bool, optional
        Vertices that must stay.
    limit
        Error to stop at, share of the largest side.

    Returns
    -------
    faces : (t, 3) int32
    error : float
        The library's own estimate, share of the largest side.

    Raises
    ------
    MissingDependency
        The library is not there.
    """
    library = _library()
    if library is None:
        raise MissingDependency("meshoptimizer is not installed", remedy="pip install 'sevengates[fast]'")
    places = np.ascontiguousarray(points, np.float32)
    source = np.ascontiguousarray(faces, np.uint32).reshape(-1)
    result = np.empty_like(source)
    error = ctypes.c_float()
    common = (_pointer(result), _pointer(source), source.size, _pointer(places), len(places), 12)
    if attributes is None and locked is None:
        count = library.meshopt_simplify(*common, target * 3, limit, options, ctypes.byref(error))
    else:
        values = np.ascontiguousarray(np.zeros((len(places), 0)) if attributes is None else attributes, np.float32)
        scale = np.ascontiguousarray(np.ones(values.shape[1]) if weights is None else weights, np.float32)
        lock = None if locked is None else np.ascontiguousarray(locked, np.uint8)
        count = library.meshopt_simplifyWithAttributes(
            *common, _pointer(values), values.shape[1] * 4, _pointer(scale), values.shape[1],
            None if lock is None else _pointer(lock), target * 3, limit, options, ctypes.byref(error),
        )  # fmt: skip
    return result[:count].reshape(-1, 3).astype(np.int32), float(error.value)


def _pointer(array: NDArray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


@cache
def _library() -> ctypes.CDLL | None:
    for path in _places():
        try:
            library = ctypes.CDLL(path)
            simple, full = library.meshopt_simplify, library.meshopt_simplifyWithAttributes
        except (OSError, AttributeError):
            continue
        pointer, size, real = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_float
        mesh: list[Any] = [pointer, pointer, size, pointer, size, size]
        end: list[Any] = [size, real, ctypes.c_uint, pointer]
        simple.restype = full.restype = size
        simple.argtypes = mesh + end
        full.argtypes = [*mesh, pointer, size, pointer, size, pointer, *end]
        return library
    return None


def _places() -> list[str]:
    found = [os.environ["GATES_MESHOPT"]] if os.environ.get("GATES_MESHOPT") else []
    package = find_spec("meshoptimizer")
    for folder in (package.submodule_search_locations or []) if package else []:
        for suffix in (".so", ".pyd", ".dylib"):
            found += sorted(str(p) for p in Path(folder).glob(f"*{suffix}"))
    system = find_library("meshoptimizer")
    return found + ([system] if system else [])
