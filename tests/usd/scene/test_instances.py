# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade

from pipeline.usd.scene import bounds, draws, read_scene


def composed_bounds(stage: Any) -> np.ndarray:
    """Pixar's own bounds; its cubes' extents are computed from their points."""
    for prim in stage.TraverseAll():
        if prim.IsA(UsdGeom.Mesh):
            mesh = UsdGeom.Mesh(prim)
            mesh.CreateExtentAttr(UsdGeom.PointBased.ComputeExtent(mesh.GetPointsAttr().Get()))
    box = UsdGeom.BBoxCache(Usd.TimeCode.Default(), ["default"], False).ComputeWorldBound(stage.GetPseudoRoot())
    box = box.ComputeAlignedRange()
    return np.array([box.GetMin(), box.GetMax()])


def prototype(b: Any, path: str) -> Any:
    prim = UsdGeom.Xform.Define(b.stage, path)
    prim.GetPrim().SetSpecifier(Sdf.SpecifierClass)
    return prim


def instance(b: Any, path: str, of: str) -> Any:
    found = UsdGeom.Xform.Define(b.stage, path)
    found.GetPrim().GetReferences().AddInternalReference(of)
    found.GetPrim().SetInstanceable(True)
    return found


def test_instances_of_instances_share_one_mesh(bed: Any) -> None:
    b = bed()
    prototype(b, "/_leaf")
    b.cube("/_leaf/C", 0.3)
    prototype(b, "/_branch")
    for k in range(3):
        UsdGeom.XformCommonAPI(instance(b, f"/_branch/L{k}", "/_leaf")).SetTranslate((k, 0, 0))
    for k in range(4):
        placed = UsdGeom.XformCommonAPI(instance(b, f"/World/B{k}", "/_branch"))
        placed.SetTranslate((0, 2 * k, 0))
        placed.SetScale((1, 1, 1 + k))
    scene = read_scene(b.stage)
    assert len(scene.meshes) == 1
    found = [n for n in scene.nodes if n.mesh is not None]
    assert len(found) == 12
    assert {n.path for n in found} == {f"/World/B{i}/L{k}/C" for i in range(4) for k in range(3)}
    box = bounds(scene)
    assert box is not None and np.allclose(box, [[-0.15, -0.15, -0.6], [2.15, 6.15, 0.6]], atol=1e-6)


def test_an_instance_with_a_binding_of_its_own_shows_it(bed: Any) -> None:
    b = bed()
    prototype(b, "/_p")
    b.cube("/_p/Bare")
    gold = b.material("/World/Gold")
    for k in range(3):
        one = instance(b, f"/World/I{k}", "/_p")
        if k == 1:
            b.bind(one, gold)
    scene = read_scene(b.stage)
    shown = {n.path: n.materials for n in scene.nodes if n.mesh is not None}
    assert shown == {"/World/I0/Bare": (-1,), "/World/I1/Bare": (0,), "/World/I2/Bare": (-1,)}


def test_a_reset_transform_inside_of_an_instance_stays_put(bed: Any) -> None:
    b = bed()
    prototype(b, "/_p")
    UsdGeom.Xformable(b.cube("/_p/R")).SetResetXformStack(True)
    for k in range(3):
        UsdGeom.XformCommonAPI(instance(b, f"/World/I{k}", "/_p")).SetTranslate((5 * k, 0, 0))
    box = bounds(read_scene(b.stage))
    assert box is not None and np.allclose(box, [[-0.5] * 3, [0.5] * 3])


def instancer(b: Any, path: str, target: str, count: int) -> Any:
    found = UsdGeom.PointInstancer.Define(b.stage, path)
    found.CreatePrototypesRel().SetTargets([target])
    found.CreateProtoIndicesAttr([0] * count)
    found.CreatePositionsAttr([(3.0 * k, 0, 0) for k in range(count)])
    return found


def test_invisible_and_inactive_instances_are_out(bed: Any) -> None:
    b = bed()
    b.cube("/World/PI/P")
    found = instancer(b, "/World/PI", "/World/PI/P", 5)
    found.CreateIdsAttr([10, 11, 12, 13, 14])
    found.CreateInvisibleIdsAttr([10])
    found.DeactivateId(13)
    group = next(n.instances for n in read_scene(b.stage).nodes if n.instances)
    assert group.ids.tolist() == [11, 12, 14]
    assert group.translations[:, 0].tolist() == [3, 6, 12]


@pytest.mark.parametrize("up", ["Y", "Z"])
def test_instancers_in_instancers_stand_where_usd_says(bed: Any, up: str) -> None:
    b = bed(up)
    cube = b.cube("/World/Outer/P/Inner/P/C", 0.4)
    UsdGeom.Xformable(cube).AddTranslateOp().Set((0.3, 0, 0))
    UsdGeom.Xformable(cube).AddRotateZOp().Set(25)
    inner = instancer(b, "/World/Outer/P/Inner", "/World/Outer/P/Inner/P/C", 4)
    inner.CreateScalesAttr([(1, 1 + 0.2 * k, 1) for k in range(4)])
    UsdGeom.Xformable(inner).AddRotateYOp().Set(40)
    outer = instancer(b, "/World/Outer", "/World/Outer/P/Inner", 3)
    outer.CreateOrientationsAttr([Gf.Quath(math.cos(k), 0, math.sin(k), 0) for k in range(3)])
    outer.CreateScalesAttr([(1, 1, 1 + k) for k in range(3)])
    UsdGeom.Xformable(outer).AddTranslateOp().Set((1, 2, 3))
    scene = read_scene(b.stage)
    assert sum(len(d.matrices) for d in draws(scene)) == 12
    world = world_points(b.stage, up)
    box = bounds(scene)
    # USD multiplies by half-precision quaternions as they are; here they are made unit first
    assert box is not None and np.allclose(box, [world.min(0), world.max(0)], atol=5e-4 * np.ptp(world))


def world_points(stage: Any, up: str) -> np.ndarray:
    """All corners, multiplied out with USD's own instance transforms and matrices."""
    time = Usd.TimeCode.Default()
    cache = UsdGeom.XformCache(time)
    outer = UsdGeom.PointInstancer.Get(stage, "/World/Outer")
    inner = UsdGeom.PointInstancer.Get(stage, "/World/Outer/P/Inner")
    cube = UsdGeom.Mesh.Get(stage, "/World/Outer/P/Inner/P/C")
    points = np.c_[np.array(cube.GetPointsAttr().Get()), np.ones(8)]
    rows = []
    for a in outer.ComputeInstanceTransformsAtTime(time, time):
        for c in inner.ComputeInstanceTransformsAtTime(time, time):
            whole = np.array(c) @ np.array(a) @ np.array(cache.GetLocalToWorldTransform(outer.GetPrim()))
            rows.append((points @ whole)[:, :3])
    flat = np.concatenate(rows)
    return flat if up == "Y" else np.stack([flat[:, 0], flat[:, 2], -flat[:, 1]], -1)


def test_an_instancer_that_repeats_itself_ends(bed: Any) -> None:
    b = bed()
    b.cube("/World/K")
    instancer(b, "/World/PI", "/World", 2)
    scene = read_scene(b.stage)
    assert any(x.what == "point instancer" for x in scene.losses)
    assert sum(len(d.matrices) for d in draws(scene)) < 10


def test_broken_instances_are_counted_out(bed: Any) -> None:
    b = bed()
    b.cube("/World/PI/P")
    found = instancer(b, "/World/PI", "/World/PI/P", 4)
    found.CreateProtoIndicesAttr([0, 7, -1, 0])
    found.CreatePositionsAttr([(0, 0, 0)] * 3 + [(float("nan"), 0, 0)])
    scene = read_scene(b.stage)
    assert [len(d.matrices) for d in draws(scene)] == [1]
    assert [(x.prim, x.what) for x in scene.losses] == [("/World/PI", "instances")]


def test_ten_thousand_instances_are_arrays_not_nodes(bed: Any) -> None:
    b = bed()
    b.cube("/World/PI/P")
    instancer(b, "/World/PI", "/World/PI/P", 10_000)
    scene = read_scene(b.stage)
    assert len(scene.nodes) == 2
    assert np.allclose(bounds(scene), composed_bounds(b.stage))


def test_every_native_instance_has_the_materials_of_its_own_binding(bed: Any) -> None:
    b = bed()
    prototype(b, "/_p")
    UsdGeom.Cube.Define(b.stage, "/_p/Cube")
    mesh = UsdGeom.Mesh.Define(b.stage, "/_p/Mesh")
    mesh.CreatePointsAttr([(0, 0, 0), (1, 0, 0), (0, 1, 0)])
    mesh.CreateFaceVertexCountsAttr([3])
    mesh.CreateFaceVertexIndicesAttr([0, 1, 2])
    for k in range(7):
        one = instance(b, f"/World/I{k}", "/_p")
        # the last says nothing
        if k < 6:
            material = UsdShade.Material.Define(b.stage, f"/World/M{k % 3}")
            UsdShade.MaterialBindingAPI.Apply(one.GetPrim()).Bind(material)
    scene = read_scene(b.stage)
    bound = {
        n.path: tuple(scene.materials[m].path if m >= 0 else "" for m in n.materials)
        for n in scene.nodes
        if n.mesh is not None
    }
    assert bound == {
        f"/World/I{k}/{part}": (f"/World/M{k % 3}" if k < 6 else "",) for k in range(7) for part in ("Cube", "Mesh")
    }
    assert len(scene.meshes) == 2
