# SPDX-License-Identifier: Apache-2.0
"""glTF 2.0's outer layer: GLB chunks, buffers, data URIs, buffer views, compressed or not.

Khronos, "glTF 2.0 Specification", 3.6 and 4; EXT_meshopt_compression.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import numpy as np

from pipeline.errors import MissingDependency
from pipeline.importers.scene import Image, Scene, Source

_JSON, _BIN = 0x4E4F534A, 0x004E4942
_AGAIN = "export or download it again"
_MESHOPT = ("EXT_meshopt_compression", "KHR_meshopt_compression")


class Container:
    """The JSON of a file and the bytes it points at."""

    def __init__(self, source: Source, scene: Scene) -> None:
        self.source, self.scene = source, scene
        data = source.path.read_bytes()
        self.json, self.binary = _glb(data, source) if data[:4] == b"glTF" else (_parse(data, source), None)
        self._buffers: dict[int, bytes] = {}
        self._views: dict[int, bytes] = {}
        version = str(self.json.get("asset", {}).get("version", ""))
        if not version.startswith("2."):
            raise source.refuse(f"is glTF {version or 'without a version'}, only 2.x is read", "export it as glTF 2.0")

    def items(self, key: str) -> list[dict[str, Any]]:
        """A top-level list, with what is no object replaced by an empty one."""
        found = self.json.get(key, [])
        return [x if isinstance(x, dict) else {} for x in found] if isinstance(found, list) else []

    def item(self, key: str, index: Any) -> dict[str, Any]:
        """One of a list; an index that names nothing is an error of the file."""
        items = self.json.get(key, [])
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(items):
            raise self.source.refuse(f"has a bad index: {key}[{index!r}], there are {len(items)}", _AGAIN)
        found = items[index]
        if not isinstance(found, dict):
            raise self.source.refuse(f"{key}[{index}] is no object", _AGAIN)
        return found

    def buffer(self, index: int) -> bytes:
        """The bytes of a buffer: the GLB's own chunk, a data URI or a file beside it."""
        if index not in self._buffers:
            told = self.item("buffers", index)
            uri, size = told.get("uri"), told.get("byteLength", 0)
            if uri is None:
                if index != 0 or self.binary is None:
                    raise self.source.refuse(f"buffer {index} has no content", _AGAIN)
                content = self.binary
            else:
                content = self.uri(uri)
            if not isinstance(size, int) or size < 0 or len(content) < size:
                raise self.source.refuse(
                    f"is cut short: buffer {index} should have {size} bytes and has {len(content)}", _AGAIN
                )
            self._buffers[index] = content
        return self._buffers[index]

    def uri(self, uri: Any) -> bytes:
        """The content of a data URI or of a file in the allowed folder."""
        if not isinstance(uri, str):
            raise self.source.refuse(f"has an address that is no text: {uri!r}")
        if uri.startswith("data:"):
            return self._data(uri)
        return bytes(self.path(uri).read_bytes())

    def path(self, uri: str) -> Any:
        """The path that a relative URI names."""
        from pipeline.sandbox.paths import resolve_inside

        if self.source.folder is None:
            return self.source.sibling(uri)
        return resolve_inside(uri, self.source.path.parent, [self.source.folder], decode=True)

    def _data(self, uri: str) -> bytes:
        head, comma, body = uri.partition(",")
        if not comma:
            raise self.source.refuse("has a data URI without content", _AGAIN)
        if head.endswith(";base64"):
            try:
                return base64.b64decode(body, validate=False)
            except (binascii.Error, ValueError):
                raise self.source.refuse("has a data URI that is no base64", _AGAIN) from None
        return unquote_to_bytes(body)

    def view(self, index: Any) -> bytes:
        """The bytes of a buffer view, decompressed."""
        told = self.item("bufferViews", index)
        if index not in self._views:
            extensions = told.get("extensions", {})
            packed = next((extensions[e] for e in _MESHOPT if e in extensions), None)
            self._views[index] = self._slice(told, index) if packed is None else self._meshopt(packed, index)
        return self._views[index]

    def stride(self, index: int) -> int:
        """Bytes from one element to the next, 0 for tightly packed."""
        return int(self.item("bufferViews", index).get("byteStride", 0))

    def _slice(self, told: Mapping[str, Any], index: int) -> bytes:
        start, size = told.get("byteOffset", 0), told.get("byteLength", 0)
        content = self.buffer(told.get("buffer", -1))
        if not (isinstance(start, int) and isinstance(size, int) and 0 <= start <= start + size <= len(content)):
            raise self.source.refuse(f"is cut short: buffer view {index} reaches beyond its buffer", _AGAIN)
        return content[start : start + size]

    def _meshopt(self, packed: Mapping[str, Any], index: int) -> bytes:
        try:
            import meshoptimizer
        except ImportError:
            raise MissingDependency(
                "its meshes are packed with meshopt", path=self.source.path,
                remedy="pip install 'sevengates[fast]', or export without compression",
            ) from None  # fmt: skip
        raw = np.frombuffer(self._slice(packed, index), np.uint8)
        count, stride = int(packed["count"]), int(packed["byteStride"])
        if not (0 <= count <= 1 << 28 and 1 <= stride <= 256 and count * stride <= 1 << 31):
            raise self.source.refuse(f"buffer view {index} announces {count} packed elements of {stride} bytes")
        mode, kind = packed.get("mode"), packed.get("filter", "NONE")
        try:
            if mode == "ATTRIBUTES":
                out = meshoptimizer.decode_vertex_buffer(count, stride, raw, dtype=np.dtype((np.void, stride)))
                out = np.ascontiguousarray(out).view(np.uint8).reshape(count, stride)
                return _unfilter(meshoptimizer, out, kind, count, stride)
            decode = {
                "TRIANGLES": meshoptimizer.decode_index_buffer,
                "INDICES": meshoptimizer.decode_index_sequence,
            }[str(mode)]
            return bytes(decode(count, 4, raw).astype(f"<u{stride}").tobytes())
        except (RuntimeError, ValueError, KeyError, TypeError) as e:
            raise self.source.refuse(f"buffer view {index} does not unpack: {e}", _AGAIN) from None

    def image(self, index: int) -> Image:
        """A picture: bytes of a view or a data URI, or the path of a file."""
        told = self.item("images", index)
        name = str(told.get("name") or "") or f"image_{index}"
        if "bufferView" in told:
            return Image(name, data=self.view(told["bufferView"]))
        uri = told.get("uri")
        if isinstance(uri, str) and not uri.startswith("data:"):
            path = self.path(uri)
            return Image(str(told.get("name") or path.name), path=path)
        return Image(name, data=self.uri(uri))


def _parse(data: bytes, source: Source) -> dict[str, Any]:
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as e:
        raise source.refuse(f"holds no JSON that can be read: {str(e)[:120]}", _AGAIN) from None
    if not isinstance(found, dict):
        raise source.refuse("holds JSON that is no object", _AGAIN)
    return found


def _glb(data: bytes, source: Source) -> tuple[dict[str, Any], bytes | None]:
    if len(data) < 20:
        raise source.refuse(f"is cut short: a GLB of {len(data)} bytes", _AGAIN)
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise source.refuse(f"is GLB version {version}, only 2 is read", "export it as glTF 2.0")
    if length > len(data):
        raise source.refuse(f"is cut short: it should have {length} bytes and has {len(data)}", _AGAIN)
    chunks: dict[int, bytes] = {}
    at = 12
    while at + 8 <= length:
        size, kind = struct.unpack_from("<II", data, at)
        if at + 8 + size > length:
            raise source.refuse("is cut short: a chunk reaches beyond its end", _AGAIN)
        chunks.setdefault(kind, data[at + 8 : at + 8 + size])
        at += 8 + size + (-size % 4)
    if _JSON not in chunks:
        raise source.refuse("has no JSON chunk", _AGAIN)
    return _parse(chunks[_JSON].rstrip(b" \0"), source), chunks.get(_BIN)


def _unfilter(meshoptimizer: Any, raw: Any, kind: str, count: int, stride: int) -> bytes:
    """Undo the filters of EXT_meshopt_compression, by its text."""
    if kind == "OCTAHEDRAL":
        n = raw.view("<i1" if stride == 4 else "<i2").astype(np.float64).reshape(count, 4)
        one = np.where(n[:, 2] == 0, 1, n[:, 2])
        x, y = n[:, 0] / one, n[:, 1] / one
        z = 1 - np.abs(x) - np.abs(y)
        t = np.maximum(-z, 0)
        v = np.stack([x - np.copysign(t, x), y - np.copysign(t, y), z], axis=1)
        v /= np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12)
        top = 127 if stride == 4 else 32767
        out = np.concatenate([np.round(v * top), n[:, 3:]], axis=1)
        return bytes(out.astype("<i1" if stride == 4 else "<i2").tobytes())
    if kind == "QUATERNION":
        q = raw.view("<i2").astype(np.int64).reshape(count, 4)
        largest, one = q[:, 3] & 3, (q[:, 3] | 3).astype(np.float64)
        three = q[:, :3] / one[:, None] / np.sqrt(2)
        w = np.sqrt(np.maximum(0, 1 - (three**2).sum(axis=1)))
        out = np.zeros((count, 4))
        rows = np.arange(count)
        for k in range(3):
            out[rows, (largest + 1 + k) % 4] = three[:, k]
        out[rows, largest] = w
        return bytes(np.round(out * 32767).astype("<i2").tobytes())
    if kind == "EXPONENTIAL":
        v = raw.view("<i4")
        exponent = v >> 24
        mantissa = (v << 8) >> 8
        return bytes(np.ldexp(mantissa.astype(np.float64), exponent).astype("<f4").tobytes())
    return bytes(raw.tobytes())
