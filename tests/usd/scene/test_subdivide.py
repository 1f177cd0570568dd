# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
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
