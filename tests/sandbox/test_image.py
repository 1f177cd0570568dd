# SPDX-License-Identifier: Apache-2.0
"""Uploaded pictures: good ones are described, bad ones refused before they cost anything."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from pipeline import sandbox
from pipeline.errors import ImportRefused


def picture(path: Path, pixels: np.ndarray, kind: str = "uint8") -> Path:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec)
    assert out.write_image(pixels)
    assert out.close()
    return path


def png_of_zeros(path: Path, width: int, height: int) -> Path:
    """A PNG whose pixels are all 0, packed: tiny on disk, huge in memory."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize(("name", "kind"), [("a.png", "uint8"), ("a.jpg", "uint8"), ("a.exr", "half")])
def test_good_pictures(tmp_path: Path, name: str, kind: str) -> None:
    path = picture(tmp_path / name, np.full((5, 9, 3), 0.5, np.float32), kind)
    report = sandbox.check_image(path)
    assert (report.width, report.height, report.channels, report.format) == (9, 5, 3, path.suffix[1:])
    assert report.pixel_type == kind
    assert report.path == str(path)


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", np.zeros((4, 4, 3), np.float32))
    path.rename(tmp_path / "a.txt")
    assert sandbox.check_image(tmp_path / "a.txt").format == "png"


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = png_of_zeros(tmp_path / "bomb.png", 16000, 15000)  # 720 MB of pixels
    assert path.stat().st_size < 1 << 20
    with pytest.raises(ImportRefused):
        sandbox.check_image(path)


def test_a_truncated_picture_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    path = picture(tmp_path / "a.png", rng.random((64, 64, 3), np.float32))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ImportRefused, match="broken png"):
        sandbox.check_image(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"<svg xmlns='x'/>", b"GIF89a"])
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImportRefused):
        sandbox.check_image(tmp_path / "a.png")


def test_missing_files_and_devices(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", Path("/dev/zero"), tmp_path):
        with pytest.raises(ImportRefused):
            sandbox.check_image(path)
