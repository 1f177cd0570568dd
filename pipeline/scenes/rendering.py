# SPDX-License-Identifier: Apache-2.0
"""Render settings as prims below /Render, where any Hydra renderer finds them (UsdRender)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from pxr import Gf, Sdf, Usd, UsdGeom, UsdRender

from pipeline.errors import UsageError
from pipeline.usd.records import valid_name

__all__ = ["AOVS", "author_render_settings"]

#: Hydra's names (HdAovTokens) and the types of their values
AOVS = {
    "color": "color4f",
    "depth": "float",
    "cameraDepth": "float",
    "normal": "normal3f",
    "Neye": "normal3f",
    "Peye": "point3f",
    "primId": "int",
    "instanceId": "int",
    "elementId": "int",
}
#: of the settings
ROOT = "/Render"


def author_render_settings(
    stage: Usd.Stage,
    name: str,
    camera: str,
    resolution: tuple[int, int],
    product: str,
    aovs: Sequence[str] = ("color",),
    purposes: Sequence[str] = ("default", "render"),
) -> UsdRender.Settings:
    """Author settings with one product and its variables, at the stage's edit target.

    Naming them on the root layer (`renderSettingsPrimPath`) is the caller's part: that layer is no department's.

    Parameters
    ----------
    camera
        Path of a camera prim.
    resolution
        Width and height in pixels.
    product
        File name, relative to the stage; `####` is the frame.
    aovs
        Render variables: Hydra's names, or `primvars:…` for a primvar.

    Raises
    ------
    UsageError
        There is no such camera, the file name is absolute or leaves the stage's folder, or a variable is unknown.
    """
    if not Sdf.Path.IsValidPathString(camera) or not UsdGeom.Camera(stage.GetPrimAtPath(camera)):
        raise UsageError("there is no such camera", prim=camera, remedy="gates camera NAME --subject ASSET makes one")
    file = PurePosixPath(product)
    if file.is_absolute() or ".." in file.parts or not file.suffix:
        raise UsageError(
            f"{product!r} cannot be a product's name",
            remedy="name a file relative to the stage, like renders/sh010.####.exr",
        )
    for aov in aovs:
        if aov not in AOVS and not aov.startswith("primvars:"):
            raise UsageError(f"no render variable {aov!r}", remedy=f"use one of: {', '.join(AOVS)}, primvars:NAME")
    path = f"{ROOT}/{valid_name(name)}"
    for scope in (ROOT, f"{ROOT}/Vars"):
        UsdGeom.Scope.Define(stage, scope)
    variables = [_variable(stage, aov) for aov in dict.fromkeys(aovs)]
    settings = UsdRender.Settings.Define(stage, path)
    size = Gf.Vec2i(*resolution)
    settings.CreateResolutionAttr(size)
    settings.CreateCameraRel().SetTargets([camera])
    settings.CreateIncludedPurposesAttr(list(purposes))
    settings.CreateAspectRatioConformPolicyAttr(UsdRender.Tokens.adjustApertureHeight)
    made = UsdRender.Product.Define(stage, f"{path}/Picture")
    made.CreateProductTypeAttr(UsdRender.Tokens.raster)
    made.CreateProductNameAttr(product)
    made.CreateResolutionAttr(size)
    made.CreateCameraRel().SetTargets([camera])
    made.CreateOrderedVarsRel().SetTargets([v.GetPath() for v in variables])
    settings.CreateProductsRel().SetTargets([made.GetPath()])
    return settings


def _variable(stage: Usd.Stage, aov: str) -> Usd.Prim:
    var = UsdRender.Var.Define(stage, Sdf.Path(f"{ROOT}/Vars/{valid_name(aov)}"))
    primvar = aov.startswith("primvars:")
    var.CreateDataTypeAttr("color3f" if primvar else AOVS[aov])
    var.CreateSourceNameAttr(aov.removeprefix("primvars:"))
    var.CreateSourceTypeAttr(UsdRender.Tokens.primvar if primvar else UsdRender.Tokens.raw)
    return var.GetPrim()
