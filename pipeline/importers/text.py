# SPDX-License-Identifier: Apache-2.0
"""Numbers in text, many at once."""

from __future__ import annotations

import warnings

import numpy as np

from pipeline.errors import ImportRefused
from pipeline.importers.scene import Floats, Ints


def floats(text: bytes, what: str) -> Floats:
    """All numbers of a text that are separated by white space, float64.

    Raises
    ------
    ImportRefused
        Something in it is no number; `what` says where, for the message.
    """
    return np.asarray(_parse(text, np.float64, what))


def ints(text: bytes, what: str) -> Ints:
    """The same for whole numbers, int64."""
    return np.asarray(_parse(text, np.int64, what))


def _parse(text: bytes, kind: type, what: str) -> np.ndarray:
    if not text.strip():
        return np.zeros(0, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return np.fromstring(text.decode("latin-1"), kind, sep=" ")
        except (ValueError, DeprecationWarning):
            pass
    for word in text.split():
        try:
            float(word)
        except ValueError:
            raise ImportRefused(f"{what} holds {word[:40].decode('latin-1')!r}, which is no number") from None
    return np.array(text.split(), dtype=np.float64).astype(kind)
