# SPDX-License-Identifier: Apache-2.0
"""Tangents against Blender's, which are MikkTSpace's reference code, corner by corner."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import trimesh

from pipeline.mesh.mikktspace import mikktspace

_BLENDER = """
import sys
import bpy, numpy as np
given = np.load(sys.argv[1])
mesh = bpy.data.meshes.new("m")
mesh.from_pydata(given["points"].tolist(), [], given["faces"].tolist())
mesh.uv_layers.new(name="st").data.foreach_set("uv", given["uv"].reshape(-1))
mesh.polygons.foreach_set("use_smooth", np.ones(len(given["faces"]), bool))
mesh.normals_split_custom_set(given["normals"].reshape(-1, 3).tolist())
mesh.calc_tangents(uvmap="st")
count = len(mesh.loops)
found = {n: np.empty(count * w, np.float32) for n, w in (("tangent", 3), ("bitangent_sign", 1), ("normal", 3))}
for name, values in found.items():
    mesh.loops.foreach_get(name, values)
np.savez(sys.argv[2], **found)
"""
_SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]]), np.array([[0, 1, 2], [0, 2, 3]])


def _folded() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A turned ball laid flat: the back mirrored, every seventh fan of faces hard, every fifth face a UV island."""
    ball = trimesh.creation.icosphere(subdivisions=4)
    turn = trimesh.transformations.euler_matrix(0.3, 0.5, 0.7)[:3, :3]
    points, faces = (ball.vertices @ turn.T).astype(np.float32), np.asarray(ball.faces)
    corner = points[faces]
    flat = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    smooth = corner / np.linalg.norm(corner, axis=2, keepdims=True)
    normals = np.where((faces[:, :1] % 7 == 0)[:, :, None], flat[:, None], smooth)
    uv = corner[:, :, :2] * 0.5 + 0.5
    uv[::5] = uv[::5] * 0.5 + 2
    return points, faces, uv.astype(np.float32), normals.astype(np.float32)


@pytest.mark.blender
def test_tangents_are_blenders_at_seams_mirrored_islands_and_hard_edges(blender_python: Path, tmp_path: Path) -> None:
    points, faces, uv, normals = _folded()
    np.savez(tmp_path / "given.npz", points=points, faces=faces, uv=uv, normals=normals)
    subprocess.run(
        [str(blender_python), "-c", _BLENDER, str(tmp_path / "given.npz"), str(tmp_path / "found.npz")],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    found = np.load(tmp_path / "found.npz")
    # Blender keeps custom normals in 16 bits: ours are asked for with those it reads back
    held = found["normal"].reshape(-1, 3, 3).astype(float)
    along, sign = mikktspace(points, faces, uv.reshape(-1, 2), np.arange(3 * len(faces)).reshape(-1, 3), held)
    assert np.array_equal(sign, found["bitangent_sign"].reshape(-1, 3))
    assert 0.2 < (sign < 0).mean() < 0.8  # both sides are there
    turn = np.degrees(np.arccos(np.clip(np.einsum("tck,tck->tc", along, found["tangent"].reshape(-1, 3, 3)), -1, 1)))
    assert turn.max() < 0.05  # what float32 leaves


def test_a_square_reads_its_own_axes() -> None:
    points, faces = _SQUARE
    up = np.tile([0, 0, 1.0], (2, 3, 1))
    along, sign = mikktspace(points, faces, points[:, :2], faces, up)
    assert along == pytest.approx(np.tile([1, 0, 0], (2, 3, 1)))
    assert (sign == 1).all()
    mirrored = np.stack([1 - points[:, 0], points[:, 1]], 1)
    along, sign = mikktspace(points, faces, mirrored, faces, up)
    assert along == pytest.approx(np.tile([-1, 0, 0], (2, 3, 1)))
    assert (sign == -1).all()


def test_weights_are_angles_not_areas() -> None:
    """Two faces share the vertex at the origin, of 90 and 45 degrees; their u runs along x and along y."""
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [-5, 5, 0.0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    uv = np.array([[0, 0], [1, 0], [0, 1], [-1, 0.0]])
    along, _ = mikktspace(points, faces, uv, faces, np.tile([0, 0, 1.0], (2, 3, 1)))
    # the second face: (0,1) has v = 1, (-5,5) u = -1, so u grows along (5,-5): 45 degrees clockwise of x
    expected = 90 * np.array([1, 0, 0]) + 45 * np.array([1, -1, 0]) / np.sqrt(2)
    assert along[0, 0] == pytest.approx(expected / np.linalg.norm(expected))
    assert along[1, 0] == pytest.approx(along[0, 0])
    assert along[0, 1] == pytest.approx([1, 0, 0])  # only the first face has this corner


def test_faces_without_area_borrow_and_nothing_is_not_a_number() -> None:
    points, faces = _SQUARE
    faces = np.vstack([faces, [[0, 0, 2]], [[1, 2, 1]]])
    uv = points[:, :2].copy()
    along, sign = mikktspace(points, faces, uv, faces, np.tile([0, 0, 1.0], (4, 3, 1)))
    assert along == pytest.approx(np.tile([1, 0, 0], (4, 3, 1)))
    along, _ = mikktspace(points, faces, uv * 0, faces, np.tile([0, 0, 1.0], (4, 3, 1)))
    assert np.linalg.norm(along, axis=2) == pytest.approx(np.ones((4, 3)))
    assert sign.shape == (4, 3)
    assert len(mikktspace(points, faces[:0], uv, faces[:0], np.zeros((0, 3, 3)))[0]) == 0
