# SPDX-License-Identifier: Apache-2.0
"""The binary node records of an FBX file, written in one pass.

A file is a header of 27 bytes, a list of records and a footer. A record is its end offset, the number and
the byte length of its properties (uint32 each, uint64 from version 7500), its name, the properties and the
records nested in it; a nested list ends with a record of zeros. Property types: C Y I L F D S R, and the
arrays i l f d b with count, encoding (0 stored, 1 zlib) and byte length.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from .deflate import Deflated

MAGIC = b"Kaydara FBX Binary  \x00\x1a\x00"
FOOTER_MAGIC = bytes.fromhex("f85a8c6adef5d97eece90ce3758f290b")
# FileId, CreationTime and the footer's id belong together; readers accept this fixed triple.
FILE_ID = bytes.fromhex("28b32aebb624ccc2bfc8b02aa92bfcf1")
CREATION_TIME = "1970-01-01 10:00:00:000"
FOOTER_ID = bytes.fromhex("fabcab09d0c8d466b176fb83 1cf7267e".replace(" ", ""))
LARGE = 0x7FFF0000  # bytes from which 32-bit offsets are no longer safe

_pack_i = struct.Struct("<ci").pack
_pack_q = struct.Struct("<cq").pack
_pack_d = struct.Struct("<cd").pack
_pack_h = struct.Struct("<ch").pack
_pack_len = struct.Struct("<cI").pack


def i32(value: int) -> bytes:
    """A 32-bit integer property (I)."""
    return _pack_i(b"I", value)


def i64(value: int) -> bytes:
    """A 64-bit integer property (L)."""
    return _pack_q(b"L", value)


def f64(value: float) -> bytes:
    """A double property (D)."""
    return _pack_d(b"D", value)


def flag(value: bool) -> bytes:
    """A boolean property (C)."""
    return b"C\x01" if value else b"C\x00"


def text(value: str) -> bytes:
    """A string property (S) in UTF-8."""
    raw = value.encode("utf-8", "replace")
    return _pack_len(b"S", len(raw)) + raw


def blob(value: bytes) -> bytes:
    """A raw bytes property (R)."""
    return _pack_len(b"R", len(value)) + value


def named(name: str, kind: str) -> bytes:
    """An object's name and class as one string property: name, 00 01, class."""
    raw = name.encode("utf-8", "replace") + b"\x00\x01" + kind.encode("ascii")
    return _pack_len(b"S", len(raw)) + raw


class RecordWriter:
    """Writes records one after another and fills in the end offsets as lists close.

    Parameters
    ----------
    file
        A binary file open for writing, at its start and seekable.
    version
        7400 (32-bit offsets) or 7500 (64-bit offsets, for files beyond 2 GiB).
    """

    def __init__(self, file: BinaryIO, version: int = 7400) -> None:
        self.file = file
        self.version = version
        wide = version >= 7500
        self._head = struct.Struct("<QQQB" if wide else "<IIIB")
        self._end = struct.Struct("<Q" if wide else "<I")
        self._null = bytes(25 if wide else 13)
        self._position = 0  # absolute, of the next byte
        self._start = 0  # absolute, of the buffer's first byte
        self._buffer = bytearray()
        self._late: list[tuple[int, int]] = []  # end offsets of records whose head was already flushed
        self._put(MAGIC + struct.pack("<I", version))

    def _put(self, data: bytes) -> None:
        self._buffer += data
        self._position += len(data)

    def leaf(self, name: bytes, *properties: bytes) -> None:
        """A record without nested records; `properties` come from `i32`, `text` and so on."""
        self.leaf_n(name, len(properties), b"".join(properties))

    def leaf_n(self, name: bytes, count: int, payload: bytes) -> None:
        """The same with `count` properties that are encoded already, one after another."""
        size = self._head.size + len(name) + len(payload)
        self._put(self._head.pack(self._position + size, count, len(payload), len(name)) + name + payload)

    @contextmanager
    def nest(self, name: bytes, *properties: bytes) -> Iterator[None]:
        """A record with nested records: those written inside the `with` block."""
        start = self.open(name, *properties)
        yield
        self.close(start)

    def open(self, name: bytes, *properties: bytes) -> int:
        """Begin a record with nested records; returns the token that `close` wants."""
        start = self._position
        payload = b"".join(properties)
        self._put(self._head.pack(0, len(properties), len(payload), len(name)) + name + payload)
        return start

    def close(self, start: int) -> None:
        """End the record that `open` began: the list's zero record, then its end offset."""
        self._put(self._null)
        at = start - self._start
        if at >= 0:
            self._end.pack_into(self._buffer, at, self._position)
        else:
            self._late.append((start, self._position))

    def array(self, name: bytes, values: NDArray[np.generic] | Deflated) -> None:
        """A record whose only property is an array.

        Parameters
        ----------
        name
            The record's name.
        values
            int32, int64, float32, float64 or bool of any shape (written flat), or what
            `deflate.Deflater` made of one.
        """
        if not isinstance(values, Deflated):
            values = Deflated.stored(values)
        data = values.data
        size = self._head.size + len(name) + 13 + len(data)
        head = self._head.pack(self._position + size, 1, 13 + len(data), len(name)) + name
        head += struct.pack("<cIII", values.kind, values.count, values.encoding, len(data))
        self._put(head)
        if len(data) < 65536:
            self._put(bytes(data))
            return
        self.flush()
        self.file.write(data)
        self._position += len(data)
        self._start = self._position

    def binary(self, name: bytes, data: bytes) -> None:
        """A record whose only property is raw bytes (R), written without a copy."""
        size = self._head.size + len(name) + 5 + len(data)
        head = self._head.pack(self._position + size, 1, 5 + len(data), len(name)) + name
        self._put(head + _pack_len(b"R", len(data)))
        self.flush()
        self.file.write(data)
        self._position += len(data)
        self._start = self._position

    def flush(self) -> None:
        """Hand what is buffered to the file."""
        if self._buffer:
            self.file.write(self._buffer)
            self._buffer = bytearray()
        self._start = self._position

    def flush_if_large(self) -> None:
        """Keep the buffer bounded; call it between objects."""
        if len(self._buffer) > 8 << 20:
            self.flush()

    def finish(self) -> int:
        """Write the footer and the end offsets still missing; returns the file's size in bytes."""
        self._put(self._null + FOOTER_ID)
        pad = -self._position % 16 or 16
        self._put(bytes(pad + 4) + struct.pack("<I", self.version) + bytes(120) + FOOTER_MAGIC)
        self.flush()
        size = self._position
        for start, end in self._late:
            self.file.seek(start)
            self.file.write(self._end.pack(end))
        self.file.seek(size)
        return size
