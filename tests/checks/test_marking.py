# SPDX-License-Identifier: Apache-2.0
"""Faces and points of findings as viewers read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trimesh
from pxr import Usd, UsdGeom, UsdShade

from pipeline.checks import inspect
from pipeline.errors import UsageError

# a cube of quads without its top, a face that names one point twice before it, and a fin
BOX = [(0, 0, 0), (1, 0, 0), (1, 0, 1), (0, 0, 1), (0, 1, 0), (1, 1, 0), (1, 1, 1), (0, 1, 1)]
QUADS = [[0, 1], [0, 1, 2, 3], [0, 4, 5, 1], [1, 5, 6, 2], [2, 6, 7, 3], [3, 7, 4, 0]]


@pytest.fixture
def file(asset: Any, tmp_path: Path) -> Path:
    asset.mesh(BOX, QUADS)
    asset.stage.Export(str(tmp_path / "box.usda"))
    return tmp_path / "box.usda"


def test_a_layer_with_the_prim_s_own_faces(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "notes" / "marks.usda"
    inspect(file, rules=["geometry.holes"], marks=out)
    stage = Usd.Stage.Open(str(out))
    mesh = stage.GetPrimAtPath("/Asset/geo/body")
    assert stage.GetDefaultPrim().GetPath() == "/Asset"
    subsets = UsdGeom.Subset.GetGeomSubsets(UsdGeom.Imageable(mesh), "face", "gatesFindings")
    assert len(subsets) == 1
    # the four walls touch the open border: faces 2 to 5, though face 0 (two points) was left out when it was read
    assert list(subsets[0].GetIndicesAttr().Get()) == [2, 3, 4, 5]
    said = subsets[0].GetPrim().GetCustomDataByKey("gates")
    assert (said["rule"], said["severity"]) == ("geometry.holes", "error")
    assert not UsdShade.MaterialBindingAPI(mesh).GetMaterialBindSubsets()
    valid, why = UsdGeom.Subset.ValidateSubsets(subsets, 6, UsdGeom.Tokens.unrestricted), ""
    assert valid[0], why


def test_json_has_triangles_and_points(file: Path, tmp_path: Path) -> None:
    inspect(file, rules=["geometry.holes"], marks=tmp_path / "m.json")
    found = json.loads((tmp_path / "m.json").read_text())["findings"]
    assert [(f["rule"], f["prim"], f["faces"]) for f in found] == [("geometry.holes", "/Asset/geo/body", [2, 3, 4, 5])]
    # of each wall's two triangles, only one has the open edge
    assert len(found[0]["triangles"]) == 4


def test_a_mesh_file_has_no_layer_beneath(ball: trimesh.Trimesh, tmp_path: Path) -> None:
    ball.export(tmp_path / "a.ply")
    with pytest.raises(UsageError, match="no USD file"):
        inspect(tmp_path / "a.ply", rules=["geometry.holes"], marks=tmp_path / "m.usda")
    with pytest.raises(UsageError, match=r"\.json"):
        inspect(tmp_path / "a.ply", rules=["geometry.holes"], marks=tmp_path / "m.png")
    inspect(tmp_path / "a.ply", rules=["geometry.holes"], marks=tmp_path / "m.json")
    assert not (tmp_path / "m.usda").exists()
