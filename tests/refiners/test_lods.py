# SPDX-License-Identifier: Apache-2.0
"""Levels of detail: what USD itself chooses for a camera, what a picture shows there, and skins that go along."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from pxr import Gf, Usd, UsdGeom, UsdLod, UsdShade

from pipeline.checks import inspect
from pipeline.errors import UsageError
from pipeline.refiners import RefineResult, refine
from pipeline.settings.jobs import Brief, Budgets, Job

from .conftest import sphere
from .people import baked, human

SPOT = Path(__file__).parent.parent / "data" / "importers" / "spot.obj"


def _twice(stage: Usd.Stage, **settings: object) -> RefineResult:
    first = refine(stage, "/Asset", "lods", settings)
    text = stage.GetRootLayer().ExportToString()
    assert not refine(stage, "/Asset", "lods", settings).changed
    assert stage.GetRootLayer().ExportToString() == text
    return first


def _camera(size: float, pixels_high: float, viewport: int, aspect: float) -> Gf.Frustum:
    """A camera of 40 degrees, so far off that a ball of the diameter `size` at the origin is so many pixels high."""
    frustum = Gf.Frustum()
    frustum.SetPerspective(40.0, aspect, 0.01, 1e5)
    distance = size / 2 * viewport / pixels_high / np.tan(np.radians(20))
    frustum.SetPosition(Gf.Vec3d(0, 0, distance))
    return frustum


def _shapes(stage: Usd.Stage, root: str = "/Asset") -> list[tuple[np.ndarray, np.ndarray]]:
    found = []
    for prim in Usd.PrimRange(stage.GetPrimAtPath(root)):
        if prim.IsA(UsdGeom.Mesh):
            mesh = UsdGeom.Mesh(prim)
            counts = np.array(mesh.GetFaceVertexCountsAttr().Get())
            corners = np.array(mesh.GetFaceVertexIndicesAttr().Get())
            start = np.cumsum(counts) - counts
            fans = []
            for k in range(1, counts.max() - 1):
                first = start[counts > k + 1]
                fans.append(np.stack([corners[first], corners[first + k], corners[first + k + 1]], 1))
            found.append((np.array(mesh.GetPointsAttr().Get(), float), np.concatenate(fans)))
    return found


def test_levels_of_detail(stage: Usd.Stage, add, material) -> None:  # type: ignore[no-untyped-def]
    points, faces = sphere(24)
    mesh = add("ball", points, faces)
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material("paint"))
    result = _twice(stage, ratios="0.5,0.2")
    asset = stage.GetPrimAtPath("/Asset")
    variants = asset.GetVariantSet("lod")
    assert sorted(variants.GetVariantNames()) == ["all", "lod0", "lod1", "lod2"]
    assert not variants.GetVariantSelection()

    def shown() -> list[int]:
        found = [UsdGeom.Mesh(p) for p in stage.Traverse() if p.IsA(UsdGeom.Mesh)]
        assert all(UsdShade.MaterialBindingAPI(m).ComputeBoundMaterial()[0] for m in found)
        return [len(m.GetFaceVertexCountsAttr().Get()) for m in found]

    full = len(faces)
    assert shown() == [full]
    counts = result.details["triangles"]
    for name, wanted in (("lod0", [full]), ("lod1", counts[1:2]), ("lod2", counts[2:3]), ("all", counts)):
        variants.SetVariantSelection(name)
        assert shown() == wanted
    root = UsdLod.RootAPI(stage.GetPrimAtPath("/Asset/lod"))
    [rule] = root.GetLodHeuristicsRel().GetTargets()
    thresholds = list(UsdLod.ScreenSizeHeuristic(stage.GetPrimAtPath(rule)).GetThresholdsAttr().Get())
    assert thresholds == sorted(thresholds, reverse=True)
    assert 0 < thresholds[-1] < thresholds[0] <= 1
    with pytest.raises(UsageError, match="falling"):
        refine(stage, "/Asset", "lods", {"ratios": "0.2,0.5"})


def _spot(add) -> float:  # type: ignore[no-untyped-def]
    """A closed cow about the origin; returns its diagonal."""
    shape = trimesh.load(SPOT, process=False, force="mesh")
    points = shape.vertices - (shape.vertices.min(axis=0) + shape.vertices.max(axis=0)) / 2
    add("cow", points, np.asarray(shape.faces))
    return float(np.linalg.norm(np.ptp(points, axis=0)))


def test_usd_changes_levels_where_the_error_is_a_pixel(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    size = _spot(add)
    result = _twice(stage, ratios="0.25,0.08", pixels=2.0, viewport=600, aspect=1.5)
    stage.GetPrimAtPath("/Asset").GetVariantSet("lod").SetVariantSelection("all")
    [path] = UsdLod.RootAPI(stage.GetPrimAtPath("/Asset/lod")).GetLodHeuristicsRel().GetTargets()
    rule = UsdLod.ScreenSizeHeuristic(stage.GetPrimAtPath(path))
    for level, error in enumerate(result.details["error_m"][1:], start=2):
        # by hand: the ball of the diagonal is so many pixels high when the error is two of them
        high = 2.0 * size / error
        for share, wanted in ((1.02, level - 1), (0.98, level)):
            frustum = _camera(size, high * share, 600, 1.5)
            assert int(rule.ComputeLOD(frustum, Gf.Matrix4d(1))) == wanted
    assert [p.GetName() for p in stage.GetPrimAtPath("/Asset/lod").GetChildren()] == ["lod0", "lod1", "lod2"]


def test_outlines_differ_by_the_pixels_that_were_promised(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    """Silhouettes by rays of embree at the distance where each level begins."""
    from scipy.ndimage import binary_dilation, binary_erosion

    size = _spot(add)
    result = _twice(stage, ratios="0.3,0.1", pixels=1.0, viewport=256)
    full = trimesh.Trimesh(*_shapes(stage)[0], process=False)
    variants = stage.GetPrimAtPath("/Asset").GetVariantSet("lod")
    for level, height in enumerate(result.details["screen_height"], start=1):
        variants.SetVariantSelection(f"lod{level}")
        coarse = trimesh.Trimesh(*_shapes(stage)[0], process=False)
        assert len(coarse.faces) < 0.35 * len(full.faces)
        side = max(int(np.ceil(256 * height)) + 4, 8)  # pixels that the ball of the asset fills, and a margin
        pixel = size / (256 * height)
        a = (np.arange(side) + 0.5 - side / 2) * pixel
        for axis in (0, 2):
            origin = np.zeros((side * side, 3))
            flat = [k for k in range(3) if k != axis]
            origin[:, flat] = np.stack(np.meshgrid(a, a, indexing="ij"), -1).reshape(-1, 2)
            origin[:, axis] = 2 * size
            way = np.zeros_like(origin)
            way[:, axis] = -1
            one, other = (m.ray.intersects_any(origin, way).reshape(side, side) for m in (full, coarse))
            assert one.sum() > 20
            # no pixel differs but on the outline, one pixel to either side
            assert not (one & ~binary_dilation(other, iterations=1)).any()
            assert not (other & ~binary_dilation(one, iterations=1)).any()
            inner = binary_erosion(one)
            assert (one ^ other).sum() < 0.5 * (one & ~inner).sum()


def test_skins_go_along(stage: Usd.Stage) -> None:
    human(stage)
    times = [0.0, 6.0, 24.0]
    before = baked(stage, times)["/Asset/geo/body"]
    result = _twice(stage, ratios="0.5,0.25")
    variants = stage.GetPrimAtPath("/Asset").GetVariantSet("lod")
    for level, error in enumerate(result.details["error_m"], start=1):
        variants.SetVariantSelection(f"lod{level}")
        (path,) = baked(stage, times)
        points = baked(stage, times)[path]
        assert path == f"/Asset/lod/lod{level}/geo/body"
        assert points.shape[1] < before.shape[1]
        # a coarse point is near the moved shape at every time, not only at rest
        for k in range(len(times)):
            gap = np.linalg.norm(points[k][:, None] - before[k][None], axis=2).min(axis=1)
            assert gap.max() < error + 0.03  # the ring's points are 4 cm apart


def test_nothing_is_missing_afterwards(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    add("ball", *sphere(24))
    job = Job(name="j", title="J", gates=["inspection"], formats=["usd"], budgets=Budgets(lods=3))
    brief = Brief(job=job)
    assert len(inspect(stage, brief, rules=["lod"]).findings) == 1
    refine(stage, "/Asset", "lods")
    assert inspect(stage, brief, rules=["lod"]).findings == []


def test_every_mesh_has_its_own_levels_on_one_skeleton_when_exported(stage: Usd.Stage, tmp_path: Path) -> None:
    from pipeline.usd.scene import read_scene

    human(stage)
    result = refine(stage, "/Asset", "lods", {"ratios": "0.5,0.25"})
    stage.GetRootLayer().Export(str(tmp_path / "person.usda"))
    scene = read_scene(tmp_path / "person.usda", levels=True)
    full = next(n for n in scene.nodes if n.lods)
    assert full.path == "/Asset/geo/body"
    chain = [full, *(scene.nodes[i] for i in full.lods)]
    assert [scene.meshes[n.mesh].triangle_count for n in chain] == result.details["triangles"]
    assert [n.name for n in chain] == ["body", "body_LOD1", "body_LOD2"]
    assert len({n.skin_root for n in chain}) == 1 == len(scene.skeletons)
    assert not scene.losses


@pytest.mark.long
@pytest.mark.blender
def test_engines_find_levels_by_name(stage: Usd.Stage, blender_python: Path, tmp_path: Path) -> None:
    """What Blender reads back from the FBX: meshes by Unreal's names, of the triangles told, all on the armature."""
    import subprocess

    from pipeline.exporters import export

    human(stage)
    result = refine(stage, "/Asset", "lods", {"ratios": "0.5,0.25"})
    stage.GetRootLayer().Export(str(tmp_path / "person.usda"))
    done = export(tmp_path / "person.usda", tmp_path / "person.fbx", target="unreal")
    assert done.readback.ok
    script = (
        "import bpy, sys\n"
        "bpy.ops.wm.read_factory_settings(use_empty=True)\n"
        "bpy.ops.wm.fbx_import(filepath=sys.argv[1])\n"
        "for o in bpy.data.objects:\n"
        "    if o.type == 'MESH':\n"
        "        o.data.calc_loop_triangles()\n"
        "        print('found', o.name, len(o.data.loop_triangles), o.parent.type, len(o.vertex_groups))\n"
    )
    told = subprocess.run(
        [str(blender_python), "-c", script, str(tmp_path / "person.fbx")],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    rows = sorted(line.split()[1:] for line in told.stdout.splitlines() if line.startswith("found"))
    counts = [str(n) for n in result.details["triangles"]]
    assert rows == [[f"SK_body_LOD{k}", counts[k], "ARMATURE", "21"] for k in range(3)]
