# SPDX-License-Identifier: Apache-2.0
"""Stages of one feature each, and readers of what was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.exporters.fbx import FbxOptions, FbxWritten, write_fbx
from pipeline.importers.fbx.document import Document, Object
from pipeline.importers.fbx.records import Reader
from pipeline.importers.scene import Source
from pipeline.usd.scene import read_scene

HEAD = '#usda 1.0\n(\n  defaultPrim = "World"\n  upAxis = "{up}"\n  metersPerUnit = {unit}\n{more})\n'

CUBE = """
  float3[] extent = [(-1, -1, -1), (1, 1, 1)]
  point3f[] points = [(-1,-1,-1), (1,-1,-1), (1,1,-1), (-1,1,-1), (-1,-1,1), (1,-1,1), (1,1,1), (-1,1,1)]
  int[] faceVertexCounts = [4, 4, 4, 4, 4, 4]
  int[] faceVertexIndices = [0,3,2,1, 4,5,6,7, 0,1,5,4, 2,3,7,6, 1,2,6,5, 3,0,4,7]
  uniform token subdivisionScheme = "none"
"""


@pytest.fixture
def cube() -> str:
    """Inside of a Mesh prim: a cube of two metres."""
    return CUBE


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., Path]:
    """Writes a usda file from its body."""

    def make(body: str, *, up: str = "Y", unit: float = 1.0, more: str = "") -> Path:
        path = tmp_path / "stage.usda"
        lines = body.replace("{", "{\n").replace("}", "\n}")  # usda wants a line of its own for each property
        path.write_text(HEAD.format(up=up, unit=unit, more=more) + lines, encoding="utf-8")
        return path

    return make


class Written:
    """An FBX and what the importers' own parser, which shares no code with the writer, finds in it."""

    def __init__(self, path: Path, told: FbxWritten) -> None:
        self.path, self.told = path, told
        source = Source(path)
        reader = Reader(source, path.read_bytes())
        self.version = reader.version
        self.document = Document(source, reader.root(), reader)

    def named(self, kind: str, name: str) -> Object:
        found = [o for o in self.document.of_kind(kind) if o.name == name]
        assert len(found) == 1, (kind, name, [o.name for o in self.document.of_kind(kind)])
        return found[0]

    def models(self) -> dict[str, Object]:
        return {o.name: o for o in self.document.of_kind("Model")}

    def parent(self, model: Object) -> str:
        above = [x.object.name for x in self.document.out[model.id] if x.object.kind == "Model"]
        return above[0] if above else ""


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., Written]:
    """Writes a stage as FBX and parses the file."""

    def run(path: Path, options: FbxOptions | None = None, **reading: object) -> Written:
        out = tmp_path / "out.fbx"
        told = write_fbx(read_scene(path, **reading), out, options)  # type: ignore[arg-type]
        return Written(out, told)

    return run
