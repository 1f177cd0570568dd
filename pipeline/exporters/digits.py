# SPDX-License-Identifier: Apache-2.0
"""Numbers as text, a whole array at a time: digits by table, unwanted ones taken out by a mask.

Python's own formatting costs about a microsecond a number, which for a mesh of two million triangles is half
a minute. Here a number is a fixed number of digits in a matrix of bytes, four at a time from a table of the
ten thousand groups of four; one boolean index drops leading zeros and absent parts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["decimal_places", "decimals", "integers", "joined"]

Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]

#: what 64 bits hold as a whole number
_MOST = 9e18
#: places after the point before exponents are shorter
_PLACES = 10
_ZERO, _DOT, _MINUS = 48, 46, 45
_GROUPS = np.stack([np.arange(10000) // p % 10 for p in (1000, 100, 10, 1)], axis=1).astype(np.uint8) + _ZERO


def _digits(values: NDArray[np.int64], width: int) -> Bytes:
    """The last `width` decimal digits of non-negative integers, `(n, width)`."""
    groups = -(-width // 4)
    out = np.empty((len(values), groups * 4), np.uint8)
    rest = values
    for g in range(groups - 1, 0, -1):
        rest, low = np.divmod(rest, 10000)
        out[:, 4 * g : 4 * g + 4] = _GROUPS[low]
    out[:, :4] = _GROUPS[rest % 10000 if groups * 4 > 4 or width > 4 else rest]
    return out[:, groups * 4 - width :]


def integers(values: NDArray[np.integer], *, hide_zero: bool = False) -> tuple[Bytes, Mask]:
    """Non-negative integers as bytes `(n, w)` and which of them count.

    Parameters
    ----------
    hide_zero
        Nothing at all stands for 0.
    """
    numbers = values.astype(np.int64, copy=False)
    width = len(str(int(numbers.max(initial=0))))
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    if not hide_zero:
        powers[-1] = 0
    return _digits(numbers, width), numbers[:, None] >= powers


def decimals(values: NDArray[np.floating], places: int) -> tuple[Bytes, Mask]:
    """Numbers with a fixed number of decimal places as bytes `(n, w)`, and which of them count.

    What is not finite becomes 0: text formats have no other number for it that readers take. Numbers too large for
    that, or too small, get an exponent.
    """
    flat = np.nan_to_num(values.astype(np.float64, copy=False), nan=0.0, posinf=0.0, neginf=0.0)
    if places > _PLACES or np.abs(flat).max(initial=0.0) * 10.0**places >= _MOST:
        text = np.char.mod("%.9g", flat).astype(np.bytes_)
        wide = text.view(np.uint8).reshape(len(flat), text.itemsize)
        return wide, wide != 0
    scaled = np.rint(np.abs(flat) * 10.0**places).astype(np.int64)
    whole, part = np.divmod(scaled, 10**places)
    left, shown = integers(whole)
    n, width = len(flat), left.shape[1]
    out = np.empty((n, 1 + width + 1 + places), np.uint8)
    mask = np.ones(out.shape, bool)
    out[:, 0] = _MINUS
    mask[:, 0] = (flat < 0) & (scaled != 0)
    out[:, 1 : 1 + width] = left
    mask[:, 1 : 1 + width] = shown
    out[:, 1 + width] = _DOT
    out[:, 2 + width :] = _digits(part, places)
    return out, mask


def decimal_places(extent: float) -> int:
    """Places after the point that keep a millionth of an extent, 6 to 10; 11 asks for exponents."""
    if not np.isfinite(extent) or extent <= 0:
        return 6
    return int(np.clip(6 - np.floor(np.log10(extent)), 6, _PLACES + 1))


def joined(
    columns: list[tuple[Bytes, Mask] | bytes], rows: int, *, ends: bool = False
) -> tuple[bytes, NDArray[np.int64]]:
    """Columns side by side as text, and with `ends` the byte at which each row ends.

    Parameters
    ----------
    columns
        What `integers` and `decimals` give, each `(rows, w)`, or constant bytes between them.
    """
    width = sum(len(c) if isinstance(c, bytes) else c[0].shape[1] for c in columns)
    out = np.empty((rows, width), np.uint8)
    mask = np.ones((rows, width), bool)
    at = 0
    for column in columns:
        if isinstance(column, bytes):
            out[:, at : at + len(column)] = np.frombuffer(column, np.uint8)
            at += len(column)
        else:
            w = column[0].shape[1]
            out[:, at : at + w] = column[0]
            mask[:, at : at + w] = column[1]
            at += w
    return out[mask].tobytes(), np.cumsum(mask.sum(1)) if ends else np.zeros(0, np.int64)
