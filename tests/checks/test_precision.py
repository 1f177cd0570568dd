# SPDX-License-Identifier: Apache-2.0
"""Where an asset stands, how it is turned and in which unit it is told change nothing of what is found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import trimesh
from pxr import Gf, UsdGeom

from pipeline.checks.reading import from_stage

RULES = ("geometry.self-intersection", "uv.stretch")
#: how much every tenth face is squeezed in the layout; the job allows 3
SQUEEZED = 3.1
TURNED = ((0, 0, 1, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 1))


def far(x: float, y: float, z: float) -> Gf.Matrix4d:
    return Gf.Matrix4d().SetTranslate(Gf.Vec3d(x, y, z))


def balls(asset: Any) -> UsdGeom.Mesh:
    """Two spheres through each other, every face laid out in its own shape, a tenth of them squeezed."""
    one = trimesh.creation.icosphere(3)
    points = np.vstack([one.vertices, one.vertices + np.array([1.0, 0.01, 0.02])])
    faces = np.vstack([one.faces, one.faces + len(one.vertices)])
    corner = points[faces]
    along, across = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    length = np.linalg.norm(along, axis=1)
    uv = np.zeros((len(faces), 3, 2))
    uv[:, 1, 0] = length
    uv[:, 2, 0] = np.einsum("ij,ij->i", along, across) / length
    uv[:, 2, 1] = np.linalg.norm(np.cross(along, across), axis=1) / length
    uv[::10, :, 0] /= SQUEEZED
    made: UsdGeom.Mesh = asset.mesh(points, faces, uv=uv.reshape(-1, 2))
    return made


@pytest.mark.parametrize(
    "place",
    [
        far(0, 0, 0),
        far(12345.6, 0, -54321.0),
        far(-4e6, 100.0, 0),
        Gf.Matrix4d(*[float(x) for row in TURNED for x in row]),
        Gf.Matrix4d().SetScale(1e-3),
        Gf.Matrix4d().SetScale(1e3),
        Gf.Matrix4d().SetScale(Gf.Vec3d(-1, 1, 1)),
    ],
    ids=["here", "far", "very far", "turned", "small", "large", "mirrored"],
)
def test_findings_are_those_of_the_shape(asset: Any, place: Gf.Matrix4d) -> None:
    mesh = balls(asset)
    here = {rule: asset.findings(rule) for rule in RULES}
    UsdGeom.Xformable(mesh).AddTransformOp().Set(place)
    there = {rule: asset.findings(rule) for rule in RULES}
    # the seam of two unit spheres a metre apart runs through about a hundred faces: 1.7 m round each
    (crossing,) = here["geometry.self-intersection"]
    assert 0.02 < crossing.measured < 0.08
    (stretched,) = here["uv.stretch"]
    assert stretched.measured == pytest.approx(SQUEEZED, rel=1e-4)
    for rule, findings in here.items():
        assert [f.measured for f in there[rule]] == pytest.approx([f.measured for f in findings], rel=1e-4), rule
        assert [f.where for f in there[rule]] == [f.where for f in findings], rule


def test_bounds_are_the_worlds(asset: Any) -> None:
    asset.tri(trimesh.creation.box((1, 2, 4)), move=(1e6, 7, -2e6))
    subject = from_stage(asset.stage)
    assert subject.origin.any()
    low, high = subject.bounds
    np.testing.assert_allclose(low, [1e6 - 0.5, 6, -2e6 - 2], rtol=1e-12)
    np.testing.assert_allclose(high, [1e6 + 0.5, 8, -2e6 + 2], rtol=1e-12)
    # what stands about the origin is measured there
    asset.tri(trimesh.creation.box(), name="near")
    assert not from_stage(asset.stage).origin.any()


def test_points_that_are_far_out_themselves(asset: Any) -> None:
    ball = trimesh.creation.icosphere(2)
    asset.mesh(ball.vertices + np.array([4096.0, 0, -2048.0]), ball.faces)
    subject = from_stage(asset.stage)
    assert subject.origin.any()
    assert np.abs(subject.parts[0].points).max() <= 2
    low, high = subject.bounds
    np.testing.assert_allclose((low + high) / 2, [4096, 0, -2048], atol=1e-3)
