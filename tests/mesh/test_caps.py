# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from pipeline.mesh.caps import needles, without_caps
from pipeline.mesh.polygons import PolygonMesh, Primvar


def _box_with_cap(apart: bool = False) -> PolygonMesh:
    """A cube of triangles; one side is cut in the middle on one face only, a triangle without area closes the gap."""
    box = trimesh.creation.box((2, 2, 2))
    points = np.concatenate([box.vertices, np.zeros((1, 3))])
    faces = box.faces.copy()
    a, b, c = faces[0]
    points[8] = (points[a] + points[b]) / 2
    faces = np.concatenate([faces, [[8, b, c], [a, b, 8]]])
    faces[0] = [a, 8, c]
    # the layout is the plane's x and y: exact wherever a point lies
    uv = points[faces.reshape(-1)][:, [0, 1]].astype(np.float32)
    st = Primvar(uv, None, "faceVarying", "texCoord2f[]")
    kind = Primvar(np.arange(len(faces), dtype=np.int32), None, "uniform", "int[]")
    top = np.flatnonzero(np.arange(len(faces)) != len(faces) - 1).astype(np.int32)
    mesh = PolygonMesh(
        points.astype(np.float32), np.full(len(faces), 3, np.int32), faces.reshape(-1).astype(np.int32),
        {"st": st, "kind": kind}, {"paint": top},
    )  # fmt: skip
    if not apart:
        return mesh
    # every corner a point of its own, the layout by point: a cap on a seam
    return replace(
        mesh, points=mesh.points[mesh.corners], corners=np.arange(len(mesh.corners), dtype=np.int32),
        primvars={"st": replace(st, interpolation="vertex")},
    )  # fmt: skip


@pytest.mark.parametrize("apart", [False, True])
def test_a_cap_is_turned_and_the_surface_stays(apart: bool) -> None:
    mesh = _box_with_cap(apart)
    assert mesh.topology.degenerate.sum() == 1
    assert len(mesh.topology.edges.open) == 0
    made, turned = without_caps(mesh)
    assert turned == 1
    assert not made.topology.degenerate.any()
    assert len(made.topology.edges.open) == len(made.topology.edges.crowded) == 0
    assert not made.topology.edges.conflicting.any()
    assert made.topology.shells.volume[0] == pytest.approx(8)
    st = made.primvars["st"]
    assert st.values[made.corner_rows(st)] == pytest.approx(made.points[made.corners][:, [0, 1]], abs=1e-6)
    assert len(made.subsets["paint"]) == len(made.counts)  # the cap is a part of its neighbour now
    assert without_caps(made)[1] == 0


def test_points_are_not_added_where_they_must_not() -> None:
    mesh = _box_with_cap(apart=True)
    assert without_caps(mesh, renumber=False)[1] == 0


def test_the_near_corners_of_a_needle_become_one() -> None:
    box = trimesh.creation.box((2, 2, 2))
    box.apply_translation([1.125, 1.125, 1.125])  # float32 steps near 1/8 are a hundred-millionth
    face = int(np.flatnonzero((box.faces == 0).any(axis=1))[0])
    a, b, c = np.roll(box.faces[face], -int(np.flatnonzero(box.faces[face] == 0)[0]))
    near = np.nextafter(box.vertices[a].astype(np.float32), np.float32(0))
    faces = np.concatenate([box.faces, [[a, b, 8], [a, 8, c]]])
    faces[face] = [8, b, c]
    points = np.concatenate([box.vertices, [near]]).astype(np.float32)
    mesh = PolygonMesh(points, np.full(len(faces), 3, np.int32), faces.reshape(-1).astype(np.int32))
    assert mesh.topology.degenerate.any()
    joined = needles(mesh)
    assert joined is not None
    assert joined.count == 8
    assert needles(_box_with_cap()) is None
