# SPDX-License-Identifier: Apache-2.0
"""KHR_mesh_quantization and EXT_meshopt_compression.

Positions become 16-bit numbers over the mesh's box (an error of 1/65535 of its largest side), normals and tangents
8-bit, UVs 16-bit where they lie within one tile; skins and nodes unpack them with one scale and offset.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MissingDependency
from pipeline.exporters.gltf.container import ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER, Document
from pipeline.exporters.gltf.geometry import Geometry, Morph, Part
from pipeline.usd.scene.model import Doubles

__all__ = ["Packer", "decoded_views"]

_EXTENSION = "EXT_meshopt_compression"
_LIMITS = {np.dtype(np.int8): 127, np.dtype(np.int16): 32767, np.dtype(np.uint16): 65535}


class Packer:
    """Stores the arrays of a mesh quantised, and compressed where asked.

    Parameters
    ----------
    compression
        `quantize` or `meshopt`.

    Raises
    ------
    MissingDependency
        meshoptimizer is not installed and compression was asked for.
    """

    def __init__(self, compression: str) -> None:
        self.codec: Any = None
        if compression == "meshopt":
            try:
                import meshoptimizer
            except ImportError as error:
                raise MissingDependency(
                    "meshoptimizer is not installed: glTF cannot be compressed with it",
                    remedy="pip install 'sevengates[fast]', or compression = \"quantize\" in the target",
                ) from error
            self.codec = meshoptimizer

    def __call__(
        self,
        document: Document,
        path: str,
        arrays: dict[str, NDArray[Any]],
        morphs: list[tuple[str, dict[str, NDArray[Any]]]],
        triangles: NDArray[Any],
        pieces: list[tuple[int, int, Any]],
        count: int,
    ) -> Geometry:
        """The accessors of one mesh."""
        document.use("KHR_mesh_quantization", required=True)
        triangles = np.ascontiguousarray(triangles, np.uint32).reshape(-1, 3)
        if self.codec is not None and count:
            arrays, morphs, triangles, count = self._ordered(arrays, morphs, triangles, count)
        spread = [arrays["POSITION"]]
        spread += [one["POSITION"] for _, one in morphs]
        unpack = _box(spread[0], spread[1:])
        attributes = {name: self._attribute(document, name, a, unpack) for name, a in arrays.items()}
        parts = []
        rows_of = {None: triangles}
        for slot, tile, rows in pieces:
            chosen = rows_of[None] if rows is None else triangles[rows]
            parts.append(Part(slot, self._indices(document, chosen, count), 4, tile))
        stored = tuple(
            Morph(
                name,
                {key: self._attribute(document, f"morph {key}", a, unpack) for key, a in one.items()},
            )
            for name, one in morphs
        )
        return Geometry(attributes, tuple(parts), stored, unpack)

    def _ordered(
        self,
        arrays: dict[str, NDArray[Any]],
        morphs: list[tuple[str, dict[str, NDArray[Any]]]],
        triangles: NDArray[Any],
        count: int,
    ) -> tuple[dict[str, NDArray[Any]], list[tuple[str, dict[str, NDArray[Any]]]], NDArray[Any], int]:
        """Vertices in the order in which triangles first name them: neighbours compress well."""
        flat = triangles.reshape(-1)
        first = np.full(count, len(flat), np.int64)
        first[flat[::-1]] = np.arange(len(flat) - 1, -1, -1)
        order = np.argsort(first, kind="stable")
        used = int((first < len(flat)).sum())
        order = order[:used]
        place = np.zeros(count, np.uint32)
        place[order] = np.arange(used, dtype=np.uint32)
        return (
            {name: np.ascontiguousarray(a)[order] for name, a in arrays.items()},
            [(name, {k: a[order] for k, a in one.items()}) for name, one in morphs],
            place[triangles],
            used,
        )

    def _attribute(self, document: Document, name: str, array: NDArray[Any], unpack: Doubles) -> int:
        normalized = True
        stored: NDArray[Any]
        if name == "POSITION":
            stored = _rounded((array - unpack[3, :3]) / np.diag(unpack)[:3], np.dtype(np.int16))
        elif name == "morph POSITION":
            stored = _rounded(array / np.diag(unpack)[:3], np.dtype(np.int16))
        elif name in {"NORMAL", "TANGENT", "morph NORMAL"}:
            stored = _rounded(array, np.dtype(np.int8))
        elif name.startswith("TEXCOORD_") and array.min(initial=0) >= 0 and array.max(initial=0) <= 1:
            stored = _rounded(array, np.dtype(np.uint16))
        elif name.startswith("WEIGHTS_"):
            stored, normalized = np.ascontiguousarray(array, np.float32), False
        elif name.startswith(("COLOR_", "_DISPLAYCOLOR")):
            stored = array
        else:
            stored, normalized = array, False
        bounds = name.endswith("POSITION")
        if self.codec is None:
            return document.accessor(stored, ARRAY_BUFFER, normalized=normalized, bounds=bounds)
        return self._compressed(document, stored, normalized, bounds)

    def _compressed(self, document: Document, array: NDArray[Any], normalized: bool, bounds: bool) -> int:
        width = array.shape[1]
        row = width * array.itemsize
        padded = array
        if row % 4:
            padded = np.zeros((len(array), width + (-row % 4) // array.itemsize), array.dtype)
            padded[:, :width] = array
        padded = np.ascontiguousarray(padded)
        stride = padded.shape[1] * padded.itemsize
        data = bytes(self.codec.encode_vertex_buffer(padded, len(padded), stride))
        view = self._view(document, data, len(padded), stride, "ATTRIBUTES", ARRAY_BUFFER)
        item: dict[str, Any] = {
            "bufferView": view,
            "componentType": _COMPONENT[array.dtype],
            "count": len(array),
            "type": f"VEC{width}",
        }
        if normalized:
            item["normalized"] = True
        if bounds:
            item["min"], item["max"] = array.min(0).tolist(), array.max(0).tolist()
        return document.add("accessors", item)

    def _indices(self, document: Document, triangles: NDArray[Any], count: int) -> int:
        kind = np.uint16 if count <= 65535 else np.uint32
        flat = np.ascontiguousarray(triangles.reshape(-1).astype(kind))
        if self.codec is None:
            return document.accessor(flat, ELEMENT_ARRAY_BUFFER)
        data = bytes(self.codec.encode_index_buffer(flat.astype(np.uint32), len(flat), max(count, 1)))
        view = self._view(document, data, len(flat), flat.itemsize, "TRIANGLES", ELEMENT_ARRAY_BUFFER)
        return document.add(
            "accessors",
            {
                "bufferView": view,
                "componentType": 5123 if kind is np.uint16 else 5125,
                "count": len(flat),
                "type": "SCALAR",
            },
        )

    def _view(self, document: Document, data: bytes, count: int, stride: int, mode: str, target: int) -> int:
        """A view into the fallback buffer, which holds nothing, with where the compressed bytes are."""
        document.use(_EXTENSION, required=True)
        buffers = document.json.setdefault("buffers", [{}])
        if len(buffers) == 1:
            buffers.append({"byteLength": 0, "extensions": {_EXTENSION: {"fallback": True}}})
        place = document.append(data)
        start = document.fallback_length
        length = count * stride
        document.fallback_length += length + -length % 4
        buffers[1]["byteLength"] = document.fallback_length
        view: dict[str, Any] = {
            "buffer": 1,
            "byteOffset": start,
            "byteLength": length,
            "target": target,
            "extensions": {
                _EXTENSION: {
                    "buffer": 0,
                    "byteOffset": place,
                    "byteLength": len(data),
                    "byteStride": stride,
                    "count": count,
                    "mode": mode,
                }
            },
        }
        if mode == "ATTRIBUTES":
            view["byteStride"] = stride
        return document.add("bufferViews", view)


_COMPONENT = {
    np.dtype(np.int8): 5120,
    np.dtype(np.uint8): 5121,
    np.dtype(np.int16): 5122,
    np.dtype(np.uint16): 5123,
    np.dtype(np.float32): 5126,
}


def _rounded(values: Any, kind: np.dtype[Any]) -> NDArray[Any]:
    limit = _LIMITS[kind]
    return np.rint(np.clip(np.asarray(values, np.float64), -1, 1) * limit).astype(kind)


def _box(points: NDArray[Any], offsets: list[NDArray[Any]]) -> Doubles:
    """`(4, 4)` from -1..1 to the mesh's box; one scale for all axes, large enough for the offsets of shapes."""
    low, high = points.min(0).astype(np.float64), points.max(0).astype(np.float64)
    half = max(float((high - low).max()) / 2, *(float(np.abs(o).max(initial=0)) for o in offsets), 1e-12)
    result = np.eye(4) * half
    result[3, :3] = (low + high) / 2
    result[3, 3] = 1.0
    return result


def decoded_views(path: Path, document: dict[str, Any]) -> dict[int, NDArray[Any]]:
    """What every compressed bufferView unpacks to, by number: index arrays, or rows of bytes.

    Raises
    ------
    ValueError
        The data does not unpack.
    """
    import meshoptimizer as codec

    if path.suffix.lower() == ".glb":
        data = path.read_bytes()
        (length,) = struct.unpack_from("<I", data, 12)
        binary = memoryview(data)[20 + length + 8 :]
    else:
        binary = memoryview(path.with_name(json.loads(path.read_text())["buffers"][0]["uri"]).read_bytes())
    result: dict[int, NDArray[Any]] = {}
    for number, view in enumerate(document.get("bufferViews", ())):
        packed = view.get("extensions", {}).get(_EXTENSION)
        if packed is None:
            continue
        raw = bytes(binary[packed["byteOffset"] : packed["byteOffset"] + packed["byteLength"]])
        if packed["mode"] == "TRIANGLES":
            result[number] = np.asarray(codec.decode_index_buffer(packed["count"], 4, raw)).view(np.uint32).reshape(-1)
        else:
            row = np.dtype((np.void, packed["byteStride"]))
            found = codec.decode_vertex_buffer(packed["count"], packed["byteStride"], raw, row)
            result[number] = np.asarray(found).view(np.uint8).reshape(packed["count"], -1)
    return result
