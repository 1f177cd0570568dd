# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pxr import Sdf, Usd, UsdGeom, UsdShade, Vt

MakeMesh = Callable[..., UsdGeom.Mesh]


def cube(size: float = 1.0, at: tuple[float, float, float] = (0, 0, 0)) -> tuple[np.ndarray, np.ndarray]:
    """A closed cube of six quads, wound outward."""
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float) - 0.5
    quads = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]], np.int32)
    return corners * size + np.array(at), quads


def sphere(steps: int = 16, radius: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A closed sphere of triangles, wound outward, `steps` bands of `2 * steps` segments."""
    rows, columns = steps, 2 * steps
    lat = np.pi * np.arange(1, rows) / rows
    lon = 2 * np.pi * np.arange(columns) / columns
    ring = np.stack(
        [np.sin(lat)[:, None] * np.cos(lon), np.broadcast_to(np.cos(lat)[:, None], (rows - 1, columns)),
         np.sin(lat)[:, None] * np.sin(lon)], -1,
    ).reshape(-1, 3)  # fmt: skip
    points = np.vstack([[[0, 1, 0]], ring, [[0, -1, 0]]]) * radius
    i, j = np.meshgrid(np.arange(rows - 2), np.arange(columns), indexing="ij")
    a = 1 + i * columns + j
    b = 1 + i * columns + (j + 1) % columns
    c, d = a + columns, b + columns
    band = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])
    j = np.arange(columns)
    top = np.stack([np.zeros(columns, int), 1 + (j + 1) % columns, 1 + j], 1)
    last = len(points) - 1
    low = 1 + (rows - 2) * columns
    bottom = np.stack([np.full(columns, last), low + j, low + (j + 1) % columns], 1)
    return points, np.concatenate([top, band, bottom]).astype(np.int32)


@pytest.fixture
def stage() -> Usd.Stage:
    made = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(made, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(made, 1)
    made.SetDefaultPrim(UsdGeom.Xform.Define(made, "/Asset").GetPrim())
    UsdGeom.Scope.Define(made, "/Asset/geo")
    UsdGeom.Scope.Define(made, "/Asset/mtl")
    return made


@pytest.fixture
def add(stage: Usd.Stage) -> MakeMesh:
    def make(name: str, points: np.ndarray, faces: np.ndarray, uv: np.ndarray | None = None) -> UsdGeom.Mesh:
        mesh = UsdGeom.Mesh.Define(stage, f"/Asset/geo/{name}")
        mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(np.asarray(points, np.float32)))
        mesh.CreateFaceVertexCountsAttr(Vt.IntArray([faces.shape[1]] * len(faces)))
        mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(np.asarray(faces, np.int32).reshape(-1)))
        mesh.CreateSubdivisionSchemeAttr("none")
        if uv is not None:
            st = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar(
                "st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying
            )
            st.Set(Vt.Vec2fArray.FromNumpy(np.asarray(uv, np.float32)))
        return mesh

    return make


@pytest.fixture
def material(stage: Usd.Stage) -> Callable[..., UsdShade.Material]:
    def make(name: str, color: tuple[float, float, float] = (0.5, 0.5, 0.5)) -> UsdShade.Material:
        made = UsdShade.Material.Define(stage, f"/Asset/mtl/{name}")
        shader = UsdShade.Shader.Define(stage, f"/Asset/mtl/{name}/surface")
        shader.CreateIdAttr("UsdPreviewSurface")
        shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(color)
        made.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
        return made

    return make
