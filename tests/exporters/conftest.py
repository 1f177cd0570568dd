# SPDX-License-Identifier: Apache-2.0
"""Tiny stages on disk to export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Sdf, Usd, UsdGeom, UsdShade

FACES = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]


class Plot:
    """A stage on disk with `/World`, and short ways to put things on it."""

    def __init__(self, path: Path, up: str = "Y", unit: float = 1.0, codes: float = 24.0) -> None:
        self.path = path
        self.stage = Usd.Stage.CreateNew(str(path))
        UsdGeom.SetStageUpAxis(self.stage, up)
        UsdGeom.SetStageMetersPerUnit(self.stage, unit)
        self.stage.SetTimeCodesPerSecond(codes)
        self.world = UsdGeom.Xform.Define(self.stage, "/World")
        self.stage.SetDefaultPrim(self.world.GetPrim())

    def cube(self, path: str, size: float = 1.0, at: tuple[float, float, float] = (0, 0, 0)) -> Any:
        half = size / 2
        corners = [(x, y, z) for x in (-half, half) for y in (-half, half) for z in (-half, half)]
        mesh = UsdGeom.Mesh.Define(self.stage, path)
        mesh.CreatePointsAttr((np.array(corners) + at).tolist())
        mesh.CreateFaceVertexCountsAttr([4] * 6)
        mesh.CreateFaceVertexIndicesAttr(np.ravel(FACES).tolist())
        mesh.CreateSubdivisionSchemeAttr("none")
        uv = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "faceVarying")
        uv.Set([(0, 0), (1, 0), (1, 1), (0, 1)] * 6)
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

    def texture(self, material: str, name: str, file: str, channel: str = "rgb", **more: Any) -> Any:
        surface = UsdShade.Shader(self.stage.GetPrimAtPath(f"{material}/surface"))
        texture = UsdShade.Shader.Define(self.stage, f"{material}/{name}_texture")
        texture.CreateIdAttr("UsdUVTexture")
        texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(file)
        for key, value in more.items():
            kind = Sdf.ValueTypeNames.Token if isinstance(value, str) else Sdf.ValueTypeNames.Float4
            texture.CreateInput(key, kind).Set(value)
        kinds = {"diffuseColor": "Color3f", "emissiveColor": "Color3f", "normal": "Normal3f"}
        kind = getattr(Sdf.ValueTypeNames, kinds.get(name, "Float"))
        surface.CreateInput(name, kind).ConnectToSource(texture.ConnectableAPI(), channel)
        return texture

    def bind(self, prim: Any, material: Any) -> None:
        UsdShade.MaterialBindingAPI.Apply(prim.GetPrim()).Bind(material)

    def save(self) -> Path:
        self.stage.GetRootLayer().Save()
        return self.path


@pytest.fixture
def plot(tmp_path: Path) -> Callable[..., Plot]:
    made: list[Plot] = []

    def make(*args: Any, **more: Any) -> Plot:
        folder = tmp_path / "stages"
        folder.mkdir(exist_ok=True)
        made.append(Plot(folder / f"stage{len(made)}.usda", *args, **more))
        return made[-1]

    return make


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Write an array `(h, w, c) uint8` as a picture beside the stages."""

    def write(name: str, pixels: Any) -> Path:
        from PIL import Image

        folder = tmp_path / "stages"
        folder.mkdir(exist_ok=True)
        array = np.asarray(pixels, np.uint8)
        Image.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(folder / name)
        return folder / name

    return write
