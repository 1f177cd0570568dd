# SPDX-License-Identifier: Apache-2.0
"""Names as Cryptomatte writes them: hashes as float channels, and the manifest of an EXR header.

Source: Psyop, "Cryptomatte Specification" 1.2.0: MurmurHash3_32 of the UTF-8 name with seed 0, exponents that no
float may have are avoided by turning bit 23; pairs of identifier and coverage, two ranks a layer of four channels.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from pipeline.render.lamps import Array

#: identifiers kept a pixel, most of it first; the specification's usual six
RANKS = 6
_WORD = 0xFFFFFFFF


@lru_cache(maxsize=65536)
def murmur3_32(name: str) -> int:
    """MurmurHash3_32 of a name, seed 0 (Austin Appleby, public domain)."""
    data = name.encode("utf-8")
    hashed = 0
    whole = len(data) // 4 * 4
    for (word,) in np.frombuffer(data[:whole], "<u4").reshape(-1, 1).tolist():
        hashed ^= _mixed(word)
        hashed = ((hashed << 13 | hashed >> 19) * 5 + 0xE6546B64) & _WORD
    if whole < len(data):
        hashed ^= _mixed(int.from_bytes(data[whole:], "little"))
    hashed ^= len(data)
    hashed = (hashed ^ hashed >> 16) * 0x85EBCA6B & _WORD
    hashed = (hashed ^ hashed >> 13) * 0xC2B2AE35 & _WORD
    return hashed ^ hashed >> 16


def _mixed(word: int) -> int:
    word = word * 0xCC9E2D51 & _WORD
    word = (word << 15 | word >> 17) & _WORD
    return word * 0x1B873593 & _WORD


def identifier(name: str) -> int:
    """The hash whose bits are a float that is neither denormal, infinite nor NaN."""
    hashed = murmur3_32(name)
    return hashed ^ (1 << 23) if hashed >> 23 & 255 in {0, 255} else hashed


def channels(layer: str) -> list[str]:
    """`CryptoObject00.R` and so on, in the order of `interleaved`."""
    return [f"{layer}{i:02d}.{c}" for i in range(RANKS // 2) for c in "RGBA"]


def interleaved(numbers: Array, coverage: Array, names: Sequence[str]) -> Array:
    """Identifier and coverage by turns.

    Parameters
    ----------
    numbers
        ``(h, w, RANKS)`` into the names, -1 for nothing.
    coverage
        ``(h, w, RANKS)`` shares of the pixel, falling.

    Returns
    -------
    numpy.ndarray
        ``(h, w, 2 * RANKS) float32``.
    """
    table = np.array([identifier(n) for n in names] + [0], np.uint32).view(np.float32)
    out = np.empty((*numbers.shape[:2], 2 * RANKS), np.float32)
    out[..., 0::2], out[..., 1::2] = table[numbers], coverage
    return out


def header(layer: str, names: Sequence[str]) -> dict[str, str]:
    """The attributes that a decoder looks for; two names of one hash would both be listed."""
    key = f"cryptomatte/{murmur3_32(layer):08x}"[: len("cryptomatte/") + 7]
    manifest = {name: f"{identifier(name):08x}" for name in dict.fromkeys(names)}
    return {
        f"{key}/name": layer,
        f"{key}/hash": "MurmurHash3_32",
        f"{key}/conversion": "uint32_to_float32",
        f"{key}/manifest": json.dumps(manifest, ensure_ascii=False, separators=(",", ":")),
    }


def ranked(pixels: Array, numbers: Array, weights: Array, count: int) -> tuple[Array, Array]:
    """The most seen numbers of each pixel.

    Parameters
    ----------
    pixels, numbers, weights
        ``(n,)`` what samples saw: in which pixel, which number from 0, how much of the pixel.
    count
        Number of pixels.

    Returns
    -------
    tuple
        ``(count, RANKS) int32`` numbers, -1 for nothing, and ``(count, RANKS) float32`` coverage.
    """
    found = np.full((count, RANKS), -1, np.int32)
    coverage = np.zeros((count, RANKS), np.float32)
    if not len(pixels):
        return found, coverage
    span = int(numbers.max()) + 1
    keys, inverse = np.unique(pixels.astype(np.int64) * span + numbers, return_inverse=True)
    share = np.bincount(inverse.reshape(-1), weights)
    order = np.lexsort((-share, keys // span))
    owner, share, which = keys[order] // span, share[order], keys[order] % span
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)
    kept = (rank < RANKS) & (share > 0)
    found[owner[kept], rank[kept]] = which[kept]
    coverage[owner[kept], rank[kept]] = share[kept]
    return found, coverage
