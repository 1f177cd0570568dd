# SPDX-License-Identifier: Apache-2.0
"""PNG without dates or program names, so that the same pixels are the same bytes (RFC 2083)."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def png_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """Encode (h, w), (h, w, 3) or (h, w, 4) uint8, first row on top.

    Rows are filtered by difference to the row above, which suits painted textures.
    """
    image = np.ascontiguousarray(pixels)
    height, width = image.shape[:2]
    colour = {2: 0, 3: 2}[image.ndim] if image.ndim == 2 or image.shape[2] == 3 else 6
    rows = image.reshape(height, -1)
    lines = np.empty((height, rows.shape[1] + 1), np.uint8)
    lines[:, 0] = 2
    lines[0, 1:] = rows[0]
    lines[1:, 1:] = rows[1:] - rows[:-1]

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines.tobytes(), 4))
        + chunk(b"IEND", b"")
    )


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write `pixels` to `path` (a new file)."""
    path.write_bytes(png_bytes(pixels))
