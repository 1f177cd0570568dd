# SPDX-License-Identifier: Apache-2.0
"""Small PNGs: shades with their outline, and stencils of two strengths in one colour (ISO/IEC 15948)."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

#: colour type by number of channels
_KIND = {1: 0, 2: 4, 3: 2, 4: 6}
#: opacity of a stencil where a mark is seen, and where it lies behind something
SEEN, BEHIND = 0.74, 0.34


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG of (h, w, c) sRGB bytes: grey, grey and alpha, RGB or RGBA; rows filtered by `sub`."""
    height, width, channels = pixels.shape
    flat = np.ascontiguousarray(pixels).reshape(height, -1)
    rows = np.zeros((height, 1 + channels * width), np.uint8)
    rows[:, 0] = 1
    rows[:, 1:] = flat
    rows[:, 1 + channels :] -= flat[:, :-channels]
    return _file(width, height, 8, _KIND[channels], [(b"IDAT", zlib.compress(rows.tobytes(), 9))])


def stencil(codes: NDArray[np.uint8], colour: str) -> bytes:
    """A PNG of two bits a pixel: 0 is clear, 1 is the colour where it is seen, 2 where it lies behind something.

    Parameters
    ----------
    codes : (h, w) uint8
    colour
        `#rrggbb`.
    """
    height, width = codes.shape
    wide = np.zeros((height, -(-width // 4) * 4), np.uint8)
    wide[:, :width] = codes
    quads = wide.reshape(height, -1, 4)
    packed = quads[..., 0] << 6 | quads[..., 1] << 4 | quads[..., 2] << 2 | quads[..., 3]
    rows = np.zeros((height, 1 + packed.shape[1]), np.uint8)
    rows[:, 1:] = packed
    chunks = [
        (b"PLTE", bytes.fromhex(colour[1:]) * 3),
        (b"tRNS", bytes([0, round(SEEN * 255), round(BEHIND * 255)])),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
    ]
    return _file(width, height, 2, 3, chunks)


def _file(width: int, height: int, depth: int, kind: int, chunks: list[tuple[bytes, bytes]]) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    every = [(b"IHDR", head), *chunks, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in every
    )
