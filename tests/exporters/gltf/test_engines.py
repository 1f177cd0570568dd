# SPDX-License-Identifier: Apache-2.0
"""What engines find in a GLB: hulls, sockets, levels and names by their conventions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import UsdGeom

from pipeline.exporters import export


@pytest.fixture
def crate(plot: Any) -> Any:
    """An L of two boxes in one mesh, one metre to the side, with a socket beside it."""
    p = plot(up="Z", unit=0.01)
    body = UsdGeom.Xform.Define(p.stage, "/World/Crate")
    UsdGeom.XformCommonAPI(body).SetTranslate((100, 0, 0))
    mesh = p.cube("/World/Crate/Body", 100)
    first = np.array(mesh.GetPointsAttr().Get())
    second = first * (3, 1, 1) + (200, 0, -100)
    mesh.GetPointsAttr().Set(np.concatenate([first, second]).tolist())
    faces = np.array(mesh.GetFaceVertexIndicesAttr().Get())
    mesh.GetFaceVertexCountsAttr().Set([4] * 12)
    mesh.GetFaceVertexIndicesAttr().Set(np.concatenate([faces, faces + 8]).tolist())
    UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st").Set([(0, 0), (1, 0), (1, 1), (0, 1)] * 12)
    socket = UsdGeom.Xform.Define(p.stage, "/World/Crate/socket_Lid")
    UsdGeom.XformCommonAPI(socket).SetTranslate((0, 0, 50))
    return p


def by_name(glb: Any) -> dict[str, int]:
    return {n["name"]: i for i, n in enumerate(glb.json["nodes"])}


def hulls(glb: Any) -> list[int]:
    return [i for i, n in enumerate(glb.json["nodes"]) if n.get("extras") == {"collision": "convex"}]


def test_unreal_finds_hulls_at_the_root_and_sockets_beneath(crate: Any, glb: Any, tmp_path: Path) -> None:
    result = export(crate.save(), tmp_path / "c.glb", "unreal")
    assert result.readback.ok and result.stats.triangles == 24 and not result.losses
    g = glb(tmp_path / "c.glb")
    names = by_name(g)
    assert {"SM_Body", "UCX_SM_Body_01", "UCX_SM_Body_02", "SOCKET_Lid"} <= set(names)
    roots = g.json["scenes"][0]["nodes"]
    assert [names["UCX_SM_Body_01"], names["UCX_SM_Body_02"]] == [n for n in roots if n in hulls(g)]
    assert names["SOCKET_Lid"] in g.json["nodes"][names["SM_Body"]]["children"]
    worlds = g.worlds()
    # Z up centimetres to Y up metres, beneath the parent that moves both
    assert worlds[names["SOCKET_Lid"]][:3, 3] == pytest.approx((1, 0.5, 0))
    assert worlds[names["UCX_SM_Body_01"]][:3, 3] == pytest.approx((1, 0, 0))


def test_hulls_cover_the_mesh_and_little_else(crate: Any, glb: Any, tmp_path: Path) -> None:
    from scipy.spatial import ConvexHull

    export(crate.save(), tmp_path / "c.glb", "godot")
    g = glb(tmp_path / "c.glb")
    found = hulls(g)
    own = by_name(g)["Body"]
    assert sorted(g.json["nodes"][i]["name"] for i in found) == ["Body_01-convcolonly", "Body_02-convcolonly"]
    assert set(found) <= set(g.json["nodes"][own]["children"])
    volume = sum(ConvexHull(g.attribute("POSITION", g.json["nodes"][i]["mesh"])).volume for i in found)
    assert volume == pytest.approx(1 + 3, rel=1e-3)  # the boxes: 1 m and 3 m by 1 m by 1 m


def test_instances_share_their_hulls(plot: Any, glb: Any, tmp_path: Path) -> None:
    p = plot()
    for k in range(3):
        p.cube(f"/World/C{k}")
        UsdGeom.XformCommonAPI(p.stage.GetPrimAtPath(f"/World/C{k}")).SetTranslate((2.0 * k, 0, 0))
    export(p.save(), tmp_path / "c.glb", "unreal")
    g = glb(tmp_path / "c.glb")
    assert len(hulls(g)) == 3 and len({g.json["nodes"][i]["mesh"] for i in hulls(g)}) == 1
    places = sorted(g.worlds()[i][0, 3] for i in hulls(g))
    assert places == pytest.approx([0, 2, 4])


def test_a_socket_without_a_mesh_is_reported(plot: Any, glb: Any, tmp_path: Path) -> None:
    p = plot()
    p.cube("/World/A/Body")
    UsdGeom.Xform.Define(p.stage, "/World/B/socket_Far")
    result = export(p.save(), tmp_path / "c.glb", "unreal")
    assert ("/World/B/socket_Far", "socket") in {(x.prim, x.what) for x in result.losses}
    assert "socket_Far" in by_name(glb(tmp_path / "c.glb"))


@pytest.mark.parametrize(("target", "names"), [("unity", ["Ball_LOD0", "Ball_LOD1", "Ball_LOD2"]), (None, ["Ball"])])
def test_levels_have_the_engines_names(plot: Any, glb: Any, tmp_path: Path, target: Any, names: list[str]) -> None:
    p = plot()
    UsdGeom.Sphere.Define(p.stage, "/World/Ball")
    export(p.save(), tmp_path / "c.glb", target)
    g = glb(tmp_path / "c.glb")
    assert [n["name"] for n in g.json["nodes"] if "mesh" in n] == names
    if target:
        full = g.json["nodes"][by_name(g)["Ball_LOD0"]]
        levels = full["extensions"]["MSFT_lod"]["ids"]
        assert [g.json["nodes"][i]["name"] for i in levels] == names[1:]
        counts = [g.array(g.primitive(g.json["nodes"][i]["mesh"])["indices"]).size for i in levels]
        assert counts[0] > counts[1] > 0 and len(full["extras"]["MSFT_screencoverage"]) == 3


def test_a_level_keeps_all_of_its_parts(plot: Any, glb: Any, tmp_path: Path) -> None:
    p = plot()
    sets = p.world.GetPrim().GetVariantSets().AddVariantSet("lod")
    for level in ("lod0", "lod1"):
        sets.AddVariant(level)
        sets.SetVariantSelection(level)
        with sets.GetVariantEditContext():
            for part in ("A", "B"):
                p.cube(f"/World/{part}_{level}/Mesh")
    sets.SetVariantSelection("lod0")
    export(p.save(), tmp_path / "c.glb")
    g = glb(tmp_path / "c.glb")
    full = g.json["nodes"][g.json["scenes"][0]["nodes"][0]]
    (coarse,) = full["extensions"]["MSFT_lod"]["ids"]
    parts = [g.json["nodes"][i] for i in g.json["nodes"][coarse]["children"]]
    assert [n["name"] for n in parts] == ["A_lod1", "B_lod1"]
    assert all("mesh" in g.json["nodes"][n["children"][0]] for n in parts)


def test_levels_of_a_character_are_skinned_and_hang_on_nothing(plot: Any, glb: Any, tmp_path: Path) -> None:
    from pxr import Gf, UsdSkel, Vt

    p = plot()
    UsdSkel.Root.Define(p.stage, "/World/R")
    skeleton = UsdSkel.Skeleton.Define(p.stage, "/World/R/S")
    skeleton.CreateJointsAttr(["a"])
    skeleton.CreateBindTransformsAttr([Gf.Matrix4d(1)])
    skeleton.CreateRestTransformsAttr([Gf.Matrix4d().SetTranslate((0, 1, 0))])
    n = 12
    j, i = np.mgrid[0 : n + 1, 0 : n + 1]
    points = np.stack([i, np.zeros_like(i), j], -1).reshape(-1, 3).astype(np.float32)
    a = (np.arange(n)[:, None] * (n + 1) + np.arange(n)[None]).reshape(-1)
    mesh = UsdGeom.Mesh.Define(p.stage, "/World/R/Body")
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    mesh.CreateFaceVertexCountsAttr([4] * (n * n))
    mesh.CreateFaceVertexIndicesAttr(np.stack([a, a + n + 1, a + n + 2, a + 1], -1).reshape(-1).tolist())
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets(["/World/R/S"])
    binding.CreateJointIndicesPrimvar(True, 1).Set([0])
    binding.CreateJointWeightsPrimvar(True, 1).Set([1.0])
    result = export(p.save(), tmp_path / "c.glb", "unity")
    assert result.readback.ok and result.stats.triangles == 2 * n * n
    g = glb(tmp_path / "c.glb")
    skinned = {k for k, node in enumerate(g.json["nodes"]) if "skin" in node}
    shown = skinned & set(g.json["scenes"][0]["nodes"])
    assert len(skinned) == 3 and len(shown) == 1
    (full,) = shown
    assert set(g.json["nodes"][full]["extensions"]["MSFT_lod"]["ids"]) == skinned - shown
