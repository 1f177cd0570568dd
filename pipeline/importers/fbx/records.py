# SPDX-License-Identifier: Apache-2.0
"""The records of an FBX file, binary 7.x, read with every length checked before it is believed."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.importers.scene import Source

MAGIC = b"Kaydara FBX Binary  \x00"
MAX_DEPTH = 32  # real files nest six deep
MAX_ARRAYS = 4 << 30  # bytes of decompressed arrays in one file

_ARRAYS = {ord("f"): "<f4", ord("d"): "<f8", ord("i"): "<i4", ord("l"): "<i8", ord("b"): "|u1", ord("c"): "|u1"}
_SCALARS = {
    ord("Y"): struct.Struct("<h"),
    ord("I"): struct.Struct("<i"),
    ord("L"): struct.Struct("<q"),
    ord("F"): struct.Struct("<f"),
    ord("D"): struct.Struct("<d"),
}
_HEAD = struct.Struct("<III")
_HEAD_WIDE = struct.Struct("<QQQ")


@dataclass(slots=True)
class PackedArray:
    """An array property that is decompressed when it is asked for."""

    dtype: str
    count: int
    encoding: int
    data: memoryview


@dataclass(slots=True)
class Record:
    """A record: name, properties, nested records."""

    name: str
    properties: list[Any] = field(default_factory=list)
    children: list[Record] = field(default_factory=list)

    def child(self, name: str) -> Record | None:
        """The first nested record of that name."""
        return next((c for c in self.children if c.name == name), None)

    def all(self, name: str) -> list[Record]:
        """Every nested record of that name."""
        return [c for c in self.children if c.name == name]

    def value(self, name: str, default: Any = None) -> Any:
        """The first property of the nested record of that name."""
        c = self.child(name)
        return c.properties[0] if c is not None and c.properties else default


class Reader:
    """Reads the records of one file.

    Parameters
    ----------
    source
        The file; a broken one raises its `refuse`.
    data
        All of its bytes.
    """

    def __init__(self, source: Source, data: bytes) -> None:
        self.source = source
        self.data = memoryview(data)
        self.version = struct.unpack_from("<I", data, 23)[0] if len(data) >= 27 else 0
        self._wide = self.version >= 7500
        self._budget = MAX_ARRAYS

    def root(self) -> Record:
        """The whole file as one record without a name."""
        root = Record("")
        self._list(root, 27, len(self.data), 0, top=True)
        return root

    def _list(self, parent: Record, at: int, end: int, depth: int, *, top: bool = False) -> None:
        if depth > MAX_DEPTH:
            raise self.source.refuse(f"FBX records nested deeper than {MAX_DEPTH}")
        head = _HEAD_WIDE if self._wide else _HEAD
        data = self.data
        while at + head.size < end:
            stop, count, length = head.unpack_from(data, at)
            if stop == 0:
                return  # the list's end; at the top the footer follows
            named = data[at + head.size]
            body = at + head.size + 1 + named
            if not (body + length <= stop <= end) or stop <= at:
                raise self.source.refuse(f"FBX record at byte {at} runs beyond its end")
            name = bytes(data[at + head.size + 1 : body]).decode("utf-8", "replace")
            record = Record(name, self._properties(body, length, count))
            parent.children.append(record)
            if body + length < stop:
                self._list(record, body + length, stop, depth + 1)
            at = stop
        if top:
            raise self.source.refuse("FBX file is cut off: its list of records has no end")

    def _properties(self, at: int, length: int, count: int) -> list[Any]:
        if count > length:
            raise self.source.refuse(f"FBX record at byte {at} claims {count} properties in {length} bytes")
        data, end = self.data, at + length
        values: list[Any] = []
        try:
            for _ in range(count):
                kind = data[at]
                at += 1
                if kind == ord("S") or kind == ord("R"):
                    (size,) = struct.unpack_from("<I", data, at)
                    raw = data[at + 4 : at + 4 + size]
                    values.append(bytes(raw).decode("utf-8", "replace") if kind == ord("S") else raw)
                    at += 4 + size
                elif kind in _SCALARS:
                    s = _SCALARS[kind]
                    values.append(s.unpack_from(data, at)[0])
                    at += s.size
                elif kind in _ARRAYS:
                    n, encoding, size = struct.unpack_from("<III", data, at)
                    values.append(PackedArray(_ARRAYS[kind], n, encoding, data[at + 12 : at + 12 + size]))
                    at += 12 + size
                elif kind in (ord("C"), ord("B")):
                    values.append(bool(data[at]))
                    at += 1
                else:
                    raise self.source.refuse(f"FBX property of unknown type {kind:#x} at byte {at - 1}")
                if at > end:
                    raise self.source.refuse(f"FBX property at byte {at} runs beyond its record")
        except (struct.error, IndexError):
            raise self.source.refuse("FBX file is cut off inside a record") from None
        return values

    def array(self, record: Record | None) -> NDArray[Any] | None:
        """The array property of a record, decompressed; None without one."""
        if record is None or not record.properties:
            return None
        packed = record.properties[0]
        if isinstance(packed, np.ndarray):  # an ASCII file's
            return packed
        if not isinstance(packed, PackedArray):
            return None
        size = packed.count * np.dtype(packed.dtype).itemsize
        self._budget -= size
        if self._budget < 0:
            raise self.source.refuse("FBX arrays expand beyond 4 GiB")
        if packed.encoding == 0:
            raw: bytes | memoryview = packed.data
        elif packed.encoding == 1:
            try:
                raw = zlib.decompressobj().decompress(packed.data, size + 1) if size else b""
            except zlib.error as e:
                raise self.source.refuse(f"FBX array {record.name} is damaged: {e}") from None
        else:
            raise self.source.refuse(f"FBX array {record.name} has the unknown encoding {packed.encoding}")
        if len(raw) != size:
            raise self.source.refuse(f"FBX array {record.name} is not as long as it says")
        return np.frombuffer(raw, packed.dtype)
