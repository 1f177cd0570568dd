# SPDX-License-Identifier: Apache-2.0
"""Many meshes built at once are what each is when it is built alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Sdf, Usd, UsdGeom, Vt

from pipeline.usd.scene import crowd, read_scene
from pipeline.usd.scene.model import Mesh, Primvar, Scene

#: what is wrong with the mesh of that number; the others are sound
_WRONG = {3: "nan", 7: "index", 11: "short", 13: "uv", 17: "negative", 19: "two corners", 23: "nothing"}


def _stage(path: Path, count: int, seed: int) -> Path:
    """Random fans of quads and triangles in centimetres with Z up; every kind of primvar, some broken meshes."""
    rng = np.random.default_rng(seed)
    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, "Z")
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    for k in range(count):
        faces = int(rng.integers(1, 9))
        counts = rng.integers(3, 6, faces).astype(np.int32)
        points = rng.standard_normal((int(rng.integers(6, 12)), 3)).astype(np.float32)
        corners = rng.permuted(np.tile(np.arange(len(points)), (faces, 1)), axis=1)
        vertices = np.concatenate([row[:n] for row, n in zip(corners, counts, strict=True)]).astype(np.int32)
        wrong = _WRONG.get(k)
        if wrong == "nan":
            points[vertices[0]] = np.nan
        elif wrong == "index":
            vertices[-1] = 99
        elif wrong == "short":
            vertices = vertices[:-1]
        elif wrong == "negative":
            counts[0] = -1
        elif wrong == "two corners":
            counts[0], vertices = 2, np.concatenate([vertices[:2], vertices[counts[0] :]]).astype(np.int32)
        elif wrong == "nothing":
            vertices[:] = -1
        mesh = UsdGeom.Mesh.Define(stage, f"/M{k}")
        mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
        mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(counts))
        mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(vertices))
        mesh.CreateSubdivisionSchemeAttr("none")
        primvars = UsdGeom.PrimvarsAPI(mesh)
        uv = primvars.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "faceVarying")
        if k % 3:  # indexed as the faces are, or in an order of its own
            uv.Set(Vt.Vec2fArray.FromNumpy(rng.random((len(points), 2)).astype(np.float32)))
            own = vertices if k % 3 == 1 else rng.integers(0, len(points), len(vertices)).astype(np.int32)
            uv.SetIndices(Vt.IntArray.FromNumpy(own[:-1] if wrong == "uv" else own))
        else:
            uv.Set(Vt.Vec2fArray.FromNumpy(rng.random((len(vertices), 2)).astype(np.float32)))
        if k % 2:
            mesh.CreateNormalsAttr(
                Vt.Vec3fArray.FromNumpy(3 * rng.standard_normal((len(points), 3)).astype(np.float32))
            )
        if k % 5 == 0:
            mesh.CreateDisplayColorPrimvar(["constant", "uniform"][k % 2]).Set(
                [(0.1, 0.5, 0.9)] * (faces if k % 2 else 1)
            )
    stage.Save()
    return path


def _primvar(p: Primvar | None) -> Any:
    if p is None:
        return None
    return p.name, p.interpolation, p.values.tolist(), None if p.indices is None else p.indices.tolist()


def _facts(mesh: Mesh) -> dict[str, Any]:
    return {
        "path": mesh.path, "slots": mesh.slots, "faceted": mesh.faceted, "edges": mesh.edges is not None,
        "points": np.nan_to_num(mesh.points).tolist(), "counts": mesh.face_counts.tolist(),
        "vertices": mesh.face_vertices.tolist(), "uvs": [_primvar(p) for p in mesh.uvs],
        "normals": None if mesh.normals is None else np.round(mesh.normals.values, 6).tolist(),
        "color": _primvar(mesh.color),
    }  # fmt: skip


@pytest.mark.parametrize("seed", [0, 1])
def test_together_or_alone_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    path = _stage(tmp_path / "stage.usda", 120, seed)
    together: Scene = read_scene(path)
    monkeypatch.setattr(crowd, "_FEW", 10_000)
    alone: Scene = read_scene(path)
    monkeypatch.setattr(crowd, "_SMALL", -1)
    at_once: Scene = read_scene(path)
    for other in (alone, at_once):
        assert [_facts(m) for m in together.meshes] == [_facts(m) for m in other.meshes]
        assert [(n.path, n.mesh, n.materials) for n in together.nodes] == [
            (n.path, n.mesh, n.materials) for n in other.nodes
        ]
        assert sorted(map(str, together.losses)) == sorted(map(str, other.losses))
    told = {loss.prim for loss in together.losses}
    assert {f"/M{k}" for k, wrong in _WRONG.items() if wrong != "two corners"} <= told
    assert together.nodes[23].mesh is None and together.nodes[24].mesh is not None
