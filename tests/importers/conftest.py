# SPDX-License-Identifier: Apache-2.0
"""GLB files made by hand from the specification, so that no writer of ours is needed to test the reader."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Usd, UsdGeom

from pipeline.importers import ImportReport, import_file

_COMPONENTS = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


class Glb:
    """A glTF document that grows: arrays become accessors, pictures become images."""

    def __init__(self) -> None:
        self.json: dict[str, Any] = {"asset": {"version": "2.0", "generator": "by hand"}, "scene": 0}
        self.binary = bytearray()

    def add(self, key: str, **told: Any) -> int:
        self.json.setdefault(key, []).append(told)
        return len(self.json[key]) - 1

    def view(self, data: bytes, **told: Any) -> int:
        self.binary += bytes(-len(self.binary) % 4)
        start = len(self.binary)
        self.binary += data
        return self.add("bufferViews", buffer=0, byteOffset=start, byteLength=len(data), **told)

    def accessor(self, values: Any, kind: str = "f4", **told: Any) -> int:
        array = np.asarray(values)
        array = array.reshape(len(array), -1).astype(f"<{kind}")
        view = self.view(array.tobytes())
        return self.add(
            "accessors", bufferView=view, componentType=_COMPONENTS[kind], count=len(array),
            type=_TYPES[array.shape[1]], **told,
        )  # fmt: skip

    def mesh(self, points: Any, faces: Any, name: str = "part", **extra: Any) -> int:
        attributes = {"POSITION": self.accessor(points), **extra.pop("attributes", {})}
        indices = self.accessor(np.asarray(faces).reshape(-1), "u4")
        return self.add("meshes", name=name, primitives=[{"attributes": attributes, "indices": indices, **extra}])

    def node(self, **told: Any) -> int:
        return self.add("nodes", **told)

    def bytes(self, roots: list[int] | None = None) -> bytes:
        if "scenes" not in self.json:
            children = {c for n in self.json.get("nodes", []) for c in n.get("children", [])}
            every = range(len(self.json.get("nodes", [])))
            self.json["scenes"] = [{"nodes": [i for i in every if i not in children] if roots is None else roots}]
        if self.binary:
            self.json["buffers"] = [{"byteLength": len(self.binary)}]
        text = json.dumps(self.json).encode()
        text += b" " * (-len(text) % 4)
        binary = bytes(self.binary) + bytes(-len(self.binary) % 4)
        chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
        chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


TRIANGLE = ([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])


@pytest.fixture
def glb() -> Glb:
    return Glb()


@pytest.fixture
def triangle(glb: Glb) -> Glb:
    glb.node(name="tri", mesh=glb.mesh(*TRIANGLE))
    return glb


@pytest.fixture
def bring_in(tmp_path: Path) -> Callable[..., tuple[ImportReport, Usd.Stage]]:
    """Import bytes or a path; gives the report and the package's stage."""
    number = iter(range(1000))

    def import_it(
        content: bytes | str | Path, name: str = "model.glb", **options: Any
    ) -> tuple[ImportReport, Usd.Stage]:
        if isinstance(content, Path):
            path = content
        else:
            path = tmp_path / name
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        out = tmp_path / f"package {next(number)}"
        report = import_file(path, out, **options)
        stage = Usd.Stage.Open(str(out / report.layer))
        assert not stage.GetCompositionErrors()
        assert stage.GetDefaultPrim().GetPath() == "/Asset"
        assert UsdGeom.GetStageUpAxis(stage) == "Y"
        assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0
        return report, stage

    return import_it


def world_points(stage: Usd.Stage, path: str) -> np.ndarray:
    """Points of a mesh (n, 3) where they stand."""
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath(path))
    matrix = np.array(UsdGeom.Xformable(mesh).ComputeLocalToWorldTransform(Usd.TimeCode.Default()))
    return np.asarray(mesh.GetPointsAttr().Get()) @ matrix[:3, :3] + matrix[3, :3]


@pytest.fixture
def points_of() -> Callable[[Usd.Stage, str], np.ndarray]:
    return world_points
