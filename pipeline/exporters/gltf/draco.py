# SPDX-License-Identifier: Apache-2.0
"""KHR_draco_mesh_compression: each primitive's vertices and triangles as one Draco mesh.

Positions, normals and the first UV set are quantised; further UV sets, colours, tangents, joints and weights go in
without loss, as attributes of no kind of their own. Draco splits and orders vertices anew, so what was packed is
unpacked once and the accessors count what a reader will find.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MissingDependency
from pipeline.exporters.gltf.container import COMPONENTS, SHAPES, Document
from pipeline.exporters.gltf.geometry import Geometry, Part, is_normalized
from pipeline.exporters.targets import Geometry as Settings
from pipeline.usd.scene.report import Report

__all__ = ["DracoPacker"]

_EXTENSION = "KHR_draco_mesh_compression"
#: Draco's numbers of the kinds of attributes that it quantises
_KINDS = {0: "POSITION", 1: "NORMAL", 3: "TEXCOORD_0"}
#: 0 fast … 10 small
_LEVEL = 7


class DracoPacker:
    """Stores the arrays of a mesh as Draco data.

    Raises
    ------
    MissingDependency
        DracoPy is not installed.
    """

    def __init__(self, settings: Settings, report: Report) -> None:
        try:
            import DracoPy
        except ImportError as error:
            raise MissingDependency(
                "DracoPy is not installed: glTF cannot be compressed with Draco",
                remedy="pip install 'sevengates[mesh]', or compression = \"quantize\" in the target",
            ) from error
        self.codec, self.settings, self.report = DracoPy, settings, report

    def __call__(
        self,
        document: Document,
        path: str,
        arrays: dict[str, NDArray[Any]],
        morphs: list[tuple[str, dict[str, NDArray[Any]]]],
        triangles: NDArray[Any],
        pieces: list[tuple[int, int, Any]],
        count: int,
    ) -> Geometry | None:
        """The accessors of one mesh; None where it must be stored as it is."""
        if morphs:
            self.report.lose(path, "Draco compression", "morph targets need the order of the vertices: stored as it is")
            return None
        parts = []
        for slot, tile, rows in pieces:
            own = triangles if rows is None else triangles[rows]
            used, local = np.unique(own, return_inverse=True)
            part = self._part(document, {k: a[used] for k, a in arrays.items()}, local.reshape(-1, 3), slot, tile)
            if part is None:
                self.report.lose(path, "Draco compression", "Draco does not keep all of its triangles: stored as it is")
                return None
            parts.append(part)
        document.use(_EXTENSION, required=True)
        return Geometry({}, tuple(parts))

    def _part(
        self, document: Document, arrays: dict[str, NDArray[Any]], triangles: NDArray[Any], slot: int, tile: int
    ) -> Part | None:
        for in_order in (False, True):  # only in their order do triangles without area stay
            try:
                data = self._encoded(arrays, triangles, in_order)
            except self.codec.EncodingFailedException:  # a mesh of which nothing has an area
                continue
            found = self.codec.decode(data)
            if len(found.faces) == len(triangles):
                break
        else:
            return None
        names = [name for name in arrays if name not in _KINDS.values()]
        packed = {
            _KINDS.get(a["attribute_type"]) or names[a["unique_id"]]: a
            for a in found.attributes
        }  # fmt: skip
        attributes = {}
        for name, array in arrays.items():
            item: dict[str, Any] = {
                "componentType": COMPONENTS[array.dtype],
                "count": len(found.points),
                "type": SHAPES[array.shape[1]],
            }
            if is_normalized(name):
                item["normalized"] = True
            if name == "POSITION":
                points = np.asarray(found.points, np.float32)
                item["min"], item["max"] = points.min(0).tolist(), points.max(0).tolist()
            attributes[name] = document.add("accessors", item)
        kind = np.dtype(np.uint16 if len(found.points) <= 65535 else np.uint32)
        indices = document.add(
            "accessors", {"componentType": COMPONENTS[kind], "count": 3 * len(triangles), "type": "SCALAR"}
        )
        extension = {
            "bufferView": document.view(data),
            "attributes": {name: packed[name]["unique_id"] for name in arrays},
        }
        return Part(slot, indices, 4, tile, attributes, {_EXTENSION: extension})

    def _encoded(self, arrays: dict[str, NDArray[Any]], triangles: NDArray[Any], in_order: bool) -> bytes:
        normals, uv = arrays.get("NORMAL"), arrays.get("TEXCOORD_0")
        others = [np.ascontiguousarray(a) for name, a in arrays.items() if name not in _KINDS.values()]
        return bytes(
            self.codec.encode(
                np.ascontiguousarray(arrays["POSITION"], np.float32),
                np.ascontiguousarray(triangles, np.uint32),
                quantization_bits=self.settings.position_bits,
                compression_level=_LEVEL,
                preserve_order=in_order,
                normals=None if normals is None else np.asarray(normals, np.float64),
                tex_coord=None if uv is None else np.asarray(uv, np.float64),
                normal_quantization_bits=self.settings.normal_bits,
                tex_coord_quantization_bits=self.settings.uv_bits,
                generic_attributes=dict(enumerate(others)) or None,
            )
        )
