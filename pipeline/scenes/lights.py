# SPDX-License-Identifier: Apache-2.0
"""Light rigs: template stages in `stages/light_rigs/`, referenced below /World/Lights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pxr import Usd, UsdGeom

from pipeline.errors import UsageError
from pipeline.resources import folder

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["add_light_rig", "light_rig_names", "light_rig_path"]


def light_rig_names() -> list[str]:
    """The rigs that ship."""
    return sorted(p.stem for p in (folder("stages") / "light_rigs").glob("*.usda"))


def light_rig_path(name: str) -> Path:
    """The stage of a rig.

    Raises
    ------
    UsageError
        There is no rig of that name.
    """
    name = name.replace("-", "_")
    path = folder("stages") / "light_rigs" / f"{name}.usda"
    if name not in light_rig_names():
        raise UsageError(f"no light rig {name!r}", remedy=f"use one of: {', '.join(light_rig_names())}")
    return path


def add_light_rig(stage: Usd.Stage, name: str, store: Callable[[Path], str]) -> Usd.Prim:
    """Reference a rig at /World/Lights/<name> and switch the other rigs off.

    Parameters
    ----------
    store
        Brings the rig's layer into the project and returns the asset path to author.
    """
    parent = "/World/Lights"
    if not stage.GetPrimAtPath(parent):
        UsdGeom.Scope.Define(stage, parent)
    rig = light_rig_path(name)
    path = f"{parent}/{rig.stem}"
    prim = UsdGeom.Xform.Define(stage, path).GetPrim()
    prim.GetReferences().ClearReferences()
    prim.GetReferences().AddReference(store(rig))
    for other in stage.GetPrimAtPath(parent).GetAllChildren():
        other.SetActive(other.GetName() == rig.stem)
    return prim
