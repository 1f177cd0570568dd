# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Gf, Sdf, UsdGeom, Vt

from pipeline.exporters import export, load_target


def test_corners_that_agree_share_a_vertex(plot: Any, glb: Any, tmp_path: Path) -> None:
    p = plot()
    p.cube("/World/C")
    export(p.save(), tmp_path / "c.glb")
    g = glb(tmp_path / "c.glb")
    # each corner of the cube meets three faces; their UVs are (0,0), (1,0), (1,1) or (0,1) in some order
    corners = {(tuple(a), tuple(b)) for a, b in zip(
        g.attribute("POSITION").tolist(), g.attribute("TEXCOORD_0").tolist(), strict=True)}  # fmt: skip
    assert len(corners) == len(g.attribute("POSITION")) <= 24
    assert len(g.array(g.primitive()["indices"])) == 36


def test_v_counts_from_the_top(plot: Any, glb: Any, tmp_path: Path) -> None:
    p = plot()
    mesh = p.cube("/World/C")
    UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st").Set([(0.25, 0.9)] * 24)
    export(p.save(), tmp_path / "c.glb")
    assert np.allclose(glb(tmp_path / "c.glb").attribute("TEXCOORD_0"), (0.25, 0.1))


def test_indexed_corner_values_survive(plot: Any, glb: Any, tmp_path: Path) -> None:
    p = plot()
    mesh = p.cube("/World/C")
    rng = np.random.default_rng(3)
    values, indices = rng.random((9, 2)), rng.integers(0, 9, 24)
    primvar = UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st")
    primvar.Set([tuple(v) for v in values.tolist()])
    primvar.SetIndices(Vt.IntArray(indices.tolist()))
    export(p.save(), tmp_path / "c.glb")
    g = glb(tmp_path / "c.glb")
    points, uv = g.attribute("POSITION"), g.attribute("TEXCOORD_0")
    found = {(*a, round(b[0], 5), round(1 - b[1], 5)) for a, b in zip(points.tolist(), uv.tolist(), strict=True)}
    corner = np.array(mesh.GetPointsAttr().Get())[np.array(mesh.GetFaceVertexIndicesAttr().Get())]
    truth = {(*a, round(b[0], 5), round(b[1], 5)) for a, b in zip(
        corner.tolist(), values.astype(np.float32)[indices].tolist(), strict=True)}  # fmt: skip
    assert found == truth


def test_a_mirror_and_a_left_hand_face_the_same_way(plot: Any, glb: Any, tmp_path: Path) -> None:
    p = plot()
    for k, name in enumerate(("Left", "Mirror")):
        mesh = UsdGeom.Mesh.Define(p.stage, f"/World/{name}")
        mesh.CreatePointsAttr([(0, 0, 0), (1, 0, 0), (1, 1, 0)])
        mesh.CreateFaceVertexCountsAttr([3])
        mesh.CreateFaceVertexIndicesAttr([0, 2, 1] if k == 0 else [0, 1, 2])
        mesh.CreateSubdivisionSchemeAttr("none")
        if k == 0:
            mesh.CreateOrientationAttr("leftHanded")
        else:
            UsdGeom.XformCommonAPI(mesh).SetScale((-1, 1, 1))
    export(p.save(), tmp_path / "m.glb")
    g = glb(tmp_path / "m.glb")
    for number, world in g.worlds().items():
        if "mesh" not in g.json["nodes"][number]:
            continue
        mesh_number = g.json["nodes"][number]["mesh"]
        a, b, c = g.attribute("POSITION", mesh_number)[g.array(g.primitive(mesh_number)["indices"])[:, 0]]
        # glTF turns faces round under a negative determinant
        facing = np.cross(b - a, c - a)[2] * np.sign(np.linalg.det(world[:3, :3]))
        assert facing > 0 if np.linalg.det(world[:3, :3]) > 0 else facing < 0


def test_display_color_shows_only_without_a_material(plot: Any, glb: Any, tmp_path: Path) -> None:
    p = plot()
    for name in ("Plain", "Bound"):
        mesh = p.cube(f"/World/{name}", 1.0 if name == "Plain" else 2.0)
        UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("displayColor", Sdf.ValueTypeNames.Color3fArray, "constant").Set(
            [(0.25, 0.5, 1.0)]
        )
    p.bind(p.stage.GetPrimAtPath("/World/Bound"), p.material("/World/M"))
    export(p.save(), tmp_path / "d.glb")
    g = glb(tmp_path / "d.glb")
    kinds = {m["name"]: set(m["primitives"][0]["attributes"]) for m in g.json["meshes"]}
    assert "COLOR_0" in kinds["Plain"] and "COLOR_0" not in kinds["Bound"]
    assert np.allclose(g.attribute("COLOR_0"), (0.25, 0.5, 1.0, 1.0), atol=1e-4)


def test_shear_is_exact(plot: Any, glb: Any, composed: Any, tmp_path: Path) -> None:
    p = plot("Z", 0.01)
    mesh = p.cube("/World/C", 30.0)
    p.cube("/World/C/Child", 5.0, (40, 0, 0))
    matrix = Gf.Matrix4d(1)
    matrix[0, 1], matrix[2, 0] = 0.7, -0.4
    UsdGeom.Xformable(mesh).AddTransformOp().Set(matrix * Gf.Matrix4d().SetTranslate((5, 6, 7)))
    export(p.save(), tmp_path / "s.glb")
    truth, found = composed(p.stage, 0), glb(tmp_path / "s.glb").points()
    assert np.allclose(found.min(0), truth.min(0), atol=1e-5) and np.allclose(found.max(0), truth.max(0), atol=1e-5)
    assert not any("matrix" in node for node in glb(tmp_path / "s.glb").json["nodes"])


@pytest.mark.parametrize("instancing", ["gpu", "nodes"])
def test_instances_stand_where_usd_says(plot: Any, glb: Any, tmp_path: Path, instancing: str) -> None:
    p = plot()
    cube = p.cube("/World/PI/P")
    UsdGeom.XformCommonAPI(cube).SetTranslate((0, 1, 0))
    found = UsdGeom.PointInstancer.Define(p.stage, "/World/PI")
    found.CreatePrototypesRel().SetTargets([cube.GetPath()])
    found.CreateProtoIndicesAttr([0] * 50)
    found.CreatePositionsAttr([(2 * k, 0, 0.5 * k) for k in range(50)])
    found.CreateScalesAttr([(1, 1, 1 + k / 10) for k in range(50)])
    UsdGeom.XformCommonAPI(found).SetTranslate((0, 0, -3))
    target = load_target(None, geometry={"instancing": instancing})
    result = export(p.save(), tmp_path / "i.glb", target)
    assert result.stats.instances == 50 and result.stats.meshes == 1
    g = glb(tmp_path / "i.glb")
    assert len(g.json["meshes"]) == 1
    assert len(g.array(g.primitive()["indices"])) == 36
    points = g.points()
    expected = [[-0.5, 0.5, -3.5], [98.5, 1.5, -3 + 24.5 + 0.5 * 5.9]]
    assert np.allclose([points.min(0), points.max(0)], expected, atol=1e-4)
    assert ("EXT_mesh_gpu_instancing" in g.json.get("extensionsRequired", ())) == (instancing == "gpu")


def test_two_corners_are_a_line(plot: Any, glb: Any, tmp_path: Path) -> None:
    p = plot()
    mesh = UsdGeom.Mesh.Define(p.stage, "/World/M")
    mesh.CreatePointsAttr([(0, 0, 0), (1, 0, 0), (0, 1, 0), (5, 5, 5)])
    mesh.CreateFaceVertexCountsAttr([3, 2])
    mesh.CreateFaceVertexIndicesAttr([0, 1, 2, 2, 3])
    mesh.CreateSubdivisionSchemeAttr("none")
    result = export(p.save(), tmp_path / "l.glb")
    modes = [x.get("mode", 4) for x in glb(tmp_path / "l.glb").json["meshes"][0]["primitives"]]
    assert modes == [4, 1]
    assert [(x.prim, x.what) for x in result.losses] == [("/World/M", "faces of two corners")]


@pytest.mark.parametrize("compression", ["quantize", "meshopt"])
def test_quantised_positions_are_within_a_step(
    plot: Any, glb: Any, composed: Any, tmp_path: Path, compression: str
) -> None:
    if compression == "meshopt":
        pytest.importorskip("meshoptimizer")
    p = plot()
    p.cube("/World/C", 3.0, (10, 20, 30))
    target = load_target(None, geometry={"compression": compression})
    result = export(p.save(), tmp_path / "q.glb", target)
    assert result.readback.ok
    g = glb(tmp_path / "q.glb")
    if compression == "meshopt":
        assert "EXT_meshopt_compression" in g.json["extensionsRequired"]
        return
    found, truth = g.points(), composed(p.stage, 0)
    assert np.abs(found.min(0) - truth.min(0)).max() < 3.0 / 65535
    assert np.abs(found.max(0) - truth.max(0)).max() < 3.0 / 65535


def test_compressed_data_unpacks_to_the_mesh(plot: Any, tmp_path: Path) -> None:
    codec = pytest.importorskip("meshoptimizer")
    del codec
    import json
    import struct

    from pipeline.exporters.gltf.quantize import decoded_views

    p = plot()
    p.cube("/World/C", 2.0)
    out = tmp_path / "q.glb"
    export(p.save(), out, load_target(None, geometry={"compression": "meshopt"}))
    data = out.read_bytes()
    (length,) = struct.unpack_from("<I", data, 12)
    document = json.loads(data[20 : 20 + length])
    views = decoded_views(out, document)
    primitive = document["meshes"][0]["primitives"][0]
    triangles = views[document["accessors"][primitive["indices"]]["bufferView"]]
    rows = views[document["accessors"][primitive["attributes"]["POSITION"]]["bufferView"]]
    corners = rows.view(np.int16)[:, :3].astype(float) / 32767
    assert len(triangles) == 36
    # volume by the divergence theorem, in units of the unpacking scale: the cube fills -1..1
    a, b, c = (corners[triangles[k::3]] for k in range(3))
    assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6 == pytest.approx(8.0, rel=1e-3)
