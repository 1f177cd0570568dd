# SPDX-License-Identifier: Apache-2.0
"""Array properties, compressed on several threads while the records before them are written."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_compress: Callable[..., bytes]
try:  # five times the speed of zlib at the same size; its streams are ordinary zlib streams
    from isal import isal_zlib

    _compress = isal_zlib.compress
except ImportError:  # pragma: no cover - platforms without the wheel
    _compress = zlib.compress

LEVEL = 1  # measured: higher levels cost several times the time for a tenth of the size
SMALL = 512  # bytes: below it a stored array is smaller or as good

_KINDS = {"<i4": b"i", "<i8": b"l", "<f4": b"f", "<f8": b"d", "|b1": b"b", "|u1": b"b"}


@dataclass(frozen=True, slots=True)
class Deflated:
    """One array property ready to be written.

    Attributes
    ----------
    kind
        The type letter: i, l, f, d or b.
    count
        Number of values.
    encoding
        0 stored, 1 zlib.
    data
        The bytes.
    """

    kind: bytes
    count: int
    encoding: int
    data: bytes | memoryview

    @staticmethod
    def stored(values: NDArray[Any]) -> Deflated:
        """The array as it is."""
        flat, kind = _flat(values)
        return Deflated(kind, flat.size, 0, flat.tobytes())

    @staticmethod
    def packed(values: NDArray[Any]) -> Deflated:
        """The array, compressed where that makes it smaller."""
        flat, kind = _flat(values)
        if flat.nbytes < SMALL:
            return Deflated(kind, flat.size, 0, flat.tobytes())
        raw = flat.data.cast("B")
        data = _compress(raw, LEVEL)
        if len(data) < flat.nbytes:
            return Deflated(kind, flat.size, 1, data)
        return Deflated(kind, flat.size, 0, raw)


def _flat(values: NDArray[Any]) -> tuple[NDArray[Any], bytes]:
    flat = np.ascontiguousarray(values).reshape(-1)
    if flat.dtype.byteorder == ">":
        flat = flat.astype(flat.dtype.newbyteorder("<"))
    return flat, _KINDS[flat.dtype.str]


class Deflater:
    """Compresses big arrays on a pool, small ones where they are asked for."""

    PARALLEL = 1 << 18

    def __init__(self, threads: int | None = None) -> None:
        self._pool = ThreadPoolExecutor(threads or min(8, os.cpu_count() or 1))

    def __enter__(self) -> Deflater:
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, values: NDArray[Any], dtype: str | None = None) -> Future[Deflated] | Deflated:
        """Begin to compress an array.

        Parameters
        ----------
        values
            Any numeric array.
        dtype
            What the file shall hold, for example ``"<f8"``; converted on the pool's thread.

        Returns
        -------
        Future[Deflated] | Deflated
            Give it to `ready` when it is to be written.
        """
        if values.nbytes < self.PARALLEL:
            return Deflated.packed(values if dtype is None else values.astype(dtype, copy=False))
        return self._pool.submit(_convert, values, dtype)


def _convert(values: NDArray[Any], dtype: str | None) -> Deflated:
    return Deflated.packed(values if dtype is None else values.astype(dtype, copy=False))


def ready(pending: Future[Deflated] | Deflated) -> Deflated:
    """The compressed array, waiting for it where need be."""
    return pending if isinstance(pending, Deflated) else pending.result()
