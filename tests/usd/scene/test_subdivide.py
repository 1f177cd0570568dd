# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Sdf, UsdGeom

from pipeline.usd.scene import read_scene


def smooth(b: Any) -> Any:
    mesh = b.cube("/World/C")
    mesh.GetSubdivisionSchemeAttr().Set("catmullClark")
    return mesh


def test_a_cubes_corners_move_to_five_eighteenths(bed: Any) -> None:
    b = bed()
    smooth(b)
    mesh = read_scene(b.stage, refine_level=1).meshes[0]
    # (F + 2R + (n - 3)P) / n at a corner of half side h: F = h/3, R = 2h/3, n = 3, so 5h/9
    assert np.allclose(np.abs(mesh.points[:8]), 0.5 * 5 / 9)
    # middles of edges: (a + b + two face centres) / 4
    assert sorted(set(np.abs(mesh.points[8:20]).round(6).ravel().tolist())) == [0, 0.375]
    assert mesh.triangle_count == 48


def test_each_level_has_four_times_the_faces(bed: Any) -> None:
    b = bed()
    smooth(b)
    counts = [read_scene(b.stage, refine_level=k).meshes[0].triangle_count for k in range(4)]
    assert counts == [12, 48, 192, 768]


def test_an_endlessly_sharp_crease_stays_in_its_plane(bed: Any) -> None:
    b = bed()
    mesh = smooth(b)
    mesh.CreateCreaseIndicesAttr([0, 1, 3, 2, 0])
    mesh.CreateCreaseLengthsAttr([5])
    mesh.CreateCreaseSharpnessesAttr([10.0])
    points = read_scene(b.stage, refine_level=3).meshes[0].points
    assert np.isclose(points[:, 0].min(), -0.5)
    assert points[:, 0].max() < 0.45
    # the crease's corners follow the cubic B-spline: (6P + a + b) / 8, so two of three coordinates shrink by 3/4
    level = read_scene(b.stage, refine_level=1).meshes[0].points
    assert np.allclose(np.abs(level[0]), (0.5, 0.375, 0.375))


def test_the_border_of_a_plane_stays_and_its_corners_are_kept(bed: Any) -> None:
    b = bed()
    mesh = b.mesh("/World/P", [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [4], [0, 1, 2, 3])
    mesh.GetSubdivisionSchemeAttr().Set("catmullClark")
    UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "faceVarying").Set(
        [(0, 0), (1, 0), (1, 1), (0, 1)]
    )
    found = read_scene(b.stage, refine_level=3).meshes[0]
    assert np.allclose(found.points.min(0), (0, 0, 0)) and np.allclose(found.points.max(0), (1, 1, 0))
    # on a flat square with pinned corners, UVs and positions stay the same numbers
    assert np.allclose(found.uvs[0].flat(found), found.points[found.face_vertices][:, :2], atol=1e-6)


OCTAHEDRON = [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]
SIDES = [(0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4), (2, 0, 5), (1, 2, 5), (3, 1, 5), (0, 3, 5)]


def test_loop_follows_its_masks(bed: Any) -> None:
    b = bed()
    mesh = b.mesh("/World/O", OCTAHEDRON, [3] * 8, np.ravel(SIDES).tolist())
    mesh.GetSubdivisionSchemeAttr().Set("loop")
    fine = read_scene(b.stage, refine_level=1).meshes[0]
    assert fine.face_counts.tolist() == [3] * 32
    # four neighbours that cancel out: 1 - 4 beta with beta = (5/8 - (3/8)^2) / 4
    assert np.allclose(np.linalg.norm(fine.points[:6], axis=1), 1 - (5 / 8 - 9 / 64))
    # 3/8 of both ends; the points across cancel out
    assert np.allclose(np.sort(np.abs(fine.points[6:]), axis=1), (0, 0.375, 0.375))
    # every triangle still turns outward
    corners = fine.points[fine.triangle_vertices].astype(float)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((normals * corners.mean(1)).sum(1) > 0).all()


def test_loop_keeps_a_sharp_ring_and_uvs(bed: Any) -> None:
    b = bed()
    mesh = b.mesh("/World/O", OCTAHEDRON, [3] * 8, np.ravel(SIDES).tolist())
    mesh.GetSubdivisionSchemeAttr().Set("loop")
    mesh.CreateCreaseIndicesAttr([0, 2, 1, 3, 0])
    mesh.CreateCreaseLengthsAttr([5])
    mesh.CreateCreaseSharpnessesAttr([10])
    uv = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "faceVarying")
    uv.Set([(0, 0), (1, 0), (0, 1)] * 8)
    fine = read_scene(b.stage, refine_level=1).meshes[0]
    # a crease: (6 v + a + b) / 8 with a + b = 0 for the points of the square
    assert np.allclose(np.linalg.norm(fine.points[:4], axis=1), 0.75)
    four = fine.uvs[0].flat(fine)[:12].reshape(4, 3, 2)
    assert np.allclose(four[0], [(0, 0), (0.5, 0), (0, 0.5)])
    assert np.allclose(four[3], [(0.5, 0), (0.5, 0.5), (0, 0.5)])


def test_a_loop_surface_of_quads_is_said_to_be_none(bed: Any) -> None:
    b = bed()
    b.cube("/World/C").GetSubdivisionSchemeAttr().Set("loop")
    scene = read_scene(b.stage, refine_level=1)
    assert ("/World/C", "subdivision scheme loop") in {(x.prim, x.what) for x in scene.losses}


OPENSUBDIV = """
import bpy, json, sys
d = json.loads(sys.argv[-1])
mesh = bpy.data.meshes.new("m")
mesh.from_pydata(d["points"], [], d["faces"])
thing = bpy.data.objects.new("o", mesh)
bpy.context.scene.collection.objects.link(thing)
edges = {tuple(sorted(e.vertices)): e.index for e in mesh.edges}
layer = mesh.attributes.new("crease_edge", "FLOAT", "EDGE")
for a, b, sharp in d["creases"]:
    layer.data[edges[tuple(sorted((a, b)))]].value = (sharp / 10) ** 0.5
layer = mesh.attributes.new("crease_vert", "FLOAT", "POINT")
for v, sharp in d["corners"]:
    layer.data[v].value = (sharp / 10) ** 0.5
modifier = thing.modifiers.new("s", "SUBSURF")
modifier.levels, modifier.use_limit_surface = d["level"], False
modifier.boundary_smooth = "ALL" if d["smooth"] else "PRESERVE_CORNERS"
fine = thing.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
print("\\nPOINTS " + json.dumps([list(v.co) for v in fine.vertices]))
"""


@pytest.mark.blender
@pytest.mark.long
@pytest.mark.parametrize("level", [1, 3])
@pytest.mark.parametrize(
    ("open_", "creases", "corners", "smooth"),
    [
        (False, [(0, 1, 1.5), (0, 2, 2.5), (0, 4, 1.2)], [], False),
        (False, [(0, 1, 0.4), (1, 3, 0.7)], [(6, 1.6)], False),
        (True, [(1, 3, 2.2)], [(5, 10.0)], False),
        (True, [], [], True),
    ],
)
def test_opensubdiv_refines_to_the_same_points(
    bed: Any, blender_python: Path, level: int, open_: bool, creases: Any, corners: Any, smooth: bool
) -> None:
    b = bed()
    mesh = b.cube("/World/C", 2.0)
    counts, indices = mesh.GetFaceVertexCountsAttr().Get(), list(mesh.GetFaceVertexIndicesAttr().Get())
    if open_:
        counts, indices = counts[:5], indices[:20]
        mesh.GetFaceVertexCountsAttr().Set(counts)
        mesh.GetFaceVertexIndicesAttr().Set(indices)
    mesh.GetSubdivisionSchemeAttr().Set("catmullClark")
    mesh.CreateInterpolateBoundaryAttr("edgeOnly" if smooth else "edgeAndCorner")
    mesh.CreateCreaseIndicesAttr([v for crease in creases for v in crease[:2]])
    mesh.CreateCreaseLengthsAttr([2] * len(creases))
    mesh.CreateCreaseSharpnessesAttr([crease[2] for crease in creases])
    mesh.CreateCornerIndicesAttr([v for v, _ in corners])
    mesh.CreateCornerSharpnessesAttr([sharp for _, sharp in corners])
    ours = read_scene(b.stage, refine_level=level).meshes[0].points
    asked = {
        "points": np.array(mesh.GetPointsAttr().Get()).tolist(),
        "faces": np.reshape(indices, (-1, 4)).tolist(),
        "creases": creases, "corners": corners, "smooth": smooth, "level": level,
    }  # fmt: skip
    done = subprocess.run(
        [str(blender_python), "-c", OPENSUBDIV, json.dumps(asked)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    line = next(x for x in done.stdout.splitlines() if x.startswith("POINTS "))
    theirs = np.array(json.loads(line[7:]))
    assert len(theirs) == len(ours)
    apart = np.linalg.norm(ours[:, None] - theirs[None], axis=2)
    assert apart.min(0).max() < 1e-5
    assert apart.min(1).max() < 1e-5
