# SPDX-License-Identifier: Apache-2.0
"""A baked normal map against rays that trimesh casts at the dense mesh, and against itself across seams."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from pxr import Usd, UsdGeom, UsdShade

from pipeline.mesh.mikktspace import mikktspace
from pipeline.refiners import FolderStore, refine
from pipeline.refiners.core.geometry import read_mesh
from pipeline.refiners.core.looks import maps


def _define(stage: Usd.Stage, path: str, mesh: trimesh.Trimesh) -> UsdGeom.Mesh:
    made = UsdGeom.Mesh.Define(stage, path)
    made.CreatePointsAttr(mesh.vertices.tolist())
    made.CreateFaceVertexCountsAttr([3] * len(mesh.faces))
    made.CreateFaceVertexIndicesAttr(mesh.faces.reshape(-1).tolist())
    return made


@pytest.mark.long
def test_the_baked_ball_shades_as_the_dense_one(tmp_path: Path) -> None:
    """Tangent space, green up: what a shader decodes at a texel is the dense mesh's normal above it."""
    dense = trimesh.creation.icosphere(subdivisions=6)
    wave = 1 + 0.015 * np.sin(9 * dense.vertices[:, 0] + 2) * np.cos(7 * dense.vertices[:, 1])
    dense.vertices = dense.vertices * wave[:, None]
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    UsdGeom.Xform.Define(stage, "/Asset")
    low = _define(stage, "/Asset/geo/low", trimesh.creation.icosphere(subdivisions=3))
    low.CreateSubdivisionSchemeAttr("none")
    UsdGeom.Xform.Define(stage, "/High")
    _define(stage, "/High/dense", dense)
    store = FolderStore(tmp_path / "new")
    side = 512
    refine(stage, "/Asset", "unwrap", {"side": side}, store=store)
    told = refine(stage, "/Asset", "bake", {"side": side, "source": "/High", "maps": "normal"}, store=store)
    assert told.details["missed"] < 0.001
    [read] = maps(UsdShade.MaterialBindingAPI(low).ComputeBoundMaterial()[0])

    mesh = read_mesh(low)
    st = mesh.primvars["st"]
    uv = st.values[mesh.corner_rows(st)].reshape(-1, 3, 2).astype(float)
    corner = mesh.points[mesh.corners].reshape(-1, 3, 3).astype(float)
    random = np.random.default_rng(3)
    face = random.integers(0, len(corner), 1500)
    weights = random.dirichlet([3, 3, 3], 1500)
    place = np.einsum("ki,kij->kj", weights, corner[face])
    value = read.values(np.einsum("ki,kij->kj", weights, uv[face]))
    # a shader's frame: the ball's smooth normal is its radius; the tangent runs along growing u
    normal = place / np.linalg.norm(place, axis=1, keepdims=True)
    p, q = corner[face, 1] - corner[face, 0], corner[face, 2] - corner[face, 0]
    s, t = uv[face, 1] - uv[face, 0], uv[face, 2] - uv[face, 0]
    turn = np.sign(s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0])[:, None]
    tangent = (p * t[:, 1:] - q * s[:, 1:]) * turn
    tangent -= np.einsum("ij,ij->i", tangent, normal)[:, None] * normal
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    bitangent = turn * np.cross(normal, tangent)
    frame = np.stack([tangent, bitangent, normal], axis=1)
    shaded = np.einsum("ki,kij->kj", value, frame)
    shaded /= np.linalg.norm(shaded, axis=1, keepdims=True)
    # from outside towards the middle: where the dense ball is met, and its interpolated normal there
    at, ray, hit = dense.ray.intersects_location(normal * 2, -normal, multiple_hits=False)
    among = trimesh.triangles.points_to_barycentric(dense.triangles[hit], at)
    there = np.einsum("ki,kij->kj", among, dense.vertex_normals[dense.faces[hit]])
    there /= np.linalg.norm(there, axis=1, keepdims=True)

    def angle(given: np.ndarray) -> float:
        return float(np.degrees(np.arccos(np.clip(np.einsum("ij,ij->i", given[ray], there), -1, 1))).mean())

    flat = angle(normal)
    downward = np.einsum("ki,kij->kj", value * [1, -1, 1], frame)
    assert flat > 3  # the waves tilt the surface so much: what the map must make good
    assert angle(shaded) < 0.25 * flat
    assert angle(downward / np.linalg.norm(downward, axis=1, keepdims=True)) > 0.7 * flat


def test_both_sides_of_a_seam_show_one_surface(tmp_path: Path) -> None:
    """What a shader decodes just beside each layout border, from eight bits and by bilinear filter, on either side."""
    dense = trimesh.creation.icosphere(subdivisions=5)
    dense.vertices *= (1 + 0.01 * np.sin(9 * dense.vertices[:, 0] + 2) * np.cos(7 * dense.vertices[:, 1]))[:, None]
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    UsdGeom.Xform.Define(stage, "/Asset")
    low = _define(stage, "/Asset/geo/low", trimesh.creation.icosphere(subdivisions=2))
    low.CreateSubdivisionSchemeAttr("none")
    UsdGeom.Xform.Define(stage, "/High")
    _define(stage, "/High/dense", dense)
    store = FolderStore(tmp_path / "new")
    refine(stage, "/Asset", "unwrap", {"side": 512, "padding": 8}, store=store)
    refine(stage, "/Asset", "bake", {"side": 512, "source": "/High", "maps": "normal", "padding": 4}, store=store)
    [read] = maps(UsdShade.MaterialBindingAPI(low).ComputeBoundMaterial()[0])
    mesh = read_mesh(low)
    st = mesh.primvars["st"]
    uv = st.values[mesh.corner_rows(st)].reshape(-1, 3, 2).astype(float)
    faces = mesh.corners.reshape(-1, 3)
    normal = mesh.points[faces] / np.linalg.norm(mesh.points[faces], axis=2, keepdims=True)
    along, sign = mikktspace(mesh.points, faces, uv.reshape(-1, 2), np.arange(faces.size).reshape(-1, 3), normal)

    def shaded(face: int, start: int, share: float) -> np.ndarray:
        weights = np.zeros(3)
        weights[start], weights[(start + 1) % 3] = 1 - share, share
        n, t = weights @ normal[face], weights @ along[face]
        x, y, z = read.values((weights @ uv[face])[None])[0]
        result = x * t + y * sign[face, 0] * np.cross(n, t) + z * n
        return np.asarray(result / np.linalg.norm(result))

    half = {(int(f[i]), int(f[(i + 1) % 3])): (k, i) for k, f in enumerate(faces) for i in range(3)}
    gaps = []
    for (a, b), (face, start) in half.items():
        other, back = half[b, a]
        torn = not np.allclose(uv[face, start], uv[other, (back + 1) % 3])
        if a < b and torn:
            gaps += [shaded(face, start, s) @ shaded(other, back, 1 - s) for s in (0.2, 0.5, 0.8)]
    angle = np.degrees(np.arccos(np.clip(gaps, -1, 1)))
    assert len(angle) > 100
    assert np.median(angle) < 0.6  # a step of eight bits is 0.45 degrees
    assert np.percentile(angle, 95) < 1.5
