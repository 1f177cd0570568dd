# SPDX-License-Identifier: Apache-2.0
"""Tiny stages to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pxr import Sdf, Usd, UsdGeom, UsdShade

FACES = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]


class Bed:
    """A stage in memory with `/World`, and short ways to put things on it."""

    def __init__(self, up: str = "Y", unit: float = 1.0, codes: float = 24.0) -> None:
        self.stage = Usd.Stage.CreateInMemory()
        UsdGeom.SetStageUpAxis(self.stage, up)
        UsdGeom.SetStageMetersPerUnit(self.stage, unit)
        self.stage.SetTimeCodesPerSecond(codes)
        self.world = UsdGeom.Xform.Define(self.stage, "/World")
        self.stage.SetDefaultPrim(self.world.GetPrim())

    def cube(self, path: str, size: float = 1.0, at: tuple[float, float, float] = (0, 0, 0)) -> Any:
        half = size / 2
        corners = [(x, y, z) for x in (-half, half) for y in (-half, half) for z in (-half, half)]
        return self.mesh(path, (np.array(corners) + at).tolist(), [4] * 6, np.ravel(FACES).tolist())

    def mesh(self, path: str, points: Any, counts: Any, indices: Any) -> Any:
        mesh = UsdGeom.Mesh.Define(self.stage, path)
        mesh.CreatePointsAttr([tuple(p) for p in points])
        mesh.CreateFaceVertexCountsAttr(counts)
        mesh.CreateFaceVertexIndicesAttr(indices)
        mesh.CreateSubdivisionSchemeAttr("none")
        return mesh

    def material(self, path: str, **inputs: Any) -> Any:
        material = UsdShade.Material.Define(self.stage, path)
        shader = UsdShade.Shader.Define(self.stage, f"{path}/surface")
        shader.CreateIdAttr("UsdPreviewSurface")
        for name, value in inputs.items():
            kind = Sdf.ValueTypeNames.Color3f if isinstance(value, tuple) else Sdf.ValueTypeNames.Float
            shader.CreateInput(name, kind).Set(value)
        material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
        return material

    def bind(self, prim: Any, material: Any) -> None:
        UsdShade.MaterialBindingAPI.Apply(prim.GetPrim()).Bind(material)


@pytest.fixture
def bed() -> Callable[..., Bed]:
    return Bed
