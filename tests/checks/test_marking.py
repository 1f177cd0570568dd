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
from pipeline.checks.fixing import fix_file
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


def test_a_colour_for_each_face_by_its_worst_finding(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "marks.usdc"
    inspect(file, rules=["geometry.holes"], marks=out)
    stage = Usd.Stage.Open(str(out))
    mesh = UsdGeom.Mesh.Get(stage, "/Asset/geo/body")
    primvar = UsdGeom.PrimvarsAPI(mesh).GetPrimvar("gatesFindings")
    assert primvar.GetInterpolation() == "uniform"
    reddest = [max(range(3), key=lambda i, c=c: c[i]) == 0 and c[0] > 2 * c[1] for c in primvar.Get()]
    assert reddest == [False, False, True, True, True, True]  # the walls, as above


@pytest.mark.blender
@pytest.mark.long
def test_blender_shows_the_colours(file: Path, tmp_path: Path, blender_python: Path) -> None:
    import subprocess

    inspect(file, rules=["geometry.holes"], marks=tmp_path / "marks.usda")
    script = """
import bpy, json, sys
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.wm.usd_import(filepath=sys.argv[-1])
mesh = next(o.data for o in bpy.data.objects if o.type == "MESH")
colours = mesh.attributes["gatesFindings"]
said = []
for polygon in mesh.polygons:
    places = polygon.loop_indices if colours.domain == "CORNER" else [polygon.index]
    said.append([round(c, 2) for c in colours.data[places[0]].color[:3]])
print("SAID", json.dumps(said))
"""
    ran = subprocess.run(
        [str(blender_python), "-c", script, str(tmp_path / "marks.usda")],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    line = next((one for one in ran.stdout.splitlines() if one.startswith("SAID")), ran.stderr[-500:])
    said = json.loads(line.removeprefix("SAID"))
    assert [0.68, 0.02, 0.05] in said
    assert said.count([0.68, 0.02, 0.05]) == 4  # the four walls; Blender drops the face of two points


def with_instances(file: Path, arc: str) -> Path:
    """A stage of three native instances of the open box."""
    text = Path(file).read_text().replace('def Xform "Asset"', 'class Xform "Box"', 1).replace("</Asset", "</Box")
    text = text.replace('defaultPrim = "Asset"', 'defaultPrim = "Set"')
    copies = "".join(
        f'def Xform "c{i}" (\ninstanceable = true\nreferences = {arc}\n)\n{{\n'
        f"double3 xformOp:translate = ({3 * i}, 0, 0)\n"
        'uniform token[] xformOpOrder = ["xformOp:translate"]\n}\n'
        for i in range(3)
    )
    head = '#usda 1.0\n(\ndefaultPrim = "Set"\nmetersPerUnit = 1\nupAxis = "Y"\n)\n'
    body = text.partition(")\n")[2] if arc.startswith("<") else ""
    out = file.parent / "set.usda"
    out.write_text(f'{head}{body}def Xform "Set"\n{{\n{copies}}}\n')
    return out


def test_instances_are_marked_once_where_their_prototype_comes_from(file: Path, tmp_path: Path) -> None:
    report = inspect(with_instances(file, "</Box>"), rules=["geometry.holes"], marks=tmp_path / "m.usda")
    assert [f.measured for f in report.findings] == [1]  # once, though it stands three times
    stage = Usd.Stage.Open(str(tmp_path / "m.usda"))
    for i in range(3):
        mesh = UsdGeom.Imageable(stage.GetPrimAtPath(f"/Set/c{i}/geo/body"))
        (subset,) = UsdGeom.Subset.GetGeomSubsets(mesh, "face", "gatesFindings")
        assert list(subset.GetIndicesAttr().Get()) == [2, 3, 4, 5]
    assert stage.GetRootLayer().GetPrimAtPath("/Box/geo/body")


def test_why_an_instance_of_another_file_is_not_marked(file: Path, tmp_path: Path) -> None:
    inspect(with_instances(file, "@./box.usda@"), rules=["geometry.holes"], marks=tmp_path / "m.usda")
    stage = Usd.Stage.Open(str(tmp_path / "m.usda"))
    (why,) = stage.GetRootLayer().customLayerData["gatesUnmarked"].values()
    assert why == "/Set/c0/geo/body: it is an instance of box.usda </Asset/geo/body>: inspect that file to mark it"


@pytest.mark.parametrize("arc", ["</Box>", "@./box.usda@"])
def test_instances_are_fixed_on_their_prototype(asset: Any, ball: Any, tmp_path: Path, arc: str) -> None:
    asset.mesh(ball.vertices, ball.faces[1:])
    asset.stage.Export(str(tmp_path / "box.usda"))
    done = fix_file(with_instances(tmp_path / "box.usda", arc), tmp_path / "fixed.usda", rules=["geometry.holes"])
    assert done.operations == ["fill-holes"]
    assert not done.failed
    report = inspect(tmp_path / "fixed.usda", rules=["geometry"])
    assert not [f for f in report.findings if f.rule == "geometry.holes"]
    assert (report.stats.instances, report.stats.meshes) == (3, 1)  # still instances of one geometry
