# SPDX-License-Identifier: Apache-2.0
"""A baked normal map against rays that trimesh casts at the dense mesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from pxr import Usd, UsdGeom, UsdShade

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
