# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pxr import Sdf, UsdGeom, Vt

from pipeline.usd.scene import bounds, read_scene

UV = Sdf.ValueTypeNames.TexCoord2fArray


def facing(mesh: Any) -> np.ndarray:
    a, b, c = (mesh.points[mesh.triangle_vertices[:, k]] for k in range(3))
    return np.cross(b - a, c - a)


def what(scene: Any) -> set[tuple[str, str]]:
    return {(loss.prim, loss.what) for loss in scene.losses}


def test_a_left_handed_mesh_is_turned(bed: Any) -> None:
    b = bed()
    b.mesh("/World/Right", [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [4], [0, 1, 2, 3])
    left = b.mesh("/World/Left", [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [4], [0, 3, 2, 1])
    left.CreateOrientationAttr("leftHanded")
    UsdGeom.PrimvarsAPI(left).CreatePrimvar("st", UV, "faceVarying").Set([(0, 0), (0, 1), (1, 1), (1, 0)])
    for mesh in read_scene(b.stage).meshes:
        assert (facing(mesh)[:, 2] > 0).all()
    mesh = read_scene(b.stage).meshes[1]
    # each corner keeps its own UV: here UV and position are the same numbers
    assert np.allclose(mesh.uvs[0].flat(mesh), mesh.points[mesh.face_vertices][:, :2])


def test_holes_go_and_their_uvs_with_them(bed: Any) -> None:
    b = bed()
    points = [(x, 0, 0) for x in range(3)] + [(x, 1, 0) for x in range(3)]
    mesh = b.mesh("/World/M", points, [4, 4], [0, 1, 4, 3, 1, 2, 5, 4])
    mesh.CreateHoleIndicesAttr([0])
    UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", UV, "faceVarying").Set([(i, 0) for i in range(8)])
    UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("displayColor", Sdf.ValueTypeNames.Color3fArray, "uniform").Set(
        [(1, 0, 0), (0, 1, 0)]
    )
    found = read_scene(b.stage).meshes[0]
    assert found.face_vertices.tolist() == [1, 2, 5, 4]
    assert found.uvs[0].flat(found)[:, 0].tolist() == [4, 5, 6, 7]
    assert found.color is not None and found.color.flat(found).tolist() == [[0, 1, 0]] * 4


def test_uvs_indexed_like_the_faces_are_values_of_points(bed: Any) -> None:
    b = bed()
    mesh = b.cube("/World/C")
    primvar = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", UV, "faceVarying")
    primvar.Set([(i, 0) for i in range(8)])
    primvar.SetIndices(mesh.GetFaceVertexIndicesAttr().Get())
    assert read_scene(b.stage).meshes[0].uvs[0].interpolation == "vertex"


def test_broken_arrays_are_named_and_the_rest_is_kept(bed: Any) -> None:
    b = bed()
    lost = b.cube("/World/Outside")
    indices = list(lost.GetFaceVertexIndicesAttr().Get())
    indices[0] = 99
    lost.CreateFaceVertexIndicesAttr(indices)
    nan = b.cube("/World/Nan")
    points = list(nan.GetPointsAttr().Get())
    points[0] = (float("nan"), 0, 0)
    nan.CreatePointsAttr(points)
    short = b.cube("/World/Short")
    short.CreateFaceVertexCountsAttr([4] * 9)
    negative = b.cube("/World/Negative")
    negative.CreateFaceVertexCountsAttr([-4] * 6)
    uv = b.cube("/World/Uv", 2.0)
    UsdGeom.PrimvarsAPI(uv).CreatePrimvar("st", UV, "faceVarying").Set([(0, 0)] * 5)
    scene = read_scene(b.stage)
    assert what(scene) >= {
        ("/World/Outside", "faces"),
        ("/World/Nan", "points"),
        ("/World/Short", "faces"),
        ("/World/Negative", "mesh"),
        ("/World/Uv", "primvar st"),
    }
    counts = {m.name: m.triangle_count for m in scene.meshes}
    # three faces of a cube meet at a corner
    assert counts == {"Outside": 10, "Nan": 6, "Short": 12, "Uv": 12}
    assert all(np.isfinite(m.points[m.face_vertices]).all() for m in scene.meshes)


def test_subsets_become_slots_and_the_rest_stays_first(bed: Any) -> None:
    b = bed()
    mesh = b.cube("/World/C")
    rest, lid = b.material("/World/Rest"), b.material("/World/Lid")
    b.bind(mesh, rest)
    subset = UsdGeom.Subset.CreateGeomSubset(mesh, "lid", "face", Vt.IntArray([3]), "materialBind")
    b.bind(subset, lid)
    scene = read_scene(b.stage)
    found, node = scene.meshes[0], scene.nodes[1]
    assert [s.name for s in found.slots] == ["C", "lid"]
    assert found.face_slots is not None and found.face_slots.tolist() == [0, 0, 0, 1, 0, 0]
    assert [scene.materials[m].name for m in node.materials] == ["Rest", "Lid"]


def test_equal_meshes_are_one_whatever_they_are_called(bed: Any) -> None:
    b = bed()
    for k in range(5):
        b.cube(f"/World/C{k}")
    b.cube("/World/Other", 2.0)
    scene = read_scene(b.stage)
    assert len(scene.meshes) == 2
    assert [n.name for n in scene.nodes if n.mesh == 0] == ["C0", "C1", "C2", "C3", "C4"]


def test_purpose_and_visibility(bed: Any) -> None:
    b = bed()
    for k, purpose in enumerate(("default", "render", "proxy", "guide")):
        b.cube(f"/World/{purpose}", 1.0, (k, 0, 0)).CreatePurposeAttr(purpose)
    UsdGeom.Imageable(b.cube("/World/Hidden", 9.0)).MakeInvisible()
    names = lambda **k: {n.name for n in read_scene(b.stage, **k).nodes if n.mesh is not None}  # noqa: E731
    assert names() == {"default", "render"}
    assert names(purposes=("default", "proxy")) == {"default", "proxy"}


@pytest.mark.parametrize("kind", ["Sphere", "Cube", "Cylinder", "Cone", "Capsule", "Plane"])
@pytest.mark.parametrize("axis", ["X", "Y", "Z"])
def test_implicit_shapes_reach_to_usds_own_extent(bed: Any, kind: str, axis: str) -> None:
    b = bed()
    prim = b.stage.DefinePrim("/World/S", kind)
    if prim.GetAttribute("axis"):
        prim.GetAttribute("axis").Set(axis)
    for name, value in (("height", 3.0), ("radius", 0.7), ("size", 1.5), ("width", 4.0), ("length", 2.0)):
        if prim.GetAttribute(name):
            prim.GetAttribute(name).Set(value)
    extent = UsdGeom.Boundable.ComputeExtentFromPlugins(UsdGeom.Boundable(prim), 0)
    scene = read_scene(b.stage)
    box = bounds(scene)
    assert box is not None and np.allclose(box, np.array(extent), atol=1e-6)
    mesh = scene.meshes[0]
    if kind != "Plane":
        # closed and facing out: the divergence theorem gives a volume that is not negative
        corner = mesh.points[mesh.triangle_vertices].astype(float)
        volume = np.einsum("ij,ij->i", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])).sum() / 6
        assert volume > 0


def test_curves_become_tubes_of_their_width_and_say_so(bed: Any) -> None:
    b = bed()
    curves = UsdGeom.BasisCurves.Define(b.stage, "/World/Rope")
    curves.CreateTypeAttr("linear")
    curves.CreatePointsAttr([(0, 0, 0), (0, 4, 0)])
    curves.CreateCurveVertexCountsAttr([2])
    curves.CreateWidthsAttr([0.5])
    scene = read_scene(b.stage)
    box = bounds(scene)
    assert box is not None and np.allclose(box, [[-0.25, 0, -0.25], [0.25, 4, 0.25]], atol=1e-6)
    assert ("/World/Rope", "curves") in what(scene)
    lines = read_scene(b.stage, curves="lines").meshes[0]
    assert lines.kind == "lines" and len(lines.points) == 2


def test_a_cubic_bezier_passes_where_the_formula_says(bed: Any) -> None:
    b = bed()
    curves = UsdGeom.BasisCurves.Define(b.stage, "/World/B")
    curves.CreateTypeAttr("cubic")
    curves.CreateBasisAttr("bezier")
    curves.CreatePointsAttr([(0, 0, 0), (1, 3, 0), (3, 3, 0), (4, 0, 0)])
    curves.CreateCurveVertexCountsAttr([4])
    points = read_scene(b.stage, curves="lines").meshes[0].points
    assert np.allclose(points[0], (0, 0, 0)) and np.allclose(points[-1], (4, 0, 0))
    # the middle of a Bezier curve is (a + 3b + 3c + d) / 8
    assert np.allclose(points[len(points) // 2], (2, 2.25, 0))
