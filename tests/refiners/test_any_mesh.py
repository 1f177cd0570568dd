# SPDX-License-Identifier: Apache-2.0
"""Any mesh at all: an operation does its work or says in words why not, and doing it again changes nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pxr import Sdf, Usd, UsdGeom, Vt

from pipeline.errors import GatesError
from pipeline.mesh import atlas
from pipeline.refiners import FolderStore, names, quads, refine

SETTINGS: dict[str, dict[str, object]] = {
    "decimate": {"triangles": 20}, "bake": {"side": 64}, "unwrap": {"side": 64}, "repack": {"side": 64},
    "quads": {"faces": 50}, "proportions": {"x": 1.2}, "scale-to-size": {"size": "1x1x1"},
}  # fmt: skip
#: these start processes or cast many rays
SLOW = {"quads", "unwrap", "repack", "texel-density", "collision", "remove-hidden", "lods", "bake", "slats"}
SHAPES = ("soup", "loose", "point", "flat", "line", "twice", "huge", "tiny", "far", "nan", "empty", "no-faces",
          "fan", "bad-index", "single")  # fmt: skip


def _arrays(shape: str, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    count = int(random.integers(1, 40))
    points = random.normal(size=(int(random.integers(3, 24)), 3))
    faces = random.integers(0, len(points), (count, 3))
    if shape == "loose":
        points, faces = random.normal(size=(3 * count, 3)), np.arange(3 * count).reshape(-1, 3)
    elif shape == "single":
        points, faces = points[:3], np.array([[0, 1, 2]])
    elif shape == "twice":
        faces = np.concatenate([faces, faces])
    elif shape == "fan":
        faces[:, 0] = 0
    elif shape == "bad-index":
        faces[0, 0] = 999
    elif shape == "no-faces":
        faces = faces[:0]
    elif shape == "empty":
        points, faces = points[:0], faces[:0]
    points = points * {"huge": 1e12, "tiny": 1e-12, "flat": [1, 0, 1], "line": [1, 0, 0], "point": 0}.get(shape, 1)
    points = points + (1e7 if shape == "far" else 0)
    if shape == "nan":
        points[0, 0] = np.nan
    return points.astype(np.float32), faces.astype(np.int32)


def _stage(shape: str, seed: int) -> Usd.Stage:
    """One or two meshes of a kind, with whatever hangs on meshes by chance."""
    random = np.random.default_rng(seed)
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/Asset").GetPrim())
    for number in range(int(random.integers(1, 3))):
        points, faces = _arrays(shape, random)
        mesh = UsdGeom.Mesh.Define(stage, f"/Asset/geo/m{number}")
        mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
        mesh.CreateFaceVertexCountsAttr([3] * len(faces))
        mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.reshape(-1)))
        chance = random.random(6)
        api = UsdGeom.PrimvarsAPI(mesh)
        if chance[0] < 0.6:
            uv = random.random((faces.size, 2)).astype(np.float32)
            if chance[1] < 0.2 and len(uv):
                uv[0] = np.nan
            made = api.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "faceVarying")
            made.Set(Vt.Vec2fArray.FromNumpy(uv))
            if chance[1] > 0.6:
                made.SetIndices(Vt.IntArray.FromNumpy(random.integers(0, max(len(uv), 1), len(uv)).astype(np.int32)))
        if chance[2] < 0.3:
            second = api.CreatePrimvar("st1", Sdf.ValueTypeNames.TexCoord2fArray, "vertex")
            second.Set(Vt.Vec2fArray.FromNumpy(random.random((len(points), 2)).astype(np.float32)))
        if chance[3] < 0.4:
            most = int(random.integers(1, 11))
            index = random.integers(0, 4, len(points) * most).astype(np.int32)
            weight = random.random(len(points) * most).astype(np.float32)
            api.CreatePrimvar("skel:jointIndices", Sdf.ValueTypeNames.IntArray, "vertex", most).Set(
                Vt.IntArray.FromNumpy(index)
            )
            api.CreatePrimvar("skel:jointWeights", Sdf.ValueTypeNames.FloatArray, "vertex", most).Set(
                Vt.FloatArray.FromNumpy(weight)
            )
        if chance[4] < 0.3 and len(faces):
            half = random.permutation(len(faces))[: (len(faces) + 1) // 2].astype(np.int32)
            UsdGeom.Subset.CreateGeomSubset(mesh, "part", "face", Vt.IntArray.FromNumpy(half))
        if chance[5] < 0.2:
            mesh.CreateOrientationAttr("leftHanded")
    if random.random() < 0.2:
        again = UsdGeom.Xform.Define(stage, "/Asset/again").GetPrim()
        again.GetReferences().AddInternalReference("/Asset/geo")
        again.SetInstanceable(True)
    return stage


def _try(op: str, shape: str, seed: int) -> None:
    stage = _stage(shape, seed)
    with tempfile.TemporaryDirectory() as folder:
        store = FolderStore(Path(folder))
        before = stage.GetRootLayer().ExportToString()
        try:
            refine(stage, "/Asset", op, SETTINGS.get(op), store=store)
        except GatesError as error:
            assert error.prim, str(error)
            assert stage.GetRootLayer().ExportToString() == before
            return
        once = stage.GetRootLayer().ExportToString()
        assert not refine(stage, "/Asset", op, SETTINGS.get(op), store=store).changed
        assert stage.GetRootLayer().ExportToString() == once


@pytest.mark.parametrize("op", sorted(set(names()) - SLOW))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.sampled_from(SHAPES), st.integers(0, 10_000))
def test_done_or_refused_in_words_and_the_second_time_is_nothing(op: str, shape: str, seed: int) -> None:
    _try(op, shape, seed)


@pytest.mark.long
@pytest.mark.parametrize("op", sorted(SLOW & set(names())))
def test_so_do_those_that_take_longer(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atlas, "_PATIENCE", 5)
    monkeypatch.setattr(quads, "_PATIENCE", 3)
    shapes = ("soup", "loose", "line", "nan", "fan") if op in ("quads", "remove-hidden") else SHAPES
    for seed, shape in enumerate(shapes):
        _try(op, shape, seed)
