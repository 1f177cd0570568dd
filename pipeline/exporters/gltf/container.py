# SPDX-License-Identifier: Apache-2.0
"""The glTF document and its binary data: arrays to accessors, equal arrays once; GLB and glTF on disk.

Nothing is joined in memory: the arrays go to the file one after the other.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from pipeline.errors import ExportError

__all__ = ["ARRAY_BUFFER", "COMPONENTS", "ELEMENT_ARRAY_BUFFER", "SHAPES", "Document"]

ARRAY_BUFFER = 34962
ELEMENT_ARRAY_BUFFER = 34963
#: glTF's numbers of component types
COMPONENTS = {
    np.dtype(np.int8): 5120,
    np.dtype(np.uint8): 5121,
    np.dtype(np.int16): 5122,
    np.dtype(np.uint16): 5123,
    np.dtype(np.uint32): 5125,
    np.dtype(np.float32): 5126,
}
#: glTF's words for the columns of an accessor
SHAPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
#: arrays of more bytes are not compared with others
_HASHED = 1 << 22
#: GLB counts its bytes in 32 bits
_LIMIT = 2**32 - 1


class Document:
    """A glTF document that is being filled.

    Attributes
    ----------
    json
        The top-level properties; lists appear when something is added to them.
    """

    def __init__(self, generator: str) -> None:
        self.json: dict[str, Any] = {"asset": {"version": "2.0", "generator": generator}}
        self.chunks: list[Any] = []
        self.length = 0
        self.required: set[str] = set()
        self.used: set[str] = set()
        self._accessors: dict[tuple[Any, ...], int] = {}
        self._views: dict[tuple[Any, ...], int] = {}
        #: compressed data counts here how long it would be unpacked
        self.fallback_length = 0

    def add(self, kind: str, item: dict[str, Any]) -> int:
        """Append to a top-level list and return the item's number."""
        items = self.json.setdefault(kind, [])
        items.append(item)
        return len(items) - 1

    def use(self, extension: str, *, required: bool = False) -> None:
        """Name an extension in `extensionsUsed` (and `extensionsRequired`)."""
        self.used.add(extension)
        if required:
            self.required.add(extension)

    def view(self, data: Any, target: int | None = None, stride: int | None = None) -> int:
        """A bufferView of bytes or of a C-contiguous array; equal bytes share one."""
        raw = memoryview(data).cast("B") if len(data) else memoryview(b"")
        # large arrays were told apart before they came here
        name = xxhash.xxh3_128_digest(raw) if len(raw) < _HASHED else self.length
        key = (name, len(raw), target, stride)
        found = self._views.get(key)
        if found is not None:
            return found
        view: dict[str, Any] = {"buffer": 0, "byteOffset": self.length, "byteLength": len(raw)}
        if stride is not None:
            view["byteStride"] = stride
        if target is not None:
            view["target"] = target
        self.append(raw)
        number = self.add("bufferViews", view)
        self._views[key] = number
        return number

    def append(self, raw: Any) -> int:
        """Add bytes to the binary data, padded to four; returns where they begin."""
        start = self.length
        self.chunks.append(raw)
        pad = -len(raw) % 4
        if pad:
            self.chunks.append(bytes(pad))
        self.length += len(raw) + pad
        if self.length > _LIMIT:
            raise ExportError(
                "more than 4 GiB of data do not fit a GLB",
                remedy="export with --target web (compressed), lower the textures' size, or export usd",
            )
        return start

    def accessor(
        self,
        array: NDArray[Any],
        target: int | None = None,
        *,
        normalized: bool = False,
        bounds: bool = False,
    ) -> int:
        """An accessor over an array `(n,)` or `(n, k)`; rows are padded to four bytes for vertex data.

        Parameters
        ----------
        bounds
            Write `min` and `max`, as POSITION and key times need.
        """
        stored, width, row = _rows(array, target)
        stride = row if row != width * stored.itemsize else None
        view = self.view(stored, target, stride)
        key = (view, stored.dtype.num, width, len(stored), normalized, bounds)
        found = self._accessors.get(key)
        if found is not None:
            return found
        item: dict[str, Any] = {
            "bufferView": view,
            "componentType": COMPONENTS[stored.dtype],
            "count": len(stored),
            "type": SHAPES[width],
        }
        if normalized:
            item["normalized"] = True
        if bounds:
            flat = stored.reshape(len(stored), -1)
            # column by column: numpy is several times slower along the first axis of narrow arrays
            item["min"] = [flat[:, k].min().item() for k in range(width)]
            item["max"] = [flat[:, k].max().item() for k in range(width)]
        number = self.add("accessors", item)
        self._accessors[key] = number
        return number

    def stretches(
        self,
        array: NDArray[Any],
        ends: NDArray[np.intp],
        target: int,
        *,
        normalized: bool = False,
        bounds: bool = False,
    ) -> list[int]:
        """One accessor for each stretch of an array's rows; all share one bufferView, equal ones one accessor.

        Parameters
        ----------
        ends
            `(k,)` the row after each stretch; none is empty.
        """
        array, width, row = _rows(array, target)
        raw = array.data.cast("B")
        common: dict[str, Any] = {
            "bufferView": len(self.json.setdefault("bufferViews", [])),
            "componentType": COMPONENTS[array.dtype],
            "type": SHAPES[width],
            **({"normalized": True} if normalized else {}),
        }
        low, high = _ranges(array[:, :width], ends) if bounds else ([], [])
        items = self.json.setdefault("accessors", [])
        known: dict[bytes, int] = {}
        pieces: list[Any] = []
        numbers: list[int] = []
        start = length = 0
        for k, end in enumerate(ends.tolist()):
            piece = raw[start * row : end * row]
            name = xxhash.xxh3_128_digest(piece)
            number = known.get(name)
            if number is None:
                number = known[name] = len(items)
                item = {**common, "byteOffset": length, "count": end - start}
                if bounds:
                    item["min"], item["max"] = low[k], high[k]
                items.append(item)
                pieces.append(piece)
                length += len(piece)
            numbers.append(number)
            start = end
        view = {"buffer": 0, "byteOffset": self.length, "byteLength": length, "target": target}
        if target == ARRAY_BUFFER:
            view["byteStride"] = row
        self.json["bufferViews"].append(view)
        self.append(raw if len(pieces) == len(numbers) else b"".join(pieces))
        return numbers

    def finish(self) -> dict[str, Any]:
        """The document as it is written."""
        if self.length:
            buffers = self.json.setdefault("buffers", [{}])
            buffers[0]["byteLength"] = self.length
        if self.used:
            self.json["extensionsUsed"] = sorted(self.used)
        if self.required:
            self.json["extensionsRequired"] = sorted(self.required)
        return self.json

    def write_glb(self, path: Path) -> None:
        """Write one binary file."""
        text = json.dumps(self.finish(), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + (8 + self.length if self.length else 0)
        if total > _LIMIT:
            raise ExportError("more than 4 GiB do not fit a GLB", path=path, remedy="export usd instead")
        with path.open("wb") as file:
            file.write(struct.pack("<III", 0x46546C67, 2, total))
            file.write(struct.pack("<II", len(text), 0x4E4F534A))
            file.write(text)
            if self.length:
                file.write(struct.pack("<II", self.length, 0x004E4942))
                self._write_chunks(file)

    def write_gltf(self, path: Path, images: Sequence[tuple[int, str, bytes]]) -> None:
        """Write JSON, the binary data beside it, and the pictures as files of their own.

        Parameters
        ----------
        images
            `(number, file name, bytes)` of each picture that is not in the binary data.
        """
        if self.length:
            binary = path.with_name(f"{_plain(path.stem)}.bin")
            self.json.setdefault("buffers", [{}])[0]["uri"] = binary.name
            with binary.open("wb") as file:
                self._write_chunks(file)
        folder = path.parent / f"{_plain(path.stem)}_textures"
        for number, name, data in images:
            folder.mkdir(exist_ok=True)
            (folder / _plain(name)).write_bytes(data)
            self.json["images"][number]["uri"] = f"{folder.name}/{_plain(name)}"
        text = json.dumps(self.finish(), ensure_ascii=False, indent=1, allow_nan=False)
        path.write_text(text, encoding="utf-8")

    def _write_chunks(self, file: Any) -> None:
        small = bytearray()
        for chunk in self.chunks:
            if len(chunk) < 1 << 16:
                small += chunk
                if len(small) > 1 << 20:
                    file.write(small)
                    small = bytearray()
            else:
                if small:
                    file.write(small)
                    small = bytearray()
                file.write(chunk)
        if small:
            file.write(small)


def _rows(array: NDArray[Any], target: int | None) -> tuple[NDArray[Any], int, int]:
    """The array as it is stored, its columns that count, its bytes a row: vertex data is padded to four."""
    array = np.ascontiguousarray(array)
    width = 1 if array.ndim == 1 else array.shape[1]
    row = width * array.itemsize
    if target != ARRAY_BUFFER or not row % 4:
        return array, width, row
    stored = np.zeros((len(array), width + (-row % 4) // array.itemsize), array.dtype)
    stored[:, :width] = array
    return stored, width, row + -row % 4


def _ranges(array: NDArray[Any], ends: NDArray[np.intp]) -> tuple[list[list[float]], list[list[float]]]:
    """Least and largest of each column in each stretch of rows."""
    starts = np.concatenate([[0], ends[:-1]])
    columns = [np.ascontiguousarray(array[:, k]) for k in range(array.shape[1])]
    low, high = ([edge.reduceat(c, starts) for c in columns] for edge in (np.minimum, np.maximum))
    return np.stack(low, -1).tolist(), np.stack(high, -1).tolist()


def _plain(name: str) -> str:
    """A file name without spaces and signs: such a name is its own URI, also for readers that decode none."""
    return re.sub(r"[^\w.-]", "_", name)
