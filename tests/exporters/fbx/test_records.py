# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from pipeline.exporters.fbx.deflate import Deflated, Deflater, ready
from pipeline.exporters.fbx.records import RecordWriter, f64, i32, text


def test_a_leaf_is_laid_out_as_the_format_says(tmp_path: Path) -> None:
    path = tmp_path / "x.fbx"
    with path.open("wb") as file:
        writer = RecordWriter(file, 7400)
        writer.leaf(b"Ab", i32(7), text("hé"))
        size = writer.finish()
    data = path.read_bytes()
    assert len(data) == size
    assert data[:23] == b"Kaydara FBX Binary  \x00\x1a\x00"
    payload = b"I" + struct.pack("<i", 7) + b"S" + struct.pack("<I", 3) + "hé".encode()
    end = 27 + 13 + 2 + len(payload)
    assert data[23:27] == struct.pack("<I", 7400)
    assert data[27:end] == struct.pack("<IIIB", end, 2, len(payload), 2) + b"Ab" + payload
    assert data[end : end + 13] == bytes(13)
    assert data[-16:].hex() == "f85a8c6adef5d97eece90ce3758f290b"
    assert data[-140:-136] == struct.pack("<I", 7400)
    assert (len(data) - 140 - 4) % 16 == 0  # the footer id is padded to sixteen


@pytest.mark.parametrize(("version", "head", "null"), [(7400, "<IIIB", 13), (7500, "<QQQB", 25)])
def test_end_offsets_of_nested_records(tmp_path: Path, version: int, head: str, null: int) -> None:
    path = tmp_path / "x.fbx"
    with path.open("wb") as file:
        writer = RecordWriter(file, version)
        with writer.nest(b"Outer"):
            writer.array(b"Big", np.arange(40_000, dtype=np.float64))  # large enough to be flushed at once
            with writer.nest(b"Inner"):
                writer.leaf(b"Leaf", f64(2.5))
        writer.finish()
    data = path.read_bytes()
    size = struct.calcsize(head)
    end, count, length, name = struct.unpack_from(head, data, 27)
    assert (count, length, data[27 + size : 27 + size + name]) == (0, 0, b"Outer")
    assert data[end - null : end] == bytes(null)
    big = 27 + size + name
    stop, count, length, name = struct.unpack_from(head, data, big)
    assert count == 1
    assert length == 13 + 320_000
    assert struct.unpack_from("<cIII", data, big + size + name) == (b"d", 40_000, 0, 320_000)
    inner_end = struct.unpack_from(head, data, stop)[0]
    assert inner_end == end - null


def test_arrays_are_ordinary_zlib_streams() -> None:
    values = np.repeat(np.arange(300, dtype=np.int32), 400)
    with Deflater() as deflater:
        made = ready(deflater.submit(values))
    assert made.encoding == 1
    assert len(made.data) < values.nbytes / 4
    assert zlib.decompress(made.data) == values.tobytes()


def test_small_and_incompressible_arrays_are_stored() -> None:
    noise = np.random.default_rng(0).integers(0, 2**31, 4096, dtype=np.int32)
    for values in (np.arange(5, dtype=np.int32), noise):
        made = Deflated.packed(values)
        assert (made.encoding, bytes(made.data)) == (0, values.tobytes())


def test_the_type_follows_the_file_not_the_scene() -> None:
    with Deflater() as deflater:
        made = ready(deflater.submit(np.ones((2, 3), np.float32), "<f8"))
    assert (made.kind, made.count) == (b"d", 6)
