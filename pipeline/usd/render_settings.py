# SPDX-License-Identifier: Apache-2.0
"""UsdRender: the settings, products and variables that a stage says it is rendered with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pxr import Sdf, Usd, UsdRender

__all__ = ["RenderProduct", "RenderSettings", "read_render_settings"]


@dataclass(frozen=True)
class RenderProduct:
    """One file that a renderer writes.

    Attributes
    ----------
    name
        As authored, relative to the stage.
    camera
        Path of the camera; empty where none is named.
    variables
        `sourceName` of each render variable, in order.
    """

    path: str
    name: str
    camera: str
    resolution: tuple[int, int]
    variables: tuple[str, ...]


@dataclass(frozen=True)
class RenderSettings:
    """The settings that a stage names.

    Attributes
    ----------
    camera
        Path; empty where none is named.
    resolution
        Pixels; None where nobody said (the schema's fallback is no wish).
    purposes
        Purposes to draw besides `default`.
    """

    path: str
    camera: str
    resolution: tuple[int, int] | None
    purposes: tuple[str, ...]
    products: tuple[RenderProduct, ...]


def read_render_settings(stage: Any) -> RenderSettings | None:
    """The render settings named by the root layer's `renderSettingsPrimPath`; None where there are none."""
    settings = UsdRender.Settings.GetStageRenderSettings(stage)
    if not settings:
        return None
    products = [UsdRender.Product(stage.GetPrimAtPath(p)) for p in settings.GetProductsRel().GetForwardedTargets()]
    size = settings.GetResolutionAttr()
    first = next((p for p in products if p), None)
    camera = _target(settings.GetCameraRel()) or (_target(first.GetCameraRel()) if first else "")
    return RenderSettings(
        path=str(settings.GetPath()),
        camera=camera,
        resolution=_pair(size.Get()) if size.HasAuthoredValue() else None,
        purposes=tuple(str(p) for p in settings.GetIncludedPurposesAttr().Get() or () if p != "default"),
        products=tuple(_product(p, settings) for p in products if p),
    )


def _product(product: UsdRender.Product, settings: UsdRender.Settings) -> RenderProduct:
    stage = product.GetPrim().GetStage()
    size = product.GetResolutionAttr()
    own = size if size.HasAuthoredValue() else settings.GetResolutionAttr()
    variables = [UsdRender.Var(stage.GetPrimAtPath(p)) for p in product.GetOrderedVarsRel().GetForwardedTargets()]
    return RenderProduct(
        path=str(product.GetPath()),
        name=str(product.GetProductNameAttr().Get() or ""),
        camera=_target(product.GetCameraRel()) or _target(settings.GetCameraRel()),
        resolution=_pair(own.Get()),
        variables=tuple(str(v.GetSourceNameAttr().Get() or v.GetPrim().GetName()) for v in variables if v),
    )


def _target(relationship: Usd.Relationship) -> str:
    targets: list[Sdf.Path] = relationship.GetForwardedTargets() if relationship else []
    return str(targets[0]) if targets else ""


def _pair(value: Any) -> tuple[int, int]:
    return int(value[0]), int(value[1])
