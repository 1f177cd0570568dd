# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pxr import Sdf, Usd, UsdGeom, UsdShade, Vt

from pipeline.errors import RefineError, UsageError
from pipeline.mesh import meshopt
from pipeline.refiners import FolderStore, refine
from pipeline.refiners.core.geometry import read_mesh
from pipeline.refiners.core.subject import Subject

from .conftest import cube, sphere

needs_meshopt = pytest.mark.skipif(not meshopt.available(), reason="meshoptimizer is not installed")
ENGINES = [pytest.param("meshoptimizer", marks=needs_meshopt), "opengl-decimate"]


def _twice(stage: Usd.Stage, op: str, store: FolderStore | None = None, **settings: object):  # type: ignore[no-untyped-def]
    first = refine(stage, "/Asset", op, settings, store=store)
    text = stage.GetRootLayer().ExportToString()
    again = refine(stage, "/Asset", op, settings, store=store)
    assert not again.changed
    assert stage.GetRootLayer().ExportToString() == text
    return first


def _size(stage: Usd.Stage) -> np.ndarray:
    low, high = Subject(stage.GetPrimAtPath("/Asset")).bounds()
    return np.asarray(high - low)


def _two_islands(steps: int = 24) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A sphere whose upper and lower half are islands of their own, laid out by x and z."""
    points, faces = sphere(steps)
    upper = points[faces].mean(axis=1)[:, 1] > 0
    flat = points[:, [0, 2]] * 0.24 + 0.25
    return points, faces, (flat[faces] + np.where(upper, 0.5, 0)[:, None, None] * [1, 0]).reshape(-1, 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_decimation_keeps_shape_seams_and_materials(stage: Usd.Stage, add, material, engine: str) -> None:  # type: ignore[no-untyped-def]
    points, faces, uv = _two_islands(40)
    mesh = add("ball", points, faces, uv)
    left = np.flatnonzero(points[faces].mean(axis=1)[:, 0] < 0)
    subset = UsdGeom.Subset.CreateGeomSubset(mesh, "left", "face", Vt.IntArray.FromNumpy(left.astype(np.int32)))
    UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(material("paint"))
    result = _twice(stage, "decimate", triangles=800, engine=engine)
    back = read_mesh(mesh)
    assert result.details["engine"] == engine
    assert 600 <= len(back.counts) <= 800
    assert len(back.topology.edges.open) == 0
    # radius: the sphere itself is within 0.3 % of 1
    assert np.linalg.norm(back.points, axis=1) == pytest.approx(1, abs=0.03)
    assert result.error is not None
    assert result.error["mean"] < 0.002
    assert result.error["mean_m"] == pytest.approx(result.error["mean"] * np.linalg.norm([2, 2, 2]), rel=0.05)
    # every face stays on its island and its UVs say where it is
    st = back.primvars["st"]
    corner = st.values[back.corner_rows(st)].reshape(-1, 3, 2)
    island = corner[:, :, 0] > 0.5
    assert np.all(island == island[:, :1])
    place = back.points[back.corners].reshape(-1, 3, 3)[:, :, [0, 2]] * 0.24 + 0.25 + island[:, :, None] * [0.5, 0]
    assert np.abs(corner - place).max() < 0.02
    # the material's border is still the plane x = 0
    middle = back.points[back.corners].reshape(-1, 3, 3).mean(axis=1)[:, 0]
    inside = np.zeros(len(back.counts), bool)
    inside[back.subsets["left"]] = True
    assert middle[inside].max() < 0.1
    assert middle[~inside].min() > -0.1


def test_decimated_skin_weights_are_those_of_kept_points(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    points, faces = sphere(24)
    mesh = add("ball", points, faces)
    share = (points[:, 1] + 1) / 2
    api = UsdGeom.PrimvarsAPI(mesh)
    index = api.CreatePrimvar("skel:jointIndices", Sdf.ValueTypeNames.IntArray, "vertex", 2)
    index.Set([0, 1] * len(points))
    weight = api.CreatePrimvar("skel:jointWeights", Sdf.ValueTypeNames.FloatArray, "vertex", 2)
    weight.Set(np.stack([share, 1 - share], 1).reshape(-1).tolist())
    refine(stage, "/Asset", "decimate", {"triangles": 300})
    back = read_mesh(mesh)
    rows = back.primvars["skel:jointWeights"].rows()
    assert len(rows) == len(back.points)
    assert rows.sum(axis=1) == pytest.approx(1, abs=1e-6)
    first = np.where(back.primvars["skel:jointIndices"].rows() == 0, rows, 0).sum(axis=1)
    assert first == pytest.approx((back.points[:, 1] + 1) / 2, abs=0.05)


def test_the_budget_is_shared_among_parts(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    big, faces = sphere(30)
    small, few = sphere(10, 0.1)
    add("big", big, faces)
    add("small", small + np.array([2, 0, 0]), few)
    result = _twice(stage, "decimate", triangles=500)
    assert result.after["triangles"] <= 500
    assert len(read_mesh(UsdGeom.Mesh(stage.GetPrimAtPath("/Asset/geo/small"))).counts) >= 12
    with pytest.raises(RefineError, match="ask for 24"):
        refine(stage, "/Asset", "decimate", {"triangles": 20})


def test_a_mesh_within_budget_is_left_alone(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    add("box", *cube())
    assert not refine(stage, "/Asset", "decimate", {"triangles": 12}).changed


@pytest.mark.parametrize("bake", [False, True])
def test_scale_to_size_in_metres(stage: Usd.Stage, add, bake: bool) -> None:  # type: ignore[no-untyped-def]
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    points, faces = cube(2, at=(5, 1, 0))
    mesh = add("box", points, faces)
    mesh.AddRotateYOp().Set(90.0)
    _twice(stage, "scale-to-size", height=0.8, bake=bake)
    assert _size(stage) == pytest.approx([80, 80, 80], rel=1e-5)
    low, high = Subject(stage.GetPrimAtPath("/Asset")).bounds()
    assert low[1] == pytest.approx(0, abs=1e-4)
    assert (low + high)[[0, 2]] / 2 == pytest.approx([0, -5], abs=1e-4)  # turned by 90 degrees about y


def test_what_has_a_size_beside_its_shape(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    """A camera is moved and focused, not scaled; what keeps its mass or power is said; lights grow with the shape."""
    from pxr import Gf, UsdLux, UsdPhysics

    box = add("box", *cube(2))
    UsdPhysics.MassAPI.Apply(box.GetPrim()).CreateMassAttr(10)
    camera = UsdGeom.Camera.Define(stage, "/Asset/geo/camera")
    camera.AddTranslateOp().Set((0, 0, 10))
    camera.CreateFocusDistanceAttr(9)
    camera.CreateClippingRangeAttr((0.5, 100))
    lamp = UsdLux.SphereLight.Define(stage, "/Asset/geo/lamp")
    lamp.AddTranslateOp().Set((0, 4, 0))
    lamp.CreateRadiusAttr(0.5)
    lamp.CreateNormalizeAttr(True)
    result = _twice(stage, "scale-to-size", height=1.0)  # from 2 m: half; about the middle of the base, y = -1
    place = np.array(UsdGeom.XformCache().GetLocalToWorldTransform(camera.GetPrim()))
    assert place == pytest.approx(np.array(Gf.Matrix4d(1).SetTranslate((0, -0.5, 5))))
    assert (camera.GetFocusDistanceAttr().Get(), tuple(camera.GetClippingRangeAttr().Get())) == (4.5, (0.25, 50))
    bulb = np.array(UsdGeom.XformCache().GetLocalToWorldTransform(lamp.GetPrim()))
    assert np.linalg.norm(bulb[0, :3]) * lamp.GetRadiusAttr().Get() == pytest.approx(0.25)
    assert len(result.notes) == 2
    assert "mass of 10" in result.notes[0]
    assert "0.125 times" in result.notes[0]
    assert "power" in result.notes[1]


def test_a_character_whose_skeleton_scales_it(stage: Usd.Stage) -> None:
    """Centimetres in mesh and joints, the skeleton beneath a hundredth, as Blender and Mixamo leave it."""
    from pxr import Gf, UsdSkel

    from pipeline.checks import inspect
    from pipeline.settings.jobs import Brief, Job

    from .people import human

    skeleton, mesh = human(stage, keys=0, turned=False)
    for attribute in (skeleton.GetBindTransformsAttr(), skeleton.GetRestTransformsAttr()):
        rows = np.array(attribute.Get(), float).reshape(-1, 4, 4)
        rows[:, 3, :3] *= 100
        attribute.Set(Vt.Matrix4dArray.FromNumpy(rows))
    points = np.array(mesh.GetPointsAttr().Get())
    mesh.GetPointsAttr().Set(Vt.Vec3fArray.FromNumpy(points * 100))
    UsdGeom.Xformable(skeleton.GetPrim()).AddScaleOp().Set((0.01, 0.01, 0.01))
    tall = float(np.ptp(points[:, 1]))
    brief = Brief(job=Job(name="j", title="J", gates=["inspection"], formats=["usd"]), size_m=(1.0, 2 * tall, 1.0))
    (finding,) = inspect(stage, brief, rules=["scale.implausible"]).findings
    assert f"x {tall:.3g} x" in finding.message
    result = _twice(stage, "scale-to-size", height=2 * tall)
    assert result.details["factors"] == pytest.approx([2, 2, 2], rel=1e-5)
    # by USD's own skinning
    made = Usd.Stage.Open(stage.Flatten())
    UsdSkel.BakeSkinning(UsdSkel.Root(made.GetPrimAtPath("/Asset/geo")), Gf.Interval(0, 0))
    box = UsdGeom.BBoxCache(0, ["default"]).ComputeWorldBound(made.GetPrimAtPath("/Asset")).ComputeAlignedRange()
    assert box.GetSize()[1] == pytest.approx(2 * tall, rel=1e-5)


def test_stretching_and_a_size_that_does_not_fit(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    add("box", *cube())
    result = refine(stage, "/Asset", "scale-to-size", {"size": "2x1x1"})
    assert "proportions" in result.notes[0]
    _twice(stage, "scale-to-size", size="2x1x0.5", uniform=False)
    assert _size(stage) == pytest.approx([2, 1, 0.5])
    for bad in ({"size": "big"}, {}):
        with pytest.raises(UsageError):
            refine(stage, "/Asset", "scale-to-size", bad)


@pytest.mark.parametrize("up", ["Y", "Z"])
def test_ground_and_pivot(stage: Usd.Stage, add, up: str) -> None:  # type: ignore[no-untyped-def]
    UsdGeom.SetStageUpAxis(stage, up)
    UsdGeom.Xformable(stage.GetPrimAtPath("/Asset")).AddTranslateOp().Set((100, 100, 100))  # where it stands
    add("box", *cube(at=(3, 4, 5)))
    add("other", *cube(at=(4, 4, 5)))
    _twice(stage, "ground")
    low, high = Subject(stage.GetPrimAtPath("/Asset")).bounds()
    axis = "XYZ".index(up)
    assert low[axis] == pytest.approx(0, abs=1e-6)
    middle = (low + high) / 2
    assert np.delete(middle, axis) == pytest.approx([0, 0], abs=1e-6)
    assert tuple(UsdGeom.XformCommonAPI(stage.GetPrimAtPath("/Asset")).GetXformVectors(Usd.TimeCode.Default())[0]) == (
        100, 100, 100,
    )  # fmt: skip


def test_proportions_are_counted_from_the_unrefined_shape(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    add("seat", *cube())
    add("back", *cube(at=(0, 1, 0)))
    _twice(stage, "proportions", part="back", y=2)
    assert _size(stage) == pytest.approx([1, 3, 1])
    _twice(stage, "proportions", part="back", y=1.5, x=3)
    assert _size(stage) == pytest.approx([3, 2.5, 1])
    with pytest.raises(RefineError, match="seat"):
        refine(stage, "/Asset", "proportions", {"part": "legs"})


def test_splitting_by_shell_and_by_material(stage: Usd.Stage, add, material, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    points, faces = cube()
    both = add("both", np.concatenate([points, points + np.array([3, 0, 0])]), np.concatenate([faces, faces + 8]))
    both.AddTranslateOp().Set((0, 7, 0))
    subset = UsdGeom.Subset.CreateGeomSubset(both, "red", "face", [0, 1, 6], "materialBind")
    UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(material("red"))
    UsdShade.MaterialBindingAPI.Apply(both.GetPrim()).Bind(material("grey"))
    before = _size(stage)
    result = _twice(stage, "split-shells")
    assert result.after["meshes"] == 2
    assert _size(stage) == pytest.approx(before)
    parts = [UsdGeom.Mesh(p) for p in stage.GetPrimAtPath("/Asset/geo").GetChildren()]
    reds = [read_mesh(p).subsets["red"].tolist() for p in parts]
    assert reds == [[0, 1], [0]]
    result = _twice(stage, "split-materials")
    assert result.after["meshes"] == 4
    bound = {
        p.GetName(): UsdShade.MaterialBindingAPI(p).ComputeBoundMaterial()[0].GetPrim().GetName()
        for p in stage.GetPrimAtPath("/Asset/geo").GetChildren()
    }
    assert sorted(bound.values()) == ["grey", "grey", "red", "red"]
    assert _size(stage) == pytest.approx(before)


def test_new_parts_of_a_package_come_through_a_payload(tmp_path: Path) -> None:
    package = Usd.Stage.CreateNew(str(tmp_path / "payload.usdc"))
    package.SetDefaultPrim(UsdGeom.Xform.Define(package, "/Asset").GetPrim())
    points, faces = cube()
    mesh = UsdGeom.Mesh.Define(package, "/Asset/geo/both")
    mesh.CreatePointsAttr(np.concatenate([points, points + np.array([3, 0, 0])]).tolist())
    mesh.CreateFaceVertexIndicesAttr(np.concatenate([faces, faces + 8]).reshape(-1).tolist())
    mesh.CreateFaceVertexCountsAttr([4] * 12)
    package.Save()
    stage = Usd.Stage.CreateNew(str(tmp_path / "root.usda"))
    stage.DefinePrim("/World/box", "Xform").GetPayloads().AddPayload("./payload.usdc")
    result = refine(stage, "/World/box", "split-shells", store=FolderStore(tmp_path / "o", tmp_path))
    assert result.after["meshes"] == 2
    assert "points" not in stage.GetRootLayer().ExportToString()
    stage.Save()
    again = Usd.Stage.Open(str(tmp_path / "root.usda"))
    assert len([p for p in again.Traverse() if p.IsA(UsdGeom.Mesh)]) == 2


def test_quads(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("pyinstantmeshes")
    mesh = add("ball", *sphere(40))
    result = _twice(stage, "quads", faces=600)
    back = read_mesh(mesh)
    assert result.after["quads"] > 0.8
    assert 500 < len(back.counts) < 720
    assert len(back.topology.edges.open) == 0
    assert np.linalg.norm(back.points, axis=1) == pytest.approx(1, abs=0.05)


@pytest.mark.long
def test_quads_alone_are_as_many_as_asked_for_and_edges_stay(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    """A cube of 6,144 triangles: pure quads of about the count, its volume and its sharp edges kept."""
    pytest.importorskip("pyinstantmeshes")
    import trimesh

    box = trimesh.creation.box([1, 1, 1]).subdivide_loop(0)
    for _ in range(5):
        box = box.subdivide()
    mesh = add("box", box.vertices, np.asarray(box.faces))
    result = _twice(stage, "quads", faces=1200, pure=True)
    back = read_mesh(mesh)
    assert set(back.counts.tolist()) == {4}
    assert 960 < len(back.counts) < 1440
    assert len(back.topology.edges.open) == 0
    assert trimesh.Trimesh(back.points, back.triangles).volume == pytest.approx(1, abs=0.02)
    assert result.error is not None
    side = (6 / 1200) ** 0.5  # of a face; a corner may be cut by one
    assert result.error["max_m"] < side
    first = back.points
    add("box", box.vertices, np.asarray(box.faces))
    stage.GetPrimAtPath("/Asset/geo/box").ClearCustomData()
    refine(stage, "/Asset", "quads", {"faces": 1200, "pure": True})
    assert np.array_equal(read_mesh(mesh).points, first)  # the same every time
