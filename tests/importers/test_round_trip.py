# SPDX-License-Identifier: Apache-2.0
"""Out through the exporters and in again: what both formats can hold comes back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from pxr import Usd, UsdGeom
from scipy.spatial import cKDTree

SHARED = Path(__file__).parents[1] / "data/importers"
export = pytest.importorskip("pipeline.exporters").export


def triangles(stage: Usd.Stage) -> np.ndarray:
    """Centres and doubled area vectors of all triangles of a stage of triangle meshes in the world (n, 6)."""
    found = []
    for prim in stage.Traverse():
        if prim.IsA(UsdGeom.Mesh):
            mesh = UsdGeom.Mesh(prim)
            matrix = np.array(UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(Usd.TimeCode.Default()))
            points = np.asarray(mesh.GetPointsAttr().Get(), float) @ matrix[:3, :3] + matrix[3, :3]
            found.append(points[np.asarray(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)])
    a, b, c = np.moveaxis(np.concatenate(found), 1, 0)
    return np.concatenate([(a + b + c) / 3, np.cross(b - a, c - a)], axis=1)


@pytest.mark.parametrize("suffix", ["glb", "gltf", "obj", "stl", "usdz", "usda", "usdc"])
def test_a_mesh_comes_back(bring_in: Any, tmp_path: Path, suffix: str) -> None:
    first, stage = bring_in(SHARED / "spot.obj")
    out = tmp_path / f"again/spot.{suffix}"
    out.parent.mkdir()
    export(stage, out, verify=False)
    options = {}
    if suffix == "stl":  # for print: millimetres and Z-up
        size = np.ptp(trimesh.load(out, process=False).bounds, axis=0)
        truth = np.ptp(np.array(first.bounds_m), axis=0)
        options = {"units": "mm" if size.max() > 100 * truth.max() else "m"}
        options["up"] = "Z" if abs(size[2] / size.max() - truth[1] / truth.max()) < 1e-3 else "Y"
    again, stage_again = bring_in(out, **options)
    assert again.triangles == first.triangles
    assert np.array(again.bounds_m) == pytest.approx(np.array(first.bounds_m), abs=1e-5)
    before, after = triangles(stage), triangles(stage_again)
    for one, other in ((before, after), (after, before)):  # the same triangles, in any order
        assert cKDTree(one).query(other)[0].max() < 1e-4


def test_a_compressed_glb_comes_back(bring_in: Any, tmp_path: Path) -> None:
    pytest.importorskip("meshoptimizer")
    first, stage = bring_in(SHARED / "spot.obj")
    export(stage, tmp_path / "web.glb", "web", verify=False)
    again, _ = bring_in(tmp_path / "web.glb")
    assert again.triangles == first.triangles
    assert np.array(again.bounds_m) == pytest.approx(np.array(first.bounds_m), abs=2e-3)
    assert again.uv_sets == 1


def test_a_skinned_clip_comes_back(glb: Any, bring_in: Any, tmp_path: Path) -> None:
    half = math.sqrt(0.5)
    bar = trimesh.creation.cylinder(0.1, 2, sections=8)
    upper = glb.node(name="upper", translation=[0, 0, 1])
    lower = glb.node(name="lower", children=[upper], translation=[0, 0, -1])
    inverse = np.repeat(np.eye(4)[None], 2, axis=0)
    inverse[0, 3, 2] = 1
    skin = glb.add("skins", name="rig", joints=[lower, upper], inverseBindMatrices=glb.accessor(inverse.reshape(2, 16)))
    above = (bar.vertices[:, 2] > 0).astype(float)
    weights = np.stack([1 - above, above, 0 * above, 0 * above], axis=1)
    attributes = {
        "JOINTS_0": glb.accessor(np.tile([0, 1, 0, 0], (len(above), 1)), "u1"),
        "WEIGHTS_0": glb.accessor(weights),
    }
    glb.node(name="bar", mesh=glb.mesh(bar.vertices, bar.faces, attributes=attributes), skin=skin)
    sampler = {"input": glb.accessor([0, 1]), "output": glb.accessor([[0, 0, 0, 1], [half, 0, 0, half]])}
    moves = {"sampler": 0, "target": {"node": upper, "path": "rotation"}}
    glb.add("animations", name="bend", samplers=[sampler], channels=[moves])
    first, stage = bring_in(glb.bytes())
    export(stage, tmp_path / "again.glb", verify=False)
    again, _ = bring_in(tmp_path / "again.glb")
    assert (first.joints, len(first.clips)) == (2, 1)
    assert (again.joints, len(again.clips), again.triangles) == (2, 1, first.triangles)
    assert np.array(again.bounds_m) == pytest.approx(np.array(first.bounds_m), abs=1e-4)
